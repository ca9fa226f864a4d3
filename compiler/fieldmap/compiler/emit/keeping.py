"""Former values in SQL: what versions of a record said, for those that leave it unchanged.

A map that keeps has a table beside its record table, with a row for each version of a record that still counts: one that gives a
field which no newer version gives. What a kept field holds is the value of the newest row that gives it, so it is a function of
the versions that were seen, in whatever order. `_kept` of the record table leads from a field to that row's place (null: there is
none), and names only fields that the standing version keeps.

Of an entity that keeps history every version is such a one for the time that it held, so each is filled, and the rows are needed of all
times: one counts unless a later one of the same time gives all that it gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldmap.compiler import ir
from fieldmap.compiler.emit import nulls
from fieldmap.compiler.emit.columns import Column, literal, quote
from fieldmap.runtime import bundle

if TYPE_CHECKING:
    from fieldmap.compiler.emit.sql import ClaimTable

# Of the record table.
COLUMN = ("_kept", "jsonb")
# Of the table of versions: which fields a version leaves unchanged, too.
OF_VERSIONS = (COLUMN, ("_unsaid", "text[]"))
_TYPES = {"position": "bigint", "index": "integer"}


def table_name(map_: ir.Map) -> str:
    """Next to the tables of `each` and `also` blocks, whose numbers begin with 1."""
    return f"{map_.id}__0"


def columns_kept(map_: ir.Map, root: ClaimTable) -> tuple[Column, ...]:
    """The columns of the fields that versions may keep."""
    return tuple(column for column in root.columns if column.field in map_.keeps)


def fields(map_: ir.Map, root: ClaimTable) -> list[dict[str, Any]]:
    """Each kept field with its columns, for the steps that apply a batch."""
    columns = columns_kept(map_, root)
    return [{"name": name, "columns": [c for c in columns if c.field == name]} for name in map_.keeps]


def nulls_kept(map_: ir.Map) -> list[str]:
    """The kept fields of which an explicit null is kept too."""
    return [name for name in map_.keeps if name in nulls.fields(map_.claim)]


def table(map_: ir.Map, root: ClaimTable) -> bundle.Table:
    """The table of earlier versions."""
    columns = (*columns_kept(map_, root), *([nulls.COLUMN] if nulls_kept(map_) else []))
    name = f"claims.{quote(table_name(map_))}"
    lines = [
        '_record text COLLATE "C" NOT NULL',
        "_changed timestamptz NOT NULL",
        "_position bigint NOT NULL",
        "_index integer NOT NULL",
        "_map_version integer NOT NULL",
        "_unsaid text[] NOT NULL",
        *(f"{quote(column.name)} {column.type}" for column in columns),
        "PRIMARY KEY (_record, _position, _index)",
    ]
    what = f"What versions of records said to {map_.title}, as far as newer ones leave it unchanged; _unsaid: what they leave so themselves"
    create = f"CREATE TABLE {name} (\n  " + ",\n  ".join(lines) + f"\n);\nCOMMENT ON TABLE {name} IS {literal(what)};\n"
    pairs = tuple((column.name, column.type) for column in columns)
    return bundle.Table(schema="claims", name=table_name(map_), create=create, columns=pairs)


def kept(map_: ir.Map, claim: int) -> str:
    """A claim's `_kept`, null where the map has none."""
    return "_kept" if claim == 0 and map_.keeps else "NULL::jsonb"


def origin(alias: str, what: str, field: str) -> str:
    """Where the value of a field stands in the archive. what: position or index. field: an SQL expression for its name."""
    return f"coalesce(({alias}._kept->{field}->>'{what}')::{_TYPES[what]}, {alias}._{what})"


def origins(map_: ir.Map, claim: int, field: str) -> str:
    """A row for a claim `t`: position and index of the version that gave a field; whether it is kept, and an earlier one gave it."""
    if claim or field not in map_.keeps:
        return "(SELECT t._position AS position, t._index AS index, false AS kept, true AS founded)"
    name = literal(field)
    return (
        f"(SELECT {origin('t', 'position', name)} AS position, {origin('t', 'index', name)} AS index,"
        f" coalesce(t._kept ? {name}, false) AS kept, coalesce(jsonb_typeof(t._kept->{name}) = 'object', true) AS founded)"
    )
