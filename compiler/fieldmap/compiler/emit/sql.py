"""Emits the store's side of a project: tables, the statements that apply a batch of a map, and the merge of an entity.

Statements are named steps in a `.sql` file (`-- step merge`); the loader runs them by name. All identifiers are quoted and all
constants escaped here; values reach the statements only by COPY and parameters.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

import jinja2
import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.emit import history, identity, keeping, nulls, standing, standins
from fieldmap.compiler.emit.columns import Column, claimed_field, columns_of, literal, quote
from fieldmap.compiler.emit.conditions import condition_sql
from fieldmap.compiler.emit.paired import Paired, is_alone, paired
from fieldmap.compiler.emit.rules import Chosen, FieldRules


@dataclass(frozen=True)
class ClaimTable:
    """Where one claim of a map is kept. columns are those of the fields that the map assigns, in their order."""

    claim: ir.Claim | None
    table: str
    number: int
    columns: tuple[Column, ...]
    entity: ir.Entity | None

    @property
    def made(self) -> ir.Claim:
        """The claim, of a table that has one."""
        if self.claim is None:
            raise ValueError(f"{self.table} holds records that claim nothing")
        return self.claim

    @property
    def key(self) -> list[str]:
        return list(self.entity.key) if self.entity is not None else []

    @property
    def source(self) -> ir.Source | None:
        """The claim as a source of its entity."""
        sources = self.entity.sources if self.entity is not None else ()
        return next((source for source in sources if source.table == self.table), None)

    @property
    def kept_columns(self) -> tuple[Column, ...]:
        """The columns of the table beyond those that every claim table has."""
        return (*self.columns, *([nulls.COLUMN] if nulls.fields(self.claim) else []))

    @property
    def claimed(self) -> frozenset[str]:
        """The fields that the map assigns."""
        return frozenset(column.field for column in self.columns)


def claim_tables(map_: ir.Map, entities: dict[str, ir.Entity]) -> list[ClaimTable]:
    """The record table of a map first (it may carry no claim of its own), then those of its `each` blocks."""
    tables = [_claim_table(claim, entities) for claim in claims_of(map_)]
    if map_.claim is None:
        tables.insert(0, ClaimTable(None, map_.id, 0, (), None))
    return tables


def _claim_table(claim: ir.Claim, entities: dict[str, ir.Entity]) -> ClaimTable:
    entity = entities[claim.entity]
    fields = {field.name: field for field in entity.fields}
    columns = tuple(
        column
        for assignment in claim.assignments
        for column in columns_of(claimed_field(assignment, fields[assignment.field]))
    )
    return ClaimTable(claim, claim.table, claim.number, columns, entity)


def claims_ddl(table: ClaimTable, map_: ir.Map) -> str:
    """CREATE TABLE of a claim table, with its index and comment."""
    what = f"What {map_.title} claims" if table.claim is not None else f"Records of {map_.title}"
    return _render(
        "claims.sql.j2",
        table=table.table,
        child=table.number > 0,
        columns=table.kept_columns,
        key=table.key,
        references=indexed(table),
        comment=f"{what}; one row a source record",
        keeps=table.number == 0 and bool(map_.keeps),
    )


def indexed(table: ClaimTable) -> list[dict[str, str]]:
    """The references that are looked up when what they refer to becomes another canonical key."""
    lists = {column.field for column in table.columns if column.list_of}
    return [
        {"name": column.name, "method": "gin" if column.field in lists else "btree"}
        for reference in (table.source.references if table.source is not None else ())
        for column in table.columns
        if column.field == reference.field and table.key != [reference.field]
    ]


def canonical_ddl(entity: ir.Entity, entities: dict[str, ir.Entity]) -> str:
    """CREATE TABLE of an entity's canonical rows."""
    columns = entity_columns(entity)
    leaders = [column.field for column in columns if column.leads and column.field not in entity.key]
    return _render(
        "canonical.sql.j2",
        table=entity.table,
        columns=columns,
        key=list(entity.key),
        doc=entity.doc,
        fields=leaders,
        indexes=standing.indexes("canonical", entity, entities),
    )


