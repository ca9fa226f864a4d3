"""Connectors and resources: from the parser's tree to `ast.Connector`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Literal

from fieldmap.dsl import ast
from fieldmap.dsl.build_expression import expression, expressions
from fieldmap.dsl.build_path import path
from fieldmap.dsl.build_types import constants, inherited, member, member_name, tag
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branch,
    branches,
    leaves,
    lower_name,
    once,
    plain,
    required_branch,
    required_leaf,
    shortened,
    whole_number,
)
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Branch

_MILLISECONDS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "day": 86_400_000, "days": 86_400_000}
_LONGEST = 366 * 86_400_000
PagesKind = Literal["none", "cursor", "next", "odata2"]


def connector(tree: Branch, ctx: Building) -> ast.Connector:
    kind = branch(tree, "connector_kind")
    lines = branches(required_branch(tree, "connector_lines"))
    several = ("resource", "sentinels")
    single = once([line for line in lines if line.data not in several], "connector", ctx)
    return ast.Connector(
        name=lower_name(required_leaf(tree, "NAME"), ctx, "the name of a connector"),
        kind=any_name(required_leaf(kind), ctx) if kind is not None else None,
        base=ctx.maybe(single.get("base"), _value),
        folder=ctx.maybe(single.get("folder"), _value),
        auth=ctx.maybe(single.get("auth"), _auth),
        tls=ctx.maybe(single.get("tls"), _tls),
        retry=ctx.maybe(single.get("retry"), _retry),
        headers=_pairs(single.get("headers"), ctx),
        sentinels=tuple(ctx.each([line for line in lines if line.data == "sentinels"], _sentinels)),
        resources=tuple(ctx.each([line for line in lines if line.data == "resource"], _resource)),
        span=ctx.span(tree),
    )


def _resource(tree: Branch, ctx: Building) -> ast.Resource:
    single = once(branches(required_branch(tree, "resource_lines")), "resource", ctx)
    changed = ctx.maybe(single.get("changed"), _value)
    unknown = isinstance(changed, ast.Bare) and changed.name == "unknown"
    return ast.Resource(
        name=lower_name(required_leaf(tree, "NAME"), ctx, "the name of a resource"),
        get=ctx.maybe(single.get("get"), _value),
        files=ctx.maybe(single.get("files"), _files),
        format=ctx.maybe(single.get("format"), _format),
        query=_pairs(single.get("query"), ctx),
        headers=_pairs(single.get("headers"), ctx),
        pages=ctx.maybe(single.get("pages"), _pages),
        records=ctx.maybe(single.get("records"), _path),
        ids=ctx.maybe(single.get("id"), _ids) or (),
        changed=None if unknown else changed,
        changed_unknown=unknown,
        deleted_when=ctx.maybe(single.get("deleted"), _value),
        when=ctx.maybe(single.get("when"), _value),
        sparse_when=ctx.maybe(single.get("sparse"), _value),
        shape=ctx.maybe(single.get("shape"), _shape),
        span=ctx.span(tree),
    )


def _value(tree: Branch, ctx: Building) -> ast.Expr:
    return expression(required_branch(tree), ctx)


def _path(tree: Branch, ctx: Building) -> ast.Path:
    return path(required_branch(tree, "path"), ctx)


def _ids(tree: Branch, ctx: Building) -> tuple[ast.Expr, ...]:
    row = branch(tree, "row")
    return expressions(branches(row if row is not None else tree), ctx)


def _files(tree: Branch, ctx: Building) -> ast.Files:
    pattern, form = required_leaf(tree, "PLAIN"), required_leaf(tree, "NAME")
    return ast.Files(
        pattern=plain(pattern, ctx), format=any_name(form, ctx), settings=_settings(tree, ctx), span=ctx.span(tree)
    )


def _format(tree: Branch, ctx: Building) -> ast.Format:
    form = any_name(required_leaf(tree, "NAME"), ctx)
    return ast.Format(format=form, settings=_settings(tree, ctx), span=ctx.span(tree))


def _auth(tree: Branch, ctx: Building) -> ast.Auth:
    words = [any_name(word, ctx) for word in leaves(tree, "NAME")]
    kind = ast.Name(text=" ".join(word.text for word in words), span=words[0].span.to(words[-1].span))
    return ast.Auth(kind=kind, settings=_settings(tree, ctx), span=ctx.span(tree))


def _tls(tree: Branch, ctx: Building) -> ast.Tls:
    return ast.Tls(settings=_settings(tree, ctx), span=ctx.span(tree))


def _settings(tree: Branch, ctx: Building) -> tuple[ast.Setting, ...]:
    settings = branch(tree, "auth_settings")
    return tuple(ctx.each(branches(settings), _setting)) if settings is not None else ()


def _setting(tree: Branch, ctx: Building) -> ast.Setting:
    name = lower_name(required_leaf(tree, "NAME"), ctx, "the name of a setting")
    return ast.Setting(name=name, value=_value(tree, ctx), span=ctx.span(tree))


def _pairs(tree: Branch | None, ctx: Building) -> tuple[ast.Setting, ...]:
    return () if tree is None else tuple(ctx.each(branches(required_branch(tree, "pairs")), _pair))


def _pair(tree: Branch, ctx: Building) -> ast.Setting:
    return ast.Setting(name=member_name(tree, ctx), value=_value(tree, ctx), span=ctx.span(tree))


def _retry(tree: Branch, ctx: Building) -> ast.Retry:
    durations = [_duration(part, ctx) for part in branches(tree, "duration")]
    return ast.Retry(
        times=whole_number(required_leaf(tree, "NUMBER"), ctx, "how often is retried"),
        causes=tuple(_causes(required_branch(tree, "causes"), ctx)),
        first=durations[0] if durations else None,
        longest=durations[1] if len(durations) > 1 else None,
        span=ctx.span(tree),
    )


def _causes(tree: Branch, ctx: Building) -> list[ast.Name]:
    found: list[ast.Name] = []
    waiting: Branch | None = tree
    while waiting is not None:  # the rule recurses on the left: the last cause stands on top
        found.append(any_name(required_leaf(waiting, "CAUSE"), ctx))
        waiting = branch(waiting, "causes")
    return found[::-1]


def _duration(tree: Branch, ctx: Building) -> ast.Duration:
    written, unit = required_leaf(tree, "NUMBER"), required_leaf(tree, "NAME")
    span = ctx.span(tree)
    if str(unit) not in _MILLISECONDS:
        units = ", ".join(f"`{name}`" for name in _MILLISECONDS)
        raise Broken(
            Diagnostic(
                "FM0110", f"`{unit}` is not a unit of time", ctx.span(unit), help=f"the units of time are {units}"
            )
        )
    milliseconds = Decimal(written) * _MILLISECONDS[str(unit)] if len(written) <= 20 else Decimal(-1)
    if not 0 <= milliseconds <= _LONGEST or milliseconds != milliseconds.to_integral_value():
        wanted = "a length of time is whole milliseconds, up to a year"
        raise Broken(Diagnostic("FM0110", f"`{shortened(ctx.text(span))}` cannot be waited for", span, help=wanted))
    return ast.Duration(milliseconds=int(milliseconds), span=span)


def _pages(tree: Branch, ctx: Building) -> ast.Pages:
    plan = required_branch(tree)
    at = branch(plan, "path")
    size = branch(plan, "pages_size")
    count = whole_number(required_leaf(size, "NUMBER"), ctx, "how many come at a time") if size is not None else None
    kinds: dict[str, PagesKind] = {
        "pages_none": "none",
        "pages_odata2": "odata2",
        "pages_cursor": "cursor",
        "pages_next": "next",
    }
    return ast.Pages(
        kind=kinds[str(plan.data)],
        at=path(at, ctx) if at is not None else None,
        sent_as=_sent_as(plan, ctx),
        size=count,
        size_sent_as=_sent_as(size, ctx) if size is not None else None,
        span=ctx.span(tree),
    )


def _sent_as(tree: Branch, ctx: Building) -> ast.Text | None:
    found = branch(tree, "sent_as")
    return plain(required_leaf(found), ctx) if found is not None else None


def _shape(tree: Branch, ctx: Building) -> ast.Shape:
    lines = branches(required_branch(tree, "shape_lines"))
    tags = tuple(tag(part, ctx) for part in branches(tree, "mark"))
    members = ctx.each([line for line in lines if line.data == "member"], member)
    return ast.Shape(
        members=tuple(replace(one, tags=inherited(one.tags, tags)) for one in members),
        sentinels=tuple(ctx.each([line for line in lines if line.data == "sentinels"], _sentinels)),
        unchanged=tuple(value for line in lines if line.data == "unchanged_when" for value in constants(line, ctx)),
        tags=tags,
        span=ctx.span(tree),
    )


def _sentinels(tree: Branch, ctx: Building) -> ast.Sentinels:
    return ast.Sentinels(
        type=any_name(required_leaf(tree, "NAME"), ctx),
        values=constants(required_branch(tree, "absent_when"), ctx),
        span=ctx.span(tree),
    )
