"""Emits what holds rows back whose references must exist, as `interpret.standing` says in words.

A row that fulfils all else is canonical or, while some reference that must exist finds no canonical row, in schema `waiting`. The
statements go from one state of both to the next, starting with what a transaction has merged:

    wake    every waiting row that refers to a row that came is canonical again, if only to be looked at; so do rows that need
            each other come together
    fall    of the rows that were looked at, or that refer to one that went, those with a reference that finds nothing wait;
            again and again, since others may refer to them

so that the canonical rows are the largest set in which every such reference finds a row, whatever came first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import Column, columns_of, literal, quote

# So many bytes of an entry of an index, which takes 2,704, are for texts; and so many a character has at most.
_INDEXED_BYTES = 2_000
_CHARACTER = 4


@dataclass(frozen=True)
class Needed:
    """A reference that must exist. name: of the field, or of the reference of several fields. columns: those that hold it, in the
    order of the target's key. many: whether it is a list."""

    name: str
    target: ir.Entity
    columns: tuple[Column, ...]
    many: bool

    def equal(self, target: str, row: str) -> str:
        """What joins a row of the target's key with a row that refers to it, where that is no list."""
        pairs = [
            (f"{target}.{quote(key)}", f"{row}.{quote(column.name)}", column)
            for key, column in zip(self.target.key, self.columns, strict=True)
        ]
        same = [f"{key} = {held}{_collation(column)}" for key, held, column in pairs]
        # What the index has of them, besides.
        same += [
            f"{self.indexed(key, column)} = {self.indexed(held, column)}{_collation(column)}"
            for key, held, column in pairs
            if self.indexed(key, column) != key
        ]
        return " AND ".join(same)

    def indexed(self, value: str, column: Column) -> str:
        """What an index has of a column: of a text that is a part only its beginning. Each part may be as long as a key; together they
        would be more than an index takes, and the row, with all others of its batch, could not be stored."""
        if len(self.columns) == 1 or "text" not in column.type:
            return value
        return f"left({value}, {_INDEXED_BYTES // _CHARACTER // len(self.columns)})"

    def dangles(self, row: str) -> str:
        """Whether a reference of `row` finds no canonical row."""
        held = f"{row}.{quote(self.columns[0].name)}"
        table = f"canonical.{quote(self.target.table)}"
        if self.many:
            return (
                f"EXISTS (SELECT FROM unnest({held}) u(v) WHERE NOT EXISTS"
                f" (SELECT FROM {table} t WHERE t.{quote(self.target.key[0])} = u.v{_collation(self.columns[0])}))"
            )
        return f"({held} IS NOT NULL AND NOT EXISTS (SELECT FROM {table} t WHERE {self.equal('t', row)}))"


def _collation(column: Column) -> str:
    # The keys' own: with another the index over them would be of no use.
    return ' COLLATE "C"' if "text" in column.type else ""


def needed(entity: ir.Entity, entities: dict[str, ir.Entity]) -> list[Needed]:
    """The references of an entity that must exist."""
    found = []
    for field in entity.fields:
        type_ = field.type.element if isinstance(field.type, ir.ListType) else field.type
        if field.must_exist and isinstance(type_, ir.ReferenceType):
            many = isinstance(field.type, ir.ListType)
            found.append(Needed(field.name, entities[type_.entity], tuple(columns_of(field)), many))
    fields = {field.name: field for field in entity.fields}
    for one in entity.composites:
        if one.must_exist:
            columns = tuple(column for name in one.fields for column in columns_of(fields[name]))
            found.append(Needed(one.name, entities[one.entity], columns, many=False))
    return found


def waiters(entity: ir.Entity, entities: dict[str, ir.Entity]) -> list[str]:
    """The entities with rows that need a row of this one."""
    return sorted(
        other.name for other in entities.values() if any(n.target.name == entity.name for n in needed(other, entities))
    )