def apply_sql(map_: ir.Map, entities: dict[str, ir.Entity]) -> str:
    """The steps that bring one batch of a map into the claim tables."""
    tables = claim_tables(map_, entities)
    touched = {table.entity.name: table.entity for table in tables if table.entity is not None}
    references = [r for entity in entities.values() for source in entity.sources for r in source.references]
    shown = [
        {
            "table": t.table,
            "number": t.number,
            "columns": t.kept_columns,
            "entity": t.entity.table if t.entity is not None else "",
            "name": t.entity.name if t.entity is not None else "",
            "keyed": _keys_of(t),
            "told": _key_told(t),
            "raw": t.key,
            "numbering": t.source.numbering if t.source is not None else "",
            "named": any(reference.records == t.table for reference in references),
            "remembered": history.is_remembered(t),
            "versioned": history.version_columns(t),
        }
        for t in tables
    ]
    return _render(
        "apply.sql.j2",
        map_id=map_.id,
        keeps=keeping.fields(map_, tables[0]) if map_.keeps else [],
        kept_nulls=keeping.nulls_kept(map_),
        earlier=keeping.table_name(map_),
        remembers=history.remembers(map_, entities),
        root=shown[0],
        children=shown[1:],
        entities=[{"table": entity.table, "key": _key_columns(entity)} for entity in touched.values()],
    )


def _keys_of(table: ClaimTable) -> Callable[[str], str]:
    """The canonical key of a claim under an alias, as a list of expressions."""

    def keys(alias: str) -> str:
        if table.entity is None or table.source is None:
            return ""
        return ", ".join(identity.key_values(table.entity, table.source, alias))

    return keys


def _key_told(table: ClaimTable) -> Callable[[str], str]:
    """The canonical key of a claim under an alias as one text, as `key_text` writes it."""

    def told(alias: str) -> str:
        if table.entity is None or table.source is None:
            return "NULL"
        values = identity.key_values(table.entity, table.source, alias)
        return f"({values[0]})::text" if len(values) == 1 else f"jsonb_build_array({', '.join(values)})::text"

    return told


def merge_sql(entity: ir.Entity, maps: dict[str, ir.Map], entities: dict[str, ir.Entity]) -> str:
    """The steps that make the canonical rows of the keys touched."""
    by_source = {(map_.id, table.number): table for map_ in maps.values() for table in claim_tables(map_, entities)}
    types = {column.name: column.type for column in entity_columns(entity)}
    rules = FieldRules(entity, [column for column in entity_columns(entity) if column.field not in entity.key])
    columns = rules.columns
    sources = [
        {
            "table": source.table,
            "map": source.map,
            "claim": source.claim,
            "rank": source.rank,
            "partial": source.partial,
            "child": source.claim > 0,
            "keyed": ", ".join(identity.key_values(entity, source, "t")),
            "join": identity.keys_join(entity, source, f"keys_{entity.table}"),
            "versions": history.versions_of(
                entity,
                source,
                by_source[(source.map, source.claim)],
                identity.keys_join(entity, source, f"keys_{entity.table}"),
            ),
            "lacks": [_lacks(needed, by_source[(source.map, source.claim)]) for needed in standins.groups(entity)],
            "nulls": {
                nulls.flag(name): nulls.said(by_source[(source.map, source.claim)].made, name)
                for name in _nullable(entity)
            },
            "columns": {
                column.name: identity.column_value(entity, source, column.field, column.name, types[column.name])
                for column in by_source[(source.map, source.claim)].columns
            },
        }
        for source in entity.sources
    ]
    stands = standing.standing_sql(entity, entities, _key_columns(entity), key_text)
    merge = _render(
        "merge.sql.j2",
        standing=bool(stands),
        table=entity.table,
        entity=entity.name,
        key=list(entity.key),
        key_columns=_key_columns(entity),
        key_text=key_text(entity, "m"),
        key_text_k=key_text(entity, "k"),
        key_text_t=key_text(entity, "t"),
        alone=_are_alone(entity, maps),
        columns=columns,
        windows=rules.windows,
        tallies=rules.tallies,
        timed=_timed(entity) if entity.history else None,
        named=history.named(entity),
        leaders=[column for column in columns if column.leads],
        null_flags=[nulls.flag(name) for name in _nullable(entity)],
        required=[column.name for column in columns if column.required and column.leads],
        conflicting=[column for column in columns if column.leads and column.conflict],
        unique=entity.unique,
        needs=standins.groups(entity),
        **_held_back(entity, [column.name for column in columns if column.required and column.leads]),
        fresh=sources[0] if is_direct(entity, entities) else None,
        side_by_side=_side_by_side(entity, rules.columns, maps, by_source),
        sources=sources,
    )
    steps = identity.identity_sql(entity, lambda s: by_source[(s.map, s.claim)].claimed, _render)
    return f"{steps}-- step referrers\n{identity.touch_referrers(entities, entity.name)}{merge}{stands}"


