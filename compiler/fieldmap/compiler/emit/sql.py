"""Emits the store's side of a project: tables, the statements that apply a batch of a map, and the merge of an entity.

Statements are named steps in a `.sql` file (`-- step merge`); the loader runs them by name. All identifiers are quoted and all
constants escaped here; values reach the statements only by COPY and parameters.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import Column, columns_of, literal, quote
from fieldmap.compiler.merges import claims_of


@dataclass(frozen=True)
class ClaimTable:
    """Where one claim of a map is kept. columns are those of the fields that the map assigns, in their order."""

    claim: ir.Claim | None
    table: str
    number: int
    columns: tuple[Column, ...]
    entity: ir.Entity | None

    @property
    def key(self) -> list[str]:
        return list(self.entity.key) if self.entity is not None else []


def claim_tables(map_: ir.Map, entities: dict[str, ir.Entity]) -> list[ClaimTable]:
    """The record table of a map first (it may carry no claim of its own), then those of its `each` blocks."""
    tables = [_claim_table(claim, entities) for claim in claims_of(map_)]
    if map_.claim is None:
        tables.insert(0, ClaimTable(None, map_.id, 0, (), None))
    return tables


def _claim_table(claim: ir.Claim, entities: dict[str, ir.Entity]) -> ClaimTable:
    entity = entities[claim.entity]
    fields = {field.name: field for field in entity.fields}
    columns = tuple(column for assignment in claim.assignments for column in columns_of(fields[assignment.field]))
    return ClaimTable(claim, claim.table, claim.number, columns, entity)


def claims_ddl(table: ClaimTable, map_: ir.Map) -> str:
    """CREATE TABLE of a claim table, with its index and comment."""
    what = f"What {map_.title} claims" if table.claim is not None else f"Records of {map_.title}"
    return _render(
        "claims.sql.j2",
        table=table.table,
        child=table.number > 0,
        columns=table.columns,
        key=table.key,
        comment=f"{what}; one row a source record",
    )


def canonical_ddl(entity: ir.Entity) -> str:
    """CREATE TABLE of an entity's canonical rows."""
    columns = _entity_columns(entity)
    leaders = [column.field for column in columns if column.leads and column.field not in entity.key]
    return _render(
        "canonical.sql.j2", table=entity.table, columns=columns, key=list(entity.key), doc=entity.doc, fields=leaders
    )


def apply_sql(map_: ir.Map, entities: dict[str, ir.Entity]) -> str:
    """The steps that bring one batch of a map into the claim tables."""
    tables = claim_tables(map_, entities)
    touched = {table.entity.name: table.entity for table in tables if table.entity is not None}
    shown = [
        {
            "table": t.table,
            "number": t.number,
            "columns": t.columns,
            "key": t.key,
            "entity": t.entity.table if t.entity is not None else "",
        }
        for t in tables
    ]
    return _render(
        "apply.sql.j2",
        map_id=map_.id,
        root=shown[0],
        children=shown[1:],
        entities=[{"table": entity.table, "key": _key_columns(entity)} for entity in touched.values()],
    )


def merge_sql(entity: ir.Entity, maps: dict[str, ir.Map], entities: dict[str, ir.Entity]) -> str:
    """The steps that make the canonical rows of the keys touched."""
    by_source = {(map_.id, table.number): table for map_ in maps.values() for table in claim_tables(map_, entities)}
    columns = [
        _merge_column(column, number, entity)
        for number, column in enumerate(c for c in _entity_columns(entity) if c.field not in entity.key)
    ]
    return _render(
        "merge.sql.j2",
        table=entity.table,
        entity=entity.name,
        key=list(entity.key),
        key_columns=_key_columns(entity),
        key_text=_key_text(entity, "m"),
        key_text_k=_key_text(entity, "k"),
        columns=columns,
        leaders=[column for column in columns if column["leads"]],
        required=[column["name"] for column in columns if column["required"] and column["leads"]],
        sources=[
            {
                "table": source.table,
                "rank": source.rank,
                "partial": source.partial,
                "child": source.claim > 0,
                "columns": {column.name for column in by_source[(source.map, source.claim)].columns},
            }
            for source in entity.sources
        ],
    )


def _merge_column(column: Column, number: int, entity: ir.Entity) -> dict[str, Any]:
    rule = entity.rules[column.field]
    leader = next(c for c in _entity_columns(entity) if c.field == column.field and c.leads)
    order = _order(rule, len(entity.sources))
    present = f"{quote(leader.name)} IS NOT NULL"
    if len(rule.order) < len(entity.sources):
        present += f" AND _rank IN ({', '.join(str(rank) for rank in rule.order)})"
    name = quote(column.name)
    if column.list_of:
        # array_agg cannot gather arrays of different lengths, so they travel as JSON.
        gathered = f"(jsonb_agg(to_jsonb({name}) ORDER BY {order}) FILTER (WHERE {present}))->0"
        chosen = f"ARRAY(SELECT e::{column.list_of} FROM jsonb_array_elements_text({gathered}) WITH ORDINALITY AS x(e, n) ORDER BY n)"
        alone = f"CASE WHEN {present} THEN {name} ELSE '{{}}' END"
    else:
        chosen = f"(array_agg({name} ORDER BY {order}) FILTER (WHERE {present}))[1]"
        alone = f"CASE WHEN {present} THEN {name} END"
    return {
        "name": column.name,
        "type": column.type,
        "leads": column.leads,
        "required": column.required,
        "present": present,
        "order": order,
        "chosen": chosen,
        "alone": alone,
        "winner": f"_w{number}",
    }


