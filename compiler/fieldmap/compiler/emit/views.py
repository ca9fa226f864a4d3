"""Emits the views of schema `provenance`: where values come from, and the lists of what wants a look, each line to be read by itself."""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.compiler.emit import history, identity, keeping, standing
from fieldmap.compiler.emit.columns import Column, literal, quote
from fieldmap.compiler.emit.sql import entity_columns, key_text

_CONFLICTS = {
    "FM2180": "the sources do not agree",
    "FM2181": "several currencies",
    "FM2182": "stands in for a value that is held",
}


def views_sql(entity: ir.Entity, maps: dict[str, ir.Map], entities: dict[str, ir.Entity]) -> list[tuple[str, str]]:
    """Views of schema provenance, by name: every value with its origin, the live claims of every key, keys claimed twice by one source, dangling references."""
    return [
        (entity.table, _provenance_view(entity, maps)),
        (f"{entity.table}_claims", _claims_view(entity)),
        (f"{entity.table}_duplicates", _duplicates_view(entity)),
        (f"{entity.table}_dangling", _dangling_view(entity, entities)),
        (f"{entity.table}_stale", _stale_view(entity)),
        (f"{entity.table}_incomplete", _incomplete_view(entity)),
        (f"{entity.table}_warned", _warned_view(entity)),
        (f"{entity.table}_conflicts", _conflicts_view(entity)),
        *(
            [(f"{entity.table}_history", history.view(entity)), (f"{entity.table}_past", _past_view(entity, maps))]
            if entity.history
            else []
        ),
    ]


def _sources_union(entity: ir.Entity, columns: str, maps: dict[str, ir.Map], schema: str = "claims") -> str:
    """The live claims. `_kept` tells where the values stand that a claim keeps from earlier versions of its record."""
    parts = [
        f"SELECT {literal(source.map)}::text AS _map, {source.claim} AS _claim_number, {columns}, {keeping.kept(maps[source.map], source.claim)} AS _kept"
        f" FROM {schema}.{quote(source.table)}" + (" WHERE _state = 'live'" if source.claim == 0 else "")
        for source in entity.sources
    ]
    return "\n  UNION ALL\n  ".join(parts)


def _past_view(entity: ir.Entity, maps: dict[str, ir.Map]) -> str:
    """As the view of now, for every row that ever was; a version that was replaced under the same time tells no origin any more."""
    times = "o._true_from, o._known_from, o._known_to, o._gone, "
    return _provenance_view(entity, maps, "history", "versions", times)


def _provenance_view(
    entity: ir.Entity, maps: dict[str, ir.Map], rows: str = "canonical", claims: str = "claims", more: str = ""
) -> str:
    leaders = [column for column in entity_columns(entity) if column.leads and column.field not in entity.key]
    values = ",\n    ".join(
        # A single winner stands for all fields.
        f"({literal(c.field)}, {_shown(entity, c)}, o._claims[{'1' if n == 1 else f'least({n}, cardinality(o._claims))'}],"
        f" {str(entity.rules[c.field].null_wins).lower()})"
        for n, c in enumerate(leaders, 1)
    )
    if not entity.sources or not leaders:
        return "SELECT NULL::text AS key, NULL::text AS field, NULL::text AS value WHERE false"
    return (
        f"SELECT {key_text(entity, 'o')} AS key, {more}f.field, f.value, s._map AS map, s._record AS record, nullif(s._changed, '-infinity') AS changed,\n"
        f"  {keeping.origin('s', 'position', 'f.field')} AS archive_position, {keeping.origin('s', 'index', 'f.field')} AS record_index,\n"
        "  d.paths, d.statement, d.file, d.line, r.rule, d.assumed\n"
        f"FROM {rows}.{quote(entity.table)} o\n"
        f"CROSS JOIN LATERAL (VALUES\n    {values}) AS f(field, value, claim, nullable)\n"
        f"JOIN (\n  {_sources_union(entity, '_claim, _record, _changed, _position, _index', maps, claims)}\n) s ON s._claim = f.claim\n"
        "LEFT JOIN fieldmap.map_fields d ON (d.map, d.claim, d.field) = (s._map, s._claim_number, f.field)\n"
        f"LEFT JOIN fieldmap.rules r ON (r.entity, r.field) = ({literal(entity.name)}, f.field)\n"
        # A null that won is told; a member that the claim of its group lacks is not.
        "WHERE f.value IS NOT NULL OR f.nullable"
    )


def _claims_view(entity: ir.Entity) -> str:
    if not entity.sources:
        return "SELECT NULL::text AS key, NULL::bigint AS claim, NULL::text AS map, NULL::text AS record, NULL::timestamptz AS changed WHERE false"
    return (
        f"SELECT {key_text(entity, 's')} AS key, s._claim AS claim, s._map AS map, s._record AS record, nullif(s._changed, '-infinity') AS changed\n"
        f"FROM (\n  {_keyed_union(entity, ', t._claim, t._changed')}\n) s"
    )


