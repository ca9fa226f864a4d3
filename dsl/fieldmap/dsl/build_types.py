"""Types, as entities and shapes write them: from the parser's tree to `ast.TypeExpr`."""

from __future__ import annotations

from fieldmap.dsl import ast
from fieldmap.dsl.build_expression import expression
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branch,
    branches,
    leaf,
    leaves,
    lower_name,
    plain,
    required_branch,
    required_leaf,
    whole_number,
)
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Branch
from fieldmap.dsl.source import Span

TYPE_RULES = ("scalar_type", "enum_type", "list_type", "object_type", "bracket_type")


def type_of(tree: Branch, ctx: Building) -> ast.TypeExpr:
    """The type that a field or a member holds as one of its children."""
    return type_expression(required_branch(tree, *TYPE_RULES), ctx)


def type_expression(tree: Branch, ctx: Building) -> ast.TypeExpr:
    span = ctx.span(tree)
    match str(tree.data):
        case "enum_type":
            values = tuple(lower_name(required_leaf(name), ctx, "a value's name") for name in branches(tree))
            if not values:
                raise Broken(
                    Diagnostic("FM0116", "this enum has no values", span, help="name them: `enum { active, leave }`")
                )
            return ast.EnumType(values=values, span=span)
        case "list_type" | "bracket_type":
            return ast.ListType(element=type_of(tree, ctx), bracketed=tree.data == "bracket_type", span=span)
        case "object_type":
            members = tuple(ctx.each(branches(required_branch(tree, "members")), member))
            return ast.ObjectType(members=members, span=span)
        case _:
            return _named_type(tree, ctx)


def _named_type(tree: Branch, ctx: Building) -> ast.ScalarType | ast.MoneyType | ast.QuantityType | ast.ReferenceType:
    name = any_name(required_leaf(tree, "NAME"), ctx)
    span = ctx.span(tree)
    if name.text[:1].isupper():
        _refuse_extras(tree, name, ctx)
        return ast.ReferenceType(entity=name, span=span)
    numbers, longest = _arguments(branch(tree, "type_arguments"), ctx)
    patterns, words = _format(branch(tree, "type_arguments"), ctx)
    zone = branch(tree, "type_zone")
    choice = leaf(zone, "CHOICE") if zone is not None else None
    base64 = leaf(tree, "BASE64")
    units = _units(branch(tree, "type_unit"), ctx)
    period = _unit(branch(tree, "type_period"), ctx)
    pattern = branch(tree, "matching")
    of_texts = bool(pattern is not None or longest is not None or patterns or words or zone or base64)
    if name.text == "quantity":
        return _quantity(numbers, units, span, more=of_texts or period is not None)
    _refuse_units(name, units)
    unit = units[0] if units else None
    if name.text == "money":
        return _money(numbers, unit, period, span, more=of_texts)
    if period is not None:
        raise Broken(
            Diagnostic("FM0303", "only money is paid per period", period.span, help="a rate is a unit: `in km/h`")
        )
    return ast.ScalarType(
        name=name,
        numbers=numbers,
        max_length=longest,
        pattern=plain(required_leaf(pattern), ctx) if pattern is not None else None,
        unit=unit,
        patterns=patterns,
        words=words,
        zone=plain(required_leaf(zone, "PLAIN"), ctx) if zone is not None else None,
        choice=any_name(choice, ctx) if choice is not None else None,
        base64=base64 is not None,
        span=span,
    )


def _refuse_extras(tree: Branch, name: ast.Name, ctx: Building) -> None:
    extras = branches(tree)
    if extras:
        raise Broken(
            Diagnostic(
                "FM0303",
                "a reference to an entity takes nothing behind it",
                ctx.span(extras[0]),
                help=f"write `{name.text}`",
            )
        )


def _quantity(numbers: tuple[int, ...], units: tuple[ast.Name, ...], span: Span, *, more: bool) -> ast.QuantityType:
    """more: whether anything is written that it does not take."""
    if more:
        raise Broken(
            Diagnostic(
                "FM0303",
                "a quantity takes digits and the units that may come",
                span,
                help="write `quantity(12, 3) in each or kg`",
            )
        )
    return ast.QuantityType(numbers=numbers, units=units, span=span)


def _refuse_units(name: ast.Name, units: tuple[ast.Name, ...]) -> None:
    if len(units) > 1:
        raise Broken(
            Diagnostic(
                "FM0303",
                "the values of this field are all in one unit, whatever unit they came in",
                units[1].span,
                help=f"write `{name.text} in {units[0].text}`; where each value keeps its own unit: `quantity in {units[0].text} or {units[1].text}`",
            )
        )