def _side_by_side(
    entity: ir.Entity,
    columns: list[Chosen],
    maps: dict[str, ir.Map],
    tables: dict[tuple[str, int], ClaimTable],
) -> list[Paired] | None:
    """The merged columns where no source has two claims for a key; None where one may, or keys and references are resolved first."""
    if entity.identity is not None or not entity.sources or any(source.references for source in entity.sources):
        return None
    if not _are_alone(entity, maps):
        return None
    has = {
        source.rank: frozenset(column.name for column in tables[source.map, source.claim].columns)
        for source in entity.sources
    }
    wanted = {column.name for column in columns}
    return paired(entity, [column for column in entity_columns(entity) if column.name in wanted], has)


def _are_alone(entity: ir.Entity, maps: dict[str, ir.Map]) -> bool:
    return all(is_alone(maps[source.map], source.claim, entity) for source in entity.sources)


def _timed(entity: ir.Entity) -> FieldRules:
    """The rules for rows that are told apart by a time as well as by their key."""
    return FieldRules(
        msgspec.structs.replace(entity, key=(*entity.key, "_at")),
        [column for column in entity_columns(entity) if column.field not in entity.key],
    )


def is_direct(entity: ir.Entity, entities: dict[str, ir.Entity]) -> bool:
    """Whether rows that are new can be made from the stage of the one claim that there is: nothing else has a say in them, and
    nothing has to follow."""
    return (
        len(entity.sources) == 1
        and entity.identity is None
        and not entity.sources[0].references
        and not _nullable(entity)
        and not identity.referrers(entities, entity.name)
        and not standing.needed(entity, entities)
        and not standing.waiters(entity, entities)
    )


def _held_back(entity: ir.Entity, required: list[str]) -> dict[str, object]:
    """What keeps a merged row `m` from being canonical: required fields, conditions, duplicates; and what is only told of it."""
    judged = [
        (condition.kind, {"number": number, "sql": condition_sql(entity, condition, "m")})
        for number, condition in enumerate(entity.conditions)
    ]
    musts = [item for kind, item in judged if kind == "must"]
    parts = [f"m.{quote(name)} IS NOT NULL" for name in required]
    parts += [f"{must['sql']} IS NOT FALSE" for must in musts]
    parts += ["NOT m._twice"] if entity.unique else []
    return {
        "complete": " AND ".join(["m._whole", *parts]),
        "held_back": bool(parts),
        "musts": musts,
        "warns": [item for kind, item in judged if kind == "warn"],
    }


def _lacks(needed: tuple[str, ...], table: ClaimTable) -> str:
    """How many of the fields a claim `t` does not have."""
    leaders = {column.field: column.name for column in table.columns if column.leads}
    return " + ".join(f"(t.{quote(leaders[name])} IS NULL)::integer" if name in leaders else "1" for name in needed)


def _nullable(entity: ir.Entity) -> list[str]:
    """The fields that an explicit null can win."""
    return [name for name, rule in entity.rules.items() if rule.null_wins]


def entity_columns(entity: ir.Entity) -> list[Column]:
    return [column for field in entity.fields for column in columns_of(field)]


def _key_columns(entity: ir.Entity) -> list[Column]:
    """The columns of the key, in the order of the key."""
    columns = {column.field: column for column in entity_columns(entity)}
    return [columns[name] for name in entity.key]


def key_text(entity: ir.Entity, alias: str) -> str:
    """A row's key as one text: itself, or a JSON list of its parts."""
    if len(entity.key) == 1:
        return f"{alias}.{quote(entity.key[0])}::text"
    return f"jsonb_build_array({', '.join(f'{alias}.{quote(name)}' for name in entity.key)})::text"


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
        differs=_differs,
    )
    environment.globals["origin"] = keeping.origin
    return environment


def _differs(column: Chosen | Column, left: str, right: str) -> str:
    """Whether two rows hold different values. PostgreSQL calls a month and thirty days equal, and 1.0 and 1.00 within a JSON, so these
    are compared as texts."""
    element, many, _ = column.type.partition("[]")
    cast = f"::text{many}" if element in ("interval", "jsonb") else ""
    name = quote(column.name)
    return f"{left}.{name}{cast} IS DISTINCT FROM {right}.{name}{cast}"


def _render(template: str, **values: object) -> str:
    text = _environment().get_template(template).render(**values)
    return re.sub(r"\n{2,}", "\n", text).strip() + "\n"
