"""Emits what turns the keys and references of claims into canonical keys: expressions for the merge, and the crosswalk's steps.

Claims keep keys and references as their source gives them. `canonical` says in SQL what such a value means now, and `own_keys` is
the other way round: the keys of one source that are a given canonical key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import literal, quote


def resolution(entity: ir.Entity, source: ir.Source, field: str) -> ir.Reference | None:
    """How a field of a source's claims becomes canonical; None if it is so already."""
    if entity.identity is not None and field in entity.key:
        return ir.Reference(
            field=field, entity=entity.name, numbering=source.numbering, numberings=entity.identity.numberings
        )
    return next((reference for reference in source.references if reference.field == field), None)


def canonical(reference: ir.Reference, raw: str, *, before: bool = False) -> str:
    """The canonical key that `raw`, an expression of the source's own value, stands for; null for the id of no record.

    before: as it was before this transaction's moves (the temporary table `moved`).
    """
    if reference.records:
        key = _key(reference, f"r.{quote(reference.records_key)}", before=before)
        return f"(SELECT {key} FROM claims.{quote(reference.records)} r WHERE r._record = {raw} COLLATE \"C\" AND r._state = 'live')"
    return _key(reference, raw, before=before)


def _key(reference: ir.Reference, raw: str, *, before: bool) -> str:
    if not reference.numberings:
        return raw
    if reference.numbering == reference.numberings[0]:
        return based(reference.numberings, raw)
    where = f'= ({literal(reference.entity)}, {literal(reference.numbering)}, {raw} COLLATE "C")'
    qualified = f"{literal(reference.numbering + ':')} || {raw}"
    now = f"(SELECT x.canonical FROM identity.crosswalk x WHERE (x.entity, x.source, x.key) {where})"
    if before:
        old = f"(SELECT coalesce(m.old, {qualified}) FROM moved m WHERE (m.entity, m.source, m.key) {where})"
        return f"coalesce({old}, {now}, {qualified})"
    return f"coalesce({now}, {qualified})"


def based(numberings: tuple[str, ...], raw: str) -> str:
    """The canonical key of a key of the base."""
    qualified = " OR ".join(f"starts_with({raw}, {literal(name + ':')})" for name in numberings)
    return f"CASE WHEN {qualified} THEN {literal(numberings[0] + ':')} || {raw} ELSE {raw} END"


def canonical_then(reference: ir.Reference, raw: str, at: str) -> str:
    """The key that the record of an id had at a time; null where there was none. For references whose entity has one numbering."""
    return (
        f"(SELECT CASE WHEN r._state = 'live' THEN r.{quote(reference.records_key)} END FROM versions.{quote(reference.records)} r"
        f' WHERE r._record = {raw} COLLATE "C" AND r._changed <= {at} ORDER BY r._changed DESC LIMIT 1)'
    )


def canonical_list(reference: ir.Reference, raw: str, at: str = "") -> str:
    """`canonical` of each element, or `canonical_then`; those that stand for nothing are left out."""
    element = canonical_then(reference, "u.v", at) if at else canonical(reference, "u.v")
    return (
        f"CASE WHEN {raw} IS NOT NULL THEN ARRAY(SELECT e.c FROM unnest({raw}) WITH ORDINALITY AS u(v, n)"
        f" CROSS JOIN LATERAL (SELECT {element} AS c) e WHERE e.c IS NOT NULL ORDER BY u.n) END"
    )


def own_keys(reference: ir.Reference, key: str) -> str:
    """A subquery `(raw)`: the source's own keys that are the canonical key `key`."""
    names, numbering = reference.numberings, reference.numbering
    prefix = literal(numbering + ":")
    stripped = f"substr({key}, {len(numbering) + 2})"
    if numbering == names[0]:
        return (
            f"(SELECT v.raw FROM (VALUES ({key}), (CASE WHEN starts_with({key}, {prefix}) THEN {stripped} END)) v(raw)"
            f" WHERE {based(names, 'v.raw')} = {key})"
        )
    known = f"(x.entity, x.source) = ({literal(reference.entity)}, {literal(numbering)})"
    return (
        f"(SELECT x.key AS raw FROM identity.crosswalk x WHERE {known} AND x.canonical = {key}"
        f" UNION ALL SELECT {stripped} WHERE starts_with({key}, {prefix})"
        f" AND NOT EXISTS (SELECT FROM identity.crosswalk x WHERE {known} AND x.key = {stripped}))"
    )


