"""Commands of operators: sync, replay, status."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli.console import Json, count, err, exiting, out, plural, print_json, say, table
from fieldmap.cli.identity import counts
from fieldmap.cli.progress import RunProgress
from fieldmap.cli.reporting import show_accounts
from fieldmap.cli.runfacts import accounts
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.archive.records import Standing
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run, connected
from fieldmap.runtime.store.database import told

Resources = Annotated[list[str] | None, typer.Argument(help="Resources such as workday.workers; all if none is named.")]
BundleFolder = Annotated[
    Path | None, typer.Option("--bundle", help="Run this compiled bundle as it is, instead of the sources.")
]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap sync · fieldmap sync workday.workers --full · fieldmap sync --every 5m")(
        exiting(sync)
    )
    app.command(epilog="Example: fieldmap replay · fieldmap replay workday.workers")(exiting(replay))
    app.command(epilog="Example: fieldmap status")(exiting(status))


def sync(
    resources: Resources = None,
    bundle: BundleFolder = None,
    full: Annotated[bool, typer.Option("--full", help="Read all, not only what changed.")] = False,
    since: Annotated[str | None, typer.Option("--since", help="Read what changed from this moment on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Read what changed up to this moment.")] = None,
    confirm_deletes: Annotated[
        bool, typer.Option("--confirm-deletes", help="What a full sweep lacks is gone, however much it is.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be asked for, and ask nothing.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Once, as is usual.")] = False,
    every: Annotated[str | None, typer.Option("--every", help="Again and again: 30s, 5m, 1h.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for another run of a resource, instead of leaving it out.")
    ] = False,
    json: Json = False,
) -> int:
    """Fetches the sources and loads what is new.

    Every response is archived first and loaded from there. Exit code 1 if a source failed; the others are loaded. A resource that
    another run is at is left to that run, and the rest is done; with --wait it is done too, once that run has ended.
    """
    from fieldmap.cli import sweeping

    if once and every is not None:
        raise UsageError("--once and --every contradict each other; give one of the two")
    pause = sweeping.seconds_of(every) if every is not None else None
    workspace = Workspace.here()
    with sweeping.stopping_when_told():
        while True:
            began = time.monotonic()
            compiled = workspace.bundle(bundle)
            chosen, wanted = sweeping.wanted_of(
                compiled, resources or [], full=full, since=since, until=until, confirmed=confirm_deletes
            )
            if dry_run:
                with contextlib.chdir(workspace.root):
                    sweeping.show_previews(workspace, compiled, connected(compiled, chosen), wanted, json=json)
                return 0
            code = _run(workspace, compiled, "sync", chosen, wanted, wait=wait, json=json)
            if pause is None:
                return code
            time.sleep(max(0.0, began + pause - time.monotonic()))


def replay(resources: Resources = None, bundle: BundleFolder = None, json: Json = False) -> int:
    """Loads the archive with the maps of now.

    Asks no source. Maps that changed start from the beginning of the archive; shows which values changed.
    """
    from fieldmap.cli.sweeping import stopping_when_told

    workspace = Workspace.here()
    with stopping_when_told():
        return _run(workspace, workspace.bundle(bundle), "replay", resources or [], Wanted(), json=json)


def load(workspace: Workspace, bundle: Bundle, resources: list[str], *, json: bool, archived: dict[str, Any]) -> int:
    """Loads what was pushed. archived: what `--json` says of it beside the run."""
    return _run(workspace, bundle, "sync", resources, Wanted(), json=json, archived=archived)


def _run(
    workspace: Workspace,
    bundle: Bundle,
    command: str,
    resources: list[str],
    wanted: Wanted,
    *,
    wait: bool = False,
    json: bool,
    archived: dict[str, Any] | None = None,
) -> int:
    from fieldmap.runtime.handover import Room
    from fieldmap.runtime.ports import Ports
    from fieldmap.runtime.syncing import Options

    # Folders that a map names are relative to the project, wherever in it the command is given.
    ports, settings = Ports.real(workspace.state), workspace.settings
    room = Room(settings.memory_mb << 20)
    titles = {item.title: item.resource for item in bundle.catalogue.maps}
    with (
        contextlib.closing(ports.http),
        workspace.database() as database,
        RunProgress(quiet=json, resources=titles, room=room) as progress,
        contextlib.chdir(workspace.root),
    ):
        limits = limits_of(workspace, bundle)
        a_second = settings.requests_per_second
        options = Options(at_once=settings.resources_at_once, room=room, wait=wait, a_second=a_second)
        run = Run(bundle, workspace.archive(), database, ports, os.environ, progress, limits, settings.workers, options)
        report = run.sync(resources, wanted) if command == "sync" else run.replay(resources)
        attention = _attention(database, report.run)
    if json:
        told = _as_json(report, attention)
        print_json(told if archived is None else {"archived": archived, "run": told})
    else:
        show_report(report, bundle, attention, detailed=command == "replay")
    for resource, sentence in report.failed.items():
        say(err(), f"error: {resource}: {sentence}", indent=len("error: "))
    return 1 if report.failed else 0


def limits_of(workspace: Workspace, bundle: Bundle) -> dict[str, Decimal]:
    """By resource, and "" for all others, how many percent of the records may be dead letters. Raises UsageError."""
    known = sorted({item.resource for item in bundle.catalogue.maps})
    for name in workspace.settings.dead_letters_of:
        if name not in known:
            raise UsageError(
                f"No map reads {name}, which dead_letters_of of fieldmap.toml names; there are: {', '.join(known)}"
            )
    return {"": workspace.settings.dead_letters, **workspace.settings.dead_letters_of}


def _attention(database: Any, run: int) -> dict[str, Any]:
    """The accounts of a run, and what wants a look after it: open dead letters, held values, warnings, incomplete rows by entity."""
    with database.connect() as connection:
        kept = accounts(connection, run)
        letters = connection.execute("SELECT count(*) FROM fieldmap.dead_letters").fetchone()
        held = connection.execute("SELECT count(*) FROM fieldmap.held WHERE NOT invented").fetchone()
        listed = connection.execute("SELECT count(*) FROM fieldmap.listed").fetchone()
        incomplete = dict(
            connection.execute("SELECT entity, count(*) FROM fieldmap.incomplete GROUP BY entity").fetchall()
        )
        conflicts = dict(
            connection.execute("SELECT entity, count(*) FROM fieldmap.conflicts GROUP BY entity").fetchall()
        )
        warned = dict(connection.execute("SELECT entity, count(*) FROM fieldmap.warned GROUP BY entity").fetchall())
        totals = {}
        for name, relation in connection.execute(
            "SELECT entity, table_name FROM fieldmap.entities ORDER BY entity"
        ).fetchall():
            from psycopg import sql

            row = connection.execute(
                sql.SQL("SELECT count(*) FROM canonical.{}").format(sql.Identifier(relation))
            ).fetchone()
            totals[name] = row[0] if row else 0
    return {
        "accounts": kept,
        "dead_letters": letters[0],
        "held": held[0],
        "warnings": listed[0],
        "incomplete": incomplete,
        "conflicts": conflicts,
        "warned": warned,
        "rows": totals,
    }


def show_report(report: Report, bundle: Bundle, attention: dict[str, Any], *, detailed: bool) -> None:
    """The accounts of a run, the entities' rows, and what wants a look."""
    read = [item for item in attention["accounts"] if item["pages"] or item["read"]]
    named = {item["map"] for item in read}
    idle = [title for title in (bundle.map(map_id).title for map_id in report.maps) if title not in named]
    console = out()
    if read:
        show_accounts(read)
    for map_id, loaded in report.maps.items():
        if loaded.counts.absent:
            number = loaded.counts.absent
            verb = "was" if number == 1 else "were"
            console.print(
                f"{plural(number, 'record')} of {bundle.map(map_id).title} {verb} withdrawn: a full sweep of the source lacks"
                f" {'it' if number == 1 else 'them'}.",
                soft_wrap=True,
            )
    # A row of noughts would read as if all records had gone.
    if idle:
        say(console, f"Nothing new was read for {', '.join(idle)}.")
    console.print()
    changes = report.entities()
    for name, total in attention["rows"].items():
        change = changes.get(name)
        parts = (
            [
                f"{count(number)} {word}"
                for number, word in ((change.new, "new"), (change.changed, "changed"), (change.gone, "gone"))
                if number
            ]
            if change
            else []
        )
        if attention["incomplete"].get(name):
            parts.append(f"{count(attention['incomplete'][name])} incomplete")
        if attention["conflicts"].get(name):
            parts.append(plural(attention["conflicts"][name], "conflict"))
        if attention["warned"].get(name):
            parts.append(f"{count(attention['warned'][name])} warned of")
        console.print(f"{name:<20} {plural(total, 'row')}{': ' + ', '.join(parts) if parts else ': nothing changed'}")
    if detailed:
        _show_changes(report, bundle)
    if any(attention[what] for what in ("dead_letters", "held", "incomplete", "conflicts", "warnings", "warned")):
        console.print()
    if attention["dead_letters"]:
        verb = "is" if attention["dead_letters"] == 1 else "are"
        console.print(f"{plural(attention['dead_letters'], 'record')} {verb} in the dead letters: fieldmap dlq")
    if attention["held"]:
        verb = "is" if attention["held"] == 1 else "are"
        console.print(f"{plural(attention['held'], 'value')} could not be read and {verb} held: fieldmap dlq held")
    _show_bare(report, bundle)
    if attention["warnings"]:
        console.print(f"{plural(attention['warnings'], 'warning')} of records that are loaded: fieldmap dlq warnings")
    incomplete = sum(attention["incomplete"].values())
    if incomplete:
        verb = "is" if incomplete == 1 else "are"
        console.print(f"{plural(incomplete, 'row')} {verb} held back as incomplete: fieldmap incomplete")
    conflicts, warned = sum(attention["conflicts"].values()), sum(attention["warned"].values())
    if conflicts:
        console.print(f"{plural(conflicts, 'conflict')} between claims: fieldmap conflicts")
    if warned:
        console.print(f"{plural(warned, 'warning')} about rows: fieldmap dlq warnings")


