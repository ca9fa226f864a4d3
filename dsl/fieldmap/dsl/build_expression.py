"""Expressions: from the parser's tree to `ast.Expr`, with the checks that need only the way it is written.

More than 400 lines: the forms hold each other, so their builders call `expression` and stand in its table. Literals, which hold none,
are in `build_literal`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, cast

from lark import Token

from fieldmap.dsl import ast, templates
from fieldmap.dsl.build_literal import bare, number, text_literal
from fieldmap.dsl.build_path import path, segments
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branch,
    branches,
    escape_mistake,
    leaf,
    leaves,
    lower_name,
    plain,
    required_branch,
    required_leaf,
    shortened,
)
from fieldmap.dsl.diagnostics import Diagnostic, Edit
from fieldmap.dsl.language import Branch, Stuck, read
from fieldmap.dsl.limits import DEEPEST_HOLE, too_deep
from fieldmap.dsl.lopsided import refuse_lopsided
from fieldmap.dsl.mistakes import explain_hole
from fieldmap.dsl.source import Span
from fieldmap.dsl.texts import TextMistake, unescape


def expression(tree: Branch, ctx: Building) -> ast.Expr:
    build = _BUILDERS[str(tree.data)]
    return build(tree, ctx)


def expressions(trees: Sequence[Branch], ctx: Building) -> tuple[ast.Expr, ...]:
    return tuple(expression(tree, ctx) for tree in trees)


def _only(tree: Branch, ctx: Building) -> ast.Expr:
    return expression(required_branch(tree), ctx)


# -------------------------------------------------------------------------------------------------------------- paths


def _path_or_environment(tree: Branch, ctx: Building) -> ast.Expr:
    """`env.X` and `secret.X` are written like a path from a named element."""
    found = path(tree, ctx)
    if found.root not in ("env", "secret"):
        return found
    match found.segments:
        case (ast.MemberSegment(name=name),):
            kind: Literal["env", "secret"] = "env" if found.root == "env" else "secret"
            return ast.Environment(kind=kind, name=name, span=found.span)
    raise Broken(
        Diagnostic("FM0110", f"`{found.root}` is followed by one name, as in `{found.root}.WORKDAY_URL`", found.span)
    )


# ---------------------------------------------------------------------------------------------------------- templates


def template(tree: Branch, ctx: Building) -> ast.Template:
    """`"BHR-{$.supervisor!}"`"""
    span = ctx.span(tree)
    try:
        parts = templates.split(ctx.source.text, span.start, span.end)
    except templates.TemplateMistake as mistake:
        place = Span(span.path, mistake.start, mistake.end)
        raise Broken(
            Diagnostic("FM0108", mistake.message, place, help="a brace that is meant as text is doubled: `{{` and `}}`")
        ) from None
    return ast.Template(parts=tuple(_part(part, ctx) for part in parts), span=span)


def _part(part: templates.PlainPart | templates.HolePart, ctx: Building) -> ast.Text | ast.Hole:
    where = Span(ctx.source.path, part.start, part.end)
    if isinstance(part, templates.HolePart):
        return _hole(where, ctx)
    try:
        return ast.Text(value=unescape(part.written), span=where)
    except TextMistake as mistake:
        raise Broken(escape_mistake(mistake, where.path, where.start)) from None


def _hole(where: Span, ctx: Building) -> ast.Hole:
    result = read(ctx.source.text, (where.start + 1, where.end - 1), rule="hole")
    if isinstance(result, Stuck):
        raise Broken(explain_hole(ctx.source, where, result))
    deep = too_deep(result.tree, DEEPEST_HOLE, where.path)
    if deep is not None:
        raise Broken(deep)
    mark = leaf(result.tree, "OPTIONAL", "BANG")
    value = expression(required_branch(result.tree), ctx)
    if isinstance(value, ast.Number | ast.Bool | ast.Text):
        raise Broken(
            Diagnostic(
                "FM0108",
                f"this hole is always `{shortened(ctx.text(value.span))}`",
                where,
                help="write the characters themselves, double the braces that are meant as text, or put a pattern in '…',"
                " which is never a template",
            )
        )
    return ast.Hole(value=value, absence=cast(Literal["", "?", "!"], str(mark) if mark is not None else ""), span=where)


# ---------------------------------------------------------------------------------------------------------- operators


def _conversion(tree: Branch, ctx: Building) -> ast.Expr:
    value, *rest = branches(tree)
    name = any_name(required_leaf(tree, "NAME"), ctx)
    arguments = [argument for part in rest if part.data == "conversion_arguments" for argument in branches(part)]
    patterns = [plain(required_leaf(argument), ctx) for argument in arguments if argument.data == "text"]
    words = [any_name(word, ctx) for argument in arguments if argument.data == "words" for word in leaves(argument)]
    regions = [path(argument, ctx) for argument in arguments if argument.data == "path"]
    return ast.Conversion(
        value=expression(value, ctx),
        type=name,
        patterns=tuple(patterns),
        words=tuple(words),
        since=_since([argument for argument in arguments if argument.data == "since"], ctx),
        region=regions[0] if regions else None,
        readings=tuple(_reading(argument, ctx) for argument in arguments if argument.data == "reading"),
        period=_period(tree, ctx),
        using=_using(tree, ctx),
        span=ctx.span(tree),
    )


def _since(trees: list[Branch], ctx: Building) -> int | None:
    """The 1950 of `since 1950`."""
    for tree in trees:
        word, number = required_leaf(tree, "NAME"), required_leaf(tree, "NUMBER")
        if word != "since" or not re.fullmatch("[0-9]{4}", number):
            raise Broken(
                Diagnostic(
                    "FM0308",
                    f"`{word} {number}` says nothing here",
                    ctx.span(tree),
                    help="the first year that `yy` can mean is said as in `since 1950`",
                )
            )
        return int(number)
    return None


def _reading(tree: Branch, ctx: Building) -> ast.Reading:
    sign, name = leaf(tree, "PLAIN"), leaf(tree, "NAME")
    return ast.Reading(
        what=plain(sign, ctx) if sign is not None else any_name(name, ctx) if name is not None else None,
        unit=any_name(required_leaf(tree, "UNIT"), ctx),
        span=ctx.span(tree),
    )


def _period(tree: Branch, ctx: Building) -> ast.Name | ast.DataPeriod | None:
    named, from_data = branch(tree, "period"), branch(tree, "data_period")
    if from_data is not None:
        return ast.DataPeriod(
            code=expression(required_branch(from_data), ctx),
            codes=lower_name(required_leaf(from_data, "NAME"), ctx, "a code list"),
            span=ctx.span(from_data),
        )
    return any_name(required_leaf(named), ctx) if named is not None else None


def _using(tree: Branch, ctx: Building) -> tuple[ast.RateTable | ast.Hours, ...]:
    return tuple(_one_using(required_branch(part), ctx) for part in branches(tree, "using"))


def _one_using(tree: Branch, ctx: Building) -> ast.RateTable | ast.Hours:
    if tree.data == "rate_table":
        days = branches(tree)
        name = lower_name(required_leaf(tree, "NAME"), ctx, "a rate table")
        return ast.RateTable(name=name, day=expression(days[0], ctx) if days else None, span=ctx.span(tree))
    period = leaves(tree, "UNIT")[-1]
    return ast.Hours(count=number(tree, ctx), period=any_name(period, ctx), span=ctx.span(tree))


def _at(tree: Branch, ctx: Building) -> ast.Expr:
    """`… at "America/New_York"` belongs to the conversion before it."""
    value = _only(tree, ctx)
    zone = plain(required_leaf(tree, "PLAIN"), ctx)
    word = leaf(tree, "CHOICE")
    choice = any_name(word, ctx) if word is not None else None
    if isinstance(value, ast.Conversion) and value.zone is None:
        return replace(value, zone=zone, choice=choice, span=ctx.span(tree))
    if isinstance(value, ast.Call) and value.function.text == "datetime" and len(value.arguments) == 2:
        day, clock = value.arguments
        return ast.LocalTime(date=day, time=clock, zone=zone, choice=choice, span=ctx.span(tree))
    raise Broken(
        Diagnostic(
            "FM0101",
            "`at` names the zone of a conversion to a date, a time or a datetime",
            zone.span,
            help="write it behind `as …`, or behind `datetime($.date, $.time)`",
        )
    )


def _in_unit(tree: Branch, ctx: Building) -> ast.Expr:
    value = required_branch(tree)
    unit = leaf(tree, "UNIT")
    assumed = branch(tree, "assumed")
    named = [part for part in branches(tree)[1:] if part.data not in _BEHIND_UNIT]
    named_by = expression(named[0], ctx) if named else None
    if isinstance(named_by, ast.Brackets) and isinstance(
        named_by.value, ast.Number | ast.Template | ast.Text | ast.Bool
    ):
        inside = ctx.text(named_by.span)[1:-1].strip()
        raise Broken(membership(ctx, named_by.span, inside))
    return ast.InUnit(
        value=expression(value, ctx),
        unit=any_name(unit, ctx) if unit is not None else None,
        named_by=named_by,
        period=_period(tree, ctx),
        using=_using(tree, ctx),
        assumed=plain(required_leaf(assumed), ctx) if assumed is not None else None,
        span=ctx.span(tree),
    )


_BEHIND_UNIT = {"period", "data_period", "using", "assumed"}


def _unit_by_code(tree: Branch, ctx: Building) -> ast.Expr:
    """`$.weight in unit($.uom, unece)`"""
    value, code = branches(tree)
    system = leaf(tree, "NAME")
    return ast.InUnitOf(
        value=expression(value, ctx),
        code=expression(code, ctx),
        system=lower_name(system, ctx, "a system of unit codes") if system is not None else None,
        span=ctx.span(tree),
    )


def membership(ctx: Building, span: Span, inside: str) -> Diagnostic:
    return Diagnostic(
        "FM0105",
        "the values of `in` stand in square brackets",
        span,
        help="round brackets after `in` name a unit or a currency",
        edit=Edit(span, f"[{inside}]", safe=True),
    )


def _unit_path(tree: Branch, ctx: Building) -> ast.Expr:
    return path(tree, ctx)


def _arithmetic(tree: Branch, ctx: Building) -> ast.Expr:
    operands = expressions(branches(tree), ctx)
    result = operands[0]
    for operator, operand in zip(leaves(tree), operands[1:], strict=True):
        result = ast.Arithmetic(
            operator=cast(Literal["+", "-", "*", "/"], str(operator)),
            left=result,
            right=operand,
            span=result.span.to(operand.span),
        )
    refuse_lopsided(operands, ctx)
    return result


def _comparison(tree: Branch, ctx: Building) -> ast.Expr:
    left, right = expressions(branches(tree), ctx)
    operator = cast(Literal["==", "!=", "<", "<=", ">", ">="], str(required_leaf(tree)))
    return ast.Comparison(operator=operator, left=left, right=right, span=ctx.span(tree))


def _logic(operator: Literal["and", "or"]) -> Callable[[Branch, Building], ast.Expr]:
    def build(tree: Branch, ctx: Building) -> ast.Expr:
        first, *others = expressions(branches(tree), ctx)
        for other in others:
            first = ast.Logic(operator=operator, left=first, right=other, span=first.span.to(other.span))
        return first

    return build


def _in_list(tree: Branch, ctx: Building) -> ast.Expr:
    value, items = branches(tree)
    negated = leaf(tree, "NOT_IN_LIST") is not None
    return ast.InList(
        value=expression(value, ctx), items=expressions(branches(items), ctx), negated=negated, span=ctx.span(tree)
    )


def _is(tree: Branch, ctx: Building) -> ast.Expr:
    what: Literal["absent", "missing", "json null"]
    match required_leaf(tree, "ABSENT", "MISSING", "JSON_NULL").type:
        case "ABSENT":
            what = "absent"
        case "MISSING":
            what = "missing"
        case _:
            what = "json null"
    return ast.IsAbsent(value=_only(tree, ctx), what=what, negated=leaf(tree, "NOT") is not None, span=ctx.span(tree))


def _otherwise(tree: Branch, ctx: Building) -> ast.Expr:
    value, fallback = expressions(branches(tree), ctx)
    return ast.Otherwise(value=value, fallback=fallback, span=ctx.span(tree))


def _if(tree: Branch, ctx: Building) -> ast.Expr:
    condition, then, otherwise = expressions(branches(tree), ctx)
    return ast.If(condition=condition, then=then, otherwise=otherwise, span=ctx.span(tree))


def _via(tree: Branch, ctx: Building) -> ast.Expr:
    codes = lower_name(required_leaf(tree, "NAME"), ctx, "a code list")
    return ast.Via(value=_only(tree, ctx), codes=codes, span=ctx.span(tree))


def _call(tree: Branch, ctx: Building) -> ast.Expr:
    # In any case: `LEN` and `TRIM` are answered with the functions that are meant.
    function = any_name(required_leaf(tree, "NAME"), ctx)
    named = branches(tree, "named_argument")
    arguments = [part for part in branches(tree) if part.data != "named_argument"]
    return ast.Call(
        function=function,
        arguments=expressions(arguments, ctx),
        named=tuple(_argument(part, ctx) for part in named),
        span=ctx.span(tree),
    )


def _argument(tree: Branch, ctx: Building) -> ast.Argument:
    name = lower_name(required_leaf(tree, "DECL"), ctx, "the name of an argument")
    return ast.Argument(name=name, value=_only(tree, ctx), span=ctx.span(tree))


def _record(tree: Branch, ctx: Building) -> ast.Expr:
    parts = tuple(ctx.each(branches(tree), _record_part))
    if not parts and ctx.mistaken(ctx.span(tree)):
        raise Broken(None)
    if not parts:
        raise Broken(
            Diagnostic(
                "FM0116",
                "this record has no parts",
                ctx.span(tree),
                help="write them: `{ amount: $.pay, currency: $.currency }`",
            )
        )
    return ast.Record(parts=parts, span=ctx.span(tree))


def _record_part(tree: Branch, ctx: Building) -> ast.RecordPart:
    name = lower_name(required_leaf(tree, "DECL"), ctx, "a part's name")
    return ast.RecordPart(name=name, value=_only(tree, ctx), span=ctx.span(tree))


def _case(tree: Branch, ctx: Building) -> ast.Expr:
    value, lines = branches(tree)
    arms = tuple(ctx.each(branches(lines), _case_arm))
    if not arms and ctx.mistaken(ctx.span(tree)):
        raise Broken(None)
    if not arms:
        raise Broken(
            Diagnostic(
                "FM0116",
                "this case has no arms",
                ctx.span(value),
                help='write them: `case $.kind { "A", "B" -> 1; else -> 2 }`',
            )
        )
    return ast.Case(value=expression(value, ctx), arms=arms, span=ctx.span(tree))


def _case_arm(tree: Branch, ctx: Building) -> ast.CaseArm:
    if tree.data == "case_else":
        refuse_otherwise(required_leaf(tree, "ELSE_ARROW"), ctx)
        return ast.CaseArm(keys=(), value=_only(tree, ctx), span=ctx.span(tree))
    *keys, value = expressions(branches(tree), ctx)
    for key in keys:
        if isinstance(key, ast.Absent):
            raise Broken(
                Diagnostic(
                    "FM0113",
                    "`absent` cannot be an arm: a case of what is absent is absent",
                    key.span,
                    help="say behind the case what then: `case … { … } otherwise …`; a value of that name stands in backquotes",
                )
            )
    return ast.CaseArm(keys=tuple(keys), value=value, span=ctx.span(tree))


def refuse_otherwise(arrow: Token, ctx: Building) -> None:
    """`otherwise ->` is read where `else ->` is meant."""
    if not arrow.startswith("otherwise"):
        return
    start = ctx.span(arrow).start
    word = Span(ctx.source.path, start, start + len("otherwise"))
    raise Broken(
        Diagnostic(
            "FM0105",
            "the arm for everything else is written `else`",
            word,
            help="write `else ->`",
            edit=Edit(word, "else"),
        )
    )


def _access(tree: Branch, ctx: Building) -> ast.Expr:
    called, *parts = branches(tree)
    value = expression(called, ctx)
    if not isinstance(value, ast.Call):
        raise LookupError("only a call can be followed by a path")
    return ast.Access(value=value, segments=segments(parts, ctx), span=ctx.span(tree))


_BUILDERS: dict[str, Callable[[Branch, Building], ast.Expr]] = {
    "path": _path_or_environment,
    "unit_path": _unit_path,
    "number": number,
    "bare": bare,
    "template": template,
    "text_literal": text_literal,
    "text": text_literal,
    "true": lambda tree, ctx: ast.Bool(value=True, span=ctx.span(tree)),
    "false": lambda tree, ctx: ast.Bool(value=False, span=ctx.span(tree)),
    "absent": lambda tree, ctx: ast.Absent(span=ctx.span(tree)),
    "brackets": lambda tree, ctx: ast.Brackets(value=_only(tree, ctx), span=ctx.span(tree)),
    "row": lambda tree, ctx: ast.Row(parts=expressions(branches(tree), ctx), span=ctx.span(tree)),
    "list": lambda tree, ctx: ast.ListOf(items=expressions(branches(tree), ctx), span=ctx.span(tree)),
    "record": _record,
    "call": _call,
    "access": _access,
    "case": _case,
    "conversion": _conversion,
    "at": _at,
    "in_unit": _in_unit,
    "unit_by_code": _unit_by_code,
    "via": _via,
    "negate": lambda tree, ctx: ast.Negate(value=_only(tree, ctx), span=ctx.span(tree)),
    "sum": _arithmetic,
    "product": _arithmetic,
    "comparison": _comparison,
    "in_list": _in_list,
    "is": _is,
    "not": lambda tree, ctx: ast.Not(value=_only(tree, ctx), span=ctx.span(tree)),
    "and": _logic("and"),
    "or": _logic("or"),
    "otherwise": _otherwise,
    "otherwise_chain": _otherwise,
    "if": _if,
}
