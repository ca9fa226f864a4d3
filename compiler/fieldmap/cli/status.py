"""The command that tells how far each map is applied, and what is to be done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer
from psycopg import sql

from fieldmap.cli import lastruns
from fieldmap.cli.console import Json, count, exiting, out, plural, print_json, table
from fieldmap.cli.identity import counts
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.archive.records import Standing
from fieldmap.runtime.moments import moment
from fieldmap.runtime.store.database import Connection, told

_STATUS = (
    "SELECT p.map, p.title, p.resource, v.version, p.applied_through, p.replaying, p.retried, r.command, r.ended_at, r.outcome, r.failed, a.read,"
    " a.claimed, a.filtered, a.deleted, a.dead, a.held, a.absent"
    " FROM fieldmap.positions p JOIN fieldmap.map_versions v ON v.id = p.map_version"
    " LEFT JOIN LATERAL (SELECT * FROM fieldmap.accounts a WHERE a.map = p.map ORDER BY run DESC LIMIT 1) a ON true"
    " LEFT JOIN fieldmap.runs r ON r.id = a.run ORDER BY p.title"
)


_ACCOUNTS = ("read", "claimed", "filtered", "deleted", "dead", "held", "absent")


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap status")(exiting(status))


def status(json: Json = False) -> None:
    """Tells how far each map is applied.

    Its version, whether it changed or the archive holds more, and the last run that brought records: its accounts, how it ended.
    Where a later run failed, or one is under way, that is said too.
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
        runs = lastruns.lasts(connection) if loaded else {}
        others = lastruns.others(connection)
    found = [
        {
            **_map_status(
                archive, row, stale[row[0]], versions if checked.ok else None, exists=row[2] in held, others=others
            ),
            **(runs[row[2]].told(row[2], others=others) if row[2] in runs else lastruns.UNKNOWN),
        }
        for row in rows
    ]
    for item in found:
        if item["running_since"] is not None:
            # What a run is at is not interrupted.
            item["interrupted_after"] = 0
    if json:
        print_json(found)
        return
    if not found:
        out().print(workspace.nothing_loaded())
        return
    _show_status(found, matched)
    if not checked.ok:
        out().print("\nThe maps have mistakes, so nothing is said of changes: fieldmap check")


def _map_status(
    archive: Archive, row: tuple[Any, ...], stale: int, versions: dict[str, str] | None, *, exists: bool, others: bool
) -> dict[str, Any]:
    """How far one map is, of a row of `_STATUS`. versions: of the maps of now, None if they have mistakes; exists: whether the archive
    has the resource. others: whether another process is at the database."""
    map_id, title, resource, version, through, replaying, retried, command, ended, outcome, failed, *counted = row
    end, last = (archive.end(resource), archive.last(resource)) if exists else (None, None)
    # Of a map that never loaded anything there is nothing to be replayed.
    loaded = through >= 0 or command is not None
    changed = retried or (loaded and versions is not None and versions.get(map_id) != version)
    return {
        "map": title,
        "resource": resource,
        "version": version,
        "state": _state(through, end, last, replaying=replaying, changed=changed),
        "last_run": f"{command} {lastruns.outcome(outcome, failed=resource in failed, others=others)}"
        if command
        else "never loaded",
        "ended_at": ended,
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
            (
                *(item[name] for name in ("map", "version", "state", "last_run")),
                moment(item["ended_at"]) if item["ended_at"] else "",
                item["records"],
            )
            for item in found
        ],
        right=["records"],
    )
    lastruns.show(found)
    for item in found:
        if item["settled_to"] is not None:
            out().print(
                f"\n{item['map']} is settled to {moment(item['settled_to'])}, {_ago(item['lag_seconds'])} ago", end=""
            )
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


def _position(standing: Standing | None) -> dict[str, Any]:
    """Of a resource that is read by what changed: through when, and how long ago that is."""
    through = datetime.fromisoformat(standing.through) if standing is not None and standing.through else None
    return {
        "settled_to": through,
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


def _stale(connection: Connection, map_id: str) -> int:
    """How many records have live claims although a newer version was rejected."""
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
