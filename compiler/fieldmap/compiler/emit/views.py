"""Emits the views of schema `provenance`: where values come from, and the lists of what wants a look, each line to be read by itself."""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.compiler.emit import history, identity, keeping, standing
from fieldmap.compiler.emit.columns import Column, literal, quote
from fieldmap.compiler.emit.sql import entity_columns, key_text
from fieldmap.runtime import bundle

_CONFLICTS = {
    "FM2180": "the sources do not agree",
    "FM2181": "several currencies",
    "FM2182": "stands in for a value that is held",
}


# What a reader of the database sees behind a column, wherever a view has it.
COLUMNS = {
    "key": "The key of the row as one text; of a key of several fields a JSON list of its parts",
    "field": "The field of the entity",
    "value": "The value as text, in the unit or currency of the field; an amount of a field without one is followed by its currency",
    "claim": "The number of the claim, as in _claims of the row",
    "map": "The id of the map that claims it; fieldmap.positions has its title",
    "record": "The source's id of the record",
    "changed": "When the record changed in its source; empty where the source does not say",
    "archive_position": "Where the response lies in the archive: fieldmap explain shows it",
    "record_index": "The place of the record in its response, from 0",
    "paths": "The paths that the map reads for it",
    "statement": "The line of the map that makes it",
    "file": "The file of that line",
    "line": "The number of that line",
    "rule": "The merge rule that chose it",
    "assumed": "Why a currency that no source names is taken for granted",
    "records": "The records of one source that claim this key",
    "refers_to": "The key that no row has",
    "must_exist": "Whether the row is held back for it",
    "why": "Why the row is held back",
    "missing": "The required fields that stay empty",
    "claims": "The records that claim this key",
    "message": "What the condition says",
    "place": "Where the condition stands in the maps, or the place of the claim among those that disagree: 1 is the one that stands",
    "code": "The code of the finding: fieldmap explain-code tells more",
    "conflict": "What the claims disagree on",
    "held_because": "Why this claim has no value",
    "rejected": "When the version changed that was rejected",
    "reason": "Why it was rejected",
    "dead_letter": "Its number: fieldmap dlq show NUMBER",
    **history.VIEW_COMMENTS,
}
_VIEWS = {
    "": "Every value of {}, one row each, with where it comes from",
    "_claims": "The records that claim each row of {} now",
    "_duplicates": "Keys of {} that one source claims by several records",
    "_dangling": "References of {} that find no row",
    "_stale": "Claims of {} that stand although a newer version of their record was rejected",
    "_incomplete": "Rows of {} that are held back, and why",
    "_warned": "Rows of {} on which a warn does not hold",
    "_conflicts": "Fields of {} on which the sources disagree, one row a claim",
    "_history": "What {} was at which time, as it is known now; one row for each time in which nothing changed",
}


def views_of(entity: ir.Entity, maps: dict[str, ir.Map], entities: dict[str, ir.Entity]) -> list[bundle.View]:
    """The views of schema provenance, with what each and its columns are."""
    queries = {
        "": provenance_sql(entity, maps, f"canonical.{quote(entity.table)}"),
        "_claims": _claims_view(entity),
        "_duplicates": _duplicates_view(entity),
        "_dangling": _dangling_view(entity, entities),
        "_stale": _stale_view(entity),
        "_incomplete": _incomplete_view(entity),
        "_warned": _warned_view(entity),
        "_conflicts": _conflicts_view(entity),
        **({"_history": history.view(entity, entities)} if entity.history else {}),
    }
    fields = {column.name: column.comment for column in entity_columns(entity) if column.comment}
    return [
        bundle.View(
            name=f"{entity.table}{added}",
            query=query,
            comment=_VIEWS[added].format(entity.name),
            comments={**fields, **history.VIEW_COMMENTS} if added == "_history" else COLUMNS,
        )
        for added, query in queries.items()
    ]


def _sources_union(entity: ir.Entity, columns: str, maps: dict[str, ir.Map], schema: str = "claims") -> str:
    """All claims; what `_claims` of a row names is live. `_kept` tells where the values stand that a claim keeps from earlier versions of its
    record. No part has a condition of its own: with one, PostgreSQL would read all claims instead of looking up the few."""
    parts = [
        f"SELECT {literal(source.map)}::text AS _map, {source.claim} AS _claim_number, {columns}, {keeping.kept(maps[source.map], source.claim)} AS _kept"
        f" FROM {schema}.{quote(source.table)}"
        for source in entity.sources
    ]
    return "\n  UNION ALL\n  ".join(parts)


def provenance_sql(
    entity: ir.Entity, maps: dict[str, ir.Map], rows: str, claims: str = "claims", more: str = ""
) -> str:
    """Every value of some rows with its origin. rows: a table or a subquery. claims: the schema of what `_claims` names: claims, or
    versions for rows of history, where a version that was replaced under the same time tells no origin any more. more: further columns of
    the row `o`, a comma behind each."""
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
        f"FROM {rows} o\n"
        f"CROSS JOIN LATERAL (VALUES\n    {values}) AS f(field, value, claim, nullable)\n"
        f"JOIN (\n  {_sources_union(entity, '_claim, _record, _changed, _position, _index', maps, claims)}\n) s ON s._claim = f.claim\n"
        "LEFT JOIN fieldmap.map_fields d ON (d.map, d.claim, d.field) = (s._map, s._claim_number, f.field)\n"
        f"LEFT JOIN fieldmap.rules r ON (r.entity, r.field) = ({literal(entity.name)}, f.field)\n"
        # A null that won is told; a member that the claim of its group lacks is not.
        "WHERE f.value IS NOT NULL OR f.nullable"
    )


def _claims_view(entity: ir.Entity) -> str:
    if not entity.sources:
        return (
            "SELECT NULL::text AS key, NULL::bigint AS claim, NULL::text AS map, NULL::text AS record, NULL::timestamptz AS changed,"
            " NULL::bigint AS archive_position, NULL::bigint AS record_index WHERE false"
        )
    return (
        f"SELECT {key_text(entity, 's')} AS key, s._claim AS claim, s._map AS map, s._record AS record, nullif(s._changed, '-infinity') AS changed,\n"
        "  s._position AS archive_position, s._index AS record_index\n"
        f"FROM (\n  {_keyed_union(entity, ', t._claim, t._changed, t._position, t._index')}\n) s"
    )


def _shown(entity: ir.Entity, leader: Column) -> str:
    """A field of a canonical row `o` as text; an amount of a field without a fixed currency is followed by its own."""
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
