"""A feed of deletes: which keys of a resource are gone, asked for behind its records, with a position and pages of its own.

Its pages lie in the resource's archive, each marked as part of the feed, so that a replay meets both in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fieldmap.runtime.acquire.fetching import fetch_pages, source_of
from fieldmap.runtime.acquire.fetching import preview as preview_pages
from fieldmap.runtime.acquire.flow import Flow
from fieldmap.runtime.acquire.paging import Sweep
from fieldmap.runtime.acquire.source import HttpSource
from fieldmap.runtime.acquire.sweeps import ArchivedPages, Part, Preview, Reading, Wanted, new_sweep
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, Writer
from fieldmap.runtime.archive.records import Standing
from fieldmap.runtime.plan import DELETES, HttpConnector, HttpResource
from fieldmap.runtime.ports import Ports


def fetch_with_deletes(
    connector: HttpConnector,
    resource: HttpResource,
    feed: HttpResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted,
    flow: Flow,
) -> Iterator[Archived | ClosedSweep]:
    """As `fetch_pages`, and then the pages of the feed. A run that was interrupted in the feed is gone on with there: the records were
    read before it."""
    source = source_of(connector, feed, ports, environ, flow)
    records = fetch_pages(connector, resource, writer=writer, ports=ports, environ=environ, wanted=wanted, flow=flow)

    def pages() -> Iterator[Archived | ClosedSweep]:
        if not _only_the_feed(source, feed, writer, writer.standing(), writer.standing(DELETES), ports, wanted):
            yield from records
        sweep = _sweep(source, feed, writer, writer.standing(DELETES), ports, wanted)
        # The mark of a part is nothing to whoever loads: that of the records says what a sweep of them lacks.
        yield from (item for item in sweep.run(writer) if isinstance(item, Archived))

    return pages()


def fetch_feed(
    connector: HttpConnector,
    feed: HttpResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    flow: Flow,
) -> Iterator[Archived]:
    """The pages of the feed alone, for whoever may not want all of them."""
    source = source_of(connector, feed, ports, environ, flow)
    sweep = _sweep(source, feed, writer, writer.standing(DELETES), ports, Wanted(stepwise=True))
    return (item for item in sweep.run(writer) if isinstance(item, Archived))


def preview(
    connector: HttpConnector,
    resource: HttpResource,
    feed: HttpResource,
    *,
    archive: Archive,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted,
) -> tuple[Preview | None, Preview]:
    """What would be asked for first of the records (None: nothing), and of the feed. Asks nothing, and writes nothing."""
    source = source_of(connector, feed, ports, environ, Flow(connector, ports))
    pages, gone = ArchivedPages(archive, resource.name), archive.standing(resource.name, DELETES)
    only = _only_the_feed(source, feed, pages, archive.standing(resource.name), gone, ports, wanted)
    records = preview_pages(connector, resource, archive=archive, ports=ports, environ=environ, wanted=wanted)
    return None if only else records, _sweep(source, feed, pages, gone, ports, wanted).preview()


def _only_the_feed(
    source: HttpSource,
    feed: HttpResource,
    pages: Reading,
    records: Standing,
    gone: Standing,
    ports: Ports,
    wanted: Wanted,
) -> bool:
    """Whether a run was interrupted in the feed, and nothing else is wanted than to go on with it."""
    if records.frames or not gone.frames or wanted.full or wanted.since or wanted.until:
        return False
    return _sweep(source, feed, pages, gone, ports, wanted).goes_on()


def _sweep(
    source: HttpSource, feed: HttpResource, pages: Reading, standing: Standing, ports: Ports, wanted: Wanted
) -> Sweep:
    part = Part(name=DELETES, record="", known={}, sweep=new_sweep(ports))
    return Sweep(source, feed, pages, standing, ports, wanted, part)
