"""Files, entities, maps, merges and examples: from the parser's tree to `ast.File`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

from fieldmap.dsl import ast
from fieldmap.dsl.build_connector import connector
from fieldmap.dsl.build_declared import codes, function, let, property_, table
from fieldmap.dsl.build_expression import expression
from fieldmap.dsl.build_literal import number
from fieldmap.dsl.build_merge import condition, duplicates, merge_field, sources, together
from fieldmap.dsl.build_path import path
from fieldmap.dsl.build_types import inherited, tag, type_of
from fieldmap.dsl.build_units import own_unit, unit_codes
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branch,
    branches,
    entity_name,
    leaf,
    lower_name,
    plain,
    required_branch,
    required_leaf,
)
from fieldmap.dsl.diagnostics import Diagnostic, Label
from fieldmap.dsl.language import Branch
from fieldmap.dsl.source import Span


def file(tree: Branch, ctx: Building) -> ast.File:
    """The whole file; a statement that cannot stand is left out and its mistake is in ctx."""
    items = tuple(ctx.each(branches(tree), item))
    return ast.File(items=items, span=Span(ctx.source.path, 0, len(ctx.source.text)))


def orphan(tree: Branch, ctx: Building) -> None:
    """Looks through lines whose block has a broken header: their own mistakes count, the rest is forgotten."""
    for part in branches(tree):
        with suppress(Broken):
            item(part, ctx)


def item(tree: Branch, ctx: Building) -> ast.Item:
    return _ITEMS[str(tree.data)](tree, ctx)


def _use(tree: Branch, ctx: Building) -> ast.Use:
    return ast.Use(path=plain(required_leaf(tree), ctx), span=ctx.span(tree))


def _doc(tree: Branch, ctx: Building) -> ast.Text | None:
    doc = leaf(tree, "PLAIN")
    return plain(doc, ctx) if doc is not None else None


# ------------------------------------------------------------------------------------------------------------- entity


def _entity(tree: Branch, ctx: Building) -> ast.Entity:
    lines = branches(required_branch(tree, "entity_lines"))
    tags = tuple(tag(part, ctx) for part in branches(tree, "mark"))
    fields = ctx.each([line for line in lines if line.data == "field"], _field)
    return ast.Entity(
        name=entity_name(required_leaf(tree, "NAME"), ctx),
        doc=_doc(tree, ctx),
        fields=tuple(replace(field, tags=inherited(field.tags, tags)) for field in fields),
        key_lines=tuple(ctx.each([line for line in lines if line.data == "key_line"], _key_line)),
        tags=tags,
        conditions=tuple(ctx.each([line for line in lines if line.data == "condition"], condition)),
        history=tuple(ast.KeepsHistory(span=ctx.span(line)) for line in lines if line.data == "history"),
        span=ctx.span(tree),
    )


def _field(tree: Branch, ctx: Building) -> ast.EntityField:
    return ast.EntityField(
        name=lower_name(required_leaf(tree, "DECL"), ctx, "a field"),
        type=type_of(tree, ctx),
        optional=leaf(tree, "OPTIONAL") is not None,
        is_key=leaf(tree, "KEY") is not None,
        tags=tuple(tag(part, ctx) for part in branches(tree, "tag")),
        doc=_doc(tree, ctx),
        span=ctx.span(tree),
    )


def _key_line(tree: Branch, ctx: Building) -> ast.KeyLine:
    return ast.KeyLine(fields=_names(required_branch(tree, "names"), ctx), span=ctx.span(tree))


def _names(tree: Branch, ctx: Building) -> tuple[ast.Name, ...]:
    names = tuple(lower_name(required_leaf(part), ctx, "a field") for part in branches(tree, "name"))
    if not names:
        raise Broken(
            Diagnostic(
                "FM0116", "no field is named in these brackets", ctx.span(tree), help="write `(order_no, line_no)`"
            )
        )
    return names


# -------------------------------------------------------------------------------------------------------------- rates


def _rates(tree: Branch, ctx: Building) -> ast.Rates:
    block = branch(tree, "rates_block")
    lines = branches(required_branch(block, "rates_lines")) if block is not None else []
    said: dict[str, Branch] = {}
    for line in lines:
        if str(line.data) in said:
            ctx.diagnostics.append(
                Diagnostic("FM0205", "this is said twice of the rates", ctx.span(line), help="keep one of the two")
            )
        said.setdefault(str(line.data), line)
    valid, across = said.get("rates_valid"), said.get("rates_across")
    return ast.Rates(
        name=lower_name(required_leaf(tree, "NAME"), ctx, "a rate table"),
        path=plain(required_leaf(tree, "PLAIN"), ctx),
        valid=number(valid, ctx) if valid is not None else None,
        inverse="rates_inverse" in said,
        across=any_name(required_leaf(across, "UNIT"), ctx) if across is not None else None,
        span=ctx.span(tree),
    )


# ---------------------------------------------------------------------------------------------------------------- map


def _map(tree: Branch, ctx: Building) -> ast.Map:
    alias, target = branch(tree, "alias"), branch(tree, "target")
    return ast.Map(
        connector=lower_name(required_leaf(tree, "NAME"), ctx, "a connector"),
        resource=lower_name(required_leaf(tree, "DOT_NAME"), ctx, "a resource"),
        alias=_alias(alias, ctx) if alias is not None else None,
        entity=entity_name(required_leaf(target, "NAME"), ctx) if target is not None else None,
        partial=target is not None and leaf(target, "PARTIAL") is not None,
        strict=target is not None and leaf(target, "STRICT") is not None,
        items=tuple(ctx.each(branches(required_branch(tree, "map_lines")), _map_item)),
        span=ctx.span(tree),
    )


def _each(tree: Branch, ctx: Building) -> ast.Each:
    target = required_branch(tree, "target")
    return ast.Each(
        path=path(required_branch(tree, "path"), ctx),
        alias=_alias(required_branch(tree, "alias"), ctx),
        entity=entity_name(required_leaf(target, "NAME"), ctx),
        partial=leaf(target, "PARTIAL") is not None,
        strict=leaf(target, "STRICT") is not None,
        items=tuple(ctx.each(branches(required_branch(tree, "map_lines")), _map_item)),
        span=ctx.span(tree),
    )


def _also(tree: Branch, ctx: Building) -> ast.Also:
    target = required_branch(tree, "target")
    return ast.Also(
        entity=entity_name(required_leaf(target, "NAME"), ctx),
        partial=leaf(target, "PARTIAL") is not None,
        strict=leaf(target, "STRICT") is not None,
        items=tuple(ctx.each(branches(required_branch(tree, "map_lines")), _map_item)),
        span=ctx.span(tree),
    )


def _alias(tree: Branch, ctx: Building) -> ast.Name:
    name = lower_name(required_leaf(tree, "NAME"), ctx, "the name given by `as`")
    if name.text in ("env", "secret"):
        raise Broken(
            Diagnostic(
                "FM0113", f"`{name.text}` is a name of the language", name.span, help="give another name by `as`"
            )
        )
    return name


def _map_item(tree: Branch, ctx: Building) -> ast.MapItem:
    span = ctx.span(tree)
    match str(tree.data):
        case "assignment":
            return _assignment(tree, ctx)
        case "let":
            return let(tree, ctx)
        case "when":
            return ast.When(condition=expression(required_branch(tree), ctx), span=span)
        case "expectation" | "warning":
            return _check(tree, ctx)
        case "alone":
            return ast.Alone(span=span)
        case "also":
            return _also(tree, ctx)
        case "ignore":
            paths = tuple(_ignored(part, ctx) for part in branches(tree))
            return ast.Ignore(paths=paths, rest=False, span=Span(span.path, span.start, paths[-1].span.end))
        case "ignore_rest":
            return ast.Ignore(paths=(), rest=True, span=span)
        case _:
            return _each(tree, ctx)


def _assignment(tree: Branch, ctx: Building) -> ast.Assignment:
    field = lower_name(required_leaf(tree, "FIELD"), ctx, "a field")
    outcome = branch(tree, "outcome")
    by_id = branch(tree, "by_id")
    value = next(part for part in branches(tree) if part.data not in ("outcome", "by_id"))
    return ast.Assignment(
        field=field,
        value=expression(value, ctx),
        by_id=_by_id(by_id, ctx) if by_id is not None else None,
        outcome=_outcome(outcome, ctx) if outcome is not None else None,
        span=ctx.span(tree),
    )


def _check(tree: Branch, ctx: Building) -> ast.Check:
    tolerance = branch(tree, "tolerance")
    message = leaf(tree, "PLAIN")
    return ast.Check(
        kind="expect" if tree.data == "expectation" else "warn",
        condition=expression(required_branch(tree), ctx),
        tolerance=_tolerance(tolerance, ctx) if tolerance is not None else None,
        message=plain(message, ctx) if message is not None else None,
        span=ctx.span(tree),
    )


def _tolerance(tree: Branch, ctx: Building) -> ast.Number:
    """The number behind `within` or `up to`."""
    number = expression(required_branch(tree, "number"), ctx)
    if not isinstance(number, ast.Number) or number.value < 0:
        raise Broken(Diagnostic("FM0110", "this is a number from 0 on", ctx.span(tree), help="write `within 0.01`"))
    return number


def _share(tree: Branch, ctx: Building) -> Decimal:
    """`up to 20 %`"""
    number = _tolerance(tree, ctx)
    if number.unit is None or number.unit.text != "%" or not 0 < number.value <= 100:
        wanted = "how many values may be held is a share of them, above 0 % and up to 100 %"
        raise Broken(Diagnostic("FM0110", wanted, ctx.span(tree), help="write `up to 20 %`"))
    return number.value


def _by_id(tree: Branch, ctx: Building) -> ast.ById:
    resource = leaf(tree, "NAME")
    return ast.ById(resource=any_name(resource, ctx) if resource is not None else None, span=ctx.span(tree))


def _outcome(tree: Branch, ctx: Building) -> ast.Outcome:
    word, share = leaf(tree, "REJECT", "HOLD"), branch(tree, "share")
    if share is not None:
        return ast.Outcome(kind="hold", share=_share(share, ctx), span=ctx.span(tree))
    value = branch(tree)
    if value is not None:
        return ast.Outcome(kind="use", value=expression(value, ctx), span=ctx.span(tree))
    return ast.Outcome(kind="reject" if word == "reject" else "hold", span=ctx.span(tree))


def _ignored(tree: Branch, ctx: Building) -> ast.Ignored:
    return ast.Ignored(
        path=path(required_branch(tree, "path"), ctx), prefix=leaf(tree, "PREFIX_STAR") is not None, span=ctx.span(tree)
    )


# -------------------------------------------------------------------------------------------------------------- merge


def _merge(tree: Branch, ctx: Building) -> ast.Merge:
    lines = branches(required_branch(tree, "merge_lines"))
    return ast.Merge(
        entity=entity_name(required_leaf(tree, "NAME"), ctx),
        same=tuple(ctx.each([line for line in lines if line.data == "same"], _same)),
        matches=tuple(ctx.each([line for line in lines if line.data == "match"], _match)),
        agreements=tuple(ctx.each([line for line in lines if line.data == "agree"], _agree)),
        rules=tuple(ctx.each([line for line in lines if line.data in ("default_rule", "field_rule")], merge_field)),
        together=tuple(ctx.each([line for line in lines if line.data == "together"], together)),
        duplicates=tuple(ctx.each([line for line in lines if line.data == "duplicates"], duplicates)),
        span=ctx.span(tree),
    )


def _same(tree: Branch, ctx: Building) -> ast.Same:
    row = branch(tree, "names")
    fields = _names(row if row is not None else tree, ctx)
    return ast.Same(fields=fields, sources=sources(tree, ctx), span=ctx.span(tree))


def _match(tree: Branch, ctx: Building) -> ast.Match:
    row = branch(tree, "names")
    fields = _names(row if row is not None else tree, ctx)
    source, target = sources(tree, ctx)
    return ast.Match(source=source, target=target, fields=fields, span=ctx.span(tree))


def _agree(tree: Branch, ctx: Building) -> ast.Agree:
    row = branch(tree, "names")
    return ast.Agree(fields=_names(row if row is not None else tree, ctx), span=ctx.span(tree))


# ------------------------------------------------------------------------------------------------------------ example


def _example(tree: Branch, ctx: Building) -> ast.Example:
    title = plain(required_leaf(tree, "PLAIN"), ctx)
    lines = branches(required_branch(tree, "example_lines"))
    given_lines = [line for line in lines if line.data in ("given", "given_like")]
    given = list(ctx.each(given_lines, _given))
    expectations = tuple(ctx.each([line for line in lines if line not in given_lines], _expectation))
    span = ctx.span(tree)
    if len(given_lines) > 1:
        second, first = ctx.span(given_lines[1]), ctx.span(given_lines[0])
        raise Broken(
            Diagnostic(
                "FM0205",
                "an example gives one record",
                second,
                labels=(Label(first, "the first"),),
                help="write a second example",
            )
        )
    if not given:
        if ctx.mistaken(span):
            raise Broken(None)
        message = "this example gives no record"
        raise Broken(Diagnostic("FM0116", message, title.span, help="add a line such as `given workday.workers { … }`"))
    return ast.Example(title=title, given=given[0], expectations=expectations, span=span)


def _given(tree: Branch, ctx: Building) -> ast.Given:
    document = _document(required_branch(tree, "json"), ctx)
    if tree.data == "given_like":
        like = plain(required_leaf(tree, "PLAIN"), ctx)
        return ast.Given(connector=None, resource=None, like=like, json=document, span=ctx.span(tree))
    return ast.Given(
        connector=lower_name(required_leaf(tree, "NAME"), ctx, "a connector"),
        resource=lower_name(required_leaf(tree, "DOT_NAME"), ctx, "a resource"),
        like=None,
        json=document,
        span=ctx.span(tree),
    )


def _document(tree: Branch, ctx: Building) -> ast.Text:
    """The record as written. It is read once here, only to answer for its escapes at their own place."""
    span = ctx.span(tree)
    text = ctx.text(span)
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        at = Span(span.path, span.start + error.pos, min(span.start + error.pos + 1, span.end))
        raise Broken(Diagnostic("FM0110", f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}", at)) from None
    return ast.Text(value=text, span=span)


def _expectation(tree: Branch, ctx: Building) -> ast.Expectation:
    span = ctx.span(tree)
    if tree.data == "expect_entity":
        fields = branches(required_branch(tree, "expected"))
        return ast.ExpectEntity(
            entity=entity_name(required_leaf(tree, "NAME"), ctx), fields=tuple(ctx.each(fields, _expected)), span=span
        )
    name = leaf(tree, "NAME")
    field = lower_name(name, ctx, "a field") if name is not None else None
    match required_leaf(tree, "REJECT", "HOLD", "FILTERED", "DELETED").type:
        case "REJECT":
            return ast.ExpectOutcome(kind="reject", field=field, span=span)
        case "HOLD":
            return ast.ExpectOutcome(kind="hold", field=field, span=span)
        case "FILTERED":
            return ast.ExpectOutcome(kind="filtered", span=span)
        case _:
            return ast.ExpectOutcome(kind="deleted", span=span)


def _expected(tree: Branch, ctx: Building) -> ast.ExpectedField:
    token = required_leaf(tree, "FIELD", "NAME")
    value = branch(tree)
    return ast.ExpectedField(
        field=lower_name(token, ctx, "a field"),
        value=expression(value, ctx) if value is not None else None,
        span=ctx.span(tree),
    )


_ITEMS: dict[str, Callable[[Branch, Building], ast.Item]] = {
    "use": _use,
    "entity": _entity,
    "connector": connector,
    "codes": codes,
    "rates": _rates,
    "unit": own_unit,
    "unit_codes": unit_codes,
    "map": _map,
    "merge": _merge,
    "example": _example,
    "fn": function,
    "table": table,
    "property": property_,
}
