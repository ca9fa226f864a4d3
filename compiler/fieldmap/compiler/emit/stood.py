"""Emits which rows of a history stood, where references must exist.

The timeline of an entity holds its rows as they were merged. A row of a time stands unless what it refers to, or what that refers to, and
so on, was not there at that time: then the canonical rows of the time are the largest set in which every such reference finds a row, as
they are now. It is judged when somebody asks: a row that comes, or goes, late would else change the times of all rows that need it,
and what is asked for is always right on both axes.

`reach` is what a row refers to, however far removed: of each row the name of its entity and its key, as texts.
"""

from __future__ import annotations

from collections.abc import Callable

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import columns_of, literal, quote
from fieldmap.compiler.emit.standing import Needed, needed

# Both terms of a recursion must agree on it.
_C = ' COLLATE "C"'


def reached(entity: ir.Entity, entities: dict[str, ir.Entity]) -> list[ir.Entity]:
    """The entities with rows that a row of this one needs, however far removed."""
    found: dict[str, ir.Entity] = {}
    waiting = [entity]
    while waiting:
        for reference in needed(waiting.pop(), entities):
            if reference.target.name not in found:
                found[reference.target.name] = reference.target
                waiting.append(reference.target)
    return list(found.values())


def stood_at(
    entity: ir.Entity, entities: dict[str, ir.Entity], row: str, true_at: str, known: Callable[[str], str]
) -> str:
    """Whether a row of history stood at a time; "" where nothing must exist. true_at: the time; known: of an alias of a history table
    whether its row was known. Both are SQL."""
    if not needed(entity, entities):
        return ""

    def found(target: ir.Entity) -> str:
        return (
            f"(SELECT * FROM (SELECT * FROM history.{quote(target.table)} c WHERE {_is(target, 'c')} AND c._true_from <= {true_at}"
            f" AND {known('c')} ORDER BY c._true_from DESC LIMIT 1) l WHERE NOT l._gone)"
        )

    targets = reached(entity, entities)
    further = _each(
        targets,
        lambda target: f"SELECT n.* FROM {found(target)} l CROSS JOIN LATERAL ({_refers(target, entities, 'l')}) n",
    )
    there = _each(targets, lambda target: f"SELECT 1 FROM {found(target)} l")
    return (
        f"NOT EXISTS (WITH RECURSIVE reach(_entity, _key) AS (\n  {_refers(entity, entities, row)}\n  UNION\n"
        f"  SELECT n.* FROM reach r CROSS JOIN LATERAL ({further}) n\n) SELECT FROM reach r WHERE NOT EXISTS ({there}))"
    )


def times_stood(entity: ir.Entity, entities: dict[str, ir.Entity], row: str) -> str:
    """A subquery `(part)`: the times of a row in which it stood, as far as is known now; "" where nothing must exist.

    row: an alias with the columns `_true_from` and `_true_to`.
    """
    if not needed(entity, entities):
        return ""
    whole = f"tstzrange({row}._true_from, {row}._true_to)"

    def spans(target: ir.Entity) -> str:
        return (
            "(SELECT * FROM (SELECT c.*, tstzrange(c._true_from, lead(c._true_from) OVER (ORDER BY c._true_from)) AS _span"
            f" FROM history.{quote(target.table)} c WHERE {_is(target, 'c')} AND c._known_to = 'infinity') l WHERE NOT l._gone AND l._span && r._at)"
        )

    targets = reached(entity, entities)
    further = _each(
        targets,
        lambda target: (
            f"SELECT n.*, r._at * l._span FROM {spans(target)} l CROSS JOIN LATERAL ({_refers(target, entities, 'l')}) n"
        ),
    )
    there = _each(targets, lambda target: f"SELECT l._span FROM {spans(target)} l")
    lacking = f"tstzmultirange(r._at) - coalesce((SELECT range_agg(_span) FROM ({there}) t), '{{}}')"
    return (
        f"(SELECT unnest(tstzmultirange({whole}) - coalesce((\n"
        f"  WITH RECURSIVE reach(_entity, _key, _at) AS (\n    SELECT n.*, {whole} FROM ({_refers(entity, entities, row)}) n\n    UNION\n"
        f"    SELECT n.* FROM reach r CROSS JOIN LATERAL ({further}) n\n"
        f"  ) SELECT range_agg({lacking}) FROM reach r), '{{}}')) AS part)"
    )


def _each(targets: list[ir.Entity], part: Callable[[ir.Entity], str]) -> str:
    """One part for each entity, of which the one counts that `r` names."""
    return " UNION ALL ".join(f"({part(target)} WHERE r._entity = {literal(target.name)})" for target in targets)


def _is(target: ir.Entity, alias: str) -> str:
    """Whether a row has the key that `r` names, compared as the key's own type so that its index is used."""
    types = {column.field: column.type for field in target.fields for column in columns_of(field)}
    return " AND ".join(
        f"{alias}.{quote(name)} = r._key[{number}]::{types[name]}" for number, name in enumerate(target.key, 1)
    )


def _refers(entity: ir.Entity, entities: dict[str, ir.Entity], row: str) -> str:
    """What a row refers to that must exist; no row where nothing must."""
    parts = [_one(reference, row) for reference in needed(entity, entities)]
    return " UNION ALL ".join(parts) or f"SELECT NULL::text{_C}, NULL::text[]{_C} WHERE false"


def _one(reference: Needed, row: str) -> str:
    name, held = literal(reference.target.name), f"{row}.{quote(reference.columns[0].name)}"
    if reference.many:
        return f"SELECT {name}::text{_C}, ARRAY[u.v::text{_C}] FROM unnest({held}) u(v)"
    key = ", ".join(f"{row}.{quote(column.name)}::text{_C}" for column in reference.columns)
    return f"SELECT {name}::text{_C}, ARRAY[{key}] WHERE {held} IS NOT NULL"