def _money(
    numbers: tuple[int, ...], currency: ast.Name | None, period: ast.Name | None, span: Span, *, more: bool
) -> ast.MoneyType:
    """more: whether anything is written that it does not take."""
    if more:
        raise Broken(
            Diagnostic(
                "FM0303", "money takes digits, a currency and a period", span, help="write `money(12, 2) in USD`"
            )
        )
    return ast.MoneyType(numbers=numbers, currency=currency, period=period, span=span)


def _format(tree: Branch | None, ctx: Building) -> tuple[tuple[ast.Text, ...], tuple[ast.Name, ...]]:
    """The patterns and words in the brackets: how a text or number of a shape is to be read."""
    arguments = branches(tree) if tree is not None else []
    patterns = tuple(plain(required_leaf(argument), ctx) for argument in arguments if argument.data == "text")
    words = tuple(
        any_name(word, ctx) for argument in arguments if argument.data == "words" for word in leaves(argument)
    )
    return patterns, words


def _unit(tree: Branch | None, ctx: Building) -> ast.Name | None:
    return None if tree is None else any_name(required_leaf(tree, "UNIT"), ctx)


def _units(tree: Branch | None, ctx: Building) -> tuple[ast.Name, ...]:
    return () if tree is None else tuple(any_name(token, ctx) for token in leaves(tree, "UNIT"))


def _arguments(tree: Branch | None, ctx: Building) -> tuple[tuple[int, ...], int | None]:
    """The numbers in the brackets, and the length of `max n`."""
    numbers: list[int] = []
    longest: int | None = None
    for argument in branches(tree, "type_argument") if tree is not None else []:
        word = leaf(argument, "NAME")
        value = whole_number(required_leaf(argument, "NUMBER"), ctx, "what a type takes in brackets")
        if word is None:
            numbers.append(value)
        elif word == "max" and longest is None:
            longest = value
        else:
            raise Broken(
                Diagnostic(
                    "FM0303",
                    f"a type takes no `{word}`",
                    ctx.span(word),
                    help="write `text(max 80)` or `decimal(12, 6)`",
                )
            )
    return tuple(numbers), longest


def tag(tree: Branch, ctx: Building) -> ast.Tag:
    span = ctx.span(tree)
    advice = leaf(tree, "PLAIN")
    if advice is not None:
        return ast.Tag(kind="deprecated", advice=plain(advice, ctx), span=span)
    if leaf(tree, "ROUNDED") is not None:
        return ast.Tag(kind="rounded half even", span=span)
    if leaf(tree, "MUST_EXIST") is not None:
        return ast.Tag(kind="must exist", span=span)
    return ast.Tag(kind="pii" if required_leaf(tree, "TAG") == "pii" else "restricted", span=span)


def inherited(own: tuple[ast.Tag, ...], outer: tuple[ast.Tag, ...]) -> tuple[ast.Tag, ...]:
    """The tags of a field or member with those of the entity or shape that it stands in."""
    kinds = {tag.kind for tag in own}
    return (*own, *(tag for tag in outer if tag.kind not in kinds))


def member(tree: Branch, ctx: Building) -> ast.Member:
    """`hireDate : text? absent when "00/00/0000"`"""
    attributes = branch(tree, "with_members")
    return ast.Member(
        name=member_name(tree, ctx),
        type=type_of(tree, ctx),
        optional=leaf(tree, "OPTIONAL") is not None,
        sentinels=tuple(value for part in branches(tree, "absent_when") for value in constants(part, ctx)),
        tags=tuple(tag(part, ctx) for part in branches(tree, "tag")),
        attributes=(
            tuple(ctx.each(branches(required_branch(attributes, "members")), member))
            if attributes is not None
            else None
        ),
        unchanged=tuple(value for part in branches(tree, "unchanged_when") for value in constants(part, ctx)),
        span=ctx.span(tree),
    )


def member_name(tree: Branch, ctx: Building) -> ast.Name:
    """The name before a colon, bare or quoted, in any case: it is the source's own."""
    token = required_leaf(tree, "DECL", "PLAIN")
    if token.type == "PLAIN":
        return ast.Name(text=plain(token, ctx).value, span=ctx.span(token))
    return any_name(token, ctx)


def constants(tree: Branch, ctx: Building) -> tuple[ast.Expr, ...]:
    """The values behind `absent when` and `unchanged when`."""
    return tuple(expression(part, ctx) for part in branches(tree))
