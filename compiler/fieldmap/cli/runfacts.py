"""What the database tells of a run, and of the store as it stands: the facts of `fieldmap report`, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, LiteralString

from psycopg import sql

from fieldmap.cli import causes
from fieldmap.compiler.explain.letters import without_value
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle, ClaimColumn, ClaimInfo, MapInfo
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.store.database import Connection

ACCOUNT = ("pages", "read", "claimed", "filtered", "deleted", "dead", "held", "absent", "changed_rows")
NO_RUN = "There is no run {}; the last one is shown by: fieldmap report"
# Failures of a code, unit or key that a list does not have.
_UNKNOWN = ["FM2110", "FM2140", "FM2150", "FM2166"]
_SUMMED = ("int", "number", "float", "money", "amount", "quantity")


def run_of(connection: Connection, number: int | None) -> dict[str, Any]:
    """A run: the one of that number, or the last. Raises UsageError if there is none."""
    row = connection.execute(
        "SELECT id, command, started_at, ended_at, outcome, bundle, failed FROM fieldmap.runs"
        " WHERE %(n)s::bigint IS NULL OR id = %(n)s ORDER BY id DESC LIMIT 1",
        {"n": number},
    ).fetchone()
    if row is None:
        raise UsageError(
            NO_RUN.format(number) if number is not None else "There was no run yet; start with: fieldmap sync"
        )
    found = dict(zip(("number", "command", "started_at", "ended_at", "outcome", "bundle", "failed"), row, strict=True))
    return {**found, "outcome": found["outcome"] or "killed, or still running"}


def accounts(connection: Connection, run: int) -> list[dict[str, Any]]:
    """Of each map that read something in a run where its records went."""
    rows = connection.execute(
        "SELECT coalesce(p.title, a.map), a.pages, a.read, a.claimed, a.filtered, a.deleted, a.dead, a.held,"
        " a.absent, a.changed_rows FROM fieldmap.accounts a"
        " LEFT JOIN fieldmap.positions p USING (map) WHERE a.run = %s ORDER BY 1",
        [run],
    ).fetchall()
    return [dict(zip(("map", *ACCOUNT), row, strict=True)) for row in rows]


def by_map(accounts: list[dict[str, Any]], changed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The accounts, with None for the rows that each map changed where all rows were made once, at the end of all maps, so that
    nobody can tell. changed: what became of rows, by entity."""
    if changed and not any(item["changed_rows"] for item in accounts):
        return [{**item, "changed_rows": None} for item in accounts]
    return accounts


def changed_rows(connection: Connection, run: int) -> dict[str, dict[str, int]]:
    """What became of the rows of each entity in a run, of those of which any became another."""
    rows = connection.execute(
        "SELECT entity, made, changed, gone FROM fieldmap.changed_rows WHERE run = %s ORDER BY entity", [run]
    ).fetchall()
    return {entity: {"new": made, "changed": changed, "gone": gone} for entity, made, changed, gone in rows}


def balanced(account: dict[str, Any]) -> bool:
    return bool(account["read"] == sum(account[name] for name in ("claimed", "filtered", "deleted", "dead")))


