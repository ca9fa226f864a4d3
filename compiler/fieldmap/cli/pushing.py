"""`fieldmap ingest`: a batch of records from a pipe into the archive, and on into the database."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer

from fieldmap.cli.console import Json, count, err, exiting, out, plural, print_json
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.archive import Archived
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.plan import Format, PushConnector, PushResource

_FORMATS = ("json", "ndjson", "csv", "xml", "excel")


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Example: fieldmap ingest events.orders < orders.ndjson · fieldmap ingest events.orders --archive-only < x"
    )(exiting(ingest))


def ingest(
    resource: Annotated[str, typer.Argument(help="A resource of a connector that is push, such as events.orders.")],
    as_: Annotated[
        str | None, typer.Option("--as", help="json, ndjson, csv, xml or excel; unsaid: as the resource says.")
    ] = None,
    archive_only: Annotated[
        bool, typer.Option("--archive-only", help="Archive the batch, and load it with the next sync.")
    ] = False,
    json: Json = False,
) -> int:
    """Takes a batch of records from standard input: archives it durably, then loads it as a sync does.

    The same batch a second time changes nothing. A line that cannot be read is a dead letter, and keeps no other from being loaded.
    """
    from fieldmap.cli.sweeping import stopping_when_told

    workspace = Workspace.here()
    bundle = workspace.bundle(None)
    found = pushed(bundle, resource)
    if as_ is not None and as_ not in _FORMATS:
        raise UsageError(f"--as {as_} is no format; there are: {', '.join(_FORMATS)}")
    if sys.stdin.isatty():
        raise UsageError(f"Nothing is piped in; write: fieldmap ingest {resource} < records.ndjson")
    with stopping_when_told():
        told = _archive(workspace, resource, cast(Format, as_) if as_ is not None else found.ingested)
        if not json:
            _say(resource, told)
        if archive_only:
            if json:
                print_json({"archived": told, "run": None})
            else:
                out().print(f"Load it with: fieldmap sync {resource}")
            return 0
        from fieldmap.cli.operate import load

        return load(workspace, bundle, [resource], json=json, archived=told)


def pushed(bundle: Bundle, resource: str) -> PushResource:
    """Raises UsageError for a resource that nobody pushes."""
    found = {
        one.name: one
        for name in bundle.catalogue.connectors
        if isinstance(connector := bundle.connector(name), PushConnector)
        for one in connector.resources
    }
    if resource in found:
        return found[resource]
    there = (
        f"there are: {', '.join(sorted(found))}"
        if found
        else "this project has none; write: connector events is push { resource orders { id $.id } }"
    )
    raise UsageError(f"{resource} is no resource of a connector that is push; {there}")


def _archive(workspace: Workspace, resource: str, format: Format) -> dict[str, Any]:
    from fieldmap.runtime.acquire.ingest import ingest as take
    from fieldmap.runtime.ports import Ports

    stream: Any = sys.stdin.buffer
    if not stream.peek(1):
        raise UsageError(f"Nothing came in; write: fieldmap ingest {resource} < records.ndjson")
    pages = size = 0
    with workspace.archive().writer(resource) as writer:
        if writer.cut is not None:
            err().print(f"{resource}: {writer.cut}")
        for item in take(stream, resource, format, writer=writer, ports=Ports.real()):
            if isinstance(item, Archived):
                pages, size = pages + 1, size + len(item.body)
    return {"pages": pages, "bytes": size}


def _say(resource: str, told: dict[str, Any]) -> None:
    if told["pages"]:
        out().print(
            f"{resource}: {plural(told['pages'], 'page')}, {count(told['bytes'])} bytes, durable in the archive"
        )
    else:
        out().print(f"{resource}: this is the batch that came last; it is in the archive already")
