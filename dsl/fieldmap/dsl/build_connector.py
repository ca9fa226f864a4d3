"""Connectors and resources: from the parser's tree to `ast.Connector`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Literal, cast

from fieldmap.dsl import ast, build_request
from fieldmap.dsl.build_expression import expression, expressions
from fieldmap.dsl.build_path import path
from fieldmap.dsl.build_types import constants, inherited, member, member_name, tag
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branch,
    branches,
    first_word,
    leaf,
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
PagesKind = Literal["none", "cursor", "next", "link", "offset", "number", "keyset", "odata2", "odata4"]


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
        s3=ctx.maybe(single.get("s3"), _s3),
        url=ctx.maybe(single.get("url"), _value),
        metadata=ctx.maybe(single.get("metadata"), _named_file),
        auth=ctx.maybe(single.get("auth"), _auth),
        tls=ctx.maybe(single.get("tls"), _tls),
        retry=ctx.maybe(single.get("retry"), _retry),
        limit=ctx.maybe(single.get("limit"), _limit),
        breaker=ctx.maybe(single.get("breaker"), _breaker),
        headers=_pairs(single.get("headers"), ctx),
        sentinels=tuple(ctx.each([line for line in lines if line.data == "sentinels"], _sentinels)),
        resources=tuple(ctx.each([line for line in lines if line.data == "resource"], _resource)),
        span=ctx.span(tree),
    )


def _resource(tree: Branch, ctx: Building) -> ast.Resource:
    block = branch(tree, "resource_lines")
    lines = branches(block) if block is not None else []
    # What is asked for each record of a parent is asked as in a line of its own.
    lines += [below for line in lines if line.data == "for_each" for below in branches(line)]
    single = once([line for line in lines if line.data != "on"], "resource", ctx)
    changed = ctx.maybe(single.get("changed"), _value)
    unknown = isinstance(changed, ast.Bare) and changed.name == "unknown"
    return ast.Resource(
        name=lower_name(required_leaf(tree, "NAME"), ctx, "the name of a resource"),
        job=ctx.maybe(single.get("job"), _path),
        poll=ctx.maybe(single.get("poll"), _poll),
        done_when=ctx.maybe(single.get("done"), _value),
        failed_when=ctx.maybe(single.get("failed"), _value),
        download=ctx.maybe(single.get("download"), _download),
        parent=ctx.maybe(single.get("for_each"), build_request.parent),
        entity_set=ctx.maybe(branch(tree, "entity_set"), _entity_set),
        get=ctx.maybe(single.get("get"), _value),
        post=ctx.maybe(single.get("post"), build_request.post),
        body=ctx.maybe(single.get("body"), build_request.body),
        idempotency=ctx.maybe(single.get("idempotency"), _name_of_a_header),
        rules=tuple(ctx.each([line for line in lines if line.data == "on"], build_request.rule)),
        files=ctx.maybe(single.get("files"), _files),
        table=ctx.maybe(single.get("table_read"), _table),
        format=ctx.maybe(single.get("format"), _format),
        query=_pairs(single.get("query"), ctx),
        headers=_pairs(single.get("headers"), ctx),
        pages=ctx.maybe(single.get("pages"), _pages),
        records=ctx.maybe(single.get("records"), _path),
        ids=ctx.maybe(single.get("id"), _ids) or (),
        changed=None if unknown else changed,
        changed_unknown=unknown,
        window=ctx.maybe(single.get("changed"), _window),
        absence=ctx.maybe(single.get("absence"), _absence),
        deleted_when=ctx.maybe(single.get("deleted"), _value),
        deletes=ctx.maybe(single.get("deletes"), _deletes),
        when=ctx.maybe(single.get("when"), _value),
        sparse_when=ctx.maybe(single.get("sparse"), _value),
        shape=ctx.maybe(single.get("shape"), _shape),
        span=ctx.span(tree),
    )


def _deletes(tree: Branch, ctx: Building) -> ast.Resource:
    single = once(branches(required_branch(tree, "deletes_lines")), "feed of deletes", ctx)
    return ast.Resource(
        name=ast.Name(text="deletes", span=first_word(tree, ctx)),
        get=ctx.maybe(single.get("get"), _value),
        format=ctx.maybe(single.get("format"), _format),
        query=_pairs(single.get("query"), ctx),
        headers=_pairs(single.get("headers"), ctx),
        pages=ctx.maybe(single.get("pages"), _pages),
        records=ctx.maybe(single.get("records"), _path),
        ids=ctx.maybe(single.get("id"), _ids) or (),
        changed=ctx.maybe(single.get("changed"), _value),
        window=ctx.maybe(single.get("changed"), _window),
        span=ctx.span(tree),
    )


def _value(tree: Branch, ctx: Building) -> ast.Expr:
    return expression(required_branch(tree), ctx)


def _named_file(tree: Branch, ctx: Building) -> ast.Text:
    return plain(required_leaf(tree, "PLAIN"), ctx)


def _entity_set(tree: Branch, ctx: Building) -> ast.Name:
    quoted = leaves(tree, "PLAIN")
    if not quoted:
        return any_name(required_leaf(tree, "NAME"), ctx)
    text = plain(quoted[0], ctx)
    return ast.Name(text=text.value, span=text.span)


def _path(tree: Branch, ctx: Building) -> ast.Path:
    return path(required_branch(tree, "path"), ctx)


def _name_of_a_header(tree: Branch, ctx: Building) -> ast.Text:
    return plain(required_leaf(tree), ctx)


def _poll(tree: Branch, ctx: Building) -> ast.Poll:
    """The word before a length of time says what it is."""
    lengths = {"every": None, "for": None}
    for part in branches(tree, "duration"):
        before = ctx.source.text[: ctx.span(part).start].split()[-1]
        lengths[before] = _duration(part, ctx)  # type: ignore[assignment]
    path = expression(branches(tree)[0], ctx)
    return ast.Poll(path=path, every=lengths["every"], life=lengths["for"], span=ctx.span(tree))


def _download(tree: Branch, ctx: Building) -> ast.Download:
    below, at = branches(tree), ctx.text(ctx.span(tree)).split()[1] == "at"
    return ast.Download(
        path=None if at else expression(below[0], ctx),
        at=path(below[0], ctx) if at else None,
        origin=expression(below[1], ctx) if at and len(below) > 1 else None,
        span=ctx.span(tree),
    )


def _ids(tree: Branch, ctx: Building) -> tuple[ast.Expr, ...]:
    row = branch(tree, "row")
    return expressions(branches(row if row is not None else tree), ctx)


def _files(tree: Branch, ctx: Building) -> ast.Files:
    pattern, form = required_leaf(tree, "PLAIN"), required_leaf(tree, "NAME")
    parts = once(branches(tree, "files_settles", "files_marked", "files_oldest"), "files line", ctx, "files_")
    return ast.Files(
        pattern=plain(pattern, ctx),
        format=any_name(form, ctx),
        packed=ctx.maybe(branch(tree, "packed"), _packed),
        settings=_settings(tree, ctx, "format_settings"),
        columns=_columns(tree, ctx),
        settles=_length(parts.get("files_settles"), ctx),
        marked=plain(required_leaf(parts["files_marked"]), ctx) if "files_marked" in parts else None,
        oldest="files_oldest" in parts,
        span=ctx.span(tree),
    )


def _format(tree: Branch, ctx: Building) -> ast.Format:
    return ast.Format(
        format=any_name(required_leaf(tree, "NAME"), ctx),
        packed=ctx.maybe(branch(tree, "packed"), _packed),
        settings=_settings(tree, ctx, "format_settings"),
        columns=_columns(tree, ctx),
        span=ctx.span(tree),
    )


def _packed(tree: Branch, ctx: Building) -> ast.Packed:
    members = leaves(tree, "PLAIN")
    return ast.Packed(
        kind=any_name(required_leaf(tree, "NAME"), ctx),
        members=plain(members[0], ctx) if members else None,
        span=ctx.span(tree),
    )


def _columns(tree: Branch, ctx: Building) -> ast.Layout | None:
    settings = branch(tree, "format_settings")
    found = once(branches(settings, "places"), "format", ctx).get("places") if settings is not None else None
    if found is None:
        return None
    return ast.Layout(columns=tuple(ctx.each(branches(found, "place"), _column)), span=ctx.span(found))


def _column(tree: Branch, ctx: Building) -> ast.Place:
    bounds = [whole_number(leaf, ctx, "the place of a column") for leaf in leaves(tree, "NUMBER")]
    first, last = bounds or (None, None)
    name = required_leaf(tree, "NAME", "DECL", "PLAIN")
    called = any_name(name, ctx) if name.type == "NAME" else member_name(tree, ctx)
    return ast.Place(name=called, first=first, last=last, span=ctx.span(tree))


def _auth(tree: Branch, ctx: Building) -> ast.Auth:
    words = [any_name(word, ctx) for word in leaves(tree, "NAME")]
    kind = ast.Name(text=" ".join(word.text for word in words), span=words[0].span.to(words[-1].span))
    return ast.Auth(kind=kind, settings=_settings(tree, ctx), span=ctx.span(tree))


def _tls(tree: Branch, ctx: Building) -> ast.Tls:
    return ast.Tls(settings=_settings(tree, ctx), span=ctx.span(tree))


def _settings(tree: Branch, ctx: Building, rule: str = "auth_settings") -> tuple[ast.Setting, ...]:
    settings = branch(tree, rule)
    return tuple(ctx.each(branches(settings, "setting"), _setting)) if settings is not None else ()


def _table(tree: Branch, ctx: Building) -> ast.TableRead:
    size = branch(tree, "pages_size")
    rows = (
        whole_number(required_leaf(size, "NUMBER"), ctx, "how many rows come at a time") if size is not None else None
    )
    return ast.TableRead(name=plain(required_leaf(tree, "PLAIN"), ctx), size=rows, span=ctx.span(tree))


def _s3(tree: Branch, ctx: Building) -> ast.S3:
    return ast.S3(settings=_settings(tree, ctx), span=ctx.span(tree))


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


def _limit(tree: Branch, ctx: Building) -> ast.Limit:
    number, unit, part = leaf(tree, "NUMBER"), leaf(tree, "NAME"), branch(tree, "at_once")
    return ast.Limit(
        requests=whole_number(number, ctx, "how many requests are sent") if number is not None else None,
        unit=any_name(unit, ctx) if unit is not None else None,
        at_once=whole_number(required_leaf(part, "NUMBER"), ctx, "how many requests are sent at once")
        if part is not None
        else None,
        span=ctx.span(tree),
    )


def _breaker(tree: Branch, ctx: Building) -> ast.Breaker:
    number = whole_number(required_leaf(tree, "NUMBER"), ctx, "after how many failures it opens")
    probe = branch(tree, "duration")
    length = _duration(probe, ctx) if probe is not None else None
    return ast.Breaker(failures=number, probe=length, span=ctx.span(tree))


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
    parts = once(branches(plan, "pages_size", "pages_total", "pages_more"), "pages line", ctx, "pages_")
    size = parts.get("pages_size")
    first = branch(plan, "pages_first")
    count = whole_number(required_leaf(size, "NUMBER"), ctx, "how many come at a time") if size is not None else None
    kind = cast("PagesKind", str(plan.data).removeprefix("pages_"))
    return ast.Pages(
        kind=kind,
        at=path(at, ctx) if at is not None else None,
        sent_as=_sent_as(plan, ctx),
        first=whole_number(required_leaf(first), ctx, "the number of the first page") if first is not None else None,
        size=count,
        size_sent_as=_sent_as(size, ctx) if size is not None else None,
        total=ctx.maybe(parts.get("pages_total"), _path),
        more=ctx.maybe(parts.get("pages_more"), _path),
        span=ctx.span(tree),
    )


def _window(tree: Branch, ctx: Building) -> ast.Window | None:
    """What stands behind the value of a `changed` line."""
    sent = branch(tree, "sent_as")
    known = ("window_until", "window_written", "window_settles", "window_overlap", "window_steps")
    parts = once(branches(tree, *known), "changed line", ctx, "window_")
    if sent is None and not parts:
        return None
    form, zone = _form(parts["window_written"], ctx) if "window_written" in parts else (None, None)
    return ast.Window(
        since=_sent_as(tree, ctx),
        until=_sent_as(parts["window_until"], ctx) if "window_until" in parts else None,
        form=form,
        zone=zone,
        settles=_length(parts.get("window_settles"), ctx),
        overlap=_length(parts.get("window_overlap"), ctx),
        step=_length(parts.get("window_steps"), ctx),
        begins=plain(required_leaf(parts["window_steps"]), ctx) if "window_steps" in parts else None,
        span=ctx.span(tree),
    )


def _form(tree: Branch, ctx: Building) -> tuple[ast.Text | ast.Name, ast.Text | None]:
    words, texts = leaves(tree, "NAME"), leaves(tree, "PLAIN")
    if words:
        names = [any_name(word, ctx) for word in words]
        text = " ".join(name.text for name in names)
        return ast.Name(text=text, span=names[0].span.to(names[-1].span)), None
    return plain(texts[0], ctx), plain(texts[1], ctx) if len(texts) > 1 else None


def _length(tree: Branch | None, ctx: Building) -> ast.Duration | None:
    return _duration(required_branch(tree, "duration"), ctx) if tree is not None else None


def _absence(tree: Branch, ctx: Building) -> ast.Absence:
    share = branch(tree, "number")
    found = expression(share, ctx) if share is not None else None
    return ast.Absence(share=found if isinstance(found, ast.Number) else None, span=ctx.span(tree))


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