def new_codes(connection: Connection, archive: Archive, tags: causes.Tags, run: int) -> list[dict[str, Any]]:
    """Codes, units and keys that a list does not have, and that no page before those of this run shows."""
    # The letter of a record that was rejected again lies where it was last; what it is about is as old as its first rejection.
    rows = connection.execute(
        "SELECT p.title, p.resource, x.field, x.code, x.reason, count(*), min(x.position), min(x.since), g.first, g.last, r.started_at, r.ended_at FROM ("
        " SELECT map, field, code, reason, archive_position AS position, NULL::timestamptz AS since FROM fieldmap.held UNION ALL"
        " SELECT map, field, code, reason, CASE WHEN first_seen = last_seen THEN archive_position END,"
        " CASE WHEN first_seen < last_seen THEN first_seen END FROM fieldmap.dead_letters) x JOIN fieldmap.positions p USING (map)"
        " JOIN (SELECT map, min(first_position) AS first, max(last_position) AS last FROM fieldmap.ledger WHERE run = %s GROUP BY map) g"
        " USING (map) JOIN fieldmap.runs r ON r.id = %s WHERE x.code = ANY(%s) GROUP BY 1, 2, 3, 4, 5, g.first, g.last, r.id ORDER BY 6 DESC, 1, 3, 5",
        [run, run, _UNKNOWN],
    ).fetchall()
    fetched = causes.fetched_of(archive)
    found: dict[tuple[str, str, str, str], int] = {}
    for title, resource, field, code, reason, number, position, since, first, last, *ran in rows:
        seen = [] if position is None else [(first <= position, position <= last)]
        if since is not None:
            # A run may begin or end with a mark, which nobody fetched.
            begin, end = fetched(resource, first) or ran[0], fetched(resource, last) or ran[1]
            seen.append((begin <= since, end is None or since <= end))
        if not all(after for after, _ in seen) or not any(before for _, before in seen):
            continue
        told = without_value(code, tags[title, field]) if (title, field) in tags else reason
        found[title, field, code, told] = found.get((title, field, code, told), 0) + number
    return [
        {"map": title, "field": field, "code": code, "reason": reason, "records": number}
        for (title, field, code, reason), number in found.items()
    ]


def letters_elsewhere(connection: Connection, run: int) -> int:
    """How many records a run rejected whose letters are not its own: read again by another run, or in it."""
    row = connection.execute(
        "SELECT (SELECT coalesce(sum(dead), 0) FROM fieldmap.accounts WHERE run = %(run)s)"
        " - (SELECT count(*) FROM fieldmap.dead_letters WHERE run = %(run)s)",
        {"run": run},
    ).fetchone()
    return max(0, int(row[0])) if row is not None else 0


def read_bare(connection: Connection, run: int) -> list[dict[str, Any]]:
    """Numbers without a unit, that were read in the one which the map gives."""
    rows = connection.execute(
        "SELECT coalesce(p.title, b.map), b.path, b.count FROM fieldmap.read_bare b LEFT JOIN fieldmap.positions p USING (map)"
        " WHERE b.run = %s ORDER BY 1, 2",
        [run],
    ).fetchall()
    return [dict(zip(("map", "path", "numbers"), row, strict=True)) for row in rows]


def joins(connection: Connection, private: Private, run: int) -> list[dict[str, Any]]:
    """Keys that became the key of something else in a run, by the rule that joined them."""
    rows = connection.execute(
        "SELECT entity, source, rule, count(*), (array_agg(source || ':' || key || ' is ' || after ORDER BY key))[1:3]"
        " FROM identity.history WHERE run = %s AND rule IS NOT NULL AND after IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        [run],
    ).fetchall()
    found: list[dict[str, Any]] = []
    for row in rows:
        one: dict[str, Any] = dict(zip(("entity", "source", "rule", "joins", "samples"), row, strict=True))
        if one["entity"] in private.keys:
            one["samples"] = list(private.keys[one["entity"]])
        found.append(one)
    return found


def ambiguous(bundle: Bundle, connection: Connection, private: Private) -> list[dict[str, Any]]:
    """Values that several keys of one source share, by match line."""
    rows = connection.execute(
        "SELECT entity, line, source, count(*), (array_agg(value ORDER BY value))[1:3] FROM identity.ambiguous GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    ).fetchall()
    found = []
    for entity, line, source, number, samples in rows:
        info = bundle.entity(entity)
        match = info.identity.matches[line - 1] if info is not None and info.identity is not None else None
        compared = match.fields if match is not None else ()
        masked = next((private.fields[entity, field] for field in compared if (entity, field) in private.fields), "")
        found.append(
            {
                "entity": entity,
                "match": match.text if match is not None else f"line {line}",
                "source": source,
                "values": number,
                "samples": [masked] if masked else samples,
            }
        )
    return found


def conflicts(connection: Connection, private: Private) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT entity, field, code, count(*), (array_agg(key ORDER BY key))[1:3] FROM fieldmap.conflicts GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2"
    ).fetchall()
    names = ("entity", "field", "code", "rows", "samples")
    return [_with_keys(private, dict(zip(names, row, strict=True))) for row in rows]


