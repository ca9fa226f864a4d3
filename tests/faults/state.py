"""What a run left behind, so that two runs can be compared: the digest of the store, and the invariants that need no second run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from fieldmap.runtime.archive import Archive, Archived, ClosedSweep
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Connection, Server

# All that the digest leaves out, and why. Nothing else is.
LEFT_OUT_TABLES = {
    "fieldmap.store": "the instance: another in every database",
    "fieldmap.map_versions": "when each version was first used; rows name it by its hash in the digest",
    "fieldmap.runs": "by which run",
    "fieldmap.accounts": "by run; held against the archive by `accounts` below",
    "fieldmap.read_bare": "by run",
    "fieldmap.changed_rows": "by run",
    "fieldmap.ledger": "where batches end, which death may move",
    "fieldmap.pages": "what need not be read again, by batches; what it spares is seen in the rows",
    "fieldmap.page_breaks": "as fieldmap.pages",
    "fieldmap.withdrawals": "what was claimed on the way, which depends on where batches end; it only leads an explanation to claims",
    "identity.history": "when, and by which run: what was seen on the way depends on the order of arrival",
}
LEFT_OUT_COLUMNS = {
    "run": "by which run",
    "_made_by": "by which run",
    "_changed_by": "by which run",
    "epoch": "by which run",
    "since": "when",
    "at": "when",
    "decided_at": "when",
    "undone_at": "when",
    "fetched_at": "when",
    "_run": "by which run",
    "_known_from": "when",
    "_known_to": "when; the digest has what is known last",
    "known_from": "when",
    "first_seen": "when",
    "last_seen": "when",
    "fieldmap.dead_letters.id": "a number drawn by a run",
    "dead_letter": "a number drawn by a run",
    "history.*._claims": "numbers of versions, drawn by a run; the versions are compared themselves",
    "versions.*._claim": "a number drawn by a run",
}
SCHEMAS = ("canonical", "claims", "fieldmap", "history", "identity", "provenance", "versions", "waiting")
# A sequence gives these, and a transaction that was rolled back leaves gaps: they are compared by what they name.
_POSITIONS = frozenset({"_position", "archive_position", "applied_through"})
_VERSIONS = frozenset({"_map_version", "map_version"})


@dataclass(frozen=True)
class State:
    """digest: over all tables. tables: their rows as texts, ordered bytewise, to tell where two differ."""

    digest: str
    tables: dict[str, list[str]]

    def difference(self, other: State) -> str:
        """The rows that only one of the two has."""
        told = []
        for table in sorted({*self.tables, *other.tables}):
            mine, theirs = Counter(self.tables.get(table, ())), Counter(other.tables.get(table, ()))
            told += [f"- {table} {row}" for row in (mine - theirs)]
            told += [f"+ {table} {row}" for row in (theirs - mine)]
        return "\n".join(told[:40])


def digest(url: str, archive: Path) -> State:
    """The state of a store beside its archive. Raises AssertionError if a row names bytes that the archive does not have."""
    with Server(url).connect() as connection:
        names = Names(connection, archive)
        tables = {}
        for (schema, table), columns in _columns(connection).items():
            full = f"{schema}.{table}"
            if full not in LEFT_OUT_TABLES:
                kept = [
                    c for c in columns if not {c[0], f"{full}.{c[0]}", f"{schema}.*.{c[0]}"} & LEFT_OUT_COLUMNS.keys()
                ]
                tables[full] = _rows(connection, schema, table, kept, names)
    text = json.dumps(tables, sort_keys=True)
    return State(hashlib.sha256(text.encode()).hexdigest(), tables)


def _columns(connection: Connection) -> dict[tuple[str, str], list[tuple[str, str]]]:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, kind in connection.execute(
        "SELECT table_schema, table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = ANY(%s)"
        " ORDER BY table_schema, table_name, ordinal_position",
        [list(SCHEMAS)],
    ).fetchall():
        found.setdefault((schema, table), []).append((column, kind))
    return found


def _rows(connection: Connection, schema: str, table: str, columns: list[tuple[str, str]], names: Names) -> list[str]:
    chosen = sql.SQL(", ").join(
        sql.Identifier(name)
        if names.named(name, kind) or name == "map"
        else sql.SQL("{}::text").format(sql.Identifier(name))
        for name, kind in columns
    )
    # What a batch knew for a moment depends on where batches end, which death may move.
    last = "_known_to = 'infinity'" if schema == "history" else "true"
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(chosen, sql.Identifier(schema, table), sql.SQL(last))
    found = []
    for row in connection.execute(query).fetchall():
        values = dict(zip([name for name, _ in columns], row, strict=True))
        owner = values.get("map") or names.owner(table)
        told = {
            name: value if value is None or not names.named(name, kind) else names.told(name, kind, value, owner)
            for (name, kind), value in zip(columns, row, strict=True)
        }
        found.append(json.dumps(told, sort_keys=True, ensure_ascii=False, default=str))
    # A page that was fetched again after a death stands in the archive twice, and so do the letters of its records without identity.
    return sorted(set(found) if table == "dead_letters" else found, key=str.encode)


class Names:
    """What stands for the numbers that differ from run to run: bytes for archive positions, records for claims, hashes for versions."""

    def __init__(self, connection: Connection, archive: Path) -> None:
        self.resources: dict[str, str] = dict(
            connection.execute("SELECT map, resource FROM fieldmap.positions").fetchall()
        )
        self._versions: dict[int, str] = dict(
            connection.execute("SELECT id, version FROM fieldmap.map_versions").fetchall()
        )
        self._pages = {
            resource: {
                entry.position: f"mark of {entry.pages} pages"
                if isinstance(entry, ClosedSweep)
                else hashlib.sha256(entry.content()).hexdigest()[:16]
                for entry in Archive(archive, Ports.real()).entries(resource, None)
            }
            for resource in set(self.resources.values())
        }
        self._claims: dict[int, list[Any]] = {}
        for (schema, table), columns in _columns(connection).items():
            if schema == "claims" and "_claim" in [name for name, _ in columns]:
                element = sql.SQL("_element" if "_element" in [name for name, _ in columns] else "0")
                query = sql.SQL("SELECT _claim, _record, {} FROM {}").format(element, sql.Identifier(schema, table))
                self._claims |= {claim: [table, *rest] for claim, *rest in connection.execute(query).fetchall()}

    def owner(self, table: str) -> str:
        """The map whose claims a table holds."""
        return max((one for one in self.resources if table.startswith(one)), key=len, default="")

    def named(self, column: str, kind: str) -> bool:
        return (
            column in _POSITIONS
            or column in _VERSIONS
            or (column in ("_claim", "_claims", "claims", "claim") and kind in ("int8", "_int8", "jsonb"))
            or column == "_kept"
        )

    def told(self, column: str, kind: str, value: Any, owner: str) -> Any:
        if column in _VERSIONS:
            return self._versions[value]
        if column in _POSITIONS:
            return self._page(owner, value)
        if column == "_kept":
            return {k: v and {**v, "position": self._page(owner, v["position"])} for k, v in value.items()}
        if kind == "jsonb":
            return [[self._claim(claim), *rest] for claim, *rest in value]
        return [self._claim(one) for one in value] if isinstance(value, list) else self._claim(value)

    def _claim(self, claim: int | None) -> Any:
        assert claim is None or claim in self._claims, f"claim {claim} is named and does not exist"
        return claim if claim is None else self._claims[claim]

    def _page(self, owner: str, position: int) -> str:
        if position == -1:
            return "none"
        pages = self._pages[self.resources[owner]]
        assert position in pages, f"position {position} of {owner} is named and not in the archive"
        return pages[position]


def pages_of(archive: Path, resource: str) -> Iterator[Archived]:
    return Archive(archive, Ports.real()).read(resource, None)


def records_of(page: Archived) -> int:
    """How many records a page of these scenarios has, found without the runtime."""
    body = page.content()
    return len(_listed(json.loads(body)) or ()) if page.format == "json" else len(body.splitlines())


def _listed(value: Any) -> list[Any] | None:
    """The first list in it."""
    if isinstance(value, dict):
        return next((found for one in value.values() if (found := _listed(one)) is not None), None)
    return value if isinstance(value, list) else None


def fetched(archive: Path) -> tuple[dict[str, list[str]], int]:
    """By resource the pages of an archive, each as a text: its part, its number in its sweep and what stands in it; and how many sweeps
    were closed."""
    store = Archive(archive, Ports.real())
    pages = {
        resource: [
            f"{resource} {page.part} {page.page} {hashlib.sha256(page.content()).hexdigest()[:12]}"
            for page in store.read(resource, None)
        ]
        for resource in store.resources()
    }
    return pages, sum(1 for resource in pages for _ in store.closed_sweeps(resource))


def accounts(url: str, archive: Path) -> None:
    """I5: since each map was last begun anew, over all runs, killed ones among them, each archived record was counted exactly once."""
    with Server(url).connect() as connection:
        # A retry reads once more what was counted when it was rejected.
        counted = connection.execute(
            "SELECT p.map, p.resource, coalesce(sum(a.read), 0), coalesce(sum(a.claimed + a.filtered + a.deleted + a.dead), 0)"
            " FROM fieldmap.positions p LEFT JOIN (SELECT a.* FROM fieldmap.accounts a JOIN fieldmap.runs r ON r.id = a.run"
            " WHERE r.command <> 'retry') a ON a.map = p.map"
            " AND a.run >= (SELECT min(l.run) FROM fieldmap.ledger l WHERE l.map = p.map) GROUP BY 1, 2"
        ).fetchall()
    assert counted
    for name, resource, read, ended in counted:
        there = sum(records_of(page) for page in pages_of(archive, resource))
        assert (read, ended) == (there, there), f"{name}: {read} read, {ended} ended, {there} are in the archive"


def safe(url: str, archive: Path) -> None:
    """I6, I7, I12 of a store that may have lost its run a moment ago: it names only bytes that the archive has, and claims that exist."""
    with Server(url).connect() as connection:
        found = connection.execute("SELECT to_regclass('fieldmap.positions')").fetchone()
        if found is None or found[0] is None:
            return
    digest(url, archive)


def consistent(connection: Connection) -> None:
    """I12: in one snapshot the claims that canonical rows name exist, and no claim is of a page behind its map's position."""
    tables = [
        (schema, name)
        for (schema, name), columns in _columns(connection).items()
        if (schema == "claims" and "_claim" in dict(columns)) or (schema == "canonical" and "_claims" in dict(columns))
    ]
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        positions: dict[str, int] = dict(
            connection.execute("SELECT map, applied_through FROM fieldmap.positions").fetchall()
        )
        claims: set[int] = set()
        named: set[int] = set()
        for schema, name in tables:
            if schema == "claims":
                query = sql.SQL("SELECT _claim, _position FROM {}").format(sql.Identifier(schema, name))
                through = positions[max((one for one in positions if name.startswith(one)), key=len)]
                for claim, position in connection.execute(query).fetchall():
                    assert position <= through, f"a claim of {name} is ahead of its position"
                    claims.add(claim)
            else:
                query = sql.SQL("SELECT unnest(_claims) FROM {}").format(sql.Identifier(schema, name))
                named |= {claim for (claim,) in connection.execute(query).fetchall() if claim is not None}
        assert named <= claims, f"canonical rows name claims that do not exist: {sorted(named - claims)}"
    finally:
        connection.execute("ROLLBACK")


def row_versions(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Where each row of the meaning stands and which transaction wrote it (I9)."""
    with Server(url).connect() as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
            " AND table_schema IN ('claims', 'canonical', 'waiting', 'identity')"
        ).fetchall()
        query = "SELECT ctid::text, xmin::text FROM {} ORDER BY 1"
        return {
            f"{schema}.{table}": connection.execute(sql.SQL(query).format(sql.Identifier(schema, table))).fetchall()
            for schema, table in tables
        }