def indexes(schema: str, entity: ir.Entity, entities: dict[str, ir.Entity]) -> list[str]:
    """Statements that index the references that must exist, so that those of a row that comes or goes are found."""
    return [
        f"CREATE INDEX IF NOT EXISTS {quote(_name(schema, entity, reference))} ON {schema}.{quote(entity.table)}"
        f"{' USING gin' if reference.many else ''}"
        f" ({', '.join(_indexed(reference))})"
        for reference in needed(entity, entities)
        if entity.key[: len(reference.columns)] != tuple(column.name for column in reference.columns)
    ]


def _indexed(reference: Needed) -> list[str]:
    """What an index over a reference has. Of the collation by which it is looked up: by another it would not be used."""
    return [reference.indexed(quote(column.name), column) + _collation(column) for column in reference.columns]


def _name(schema: str, entity: ir.Entity, reference: Needed) -> str:
    named = f"{schema}.{entity.table}.{','.join(_indexed(reference))}"
    return f"must_exist_{hashlib.sha256(named.encode()).hexdigest()[:16]}"


def waiting_ddl(entity: ir.Entity, entities: dict[str, ir.Entity]) -> str:
    """CREATE TABLE of the rows of an entity that wait for others."""
    columns = [
        *_columns(entity),
        "_claims bigint[] NOT NULL",
        "_made_by bigint NOT NULL",
        "_changed_by bigint NOT NULL",
    ]
    key = ", ".join(quote(name) for name in entity.key)
    lines = ",\n  ".join([*columns, f"PRIMARY KEY ({key})"])
    made = f"CREATE TABLE waiting.{quote(entity.table)} (\n  {lines}\n)"
    comment = f"COMMENT ON TABLE waiting.{quote(entity.table)} IS {literal(f'Rows of {entity.name} that are held back until what they refer to exists')}"
    return ";\n".join([made, *indexes("waiting", entity, entities), comment]) + ";\n"


def _columns(entity: ir.Entity) -> list[str]:
    return [f"{quote(column.name)} {column.type}" for field in entity.fields for column in columns_of(field)]


def standing_sql(
    entity: ir.Entity, entities: dict[str, ir.Entity], key: list[Column], key_text: Callable[[ir.Entity, str], str]
) -> str:
    """The steps of an entity with such references, or that such references need; empty for all others."""
    found = needed(entity, entities)
    if not found and not waiters(entity, entities):
        return ""
    table = entity.table
    names = ", ".join(quote(name) for name in entity.key)
    typed = ", ".join(f"{quote(column.name)} {column.type}" for column in key)
    steps = {
        "involve": "".join(
            f"CREATE TEMP TABLE {name}_{table} ({typed}) ON COMMIT DROP;\n"
            for name in ("arrived", "left", *(["suspect"] if found else []))
        ),
        "arrive": f"INSERT INTO arrived_{table} SELECT {names} FROM keys_{table} k"
        f" WHERE {_exists(entity, 'canonical', 'k')} AND NOT {_in(entity, f'was_{table}', 'k')};\n"
        f"INSERT INTO left_{table} SELECT {names} FROM was_{table} k WHERE NOT {_exists(entity, 'canonical', 'k')};\n",
    }
    if found:
        steps["arrive"] += (
            f"DELETE FROM waiting.{quote(table)} w USING keys_{table} k WHERE {_same(entity, 'w', 'k')};\n"
            f"INSERT INTO suspect_{table} SELECT {names} FROM keys_{table} k WHERE {_exists(entity, 'canonical', 'k')};\n"
        )
        steps["suspect_all"] = f"INSERT INTO suspect_{table} SELECT {names} FROM canonical.{quote(table)};\n"
        for number, reference in enumerate(found):
            steps[f"wake_{number}"] = _wake(entity, reference, key_text)
            keys = ", ".join(f"o.{quote(name)}" for name in entity.key)
            steps[f"suspect_{number}"] = (
                f"INSERT INTO suspect_{table} SELECT {keys} FROM canonical.{quote(table)} o"
                f" JOIN left_{reference.target.table} l ON {_referring(reference, 'o', 'l')};\n"
            )
        steps["fall"] = _fall(entity, found, key_text)
    return "".join(f"-- step {name}\n{text}" for name, text in steps.items())


