"""The world that a death leaves, as one digest: whoever is started in the same world does the same.

The runs of a torture have a clock that stands still and chance from a seed, so that two deaths with nothing lasting between them leave
the same bytes. Then one recovery speaks for both.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from psycopg import sql
from tests.faults.state import LEFT_OUT_COLUMNS, SCHEMAS

from fieldmap.runtime.store.database import Connection, Server

# Who holds a lock, with the number of a process: a dead one holds none, whatever is written there.
_LOCKS = (".lock", "lock")


def left(url: str, folders: list[Path], *others: object) -> str:
    """folders: of the archive and of what is kept beside it. others: what the world has besides, such as what the source remembers."""
    whole = hashlib.sha256(repr(others).encode())
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            whole.update(str(file.relative_to(folder)).encode() + b"\0")
            if file.is_file() and not file.name.endswith(_LOCKS):
                whole.update(hashlib.sha256(file.read_bytes()).digest())
    with Server(url).connect() as connection:
        for row in _rows(connection):
            whole.update(row.encode() + b"\0")
    return whole.hexdigest()


def _rows(connection: Connection) -> list[str]:
    """What there is, and a digest of the rows of each table. Left out is when something was done, which the database's own clock says; how
    views and tables are defined stands in `fieldmap.tables`."""
    there = connection.execute(
        "SELECT format('%%s %%s %%s %%s', relnamespace::regnamespace, relname, relkind,"
        " CASE relkind WHEN 'i' THEN pg_get_indexdef(c.oid) WHEN 'S' THEN pg_sequence_last_value(c.oid)::text END)"
        " FROM pg_class c WHERE relnamespace::regnamespace::text = ANY(%s) ORDER BY 1",
        [list(SCHEMAS)],
    ).fetchall()
    tables: dict[tuple[str, str], list[sql.Composable]] = {}
    for schema, table, column, kind in connection.execute(
        "SELECT table_schema, table_name, column_name, udt_name FROM information_schema.columns NATURAL JOIN information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema = ANY(%s) ORDER BY table_schema, table_name, ordinal_position",
        [list(SCHEMAS)],
    ).fetchall():
        tables.setdefault((schema, table), []).append(_told(schema, column, kind))
    queries = [
        sql.SQL(
            'SELECT md5(string_agg(row, chr(10) ORDER BY row COLLATE "C")) FROM (SELECT ROW({})::text AS row FROM {}) t'
        ).format(sql.SQL(", ").join(columns), sql.Identifier(schema, table))
        for (schema, table), columns in tables.items()
    ]
    found = connection.execute(sql.SQL(" UNION ALL ").join(queries)).fetchall() if queries else []
    return [*(str(row[0]) for row in there), *(f"{name} {row[0]}" for name, row in zip(tables, found, strict=True))]


def _told(schema: str, column: str, kind: str) -> sql.Composable:
    own = schema in ("fieldmap", "identity")
    if kind == "timestamptz" and (own or column in LEFT_OUT_COLUMNS):
        return sql.SQL("isfinite({})").format(sql.Identifier(column))
    return sql.SQL("{} IS NULL" if kind == "uuid" and own else "{}").format(sql.Identifier(column))
