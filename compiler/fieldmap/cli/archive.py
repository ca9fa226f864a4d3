"""`fieldmap archive`: what is in it, showing a response, importing recorded ones, verifying."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli.console import Json, count, err, exiting, out, plural, print_json, safe, say, table
from fieldmap.cli.masking import Reveal, keep_reveal
from fieldmap.cli.numbers import whole
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.archive import Archive, Archived, position, spelled
from fieldmap.runtime.archive.census import Census
from fieldmap.runtime.archive.records import Verified
from fieldmap.runtime.errors import ArchiveError, UsageError
from fieldmap.runtime.moments import moment
from fieldmap.runtime.plan import DELETES

app = typer.Typer(
    help="The archive of raw responses: list, show, import, verify.", no_args_is_help=True, rich_markup_mode=None
)


Limit = Annotated[
    int,
    typer.Option(
        help="How many responses of a resource at the most; the last ones.",
        parser=whole("--limit", least=1),
    ),
]


@app.command("ls", epilog="Example: fieldmap archive ls · fieldmap archive ls workday.workers --limit 5")
@exiting
def ls(
    resource: Annotated[str, typer.Argument(help="A resource, whose single responses are listed.")] = "",
    limit: Limit = 20,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="Of a resource the answers that were none, and why.")
    ] = False,
    json: Json = False,
) -> None:
    """Lists the resources in the archive, with their pages and bytes; or the responses of one.

    What was counted before is not read again; `fieldmap archive verify` reads it all.
    """
    workspace = Workspace.here()
    archive = workspace.archive()
    if resource:
        _ls_responses(archive, resource, limit, rejected=rejected, json=json)
        return
    rows: list[tuple[str, int, int, str]] = []
    for name in archive.resources():
        found = _counted(workspace, archive, name)
        rows.append((name, found.pages, found.bytes, moment(found.last) if found.last else ""))
    if json:
        print_json([dict(zip(("resource", "pages", "bytes", "last"), row, strict=True)) for row in rows])
    elif not rows:
        out().print("The archive is empty: fieldmap sync, or fieldmap archive import FILE --resource NAME")
    else:
        columns = ["resource", "pages", "bytes as received", "last fetched"]
        table(
            columns, [(name, count(pages), count(size), last) for name, pages, size, last in rows], right=columns[1:3]
        )


def _counted(workspace: Workspace, archive: Archive, resource: str) -> Census:
    """How much there is of a resource. What is known of it is kept beside the archive, where that can be written."""
    from fieldmap.runtime.acquire.state import LocalState

    state, name = LocalState(workspace.state), f"census {resource}"
    before: bytes | None = None
    with contextlib.suppress(OSError):
        before = state.read(name)
    found, now = archive.census(resource, before)
    if now is not None and now != before:
        with contextlib.suppress(OSError):
            state.write(name, now)
    return found


def _ls_responses(archive: Archive, resource: str, limit: int, *, rejected: bool, json: bool) -> None:
    known(archive, resource)
    found = (page for page in archive.latest(resource, rejected=rejected) if bool(page.rejected) == rejected)
    last: deque[dict[str, Any]] = deque()
    more = ""
    for page in found:
        if len(last) == limit:
            more = "; there are more (--limit)"
            break
        last.appendleft(
            {
                "position": page.position,
                "fetched_at": page.fetched_at,
                "status": page.status,
                "bytes": len(page.body),
                "format": page.format,
                "url": page.url,
                **({"asked": page.asked} if page.asked else {}),
                **({"part": DELETES} if page.part == DELETES else {}),
                **({"rejected": page.rejected} if rejected else {}),
                **({"not_modified_since": page.revisited.position} if page.revisited else {}),
            }
        )
    if json:
        print_json(list(last))
        return
    if not last:
        out().print(
            f"No answer of {resource} was rejected."
            if rejected
            else f"The archive of {resource} holds no response yet."
        )
        return
    told = "why" if rejected else "from"
    # Where a resource has a feed of deletes, its pages lie between those of the records.
    parted = any("part" in p for p in last)
    table(
        ["position", "fetched", "status", "bytes", "format", *(["part"] if parted else []), told],
        [
            (
                spelled(p["position"]),
                moment(p["fetched_at"]),
                304 if "not_modified_since" in p else p["status"],
                count(p["bytes"]),
                p["format"],
                *([p.get("part", "records")] if parted else []),
                safe(p["rejected"] if rejected else p["url"]),
            )
            for p in last
        ],
        right=["position", "bytes"],
    )
    shown = f"the last {plural(len(last), 'response')}" if more else plural(len(last), "response")
    say(out(), f"\n{shown}{more}; one is shown by: fieldmap archive cat {resource} POSITION")


def known(archive: Archive, resource: str) -> None:
    """Raises UsageError if the archive has no such resource."""
    names = archive.resources()
    if resource not in names:
        raise UsageError(f"The archive has no {resource}; it has: {', '.join(names) or 'nothing yet'}")


@app.command(
    "cat",
    epilog="Example: fieldmap archive cat workday.workers last · fieldmap archive cat workday.workers 1:364 --record 4",
)
@exiting
def cat(
    resource: Annotated[str, typer.Argument(help="The resource, such as workday.workers.")],
    place: Annotated[
        str,
        typer.Argument(
            help="A position, such as 1:364 (segment and byte, as archive ls, explain and dlq show spell it), first, or last."
        ),
    ] = "last",
    record: Annotated[
        int | None, typer.Option(help="Only this record, counted from 0.", parser=whole("--record"))
    ] = None,
    reveal: Reveal = False,
    json: Json = False,
) -> None:
    """Shows a response as it was received, secrets left out, personal and restricted values hidden unless revealed."""
    from fieldmap.cli.cat import show

    workspace = Workspace.here()
    archive = workspace.archive()
    known(archive, resource)
    if reveal:
        with workspace.database() as database, database.connect() as connection:
            keep_reveal(connection, f"archive cat {resource} {place}", reveal=True)
    show(workspace, _response(archive, resource, place), record, reveal=reveal, json=json)


def _response(archive: Archive, resource: str, place: str) -> Archived:
    """The response at a place. Raises UsageError where none begins there, ArchiveError where what should be there is damaged."""
    wanted = _position(archive, resource, place)
    try:
        return archive.read_one(resource, wanted)
    except ArchiveError:
        # A slip of the pen is no damage; what is damaged is met again on the way there.
        for item in archive.entries(resource, None, rejected=True):
            if item.position >= wanted:
                break
        raise UsageError(
            f"No response of {resource} begins at {place}; those that there are: fieldmap archive ls {resource}"
        ) from None


def _position(archive: Archive, resource: str, place: str) -> int:
    """A position from how it was written. Raises UsageError."""
    if place in ("first", "last"):
        end = (
            archive.end(resource) if place == "last" else next((p.position for p in archive.read(resource, None)), None)
        )
        if end is None:
            raise UsageError(f"The archive of {resource} holds no response yet")
        return end
    parts = place.split(":")
    if not all(part.isdecimal() and len(part) < 20 for part in parts) or len(parts) > 2:
        raise UsageError(f"{place} is no place in an archive; write a position, such as 1:364, or first, or last")
    return int(parts[0]) if len(parts) == 1 else position(int(parts[0]), int(parts[1]))


@app.command("import", epilog="Example: fieldmap archive import workers.jsonl --resource workday.workers")
@exiting
def import_(
    files: Annotated[list[Path], typer.Argument(help="JSON, JSON lines, CSV, XML, Excel or HAR files.")],
    resource: Annotated[
        str, typer.Option("--resource", help="The resource that the files are responses of, such as workday.workers.")
    ],
    as_: Annotated[
        str | None,
        typer.Option("--as", help="json, ndjson, csv, fixed, xml, excel or har, where the file's name does not tell."),
    ] = None,
) -> int:
    """Puts recorded responses into the archive as if they had been fetched; load them with: fieldmap replay."""
    from fieldmap.compiler.readings import reading_of
    from fieldmap.runtime.acquire.importer import import_file
    from fieldmap.runtime.ports import Ports
    from fieldmap.runtime.values.reading import PLAIN

    workspace = Workspace.here()
    checked = workspace.check()
    known = sorted(
        {
            f"{name}.{item.name.split('.')[1]}"
            for name, plan in checked.connectors.items()
            for item in plan.plan.resources
        }
    )
    if checked.ok and resource not in known:
        raise UsageError(f"No connector of this project has a resource {resource}; there are: {', '.join(known)}")
    for path in files:
        if not path.is_file():
            raise UsageError(f"There is no file {path}")
    reading = next(
        (reading_of(item) for item in checked.project.maps if f"{item.connector}.{item.resource}" == resource), PLAIN
    )
    usual: Any = next(
        (one.format for item in checked.connectors.values() for one in item.plan.resources if one.name == resource),
        None,
    )
    with workspace.archive().writer(resource) as writer:
        for path in files:
            form: Any = as_
            pages = import_file(
                path, resource, format=form, writer=writer, ports=Ports.real(), reading=reading, usual=usual
            )
            out().print(f"{path.name}: {plural(len(pages), 'response')} into {resource}")
    out().print("Load them with: fieldmap replay")
    return 0


@app.command(epilog="Example: fieldmap archive verify")
@exiting
def verify(json: Json = False) -> int:
    """Reads every record of the archive and checks its digests and chain. Exit code 3 if something was altered."""
    archive = Workspace.here().archive()
    whole: dict[str, Verified] = {}
    damaged: dict[str, str] = {}
    for resource in archive.resources():
        try:
            whole[resource] = archive.verify(resource)
        except ArchiveError as error:
            # What else is damaged has to be known too, before anything is brought back.
            damaged[resource] = str(error)
    if json:
        told = [{"resource": resource, **asdict(report), "damage": None} for resource, report in whole.items()]
        print_json([*told, *({"resource": resource, "damage": sentence} for resource, sentence in damaged.items())])
    elif not whole and not damaged:
        out().print(f"There is nothing in the archive {archive.root}")
    for resource, report in whole.items() if not json else ():
        torn = f"; {report.torn}, which the next run cuts off" if report.torn is not None else ""
        what = f"{plural(report.records, 'response')} in {plural(report.segments, 'segment')}"
        say(out(), f"{resource}: {what}, {count(report.bytes)} bytes, all whole{torn}")
    for sentence in damaged.values():
        say(err(), f"error: {sentence}", indent=len("error: "))
    return 3 if damaged else 0