def _referring(reference: Needed, row: str, target: str) -> str:
    if reference.many:
        # Written so that the index over the list answers it.
        column = reference.columns[0]
        return f"{row}.{quote(column.name)} @> ARRAY[{target}.{quote(reference.target.key[0])}]::{column.type}"
    return reference.equal(target, row)


def _same(entity: ir.Entity, one: str, other: str) -> str:
    return " AND ".join(f"{one}.{quote(name)} = {other}.{quote(name)}" for name in entity.key)


def _in(entity: ir.Entity, rows: str, key: str) -> str:
    return f"EXISTS (SELECT FROM {rows} x WHERE {_same(entity, 'x', key)})"


def _exists(entity: ir.Entity, schema: str, key: str) -> str:
    return _in(entity, f"{schema}.{quote(entity.table)}", key)


def _wake(entity: ir.Entity, reference: Needed, key_text: Callable[[ir.Entity, str], str]) -> str:
    """Brings rows back that wait for what arrived; gives their number."""
    table, names = entity.table, ", ".join(quote(name) for name in entity.key)
    values = ", ".join(quote(column.name) for field in entity.fields for column in columns_of(field))
    keys = ", ".join(f"o.{quote(name)}" for name in entity.key)
    return (
        f"WITH woken AS (DELETE FROM waiting.{quote(table)} w USING (SELECT DISTINCT {keys} FROM waiting.{quote(table)} o"
        f" JOIN arrived_{reference.target.table} t ON {_referring(reference, 'o', 't')}) f WHERE {_same(entity, 'w', 'f')} RETURNING w.*),\n"
        f"  back AS (INSERT INTO canonical.{quote(table)} ({values}, _claims, _made_by, _changed_by)\n"
        f"    SELECT {values}, _claims, %(run)s, 0 FROM woken ORDER BY {names} RETURNING {names}),\n"
        f"  noted AS (INSERT INTO arrived_{table} SELECT {names} FROM back),\n"
        f"  seen AS (INSERT INTO suspect_{table} SELECT {names} FROM back),\n"
        f"  told AS (DELETE FROM fieldmap.incomplete i USING back b WHERE i.entity = {literal(entity.name)} AND i.key = {key_text(entity, 'b')})\n"
        "SELECT count(*) FROM back;\n"
    )


def _fall(entity: ir.Entity, found: list[Needed], key_text: Callable[[ir.Entity, str], str]) -> str:
    """Lets rows wait whose references find nothing; gives how many were there before the run, how many this run had made, and
    how many of the former it had changed."""
    table, names = entity.table, ", ".join(quote(name) for name in entity.key)
    values = ", ".join(quote(column.name) for field in entity.fields for column in columns_of(field))
    missing = " OR ".join(reference.dangles("o") for reference in found)
    return (
        f"WITH gone AS (DELETE FROM canonical.{quote(table)} o USING (SELECT DISTINCT {names} FROM suspect_{table}) s\n"
        f"    WHERE {_same(entity, 'o', 's')} AND ({missing}) RETURNING o.*),\n"
        f"  kept AS (INSERT INTO waiting.{quote(table)} ({values}, _claims, _made_by, _changed_by)\n"
        f"    SELECT {values}, _claims, _made_by, _changed_by FROM gone ORDER BY {names}),\n"
        f"  noted AS (INSERT INTO left_{table} SELECT {names} FROM gone),\n"
        f"  done AS (DELETE FROM suspect_{table}),\n"
        f"  told AS (INSERT INTO fieldmap.incomplete (entity, key, missing) SELECT {literal(entity.name)}, {key_text(entity, 'g')}, '{{}}' FROM gone g ON CONFLICT DO NOTHING)\n"
        "SELECT count(*) FILTER (WHERE _made_by <> %(run)s), count(*) FILTER (WHERE _made_by = %(run)s),"
        " count(*) FILTER (WHERE _made_by <> %(run)s AND _changed_by = %(run)s) FROM gone;\n"
    )