def _show_bare(report: Report, bundle: Bundle) -> None:
    """How often the unit is the author's word: `bare in inch`."""
    for map_id, loaded in report.maps.items():
        counted = loaded.counts.bare
        if counted:
            paths = ", ".join(f"{path} {count(number)}" for path, number in sorted(counted.items()))
            verb = "was" if counted.total() == 1 else "were"
            out().print(
                f"{plural(counted.total(), 'number')} of {bundle.map(map_id).title} had no unit and {verb} read in the one that the map gives: {paths}",
                soft_wrap=True,
            )


def _show_changes(report: Report, bundle: Bundle) -> None:
    """Which fields changed in how many rows, with the first few before and after."""
    lines = []
    for name, change in report.entities().items():
        info = bundle.entity(name)
        for field, number in sorted(change.fields.items(), key=lambda item: -item[1]):
            unit = f" {info.units[field]}" if info is not None and field in info.units else ""
            samples = [
                f"{old or 'absent'} → {new or 'absent'}{unit} ({key})"
                for key, f, old, new in change.samples
                if f == field
            ][:3]
            lines.append((f"{name}.{field}", plural(number, "row"), "   ".join(samples)))
    if lines:
        out().print("\nValues that changed:")
        table(["field", "changed in", "before → after (key)"], lines)


