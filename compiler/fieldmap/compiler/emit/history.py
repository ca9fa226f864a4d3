"""Emits what keeps the history of an entity: the versions of records, the timeline of each row, and a view of it.

Two questions, two axes. *When was it true* goes by the source's own time: a version of a record holds from its `changed` until that of
the next version of that record, so the row of an earlier time is the merge of the versions that held then, by the same rules as
the row of now. It is a function of the set of versions; when they arrived does not count. *When did we know* goes by the database's
clock: a row of the timeline that becomes another is not overwritten but closed, and the new one is written beside it.

    versions.<claim table>   every version of every record, one row a record and time
    history.<entity>         a row for each key, time from which it was true, and time in which we knew it so

A row ends where the next of its key begins, so what is true until now is written once. `_gone` marks a time from which there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.emit.columns import Column, columns_of, literal, quote
from fieldmap.runtime import bundle

if TYPE_CHECKING:
    from fieldmap.compiler.emit.sql import ClaimTable


def remembers(map_: ir.Map, entities: dict[str, ir.Entity]) -> bool:
    """Whether the versions of a map's records are kept: it claims an entity that keeps history."""
    return any(entities[claim.entity].history for claim in claims_of(map_))


def is_remembered(table: ClaimTable) -> bool:
    """Whether what a claim says is part of a history."""
    return table.entity is not None and table.entity.history


def version_tables(map_: ir.Map, tables: list[ClaimTable]) -> list[bundle.Table]:
    """Tables of versions: that of the record, which tells how long each version held, and those of the claims that are remembered."""
    return [_version_table(map_, table) for table in tables if table.number == 0 or is_remembered(table)]


def _version_table(map_: ir.Map, table: ClaimTable) -> bundle.Table:
    columns = version_columns(table)
    name, child = f"versions.{quote(table.table)}", table.number > 0
    lines = [
        "_claim bigint PRIMARY KEY",
        '_record text COLLATE "C" NOT NULL',
        "_element integer NOT NULL" if child else "_state text NOT NULL",
        "_changed timestamptz NOT NULL",
        "_position bigint NOT NULL",
        "_index integer NOT NULL",
        "_map_version integer NOT NULL",
        "_digest bytea NOT NULL",
        *(f"{quote(column.name)} {column.type}" for column in columns),
        f"UNIQUE (_record, _changed{', _element' if child else ''})",
    ]
    create = f"CREATE TABLE {name} (\n  " + ",\n  ".join(lines) + "\n);\n"
    if is_remembered(table):
        create += f"CREATE INDEX ON {name} ({', '.join(quote(key) for key in table.key)});\n"
    what = f"Every version of the records of {map_.title}, by the source's own time; it holds until the next version of its record"
    create += f"COMMENT ON TABLE {name} IS {literal(what)};\n"
    return bundle.Table(
        schema="versions", name=table.table, create=create, columns=tuple((c.name, c.type) for c in columns)
    )


def version_columns(table: ClaimTable) -> tuple[Column, ...]:
    """The columns of a claim, where they are part of a history."""
    return table.kept_columns if is_remembered(table) else ()


def history_table(entity: ir.Entity) -> bundle.Table:
    """The timeline of an entity's rows."""
    columns = [column for field in entity.fields for column in columns_of(field)]
    name, key = f"history.{quote(entity.table)}", ", ".join(quote(part) for part in entity.key)
    lines = [
        *(f"{quote(c.name)} {c.type}{' NOT NULL' if c.field in entity.key else ''}" for c in columns),
        "_claims bigint[] NOT NULL",
        "_gone boolean NOT NULL",
        "_true_from timestamptz NOT NULL",
        "_known_from timestamptz NOT NULL",
        "_known_to timestamptz NOT NULL",
        "_run bigint NOT NULL",
        f"PRIMARY KEY ({key}, _true_from, _known_to)",
    ]
    create = f"CREATE TABLE {name} (\n  " + ",\n  ".join(lines) + "\n);\n"
    what = f"What {entity.name} was and when we knew it; provenance.{entity.table}_history shows what we know now, with the end of each time"
    create += f"COMMENT ON TABLE {name} IS {literal(what)};\n"
    for own, text in _OWN.items():
        create += f"COMMENT ON COLUMN {name}.{own} IS {literal(text)};\n"
    for column in columns:
        create += (
            f"COMMENT ON COLUMN {name}.{quote(column.name)} IS {literal(column.comment)};\n" if column.comment else ""
        )
    return bundle.Table(
        schema="history", name=entity.table, create=create, columns=tuple((c.name, c.type) for c in columns)
    )


_OWN = {
    "_claims": "The versions (schema versions) that the fields are from, in the order of canonical._claims",
    "_gone": "From this time on there is no row of this key",
    "_true_from": "Since when it was true, by the time that the sources give; -infinity: since always, as far as they tell",
    "_known_from": "Since when this database says so",
    "_known_to": "Until when this database said so; infinity: it still does",
    "_run": "The run that wrote the row (fieldmap.runs); where its command is replay, it was learnt from the archive and not from the source",
}

VIEW_COMMENTS = {
    "true_from": "Since when the row was so, by the time that the sources give; empty: since always, as far as they tell",
    "true_to": "Until when; empty: until now",
    "known_from": "Since when this database knows it",
    "known_by": "What taught it: sync (the source said it then) or replay (read from the archive, maybe long after it was received)",
}


def view(entity: ir.Entity) -> str:
    """What is known now of every time, a row for each time in which nothing changed."""
    columns = ", ".join(f"o.{quote(column.name)}" for field in entity.fields for column in columns_of(field))
    key = ", ".join(f"h.{quote(part)}" for part in entity.key)
    return (
        f"SELECT {columns}, nullif(o._true_from, '-infinity') AS true_from, o._true_to AS true_to, o._known_from AS known_from, r.command AS known_by\n"
        f"FROM (SELECT h.*, lead(h._true_from) OVER (PARTITION BY {key} ORDER BY h._true_from) AS _true_to\n"
        f"  FROM history.{quote(entity.table)} h WHERE h._known_to = 'infinity') o\n"
        "LEFT JOIN fieldmap.runs r ON r.id = o._run WHERE NOT o._gone"
    )


def versions_of(table: ClaimTable, root: str, join: str) -> dict[str, Any]:
    """For the merge: the versions `t` of one claim with the keys `k`, each with the time at which the next of its record begins.

    root: the table of the record's own versions.
    """
    until = (
        f"(SELECT n._changed FROM versions.{quote(root)} n WHERE n._record = t._record AND n._changed > t._changed"
        " ORDER BY n._changed LIMIT 1)"
    )
    live = " WHERE t._state = 'live'" if table.number == 0 else ""
    return {"until": until, "from": f"versions.{quote(table.table)} t JOIN {join}{live}"}
