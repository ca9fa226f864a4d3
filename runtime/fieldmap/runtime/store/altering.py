"""Brings tables and views to the definitions of a bundle, in place where others build on them.

Downstream teams grant on canonical tables and provenance views, index them, publish them and read them in views of their own. A table
that is dropped and made anew takes all of that with it, so it is emptied and altered instead; a view is replaced. What cannot be, as
somebody reads a column that goes, is refused by PostgreSQL, which names who reads it: nothing of others is dropped but an index or a grant on that column alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from psycopg import errors, sql

from fieldmap.runtime.bundle import Table, View
from fieldmap.runtime.store.database import Connection

_WANTED = "pg_temp.wanted"
_INDEX = re.compile(r'CREATE INDEX IF NOT EXISTS "(\w+)"')


class _Column(NamedTuple):
    """type: with its collation, as SQL. required: NOT NULL."""

    type: str
    required: bool


class _Form(NamedTuple):
    """What a table is: its columns by name, its primary key and its checks as PostgreSQL writes them, by name."""

    columns: dict[str, _Column]
    keys: dict[str, str]
    checks: dict[str, str]


def make_table(connection: Connection, table: Table, made: str | None) -> None:
    """Creates a table, or brings it in line with the bundle. made: the definition that it has."""
    if made == table.create:
        return
    name = sql.Identifier(table.schema, table.name)
    create, _, rest = table.create.partition(";\n")
    if made is None:
        connection.execute(table.create.encode())
        return
    _drop_indexes(connection, table, made)
    if made.partition(";\n")[0] != create:
        if table.schema in ("canonical", "waiting"):
            _alter(connection, table)
            connection.execute("UPDATE fieldmap.entities SET version = '' WHERE table_name = %s", [table.name])
        elif table.schema == "history" and not _same_key(connection, table):
            # A row of another key is another row: its times cannot be gone on with.
            _alter(connection, table)
        else:
            _columns(connection, table, name)
    indexes, mark, comments = rest.partition("COMMENT ON ")
    _make_indexes(connection, table, indexes)
    _uncomment(connection, table)
    connection.execute((mark + comments).encode())


def _drop_indexes(connection: Connection, table: Table, before: str) -> None:
    """Drops the named indexes that the definition of before had, and that of now has not."""
    for name in sorted(set(_INDEX.findall(before)) - set(_INDEX.findall(table.create))):
        connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(table.schema, name)))


def _make_indexes(connection: Connection, table: Table, statements: str) -> None:
    """Creates the indexes that are missing, be it that theirs went with a column."""
    for index in [line for line in statements.split(";\n") if line]:
        there = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = %s AND tablename = %s", [table.schema, table.name]
        ).fetchall()
        over = index[index.index("(") :].replace('"', "")
        if index.startswith("CREATE INDEX IF NOT EXISTS ") or not any(
            definition.replace('"', "").endswith(over) for (definition,) in there
        ):
            connection.execute(index.encode())


def _same_key(connection: Connection, table: Table) -> bool:
    """Whether the table still has the primary key that its definition says."""
    row = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND conrelid = %s::regclass",
        [sql.Identifier(table.schema, table.name).as_string(connection)],
    ).fetchone()
    return row is not None and row[0].replace('"', "") in table.create.replace('"', "")


def _columns(connection: Connection, table: Table, name: sql.Identifier) -> None:
    """Drops the columns that a claim table no longer has or has in another type, and adds the missing ones."""
    rows = connection.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
        [table.schema, table.name],
    ).fetchall()
    types = dict(table.columns)
    present = {column: type_ for column, type_ in rows if not column.startswith("_") or column in types}
    wanted = {column: _plain(type_) for column, type_ in types.items()}
    for column in [column for column, type_ in present.items() if wanted.get(column) != type_]:
        connection.execute(sql.SQL("ALTER TABLE {} DROP COLUMN {}").format(name, sql.Identifier(column)))
    for column in [column for column, type_ in wanted.items() if present.get(column) != type_]:
        added = sql.SQL("ALTER TABLE {} ADD COLUMN {} ").format(name, sql.Identifier(column)).as_string(connection)
        connection.execute(f"{added}{types[column]}".encode())


def _plain(type_: str) -> str:
    """A declared type as PostgreSQL's format_type shows it."""
    plain = type_.replace(' COLLATE "C"', "").replace(", ", ",")
    return plain.replace("timestamptz", "timestamp with time zone")


