"""The one entry: a resource of a connector, as pages that are durable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archived, ClosedSweep, Writer
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.plan import (
    Connector,
    DatabaseConnector,
    FilesConnector,
    FilesResource,
    HttpResource,
    PushConnector,
    TableResource,
)
from fieldmap.runtime.ports import Ports

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.family import Family
    from fieldmap.runtime.acquire.flow import Flows

_Resource = TypeVar("_Resource", HttpResource, FilesResource, TableResource)


def acquire(
    connector: Connector,
    resource_name: str,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted = Wanted(),  # noqa: B008  (frozen)
    flows: Flows | None = None,
    family: Family | None = None,
) -> Iterator[Archived | ClosedSweep]:
    """Fetches a resource, such as `workday.workers`, and gives each page right after it is durable.

    After the last page the sweep is marked as closed in the archive, and the mark is given. flows: what resources and
    connectors share in a run. family: where the records are of a resource that this one is asked for each of.

    Raises SourceError if the source fails (the pages given before are in the archive), UsageError if
    a setting is missing, ArchiveError if a page cannot be made durable.
    """
    if isinstance(connector, PushConnector):
        # What was pushed is in the archive already.
        return iter(())
    surroundings: Any = {"writer": writer, "ports": ports, "environ": environ, "wanted": wanted}
    if isinstance(connector, DatabaseConnector):
        from fieldmap.runtime.acquire.tables import fetch_table

        return fetch_table(connector, _named(connector, connector.resources, resource_name), **surroundings)
    if isinstance(connector, FilesConnector):
        from fieldmap.runtime.acquire.files import fetch_files

        return fetch_files(connector, _named(connector, connector.resources, resource_name), **surroundings)
    from fieldmap.runtime.acquire.flow import Flows

    resource = _named(connector, connector.resources, resource_name)
    surroundings["flow"] = (flows or Flows()).of(connector, ports)
    if resource.parent is not None:
        from fieldmap.runtime.acquire.children import fetch_children

        assert family is not None  # noqa: S101  (whoever reads a plan with parents knows where they are)
        return fetch_children(connector, resource, family=family, **surroundings)
    if resource.deletes is not None:
        from fieldmap.runtime.acquire.deletes import fetch_with_deletes

        return fetch_with_deletes(connector, resource, resource.deletes, **surroundings)
    from fieldmap.runtime.acquire.fetching import fetch_pages

    return fetch_pages(connector, resource, **surroundings)


def _named(connector: Connector, resources: tuple[_Resource, ...], name: str) -> _Resource:
    """The resource of that name. Raises UsageError."""
    for resource in resources:
        if resource.name == name:
            return resource
    known = ", ".join(resource.name for resource in resources) or "none"
    raise UsageError(f"The connector {connector.name} has no resource {name}; it has: {known}")