def _order(rule: ir.Rule, sources: int) -> str:
    """The total order by which a field's claims compete: no two claims are equal in it, whatever the order of arrival."""
    rank = "_rank"
    if rule.order != tuple(range(sources)):
        rank = "CASE _rank " + " ".join(f"WHEN {r} THEN {place}" for place, r in enumerate(rule.order)) + " END"
    match rule.kind:
        case "newest":
            return f"_changed DESC, {rank}, _record, _element"
        case "oldest":
            return f"_changed, {rank}, _record, _element"
        case _:
            return f"{rank}, _changed DESC, _record, _element"


def _entity_columns(entity: ir.Entity) -> list[Column]:
    return [column for field in entity.fields for column in columns_of(field)]


def _key_columns(entity: ir.Entity) -> list[Column]:
    """The columns of the key, in the order of the key."""
    columns = {column.field: column for column in _entity_columns(entity)}
    return [columns[name] for name in entity.key]


def _key_text(entity: ir.Entity, alias: str) -> str:
    """A row's key as one text: itself, or a JSON list of its parts."""
    if len(entity.key) == 1:
        return f"{alias}.{quote(entity.key[0])}::text"
    return f"jsonb_build_array({', '.join(f'{alias}.{quote(name)}' for name in entity.key)})::text"


# --------------------------------------------------------------------------------------------------------- views


def views_sql(entity: ir.Entity, maps: dict[str, ir.Map], entities: dict[str, ir.Entity]) -> list[tuple[str, str]]:
    """Views of schema provenance, by name: every value with its origin, keys claimed twice by one source, dangling references."""
    return [
        (entity.table, _provenance_view(entity)),
        (f"{entity.table}_duplicates", _duplicates_view(entity)),
        (f"{entity.table}_dangling", _dangling_view(entity, entities)),
    ]


def _sources_union(entity: ir.Entity, columns: str) -> str:
    parts = [
        f"SELECT {literal(source.map)}::text AS _map, {source.claim} AS _claim_number, {columns} FROM claims.{quote(source.table)}"
        + (" WHERE _state = 'live'" if source.claim == 0 else "")
        for source in entity.sources
    ]
    return "\n  UNION ALL\n  ".join(parts)


def _provenance_view(entity: ir.Entity) -> str:
    leaders = [column for column in _entity_columns(entity) if column.leads and column.field not in entity.key]
    values = ",\n    ".join(
        f"({literal(c.field)}, o.{quote(c.name)}::text, o._claims[{n}])" for n, c in enumerate(leaders, 1)
    )
    if not entity.sources or not leaders:
        return "SELECT NULL::text AS key, NULL::text AS field, NULL::text AS value WHERE false"
    return (
        f"SELECT {_key_text(entity, 'o')} AS key, f.field, f.value, s._map AS map, s._record AS record, nullif(s._changed, '-infinity') AS changed,\n"
        "  s._position AS archive_position, s._index AS record_index, d.paths, d.statement, d.file, d.line, r.rule\n"
        f"FROM canonical.{quote(entity.table)} o\n"
        f"CROSS JOIN LATERAL (VALUES\n    {values}) AS f(field, value, claim)\n"
        f"JOIN (\n  {_sources_union(entity, '_claim, _record, _changed, _position, _index')}\n) s ON s._claim = f.claim\n"
        "LEFT JOIN fieldmap.map_fields d ON (d.map, d.claim, d.field) = (s._map, s._claim_number, f.field)\n"
        f"LEFT JOIN fieldmap.rules r ON (r.entity, r.field) = ({literal(entity.name)}, f.field)\n"
        "WHERE f.value IS NOT NULL"
    )


def _duplicates_view(entity: ir.Entity) -> str:
    if not entity.sources:
        return "SELECT NULL::text AS key, NULL::text AS map, NULL::text[] AS records WHERE false"
    keys = ", ".join(quote(name) for name in entity.key)
    return (
        f"SELECT {_key_text(entity, 's')} AS key, s._map AS map, array_agg(s._record ORDER BY s._record) AS records\n"
        f"FROM (\n  {_sources_union(entity, f'_record, {keys}')}\n) s GROUP BY s._map, {', '.join(f's.{quote(n)}' for n in entity.key)} HAVING count(*) > 1"
    )


def _dangling_view(entity: ir.Entity, entities: dict[str, ir.Entity]) -> str:
    parts = []
    for field in entity.fields:
        if isinstance(field.type, ir.ReferenceType):
            target = entities[field.type.entity]
            parts.append(
                f"SELECT {_key_text(entity, 'o')} AS key, {literal(field.name)}::text AS field, o.{quote(field.column)}::text AS refers_to\n"
                f"FROM canonical.{quote(entity.table)} o LEFT JOIN canonical.{quote(target.table)} t"
                f" ON t.{quote(target.key[0])} = o.{quote(field.column)}\nWHERE o.{quote(field.column)} IS NOT NULL AND t.{quote(target.key[0])} IS NULL"
            )
    return (
        "\nUNION ALL\n".join(parts)
        or "SELECT NULL::text AS key, NULL::text AS field, NULL::text AS refers_to WHERE false"
    )


# ------------------------------------------------------------------------------------------------------ rendering


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: (
                resources.files("fieldmap.compiler.emit").joinpath("templates").joinpath(name).read_text("utf-8")
            )
        ),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701  (SQL, not HTML; every name goes through quote, every text through literal)
    )
    environment.filters.update(
        q=quote,
        lit=literal,
        of=lambda name, alias: f"{alias}.{quote(name)}",
        eq=lambda name, left, right: f"{left}.{quote(name)} = {right}.{quote(name)}",
    )
    return environment


def _render(template: str, **values: object) -> str:
    text = _environment().get_template(template).render(**values)
    return re.sub(r"\n{2,}", "\n", text).strip() + "\n"
