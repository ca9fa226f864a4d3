"""Puts a bundle together from a checked project: emits every part, and describes them to the runtime."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.connectors import ConnectorPlan
from fieldmap.compiler.deletes import of_page
from fieldmap.compiler.emit import data, fetch, history, keeping, nulls, sql, standing, transform, views
from fieldmap.compiler.emit.columns import claimed_field, codec_of, columns_of
from fieldmap.compiler.emit.identity import referrers
from fieldmap.compiler.explain.private import tags_of
from fieldmap.compiler.registries import registries
from fieldmap.runtime import bundle
from fieldmap.runtime.plan import DELETES

MADE_BY = "fieldmap 0.1.0"


def make_bundle(project: ir.Project, connectors: dict[str, ConnectorPlan]) -> bundle.Bundle:
    """The bundle: the same bytes for the same sources, on any machine."""
    entities = {entity.name: entity for entity in project.entities}
    maps = {map_.id: map_ for map_ in project.maps}
    parts: dict[str, str] = {}
    for name, plan in connectors.items():
        parts[f"fetch/{name}.py"] = fetch.emit(plan)
        for parent in plan.parents.values():
            parts[f"parents/{parent.id}.py"] = transform.emit(parent, project.codes)
    for map_ in project.maps:
        parts[f"transform/{map_.id}.py"] = transform.emit(map_, project.codes)
        if map_.deletes is not None:
            parts[f"deletes/{map_.id}.py"] = transform.emit(of_page(map_, DELETES), project.codes)
        parts[f"sql/apply/{map_.id}.sql"] = sql.apply_sql(map_, entities)
    for entity in project.entities:
        parts[f"sql/merge/{entity.table}.sql"] = sql.merge_sql(entity, maps, entities)
    encoded = {path: text.encode() for path, text in parts.items()}
    encoded |= data.parts(project.maps, project.codes)
    encoded["ir.json"] = ir.encode(project) + b"\n"
    return bundle.make(encoded, _catalogue(project, entities, maps, sorted(connectors)), MADE_BY)


def _catalogue(
    project: ir.Project, entities: dict[str, ir.Entity], maps: dict[str, ir.Map], connectors: list[str]
) -> bundle.Catalogue:
    tables = [_canonical_table(entity, entities) for entity in project.entities]
    tables += [_waiting_table(entity, entities) for entity in project.entities if standing.needed(entity, entities)]
    for map_ in project.maps:
        for table in sql.claim_tables(map_, entities):
            columns = tuple((column.name, column.type) for column in table.kept_columns)
            if table.number == 0 and map_.keeps:
                columns = (*columns, keeping.COLUMN)
            tables.append(
                bundle.Table(schema="claims", name=table.table, create=sql.claims_ddl(table, map_), columns=columns)
            )
        if map_.keeps:
            tables.append(keeping.table(map_, sql.claim_tables(map_, entities)[0]))
        if history.remembers(map_, entities):
            tables += history.version_tables(map_, sql.claim_tables(map_, entities), sql.indexed)
    tables += [history.history_table(entity) for entity in project.entities if entity.history]
    tags = tags_of(project)
    provenance = [view for entity in project.entities for view in views.views_of(entity, maps, entities)]
    return bundle.Catalogue(
        tables=tuple(tables),
        views=tuple(provenance),
        entities=tuple(_entity_info(entity, entities) for entity in project.entities),
        maps=tuple(_map_info(map_, entities, tags) for map_ in project.maps),
        connectors=tuple(connectors),
        registries=registries(msgspec.to_builtins(project.maps)),
    )


def _canonical_table(entity: ir.Entity, entities: dict[str, ir.Entity]) -> bundle.Table:
    columns = tuple((column.name, column.type) for field in entity.fields for column in columns_of(field))
    return bundle.Table(
        schema="canonical", name=entity.table, create=sql.canonical_ddl(entity, entities), columns=columns
    )


def _waiting_table(entity: ir.Entity, entities: dict[str, ir.Entity]) -> bundle.Table:
    columns = _canonical_table(entity, entities).columns
    return bundle.Table(
        schema="waiting", name=entity.table, create=standing.waiting_ddl(entity, entities), columns=columns
    )


def _entity_info(entity: ir.Entity, entities: dict[str, ir.Entity]) -> bundle.EntityInfo:
    fields = [field for field in entity.fields if not field.is_key]
    return bundle.EntityInfo(
        name=entity.name,
        table=entity.table,
        version=entity.version,
        key=entity.key,
        fields=tuple(field.name for field in fields),
        units={field.name: unit for field in fields if (unit := _unit(field.type))},
        rules=tuple(
            bundle.RuleInfo(
                field=name,
                rule=rule.text,
                file=rule.place.file if rule.place else entity.place.file,
                line=rule.place.line if rule.place else entity.place.line,
            )
            for name, rule in entity.rules.items()
        ),
        identity=_identity_info(entity.identity) if entity.identity is not None else None,
        referrers=tuple(sorted({other.name for other, _, _ in referrers(entities, entity.name)})),
        history=entity.history,
        waiters=tuple(standing.waiters(entity, entities)),
        needs=tuple(sorted({reference.target.name for reference in standing.needed(entity, entities)})),
        conditions=tuple(
            bundle.ConditionInfo(kind=c.kind, message=c.message, file=c.place.file, line=c.place.line)
            for c in entity.conditions
        ),
    )


def _identity_info(identity: ir.Identity) -> bundle.IdentityInfo:
    return bundle.IdentityInfo(
        base=identity.base,
        own=identity.own,
        matches=tuple(
            bundle.MatchInfo(
                source=match.source,
                target=match.target,
                fields=match.fields,
                text=match.text,
                file=match.place.file,
                line=match.place.line,
            )
            for match in identity.matches
        ),
        agree=identity.agree,
    )


def _unit(type_: ir.Type) -> str:
    match type_:
        case (
            ir.IntType(unit=ir.Unit(text=text))
            | ir.DecimalType(unit=ir.Unit(text=text))
            | ir.FloatType(unit=ir.Unit(text=text))
        ):
            return text
        case ir.MoneyType(currency=currency, period=period):
            return " ".join(part for part in (currency or "", f"per {period}" if period else "") if part)
        case _:
            return ""


def _map_info(map_: ir.Map, entities: dict[str, ir.Entity], tags: Mapping[tuple[str, str], str]) -> bundle.MapInfo:
    return bundle.MapInfo(
        id=map_.id,
        title=map_.title,
        resource=f"{map_.connector}.{map_.resource}",
        format=map_.format,
        version=map_.version,
        file=map_.place.file,
        line=map_.place.line,
        claims=tuple(_claim_info(table) for table in sql.claim_tables(map_, entities)),
        keeps=map_.keeps,
        absence=map_.absence or "",
        origins=tuple(
            bundle.FieldOrigin(
                claim=claim.number,
                field=item.field,
                paths=item.paths,
                statement=item.place.text,
                file=item.place.file,
                line=item.place.line,
                outcome=item.outcome,
                share=item.share if item.outcome == "hold" else "",
                assumed=item.assumed,
                tag=tags.get((claim.entity, item.field), ""),
            )
            for claim in claims_of(map_)
            for item in claim.assignments
        ),
    )


def _claim_info(table: sql.ClaimTable) -> bundle.ClaimInfo:
    columns: tuple[bundle.ClaimColumn, ...] = ()
    if table.claim is not None and table.entity is not None:
        fields = {field.name: field for field in table.entity.fields}
        columns = tuple(
            bundle.ClaimColumn(
                field=item.field,
                codec=codec_of(claimed_field(item, fields[item.field]).type),
                columns=tuple(column.name for column in columns_of(claimed_field(item, fields[item.field]))),
            )
            for item in table.claim.assignments
        )
    return bundle.ClaimInfo(
        number=table.number,
        table=table.table,
        entity=table.entity.name if table.entity is not None else None,
        columns=columns,
        nulls=nulls.fields(table.claim),
        numbering=table.source.numbering if table.source is not None else "",
    )
