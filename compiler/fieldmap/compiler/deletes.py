"""`deletes { … }`: a feed of the keys that are gone, which is fetched behind its resource and read as part of it."""

from __future__ import annotations

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.deltas import lower_delta
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.pages import lower_pages
from fieldmap.compiler.readings import format_of, lower_reading, packed_of
from fieldmap.compiler.records import instant, records_of, textual
from fieldmap.compiler.report import Report
from fieldmap.compiler.requests import named_in
from fieldmap.dsl import ast
from fieldmap.runtime import plan
from fieldmap.runtime.plan import DELETES


def check_deletes(connector: ast.Connector, resource: ast.Resource, checker: Checker, report: Report) -> None:
    """Whether the feed says which record is gone, and since when, in a way that can be compared with the records."""
    feed = resource.deletes
    if feed is None or report.broken(resource.span):
        return
    _goes_together(connector, resource, feed, report)
    lower_reading(feed, None, report)
    if len(feed.ids) != len(resource.ids):
        keys = "nothing" if not feed.ids else f"{len(feed.ids)} values" if len(feed.ids) > 1 else "one value"
        report.error(
            "FM0401",
            f"the deletes of {resource.name.text} tell records apart by {keys}, and its records by {len(resource.ids)}",
            feed.name.span,
            help="add the id that a record of the resource has, as the feed writes it: id $.id",
        )
    for item in feed.ids:
        textual(checker, item)
    if feed.changed is not None:
        instant(checker, feed.changed)
    if resource.changed is not None and feed.changed is None:
        report.error(
            "FM0401",
            f"the deletes of {resource.name.text} do not say when a record was deleted",
            feed.name.span,
            help="its records say when they changed, and the newer of the two counts: add changed $.deletedAt",
        )
    if resource.changed is None and feed.changed is not None:
        report.error(
            "FM0402",
            f"the records of {resource.name.text} do not say when they changed, so there is nothing to compare with",
            feed.changed.span,
            help="leave changed out: what comes later counts; or add changed to the resource",
        )


def _goes_together(connector: ast.Connector, resource: ast.Resource, feed: ast.Resource, report: Report) -> None:
    below = next((one for one in connector.resources if _asks_for_each(one, resource)), None)
    others: tuple[tuple[object, str], ...] = (
        (resource.parent, "asked for each record of another"),
        (resource.job, "a job that the source works on"),
        (resource.window is not None and resource.window.step, "read in steps of time"),
        (resource.entity_set, "an entity set of OData, which tells by itself what was deleted"),
        (below, f"what {below.name.text} is asked for each record of" if below is not None else ""),
    )
    for line, what in others:
        if line:
            report.error(
                "FM0402",
                f"deletes does not go with a resource that is {what}",
                feed.name.span,
                help="use deleted when, or deleted by absence",
            )
    if feed.window is not None and feed.window.step is not None:
        report.error(
            "FM0402", "a feed of deletes is not read in steps of time", feed.window.span, help="leave the steps out"
        )


def _asks_for_each(one: ast.Resource, resource: ast.Resource) -> bool:
    return one.parent is not None and one.parent.resource.text == resource.name.text


def lower_feed(
    feed: ast.Resource,
    name: str,
    path: plan.Composed,
    query: tuple[tuple[str, plan.Composed], ...],
    headers: tuple[tuple[str, plan.Composed], ...],
    report: Report,
) -> tuple[plan.HttpResource, dict[tuple[str, str], ir.Read]]:
    """The feed as a fetch plan asks for it, and what is looked up in its answers, by purpose. name: of its resource."""
    format_, packed = format_of(feed), packed_of(feed)
    lowered = lower_pages(feed, packed or format_, report, named_in(feed))
    lowered_feed = plan.HttpResource(
        name=name,
        path=path,
        query=query,
        headers=headers,
        pages=lowered.pages,
        format=format_,
        packed=packed,
        delta=lower_delta(feed, report),
    )
    return lowered_feed, {(f"{name} {DELETES}", purpose): read for purpose, read in lowered.finds.items()}


def lower_deletes(resource: ast.Resource, checker: Checker) -> ir.Deletes | None:
    """In silence: `check_deletes` tells what is wrong."""
    feed = resource.deletes
    if feed is None:
        return None
    identity = tuple(typed.expr for item in feed.ids if (typed := textual(checker, item)) is not None)
    if not identity:
        return None
    return ir.Deletes(
        identity=identity,
        records=records_of(feed),
        format=format_of(feed),
        changed=instant(checker, feed.changed) if feed.changed is not None else None,
        reading=lower_reading(feed, None, Report()),
    )


def of_page(map_: ir.Map, part: str) -> ir.Map:
    """The map as it reads pages of that part: of the records, or of the feed of deletes."""
    deletes = map_.deletes
    if part != DELETES or deletes is None:
        return map_
    return msgspec.structs.replace(
        map_,
        identity=deletes.identity,
        records=deletes.records,
        format=deletes.format,
        reading=deletes.reading,
        changed=deletes.changed,
        deleted_when=ir.BoolConstant(value=True),
        sparse_when=None,
        when=None,
        checks=(),
        claim=None,
        children=(),
        lets=(),
        alias=None,
        functions=(),
        absence=None,
        deletes=None,
    )