def _as_json(report: Report, attention: dict[str, Any]) -> dict[str, Any]:
    return {
        "run": report.run,
        "maps": {map_id: {**vars(loaded.counts)} for map_id, loaded in report.maps.items()},
        "pages_fetched": report.pages,
        "entities": {
            name: {
                "new": c.new,
                "changed": c.changed,
                "gone": c.gone,
                "fields": c.fields,
                "samples": [list(s) for s in c.samples],
            }
            for name, c in report.entities().items()
        },
        "failed": report.failed,
        **attention,
    }


_STATUS = (
    "SELECT p.map, p.title, p.resource, v.version, p.applied_through, p.replaying, p.retried, r.command, r.ended_at, r.outcome, a.read,"
    " a.claimed, a.filtered, a.deleted, a.dead, a.held, a.absent"
    " FROM fieldmap.positions p JOIN fieldmap.map_versions v ON v.id = p.map_version"
    " LEFT JOIN LATERAL (SELECT * FROM fieldmap.accounts a WHERE a.map = p.map ORDER BY run DESC LIMIT 1) a ON true"
    " LEFT JOIN fieldmap.runs r ON r.id = a.run ORDER BY p.title"
)


def status(json: Json = False) -> None:
    """Tells how far each map is applied.

    Its version, whether it changed or the archive holds more, and the last run that brought records: its accounts, how it ended.
    Of resources that are read by what changed also through when they are settled, and how long ago that is.
    """
    workspace = Workspace.here()
    archive = workspace.archive()
    checked = workspace.check()
    versions = {item.id: item.version for item in checked.versioned.maps} if checked.ok else {}
    held = set(archive.resources())
    with workspace.database() as database, told("looking"), database.connect() as connection:
        known = connection.execute("SELECT to_regclass('fieldmap.positions') IS NOT NULL").fetchone()
        loaded = known is not None and known[0]
        rows = connection.execute(_STATUS).fetchall() if loaded else []
        matched = counts(connection, workspace.existing_bundle()) if loaded else []
        stale = {row[0]: _stale(connection, row[0]) for row in rows}
    found = [
        _map_status(archive, row, stale[row[0]], versions if checked.ok else None, exists=row[2] in held)
        for row in rows
    ]
    if json:
        print_json(found)
        return
    if not found:
        out().print("Nothing was loaded yet: fieldmap sync")
        return
    _show_status(found, matched)
    if not checked.ok:
        out().print("\nThe maps have mistakes, so nothing is said of changes: fieldmap check")


