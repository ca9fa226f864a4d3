"""The pages of an HTTP resource, as its plan has them read: in one sweep, or in one a step of time. Owns that choice, and the source's kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fieldmap.runtime.acquire.flow import Flow
from fieldmap.runtime.acquire.paging import Sweep
from fieldmap.runtime.acquire.source import HttpSource
from fieldmap.runtime.acquire.sweeps import ArchivedPages, Preview, Wanted
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, Writer
from fieldmap.runtime.plan import HttpConnector, HttpResource
from fieldmap.runtime.ports import Ports


def fetch_pages(
    connector: HttpConnector,
    resource: HttpResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted = Wanted(),  # noqa: B008  (frozen)
    flow: Flow | None = None,
) -> Iterator[Archived | ClosedSweep]:
    """The pages of one sweep, each given when it is durable, and the mark of its end. Settings are checked at once: UsageError.

    flow: what the connector's resources share in a run.
    """
    source = source_of(connector, resource, ports, environ, flow or Flow(connector, ports))
    standing = writer.standing()
    if resource.delta is not None and resource.delta.step_ms is not None:
        from fieldmap.runtime.acquire.steps import Steps

        return Steps(source, resource, standing, ports, wanted).run(writer)
    return Sweep(source, resource, writer, standing, ports, wanted).run(writer)


def source_of(
    connector: HttpConnector, resource: HttpResource, ports: Ports, environ: Mapping[str, str], flow: Flow
) -> HttpSource:
    if resource.export is None:
        return HttpSource(connector, resource, ports, environ, flow)
    from fieldmap.runtime.acquire.exports import ExportSource

    return ExportSource(connector, resource, ports, environ, flow)


def preview(
    connector: HttpConnector,
    resource: HttpResource,
    *,
    archive: Archive,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted,
) -> Preview:
    """What `fetch_pages` would ask for first. Asks nothing, and writes nothing."""
    source = source_of(connector, resource, ports, environ, Flow(connector, ports))
    pages = ArchivedPages(archive, resource.name)
    standing = archive.standing(resource.name)
    if resource.delta is not None and resource.delta.step_ms is not None:
        from fieldmap.runtime.acquire.steps import Steps

        return Steps(source, resource, standing, ports, wanted).preview(pages)
    return Sweep(source, resource, pages, standing, ports, wanted).preview()