def _shown(entity: ir.Entity, leader: Column) -> str:
    """A field of a canonical row `o` as text: an amount with its currency or unit."""
    columns = [column for column in entity_columns(entity) if column.field == leader.field]
    return " || ' ' || ".join(f"o.{quote(column.name)}::text" for column in columns)


def _duplicates_view(entity: ir.Entity) -> str:
    if not entity.sources:
        return "SELECT NULL::text AS key, NULL::text AS map, NULL::text[] AS records WHERE false"
    names = ", ".join(f"s.{quote(name)}" for name in entity.key)
    return (
        f"SELECT {key_text(entity, 's')} AS key, s._map AS map, array_agg(s._record ORDER BY s._record) AS records\n"
        f"FROM (\n  {_keyed_union(entity)}\n) s GROUP BY s._map, {names} HAVING count(*) > 1"
    )


def _conditions(entity: ir.Entity) -> str:
    """The conditions over merged rows as a table of number, message and place."""
    lines = [
        f"({number}, {literal(c.message)}, {literal(f'{c.place.file}:{c.place.line}')})"
        for number, c in enumerate(entity.conditions)
    ]
    return f"(VALUES {', '.join(lines or ['(NULL::integer, NULL::text, NULL::text)'])}) AS c(number, message, place)"


def _incomplete_view(entity: ir.Entity) -> str:
    """Rows held back, why in one sentence, and the records that claim them."""
    failed = f"SELECT string_agg(c.message, '; ' ORDER BY c.number) FROM {_conditions(entity)} WHERE c.number = ANY(i.failed)"
    return (
        "SELECT i.key, concat_ws('; ', CASE WHEN i.missing <> '{}' THEN 'still empty: ' || array_to_string(i.missing, ', ') END,\n"
        f"    ({failed}), CASE WHEN i.twice THEN 'two claims of one source have this key' END) AS why,\n"
        "  i.missing, array_agg(s.map || ' ' || s.record ORDER BY s.map, s.record) FILTER (WHERE s.map IS NOT NULL) AS claims\n"
        f"FROM fieldmap.incomplete i LEFT JOIN provenance.{quote(f'{entity.table}_claims')} s ON s.key = i.key\n"
        f"WHERE i.entity = {literal(entity.name)} GROUP BY i.key, i.missing, i.failed, i.twice"
    )


def _warned_view(entity: ir.Entity) -> str:
    """Rows on which a `warn` does not hold."""
    return (
        f"SELECT w.key, c.message, c.place FROM fieldmap.warned w JOIN {_conditions(entity)} ON c.number = w.condition\n"
        f"WHERE w.entity = {literal(entity.name)}"
    )


def _conflicts_view(entity: ir.Entity) -> str:
    """Fields on which claims contradict each other, one row a claim; first the one that stands, where one does."""
    words = " ".join(f"WHEN {literal(code)} THEN {literal(text)}" for code, text in _CONFLICTS.items())
    return (
        f"SELECT f.key, f.field, f.code, CASE f.code {words} END AS conflict, x.place, s.map, s.record, s.changed,\n"
        "  x.claim->>1 AS value, x.claim->>2 AS held_because\n"
        "FROM fieldmap.conflicts f CROSS JOIN LATERAL jsonb_array_elements(f.claims) WITH ORDINALITY AS x(claim, place)\n"
        f"LEFT JOIN provenance.{quote(f'{entity.table}_claims')} s ON s.claim = (x.claim->>0)::bigint\n"
        f"WHERE f.entity = {literal(entity.name)}"
    )


def _keyed_union(entity: ir.Entity, more: str = "") -> str:
    """The live claims with their canonical keys. more: further columns of the claims, each behind a comma."""

    def part(source: ir.Source) -> str:
        values = identity.key_values(entity, source, "t")
        keys = ", ".join(f"{value} AS {quote(name)}" for name, value in zip(entity.key, values, strict=True))
        live = " WHERE t._state = 'live'" if source.claim == 0 else ""
        return f"SELECT {literal(source.map)}::text AS _map, t._record{more}, {keys} FROM claims.{quote(source.table)} t{live}"

    return "\n  UNION ALL\n  ".join(part(source) for source in entity.sources)