# -------------------------------------------------------------------------------------------------- claims of keys


def key_values(entity: ir.Entity, source: ir.Source, alias: str, *, before: bool = False) -> list[str]:
    """The canonical key of a claim, an expression for each of its fields."""

    def value(name: str) -> str:
        raw = f"{alias}.{quote(name)}"
        reference = resolution(entity, source, name)
        return raw if reference is None else canonical(reference, raw, before=before)

    return [value(name) for name in entity.key]


def keys_join(entity: ir.Entity, source: ir.Source, keys: str) -> str:
    """`<keys> k ON …`: what a claim table `t` is joined with, so that `k` holds the canonical key of each of its claims."""
    tables, conditions = [f"{keys} k"], []
    for number, name in enumerate(entity.key):
        reference = resolution(entity, source, name)
        if reference is None:
            conditions.append(f"t.{quote(name)} = k.{quote(name)}")
        else:
            tables.append(f"JOIN LATERAL {own_keys(reference, f'k.{quote(name)}')} o{number} ON true")
            conditions.append(f'o{number}.raw = t.{quote(name)} COLLATE "C"')
    joined = tables[0] if len(tables) == 1 else f"({' '.join(tables)})"
    return f"{joined} ON {' AND '.join(conditions)}"


def column_value(entity: ir.Entity, source: ir.Source, field: str, column: str, type_: str) -> str:
    """A column of a claim `t` with references resolved."""
    raw = f"t.{quote(column)}"
    reference = resolution(entity, source, field)
    if reference is None:
        return raw
    return f"({canonical_list(reference, raw) if type_.endswith('[]') else canonical(reference, raw)})"


# ------------------------------------------------------------------------------------------------------- referrers


def referrers(entities: dict[str, ir.Entity], name: str) -> list[tuple[ir.Entity, ir.Source, ir.Reference]]:
    """Everything that has to follow when keys of an entity move, or records come and go that others name by their id."""
    tables = {source.table for source in entities[name].sources}
    return [
        (entity, source, reference)
        for entity in entities.values()
        for source in entity.sources
        for reference in source.references
        if reference.entity == name or reference.records in tables
    ]


def touch_referrers(entities: dict[str, ir.Entity], name: str) -> str:
    """The statements that touch all rows with a reference to what moved."""
    return "".join(
        _touch(entity, source, reference, join)
        for entity, source, reference in referrers(entities, name)
        for join in _joins(entity, reference, name)
    )


def _joins(entity: ir.Entity, reference: ir.Reference, name: str) -> list[str]:
    field = next(field for field in entity.fields if field.name == reference.field)
    column = f"t.{quote(field.column)}"
    many = isinstance(field.type, ir.ListType)

    def holding(value: str, rows: str) -> str:
        """The claims whose reference is one of the values; of a list all values at once, which its index answers."""
        if many:
            return f"(SELECT array_agg({value}::text) AS keys FROM {rows}) h ON {column} && h.keys"
        return f'(SELECT DISTINCT {value} AS key FROM {rows}) h ON {column} COLLATE "C" = h.key'

    moved = f"(m.entity, m.source) = ({literal(reference.entity)}, {literal(reference.numbering)})"
    if not reference.records:
        return [holding("m.key", f"moved m WHERE {moved}")]
    found = [holding("s.record", f"seen s WHERE s.claims = {literal(reference.records)}")]
    if reference.entity == name and reference.numberings:
        records = (
            f"claims.{quote(reference.records)} r JOIN moved m ON {moved} AND m.key = r.{quote(reference.records_key)}"
        )
        found.append(holding("r._record", records))
    return found


def _touch(entity: ir.Entity, source: ir.Source, reference: ir.Reference, join: str) -> str:
    live = " WHERE t._state = 'live'" if source.claim == 0 else ""
    times = (True, False) if reference.field in entity.key else (False,)
    return "".join(
        f"INSERT INTO touched_{entity.table} SELECT {', '.join(key_values(entity, source, 't', before=before))}"
        f" FROM {schema}.{quote(source.table)} t JOIN {join}{live};\n"
        for schema in ("claims", *(["versions"] if entity.history else []))
        for before in times
    )