def _map_status(
    archive: Archive, row: tuple[Any, ...], stale: int, versions: dict[str, str] | None, *, exists: bool
) -> dict[str, Any]:
    """How far one map is, of a row of `_STATUS`. versions: of the maps of now, None if they have mistakes; exists: whether the archive
    has the resource."""
    map_id, title, resource, version, through, replaying, retried, command, ended, outcome, *counted = row
    end, last = (archive.end(resource), archive.last(resource)) if exists else (None, None)
    changed = retried or (versions is not None and versions.get(map_id) != version)
    return {
        "map": title,
        "version": version,
        "state": _state(through, end, last, replaying=replaying, changed=changed),
        "last_run": f"{command} {outcome or 'was killed'}" if command else "never loaded",
        "ended_at": ended.strftime("%Y-%m-%d %H:%M:%SZ") if ended else None,
        "records": counted[0],
        "accounts": dict(zip(_ACCOUNTS, counted, strict=True)),
        "stale": stale,
        **_position(archive.standing(resource) if exists else None),
    }


def _show_status(found: list[dict[str, Any]], matched: list[dict[str, Any]]) -> None:
    """As a table, and below it what wants a word: how far positions are, keys that are matched, stale claims."""
    table(
        ["map", "version", "state", "last run", "ended", "records"],
        [
            tuple(item[name] for name in ("map", "version", "state", "last_run", "ended_at", "records"))
            for item in found
        ],
        right=["records"],
    )
    for item in found:
        if item["settled_to"] is not None:
            out().print(f"\n{item['map']} is settled to {item['settled_to']}, {_ago(item['lag_seconds'])} ago", end="")
        if item["interrupted_after"]:
            pages = plural(item["interrupted_after"], "page")
            out().print(f"\n{item['map']}: a sweep was interrupted after {pages}; the next sync goes on", end="")
    if any(item["settled_to"] is not None or item["interrupted_after"] for item in found):
        out().print()
    for item in matched:
        out().print(
            f"\n{item['entity']}: {count(item['matched'])} of {plural(item['keys'], 'key')} of {item['source']} matched,"
            f" {plural(item['ambiguous'], 'ambiguous value')}, {plural(item['refused'], 'refused join')}: fieldmap identity status"
        )
    for item in found:
        if item["stale"]:
            verb = "is" if item["stale"] == 1 else "are"
            out().print(
                f"\n{plural(item['stale'], 'record')} of {item['map']} {verb} stale: a newer version was rejected, and the"
                " claims of the one before it stand: fieldmap stale"
            )


_ACCOUNTS = ("read", "claimed", "filtered", "deleted", "dead", "held", "absent")


def _position(standing: Standing | None) -> dict[str, Any]:
    """Of a resource that is read by what changed: through when, and how long ago that is."""
    through = datetime.fromisoformat(standing.through) if standing is not None and standing.through else None
    return {
        "settled_to": through.strftime("%Y-%m-%d %H:%M:%SZ") if through is not None else None,
        "lag_seconds": int((datetime.now(UTC) - through).total_seconds()) if through is not None else None,
        "interrupted_after": len(standing.frames) if standing is not None and _resumable(standing) else 0,
    }


def _resumable(standing: Standing) -> bool:
    return bool(standing.frames) and standing.frames[0].page == 1 and standing.closed_at is not None


def _ago(seconds: int) -> str:
    """`3 h 12 min`: the two largest parts of a length of time."""
    parts, rest = list[str](), max(0, seconds)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, rest = divmod(rest, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])


def _stale(connection: Any, map_id: str) -> int:
    """How many records have live claims although a newer version was rejected."""
    from psycopg import sql

    row = connection.execute(
        sql.SQL(
            "SELECT count(DISTINCT t._record) FROM claims.{} t JOIN fieldmap.dead_letters d ON (d.map, d.record) = ({}, t._record)"
            " WHERE t._state = 'live' AND (coalesce(d.changed, t._changed), d.archive_position, d.record_index)"
            " > (t._changed, t._position, t._index)"
        ).format(sql.Identifier(map_id), sql.Literal(map_id))
    ).fetchone()
    return row[0] if row is not None else 0


def _state(through: int, end: int | None, last: int | None, *, replaying: bool, changed: bool) -> str:
    """What is to be done about a map, if anything. end, last: where the last response and the last record of any kind lie."""
    if changed:
        return "changed, wants a replay"
    if through < 0:
        return "nothing applied yet"
    if end is None or last is None or last < through:
        return "archive is missing"
    if replaying or end > through:
        return "archive holds more"
    return "up to date"