def _alter(connection: Connection, table: Table) -> None:
    """Empties a table and gives it the columns, key and checks of its definition of now; columns that are new stand at the end.

    Indexes and comments are the caller's.
    """
    name = f"{table.schema}.{_quoted(table.name)}"
    found, wanted = _form(connection, name), _wanted(connection, table, name)
    connection.execute(f"TRUNCATE {name}".encode())
    gone = [one for one, text in found.checks.items() if text not in wanted.checks.values()]
    gone += [one for one, text in found.keys.items() if text not in wanted.keys.values()]
    parts = [f"DROP CONSTRAINT {_quoted(one)}" for one in gone]
    parts += [
        f"DROP COLUMN {_quoted(column)}"
        for column, is_ in found.columns.items()
        if column not in wanted.columns or wanted.columns[column].type != is_.type
    ]
    found = _altered(connection, name, parts)
    parts = [
        f"ADD COLUMN {_quoted(column)} {is_.type}{' NOT NULL' if is_.required else ''}"
        for column, is_ in wanted.columns.items()
        if column not in found.columns
    ]
    parts += [
        f"ALTER COLUMN {_quoted(column)} {'SET' if wanted.columns[column].required else 'DROP'} NOT NULL"
        for column, is_ in found.columns.items()
        if wanted.columns[column].required != is_.required
    ]
    found = _altered(connection, name, parts)
    missing = [text for text in wanted.keys.values() if text not in found.keys.values()]
    missing += [text for text in wanted.checks.values() if text not in found.checks.values()]
    _altered(connection, name, [f"ADD {text}" for text in missing])


def _wanted(connection: Connection, table: Table, name: str) -> _Form:
    """What the definition makes, asked of PostgreSQL: it alone knows how it writes types and conditions."""
    create, head = table.create.partition(";\n")[0], f"CREATE TABLE {name} "
    if not create.startswith(head):
        raise ValueError(f"the definition of {name} does not begin with {head}")
    connection.execute(f"CREATE TEMPORARY TABLE wanted {create.removeprefix(head)} ON COMMIT DROP".encode())
    form = _form(connection, _WANTED)
    connection.execute(f"DROP TABLE {_WANTED}".encode())
    return form


def _form(connection: Connection, name: str) -> _Form:
    columns = connection.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod)"
        " || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || quote_ident(c.collname) ELSE '' END, a.attnotnull"
        " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation c ON c.oid = a.attcollation"
        " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        [name],
    ).fetchall()
    constraints = connection.execute(
        "SELECT contype::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
        " AND contype IN ('p', 'c') ORDER BY conname",
        [name],
    ).fetchall()
    return _Form(
        {column: _Column(type_, required) for column, type_, required in columns},
        {constraint: text for kind, constraint, text in constraints if kind == "p"},
        {constraint: text for kind, constraint, text in constraints if kind == "c"},
    )


def _altered(connection: Connection, name: str, parts: list[str]) -> _Form:
    if parts:
        connection.execute(f"ALTER TABLE {name} {', '.join(parts)}".encode())
    return _form(connection, name)


def _uncomment(connection: Connection, table: Table) -> None:
    """Takes away what is said of the columns of a table, as the definition of now may say nothing of one."""
    name = f"{table.schema}.{_quoted(table.name)}"
    said = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND col_description(attrelid, attnum) IS NOT NULL",
        [name],
    ).fetchall()
    for (column,) in said:
        connection.execute(f"COMMENT ON COLUMN {name}.{_quoted(column)} IS NULL".encode())


def set_aside(connection: Connection, views: Iterable[str]) -> None:
    """Makes views show nothing, with the columns that they have: so no table is held by what they read, and whoever reads them may."""
    for name in (_view(view) for view in views):
        nothing = ", ".join(
            f"NULL::{is_.type} AS {_quoted(column)}" for column, is_ in _form(connection, name).columns.items()
        )
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT {nothing} WHERE false".encode())


def renew_view(connection: Connection, view: View) -> None:
    """Creates a view, or replaces it; one that gets other columns is made anew, with the grants that it had."""
    name = _view(view.name)
    try:
        with connection.transaction():
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS {view.query}".encode())
    except errors.InvalidTableDefinition:
        grants = _grants(connection, name)
        connection.execute(f"DROP VIEW {name}".encode())
        connection.execute(f"CREATE VIEW {name} AS {view.query}".encode())
        for grant in grants:
            connection.execute(grant.encode())
    _comment(connection, view)


def _grants(connection: Connection, name: str) -> list[str]:
    rows = connection.execute(
        "SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type, a.is_grantable"
        " FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = %s::regclass AND a.grantee <> c.relowner",
        [name],
    ).fetchall()
    return [
        f"GRANT {privilege} ON {name} TO {role}{' WITH GRANT OPTION' if grantable else ''}"
        for role, privilege, grantable in rows
    ]


def _comment(connection: Connection, view: View) -> None:
    """Says what a view and its columns are; `comments` may name columns that this view does not have."""
    name = sql.Identifier("provenance", view.name)
    made = [sql.SQL("COMMENT ON VIEW {} IS {}").format(name, sql.Literal(view.comment or None))]
    made += [
        sql.SQL("COMMENT ON COLUMN {} IS {}").format(
            sql.Identifier("provenance", view.name, column), sql.Literal(view.comments[column])
        )
        for column in _form(connection, _view(view.name)).columns
        if column in view.comments
    ]
    connection.execute(sql.SQL("; ").join(made))


def _view(name: str) -> str:
    return f"provenance.{_quoted(name)}"


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()