# ------------------------------------------------------------------------------------------------------- crosswalk


def identity_sql(entity: ir.Entity, claims: Callable[[ir.Source], frozenset[str]], render: Callable[..., str]) -> str:
    """The steps that decide which canonical key each key of the entity's sources is; empty if all share one numbering.

    claims: the fields that a source claims.
    """
    identity = entity.identity
    if identity is None:
        return ""
    return render(
        "identity.sql.j2",
        entity=entity.name,
        table=entity.table,
        key=entity.key[0],
        sources=[
            {"table": source.table, "numbering": source.numbering, "child": source.claim > 0}
            for source in entity.sources
        ],
        parts=_parts(entity, identity, claims),
        agree=identity.agree,
        owns=[_own(entity, identity, number) for number in range(len(identity.own))],
    )


def _parts(
    entity: ir.Entity, identity: ir.Identity, claims: Callable[[ir.Source], frozenset[str]]
) -> list[dict[str, Any]]:
    """What is evidence: that a key is claimed (line 0), the values of the match lines (1 …), those that must agree (-1 …)."""
    columns = {field.name: field.column for field in entity.fields}
    types = {field.name: field.type for field in entity.fields}

    def part(source: ir.Source, line: int, fields: tuple[str, ...]) -> dict[str, Any]:
        values = ", ".join(_compared(f"t.{quote(columns[name])}", types[name]) for name in fields)
        return {
            "line": line,
            "table": source.table,
            "child": source.claim > 0,
            "numbering": source.numbering,
            "columns": [columns[name] for name in fields],
            "value": f"jsonb_build_array({values})::text" if fields else "''",
        }

    parts = [part(source, 0, ()) for source in entity.sources if source.numbering != identity.base]
    for number, match in enumerate(identity.matches, 1):
        parts.extend(part(entity.sources[rank], number, match.fields) for rank in (*match.sources, *match.targets))
    for number, field in enumerate(identity.agree, 1):
        parts.extend(part(source, -number, (field,)) for source in entity.sources if field in claims(source))
    return parts


def _compared(column: str, type_: ir.Type) -> str:
    """A value as it is compared: numbers by what they are, not by how many zeros are written behind them."""
    return f"trim_scale({column})" if isinstance(type_, ir.DecimalType) else column


def _own(entity: ir.Entity, identity: ir.Identity, number: int) -> dict[str, Any]:
    name = identity.own[number]
    table = f"joined_{entity.table}"

    def canonical_of(source: str, key: str) -> str:
        if source == identity.base:
            return based(identity.numberings, key)
        where = f"(j.source, j.key) = ({literal(source)}, {key})"
        return f"coalesce((SELECT j.canonical FROM {table} j WHERE {where}), {literal(source + ':')} || {key})"

    def base_of(source: str, key: str) -> str:
        if source == identity.base:
            return key
        return f"(SELECT j.base_key FROM {table} j WHERE (j.source, j.key) = ({literal(source)}, {key}))"

    before = (identity.base, *identity.own[:number])

    def decided(value: Callable[[str, str], str]) -> str:
        cases = " ".join(f"WHEN {literal(source)} THEN {value(source, 'd.target_key')}" for source in before)
        return f"CASE d.target {cases} END"

    return {
        "number": number,
        "name": name,
        "prefix": f"{name}:",
        "before": before,
        "decided": decided(canonical_of),
        "decided_base": decided(base_of),
        "lines": [
            {
                "number": line,
                "text": match.text,
                "target": match.target,
                "canonical": canonical_of(match.target, "t.key"),
                "base": base_of(match.target, "t.key"),
                "members": f"(SELECT {literal(identity.base)} AS source, p.base_key AS key WHERE p.base_key IS NOT NULL"
                f" UNION ALL SELECT j.source, j.key FROM {table} j WHERE j.canonical = p.canonical)",
            }
            for line, match in enumerate(identity.matches, 1)
            if match.source == name
        ],
    }
