"""`fieldmap fetch`: what a source answers, raw and mapped, before anything is kept."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fieldmap.cli import unread
from fieldmap.cli.console import Json, count, exiting, out, plural, print_json, safe, say
from fieldmap.cli.numbers import whole
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.archive import Archive, Archived
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.errors import FindingsError, SourceError, UsageError
from fieldmap.runtime.plan import DELETES, Connector, FilesConnector, HttpConnector, HttpResource, PushConnector
from fieldmap.runtime.values.outcome import Claimed, Dead, Deleted, Filtered, Outcome

if TYPE_CHECKING:
    from fieldmap.compiler import ir
    from fieldmap.runtime.acquire.family import Family

# Of a page so many records are shown; the others are counted.
_SHOWN = 3


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap fetch workday.workers · fieldmap fetch workday.workers --limit 2 --json")(
        exiting(fetch)
    )


def fetch(
    resource: Annotated[str, typer.Argument(help="The resource, such as workday.workers.")],
    limit: Annotated[
        int,
        typer.Option("--limit", parser=whole("--limit", least=1, most=100), help="How many pages to ask for."),
    ] = 1,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print personal and restricted values in full.")] = False,
    json: Json = False,
) -> None:
    """Asks a source for its first page and shows it, raw and mapped.

    Nothing is archived or loaded: for trying a new connector. It needs no map: of a resource that none reads the records are shown as
    they come, without --reveal the kinds of their members.
    """
    from fieldmap.runtime.run import check_named, resources_of

    workspace = Workspace.here()
    bundle = workspace.bundle(None)
    check_named(bundle, [resource], resources_of(bundle))
    infos = [info for info in bundle.catalogue.maps if info.resource == resource]
    with contextlib.chdir(workspace.root):
        pages = _pages(workspace, bundle, resource, limit)
        if infos:
            told = [_told(bundle, infos, page, reveal=reveal) for page in pages]
        else:
            map_ = unread.reading(workspace, resource)
            told = [_received(map_, page, reveal=reveal) for page in pages]
    if json:
        print_json(told)
        return
    for page in told:
        _show(page)
    if not reveal and any(record["hidden"] for page in told for record in page["records"]):
        out().print("--reveal shows what is hidden")
    if not infos:
        say(out(), f"No map reads {resource} yet; to have one proposed: fieldmap draft {resource} to ENTITY")
        out().print("Nothing was archived or loaded")
        return
    out().print("Nothing was archived or loaded: fieldmap sync")


def _pages(workspace: Workspace, bundle: Bundle, resource: str, limit: int) -> list[Archived]:
    """The first pages, by way of an archive that is thrown away."""
    from fieldmap.runtime.acquire import acquire
    from fieldmap.runtime.acquire.flow import Flows
    from fieldmap.runtime.acquire.preflight import check_settings
    from fieldmap.runtime.acquire.sweeps import Wanted
    from fieldmap.runtime.ports import Ports

    connector = bundle.connector(resource.split(".")[0])
    check_settings(connector, os.environ)
    ports, flows = Ports.real(workspace.state), Flows()
    with (
        tempfile.TemporaryDirectory(prefix="fieldmap-") as folder,
        contextlib.closing(ports.http),
        Archive(Path(folder), ports).writer(resource) as writer,
    ):
        try:
            around: dict[str, Any] = {
                "ports": ports,
                "environ": os.environ,
                "flows": flows,
                "wanted": Wanted(stepwise=True),
            }
            family = _family(workspace, bundle, resource, Archive(Path(folder), ports), around)
            items = acquire(connector, resource, writer=writer, family=family, **around)
            pages = list(itertools.islice((item for item in items if isinstance(item, Archived)), limit))
            feed = next((one.deletes for one in _http(connector) if one.name == resource), None)
            if isinstance(connector, HttpConnector) and feed is not None and not any(p.part == DELETES for p in pages):
                from fieldmap.runtime.acquire.deletes import fetch_feed

                flow = flows.of(connector, ports)
                gone = fetch_feed(connector, feed, writer=writer, ports=ports, environ=os.environ, flow=flow)
                pages += itertools.islice(gone, limit)
        except SourceError as error:
            # A source that fails is a finding, as in a sync.
            raise FindingsError(str(error)) from None
    if not pages:
        raise UsageError(f"{resource} has nothing to show: {_why_nothing(connector)}")
    return pages


def _family(workspace: Workspace, bundle: Bundle, resource: str, aside: Archive, around: Mapping[str, Any]) -> Family:
    """The records that a resource is asked for each of: those of the archive, or of the first page of a parent that it has none of.
    around: what `acquire` wants beside."""
    from fieldmap.runtime.acquire import acquire
    from fieldmap.runtime.acquire.family import Family

    connector = bundle.connector(resource.split(".")[0])
    family = Family(workspace.archive(), bundle.parent)
    parent = next((one.parent for one in _http(connector) if one.name == resource), None)
    if parent is None or family.known(parent):
        return family
    above = _family(workspace, bundle, parent.resource, aside, around)
    with aside.writer(parent.resource) as writer:
        items = acquire(connector, parent.resource, writer=writer, family=above, **around)
        next((item for item in items if isinstance(item, Archived)), None)
    return Family(aside, bundle.parent)


def _why_nothing(connector: Connector) -> str:
    match connector:
        case PushConnector():
            return "nobody is asked, since it is pushed; take it with fieldmap serve or fieldmap ingest"
        case FilesConnector():
            return "no file fits its pattern"
        case _:
            return "the source gave no records"


def _http(connector: Connector) -> tuple[HttpResource, ...]:
    return connector.resources if isinstance(connector, HttpConnector) else ()


def _told(bundle: Bundle, infos: list[MapInfo], page: Archived, *, reveal: bool) -> dict[str, Any]:
    """A page as --json gives it."""
    from fieldmap.compiler import ir
    from fieldmap.compiler.explain.letters import members_of, sensitive, tagged_members
    from fieldmap.compiler.explain.private import Private
    from fieldmap.runtime.load.maker import BatchMaker

    project = ir.decode_project(bundle.parts["ir.json"])
    tags = {} if reveal else sensitive(project)
    mapped = [map_ for info in infos for map_ in project.maps if map_.id == info.id]
    secret = {} if reveal else tagged_members(project, mapped)
    private = Private.of(project, reveal=reveal)
    records: list[dict[str, Any]] = []
    for info in infos:
        maker = BatchMaker(info, bundle.transform(info.id), deletes=bundle.deletes(info.id))
        for number, (raw, outcome) in enumerate(maker.outcomes(page)):
            if number == len(records):
                shown = members_of(raw) if number < _SHOWN else ()
                raw_members = {n: f"▒▒▒ ({secret[n]})" if n in secret else value for n, value in shown}
                records.append({"raw": raw_members, "hidden": sorted(raw_members.keys() & secret), "maps": []})
            if number < _SHOWN:
                told = _outcome(info, outcome, tags)
                if told["record"] is not None:
                    told["record"] = private.record(info.resource, told["record"])
                records[number]["maps"].append({"map": info.title, **told})
    return {
        "address": page.url,
        "status": page.status,
        "bytes": len(page.body),
        "number_of_records": len(records),
        "records": records[:_SHOWN],
    }


def _received(map_: ir.Map, page: Archived, *, reveal: bool) -> dict[str, Any]:
    """As `_told`, of a page that no map reads."""
    from fieldmap.compiler.explain.letters import members_of

    found = unread.records(map_, page)
    members = [dict(members_of(one) if reveal else unread.kinds(one)) for one in found[:_SHOWN]]
    shown = [{"raw": raw, "hidden": [] if reveal else sorted(raw), "maps": []} for raw in members]
    return {
        "address": page.url,
        "status": page.status,
        "bytes": len(page.body),
        "number_of_records": len(found),
        "records": shown,
    }


def _outcome(info: MapInfo, outcome: Outcome, tags: dict[tuple[str, str], str]) -> dict[str, Any]:
    from fieldmap.compiler.explain.letters import blamed

    match outcome:
        case Claimed():
            names = [column.field for column in info.claims[0].columns]
            row = outcome.rows[0][0] if outcome.rows[0] else ()
            values = {
                name: f"▒▒▒ ({tags[info.title, name]})" if (info.title, name) in tags else _text(value)
                for name, value in zip(names, row, strict=False)
                if value is not None
            }
            held = {
                item.field: item.code if (info.title, item.field) in tags else f"{item.code} {item.reason}"
                for item in outcome.held
            }
            return {"record": outcome.record_id, "outcome": "claimed", "values": values, "held": held}
        case Filtered():
            return {"record": outcome.record_id, "outcome": "filtered"}
        case Deleted():
            return {"record": outcome.record_id, "outcome": "deleted"}
        case Dead():
            hides = (info.title, blamed(outcome.code, outcome.field, outcome.path)) in tags
            why = (
                outcome.code
                if hides
                else f"{outcome.code} {outcome.field + ': ' if outcome.field else ''}{outcome.reason}"
            )
            return {"record": outcome.record_id, "outcome": "rejected", "why": why}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(str(part) for part in value)
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)


def _show(page: dict[str, Any]) -> None:
    console = out()
    status = f"{page['status']}, " if page["status"] is not None else ""
    say(
        console,
        f"{safe(page['address'])} → {status}{count(page['bytes'])} bytes, {plural(page['number_of_records'], 'record')}",
    )
    for number, record in enumerate(page["records"], 1):
        say(console, f"  record {number} as received:")
        for name, value in record["raw"].items():
            say(console, f"    {safe(name)}: {safe(value)}", indent=6)
        for one in record["maps"]:
            say(
                console, f"    {one['map']}: {one['outcome']}{' ' + safe(one['why']) if 'why' in one else ''}", indent=6
            )
            for name, value in one.get("values", {}).items():
                say(console, f"      {name} = {safe(value)}", indent=8)
            for name, reason in one.get("held", {}).items():
                say(console, f"      {name} is held: {safe(reason)}", indent=8)
    left = page["number_of_records"] - len(page["records"])
    if left:
        console.print(f"  and {plural(left, 'more record')} on this page")