def _stale_view(entity: ir.Entity) -> str:
    """Claims of a record of which a newer version was rejected: they stand, and are not what the source says now. A rejected
    version whose time could not be read is newer if it came later."""
    if not entity.sources:
        return "SELECT NULL::text AS key, NULL::text AS map, NULL::text AS record WHERE false"
    return (
        f"SELECT {key_text(entity, 's')} AS key, s._map AS map, s._record AS record, nullif(s._changed, '-infinity') AS changed,\n"
        "  d.changed AS rejected, d.code, d.field, d.reason, d.id AS dead_letter\n"
        f"FROM (\n  {_keyed_union(entity, ', t._changed, t._position, t._index')}\n) s\n"
        "JOIN fieldmap.dead_letters d ON (d.map, d.record) = (s._map, s._record)\n"
        "  AND (coalesce(d.changed, s._changed), d.archive_position, d.record_index) > (s._changed, s._position, s._index)"
    )


def _dangling_view(entity: ir.Entity, entities: dict[str, ir.Entity]) -> str:
    """References that find no row, also of rows that wait for it; and those by id that find no record, which are in no row but in the
    claim alone."""
    parts: list[str] = []
    for field in entity.fields:
        type_ = field.type.element if isinstance(field.type, ir.ListType) else field.type
        if isinstance(type_, ir.ReferenceType):
            parts.extend(
                _dangling(entity, field, entities[type_.entity], schema)
                for schema in (("canonical", "waiting") if standing.needed(entity, entities) else ("canonical",))
            )
            parts.extend(
                _nameless(entity, field, source, reference, _whose(reference, entities))
                for source in entity.sources
                for reference in source.references
                if reference.field == field.name and reference.records
            )
    parts.extend(
        _dangling_composite(entity, one, entities[one.entity], schema)
        for one in entity.composites
        for schema in (("canonical", "waiting") if standing.needed(entity, entities) else ("canonical",))
    )
    return (
        "\nUNION ALL\n".join(parts)
        or "SELECT NULL::text AS key, NULL::text AS field, NULL::text AS refers_to, false AS must_exist WHERE false"
    )


def _dangling(entity: ir.Entity, field: ir.Field, target: ir.Entity, schema: str) -> str:
    value, from_ = f"o.{quote(field.column)}", f"{schema}.{quote(entity.table)} o"
    if isinstance(field.type, ir.ListType):
        value, from_ = "u.v", f"{from_} CROSS JOIN LATERAL unnest(o.{quote(field.column)}) u(v)"
    return (
        f"SELECT {key_text(entity, 'o')} AS key, {literal(field.name)}::text AS field, {value}::text AS refers_to, {str(field.must_exist).lower()} AS must_exist\n"
        f"FROM {from_} LEFT JOIN canonical.{quote(target.table)} t"
        f" ON t.{quote(target.key[0])} = {value}\nWHERE {value} IS NOT NULL AND t.{quote(target.key[0])} IS NULL"
    )


def _dangling_composite(entity: ir.Entity, one: ir.Composite, target: ir.Entity, schema: str) -> str:
    values = [f"o.{quote(name)}" for name in one.fields]
    joined = " AND ".join(f"t.{quote(key)} = {value}" for key, value in zip(target.key, values, strict=True))
    return (
        f"SELECT {key_text(entity, 'o')} AS key, {literal(one.name)}::text AS field, jsonb_build_array({', '.join(values)})::text AS refers_to,"
        f" {str(one.must_exist).lower()} AS must_exist\n"
        f"FROM {schema}.{quote(entity.table)} o LEFT JOIN canonical.{quote(target.table)} t ON {joined}\n"
        f"WHERE {values[0]} IS NOT NULL AND t.{quote(target.key[0])} IS NULL"
    )


def _whose(reference: ir.Reference, entities: dict[str, ir.Entity]) -> str:
    """The resource whose records' ids a reference holds."""
    sources = (source for entity in entities.values() for source in entity.sources)
    return next(f"{s.connector}.{s.resource}" for s in sources if s.table == reference.records)


def _nameless(entity: ir.Entity, field: ir.Field, source: ir.Source, reference: ir.Reference, resource: str) -> str:
    value, from_ = f"t.{quote(field.column)}", f"claims.{quote(source.table)} t"
    if isinstance(field.type, ir.ListType):
        value, from_ = "u.v", f"{from_} CROSS JOIN LATERAL unnest(t.{quote(field.column)}) u(v)"
    keys = zip(entity.key, identity.key_values(entity, source, "t"), strict=True)
    row = f"(SELECT {', '.join(f'{key} AS {quote(name)}' for name, key in keys)})"
    live = "t._state = 'live' AND " if source.claim == 0 else ""
    return (
        f"SELECT {key_text(entity, 'k')} AS key, {literal(field.name)}::text AS field, {literal(f'record of {resource}: ')} || {value} AS refers_to, false AS must_exist\n"
        f"FROM {from_} CROSS JOIN LATERAL {row} k\n"
        f"WHERE {live}{value} IS NOT NULL AND {identity.canonical(reference, value)} IS NULL"
    )
