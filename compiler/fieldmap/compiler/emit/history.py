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

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.emit import keeping
from fieldmap.compiler.emit.columns import Column, columns_of, literal, quote
from fieldmap.compiler.emit.identity import canonical_list, canonical_then
from fieldmap.compiler.emit.stood import times_stood
from fieldmap.runtime import bundle

if TYPE_CHECKING:
    from fieldmap.compiler.emit.sql import ClaimTable


def remembers(map_: ir.Map, entities: dict[str, ir.Entity]) -> bool:
    """Whether the versions of a map's records are kept: it claims an entity that keeps history."""
    return any(entities[claim.entity].history for claim in claims_of(map_))


def is_remembered(table: ClaimTable) -> bool:
    """Whether what a claim says is part of a history."""
    return table.entity is not None and table.entity.history


def version_tables(
    map_: ir.Map, tables: list[ClaimTable], indexed: Callable[[ClaimTable], list[dict[str, str]]]
) -> list[bundle.Table]:
    """Tables of versions: that of the record, which tells how long each version held, and those of the claims that are remembered.

    indexed: the references of a claim that are looked up, with the method of their index."""
    kept = [table for table in tables if table.number == 0 or is_remembered(table)]
    return [_version_table(map_, table, indexed(table)) for table in kept]


def _version_table(map_: ir.Map, table: ClaimTable, references: list[dict[str, str]]) -> bundle.Table:
    columns = version_columns(table)
    name, child = f"versions.{quote(table.table)}", table.number > 0
    keeps = keeping.OF_VERSIONS if map_.keeps and not child else ()
    lines = [
        "_claim bigint PRIMARY KEY",
        '_record text COLLATE "C" NOT NULL',
        "_element integer NOT NULL" if child else "_state text NOT NULL",
        "_changed timestamptz NOT NULL",
        "_position bigint NOT NULL",
        "_index integer NOT NULL",
        "_map_version integer NOT NULL",
        "_digest bytea NOT NULL",
        *(f"{name} {type_}" for name, type_ in keeps),
        *(f"{quote(column.name)} {column.type}" for column in columns),
        f"UNIQUE (_record, _changed{', _element' if child else ''})",
    ]
    create = f"CREATE TABLE {name} (\n  " + ",\n  ".join(lines) + "\n);\n"
    if is_remembered(table):
        create += f"CREATE INDEX ON {name} ({', '.join(quote(key) for key in table.key)});\n"
        for item in references:
            collation = ' COLLATE "C"' if item["method"] == "btree" else ""
            create += f"CREATE INDEX ON {name} USING {item['method']} ({quote(item['name'])}{collation});\n"
    what = f"Every version of the records of {map_.title}, by the source's own time; it holds until the next version of its record"
    create += f"COMMENT ON TABLE {name} IS {literal(what)};\n"
    pairs = (*((c.name, c.type) for c in columns), *keeps)
    return bundle.Table(schema="versions", name=table.table, create=create, columns=pairs)


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


def view(entity: ir.Entity, entities: dict[str, ir.Entity]) -> str:
    """What is known now of every time, a row for each time in which nothing changed."""
    stood = times_stood(entity, entities, "o")
    times = "nullif(lower(s.part), '-infinity') AS true_from, upper(s.part) AS true_to"
    if not stood:
        times = "nullif(o._true_from, '-infinity') AS true_from, o._true_to AS true_to"
    columns = ", ".join(f"o.{quote(column.name)}" for field in entity.fields for column in columns_of(field))
    key = ", ".join(f"h.{quote(part)}" for part in entity.key)
    return (
        f"SELECT {columns}, {times}, o._known_from AS known_from, r.command AS known_by\n"
        f"FROM (SELECT h.*, lead(h._true_from) OVER (PARTITION BY {key} ORDER BY h._true_from) AS _true_to\n"
        f"  FROM history.{quote(entity.table)} h WHERE h._known_to = 'infinity') o\n"
        f"{f'CROSS JOIN LATERAL {stood} s' if stood else ''}\n"
        "LEFT JOIN fieldmap.runs r ON r.id = o._run WHERE NOT o._gone"
    )


def versions_of(entity: ir.Entity, source: ir.Source, table: ClaimTable, join: str) -> dict[str, Any]:
    """For the merge: the versions `t` of one claim with the keys `k`, each with the time at which the next of its record begins."""
    until = (
        f"(SELECT n._changed FROM versions.{quote(source.map)} n WHERE n._record = t._record AND n._changed > t._changed"
        " ORDER BY n._changed LIMIT 1)"
    )
    live = " WHERE t._state = 'live'" if table.number == 0 else ""
    # What an id stood for depends on the time: as texts, they wait until a time is at hand.
    ids = {column: f"t.{quote(column)}::{_text(type_)}" for column, type_ in _by_id(entity).items()}
    own = {column.name for column in table.columns}
    return {
        "until": until,
        "from": f"versions.{quote(table.table)} t JOIN {join}{live}",
        "columns": {name: raw for name, raw in ids.items() if name in own},
    }


def _by_id(entity: ir.Entity) -> dict[str, str]:
    """The columns that some source gives as ids of records, with their types."""
    fields = {reference.field for source in entity.sources for reference in source.references}
    return {column.name: column.type for field in entity.fields if field.name in fields for column in columns_of(field)}


def _text(type_: str) -> str:
    return "text[]" if type_.endswith("[]") else "text"


def named(entity: ir.Entity) -> dict[str, dict[str, Any]]:
    """For the merge at a time `a._at`: how columns that hold ids of records get their keys, and at which times these may become others.

    Of each column the type of the ids, the value of a version `s` at the time, and conditions `(rank, join)`: the versions `r` of the
    records that a version of that source names.
    """
    if not entity.history:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for column, type_ in _by_id(entity).items():
        raw, many = f"s.{quote(column)}", type_.endswith("[]")
        cases, joins = [], []
        for source in entity.sources:
            for reference in source.references:
                if reference.field == column:
                    value = canonical_list(reference, raw, "a._at") if many else canonical_then(reference, raw, "a._at")
                    cases.append(f"WHEN {source.rank} THEN {value}")
                    one = f"CROSS JOIN LATERAL unnest({raw}) u(v) JOIN" if many else "JOIN"
                    held = "u.v" if many else raw
                    joins.append(
                        (source.rank, f'{one} versions.{quote(reference.records)} r ON r._record = {held} COLLATE "C"')
                    )
        found[column] = {
            "type": _text(type_),
            "value": f"CASE s._rank {' '.join(cases)} ELSE {raw}::{type_} END",
            "joins": joins,
        }
    return found