def dangling(bundle: Bundle, connection: Connection, private: Private) -> list[dict[str, Any]]:
    found = list(
        _counted(
            bundle,
            connection,
            "SELECT field, count(*), (array_agg(jsonb_build_array(key, refers_to) ORDER BY key))[1:3] FROM provenance.{} GROUP BY 1 ORDER BY 1",
            "dangling",
            ("field", "references", "samples"),
        )
    )
    for one in found:
        entity, field = one["entity"], one["field"]
        one["samples"] = _once(
            f"{private.key(entity, key)}: {private.value(entity, field, wanted)}" for key, wanted in one["samples"]
        )
    return found


def stale(bundle: Bundle, connection: Connection, private: Private) -> list[dict[str, Any]]:
    maps = {info.id: info for info in bundle.catalogue.maps}
    found = list(
        _counted(
            bundle,
            connection,
            "SELECT map, count(DISTINCT record), (array_agg(DISTINCT record))[1:3] FROM provenance.{} WHERE map IS NOT NULL GROUP BY 1 ORDER BY 1",
            "stale",
            ("map", "records", "samples"),
        )
    )
    for one in found:
        info = maps.get(one["map"])
        if info is not None:
            one["samples"] = _once(private.record(info.resource, record) for record in one["samples"])
            one["map"] = info.title
    return found


def incomplete(connection: Connection, private: Private) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT entity, count(*), (array_agg(key ORDER BY key))[1:3] FROM fieldmap.incomplete GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [_with_keys(private, dict(zip(("entity", "rows", "samples"), row, strict=True))) for row in rows]


def _with_keys(private: Private, one: dict[str, Any]) -> dict[str, Any]:
    """What is told of an entity, whose samples are keys."""
    return {**one, "samples": _once(private.key(one["entity"], key) for key in one["samples"])}


def _once(samples: Iterable[str]) -> list[str]:
    """Each sample once: where they are hidden, all are the same."""
    return list(dict.fromkeys(samples))


def _counted(
    bundle: Bundle, connection: Connection, statement: LiteralString, view: str, names: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """What a view of each entity counts."""
    for info in bundle.catalogue.entities:
        made = sql.SQL(statement).format(sql.Identifier(f"{info.table}_{view}"))
        for row in connection.execute(made).fetchall():
            yield {"entity": info.name, **dict(zip(names, row, strict=True))}


def control_totals(bundle: Bundle, connection: Connection, private: Private) -> list[dict[str, Any]]:
    """The sums of the numeric fields, but for keys, of each source's live claims, to be held against what the source itself says."""
    return [
        {"source": info.resource, "entity": claim.entity, "field": column.field, "unit": unit, "values": values}
        | {"total": private.fields.get((claim.entity or "", column.field)) or total}
        for info in bundle.catalogue.maps
        for claim in info.claims
        if claim.entity is not None
        for column, unit, values, total in _totals(bundle, connection, info, claim)
    ]


def _totals(
    bundle: Bundle, connection: Connection, info: MapInfo, claim: ClaimInfo
) -> Iterator[tuple[ClaimColumn, str, int, Any]]:
    entity = bundle.entity(claim.entity or "")
    units, keys = (entity.units, entity.key) if entity is not None else ({}, ())
    for column in claim.columns:
        if column.codec not in _SUMMED or column.field in keys:
            continue
        amount, *unit = (sql.Identifier(name) for name in column.columns)
        rows = connection.execute(
            sql.SQL(
                "SELECT {}, count(*), sum({}::numeric) FROM claims.{} WHERE {} IS NOT NULL{} GROUP BY 1 ORDER BY 1"
            ).format(
                unit[0] if unit else sql.Literal(units.get(column.field, "")),
                amount,
                sql.Identifier(claim.table),
                amount,
                sql.SQL(" AND _state = 'live'" if claim.number == 0 else ""),
            )
        ).fetchall()
        for unit_, values, total in rows:
            yield column, unit_ or "", values, total
