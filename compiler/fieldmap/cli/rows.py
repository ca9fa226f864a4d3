"""Lists of rows that want a look: held back, in conflict, claimed twice, stale, with references that find nothing.

`--json` gives keys and records as the store has them; the tables show keys as the commands take them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg import sql

from fieldmap.cli.console import count, out, plural, print_json_list, safe, table
from fieldmap.compiler.explain.private import HIDDEN, Private
from fieldmap.runtime.archive import spelled
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.moments import exactly
from fieldmap.runtime.store.database import Connection

_CONFLICTS = {
    "FM2180": "the sources do not agree",
    "FM2181": "several currencies",
    "FM2182": "stands in for a value that is held",
}


Found = list[dict[str, Any]]
Item = TypeVar("Item")
SHOWN = 20
PART = 1_000


@dataclass(frozen=True)
class Kind:
    """A list. statement: its rows for an entity, as many as the clause at the end says; number: how many there are; item: a row as
    plain data; show: a few of these as a table; words: how they are counted, for none, one and several."""

    statement: Callable[[EntityInfo, sql.Composable], sql.Composed]
    number: Callable[[EntityInfo], sql.Composed]
    item: Callable[[Bundle, EntityInfo, tuple[Any, ...]], dict[str, Any]]
    show: Callable[[Found], None]
    words: tuple[str, str, str]


def print_list(
    connection: Connection, bundle: Bundle, infos: Sequence[EntityInfo], kind: Kind, *, limit: int | None, json: bool
) -> None:
    """Prints a list of some entities as JSON or as a table, and how many there are. No more is read than is shown, and never all of
    it is in memory."""
    if json:
        print_json_list(_items(connection, bundle, infos, kind, limit))
        return
    none, one, several = kind.words
    most, shown = limit or SHOWN, 0
    for part in parts(_items(connection, bundle, infos, kind, most)):
        kind.show(part)
        shown += len(part)
    if not shown:
        out().print(none)
        return
    number = shown
    if shown == most:  # there may be more
        number = sum((connection.execute(kind.number(info)).fetchone() or (0,))[0] for info in infos)
    more = f", {count(shown)} shown (--limit)" if number > shown else ""
    out().print(f"\n{plural(number, one, several)}{more}")


def _items(
    connection: Connection, bundle: Bundle, infos: Sequence[EntityInfo], kind: Kind, limit: int | None
) -> Iterator[dict[str, Any]]:
    left = limit
    for info in infos:
        if left == 0:
            return
        most = sql.SQL("") if left is None else sql.SQL(" LIMIT {}").format(sql.Literal(left))
        for row in streamed(connection, kind.statement(info, most)):
            yield kind.item(bundle, info, row)
            left = left - 1 if left is not None else None


def streamed(connection: Connection, statement: sql.Composed) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement, one by one as the server sends them; nothing else can be asked meanwhile."""
    with connection.cursor() as cursor:
        yield from cursor.stream(statement)


def parts(items: Iterable[Item]) -> Iterator[list[Item]]:
    """So many at a time as one table has: the widths of its columns are those of its rows."""
    waiting = iter(items)
    while part := list(itertools.islice(waiting, PART)):
        yield part


def _of_view(
    view: str,
    columns: Sequence[str],
    order: LiteralString,
    item: Callable[[Bundle, EntityInfo, tuple[Any, ...]], dict[str, Any]],
    show: Callable[[Found], None],
    words: tuple[str, str, str],
    private: Private | None = None,
    same: LiteralString = "true",
) -> Kind:
    """A list that each entity has a view for. private: where it hides the key of a row the claims of that are told beside it, those of
    which `same` holds, or nobody would find the row."""

    def statement(info: EntityInfo, most: sql.Composable) -> sql.Composed:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        rows = sql.SQL("SELECT {} FROM provenance.{} ORDER BY {}{}").format(
            names, sql.Identifier(f"{info.table}_{view}"), sql.SQL(order), most
        )
        if private is None or info.name not in private.keys:
            return rows
        return sql.SQL(
            "SELECT {}, coalesce(jsonb_agg(jsonb_build_array(c.map, c.record, c.changed, c.archive_position, c.record_index)"
            " ORDER BY c.map, c.record) FILTER (WHERE c.map IS NOT NULL), '[]')"
            " FROM (SELECT row_number() OVER () AS n, r.* FROM ({}) r) x LEFT JOIN provenance.{} c ON c.key = x.key AND {}"
            " GROUP BY n, {} ORDER BY n"
        ).format(
            *(sql.SQL(", ").join(sql.Identifier("x", name) for name in columns), rows),
            *(sql.Identifier(f"{info.table}_claims"), sql.SQL(same)),
            sql.SQL(", ").join(sql.Identifier("x", name) for name in columns),
        )

    def number(info: EntityInfo) -> sql.Composed:
        return sql.SQL("SELECT count(*) FROM provenance.{}").format(sql.Identifier(f"{info.table}_{view}"))

    return Kind(statement, number, item, show, words)


def _number_of(table: str) -> Callable[[EntityInfo], sql.Composed]:
    return lambda info: sql.SQL("SELECT count(*) FROM fieldmap.{} WHERE entity = {}").format(
        sql.Identifier(table), sql.Literal(info.name)
    )


def _incomplete_sql(info: EntityInfo, most: sql.Composable) -> sql.Composed:
    # The few that are wanted first, or the claims of all would be gathered for them.
    missed = sql.SQL(
        "(SELECT x.key, jsonb_agg(jsonb_build_array(x.field, x.refers_to) ORDER BY x.field, x.refers_to) AS found"
        " FROM provenance.{} x WHERE x.must_exist GROUP BY x.key)"
        if info.needs
        else "(SELECT NULL::text AS key, NULL::jsonb AS found WHERE {} IS NULL)"
    ).format(sql.Identifier(f"{info.table}_dangling") if info.needs else sql.Literal(info.name))
    return sql.SQL(
        "SELECT i.key, i.missing, i.failed, i.twice, coalesce(d.found, '[]'), coalesce(jsonb_agg(jsonb_build_array(c.map, c.record,"
        " c.changed, c.archive_position, c.record_index) ORDER BY c.map, c.record) FILTER (WHERE c.map IS NOT NULL), '[]')"
        " FROM (SELECT * FROM fieldmap.incomplete WHERE entity = {} ORDER BY key{}) i LEFT JOIN {} d ON d.key = i.key"
        " LEFT JOIN provenance.{} c ON c.key = i.key GROUP BY 1, 2, 3, 4, 5 ORDER BY 1"
    ).format(sql.Literal(info.name), most, missed, sql.Identifier(f"{info.table}_claims"))


def incomplete(private: Private) -> Kind:
    """Rows held back, why, and the claims that they are made of."""

    def item(bundle: Bundle, info: EntityInfo, row: tuple[Any, ...]) -> dict[str, Any]:
        key, missing, failed, twice, dangling, claims = row
        return {
            "entity": info.name,
            "key": private.key(info.name, key),
            "missing": missing,
            "failed": [_condition(info, number) for number in failed],
            "duplicates": twice,
            "dangling": [
                {"field": field, "refers_to": private.value(info.name, field, wanted)} for field, wanted in dangling
            ],
            # What a row merely lacks has no code: nothing is wrong with it, and the next claim may bring it.
            "codes": ["FM2183"] * bool(failed) + ["FM2184"] * bool(twice) + ["FM2185"] * bool(dangling),
            "claims": [_claim(bundle, private, claim) for claim in claims],
        }

    words = ("No rows are held back.", "row is held back", "rows are held back")
    return Kind(_incomplete_sql, _number_of("incomplete"), item, _show_incomplete, words)


def _show_incomplete(found: Found) -> None:
    rows = [(item["entity"], key_words(item["key"]), _why(item), _claimed(item["claims"])) for item in found]
    table(["entity", "key", "why it is held back", "claimed by"], rows)


def _why(item: dict[str, Any]) -> str:
    parts = [f"still empty: {', '.join(item['missing'])}"] if item["missing"] else []
    parts += [f"FM2183 {condition['message']} ({condition['where']})" for condition in item["failed"]]
    parts += ["FM2184 two claims of one source have this key"] if item["duplicates"] else []
    parts += [f"FM2185 {one['field']} refers to {one['refers_to']}, which does not exist" for one in item["dangling"]]
    return "; ".join(parts)


def conflicts(private: Private) -> Kind:
    """Fields on which live claims contradict each other, with what each says."""

    def item(bundle: Bundle, info: EntityInfo, row: tuple[Any, ...]) -> dict[str, Any]:
        key, field, code, claims = row
        told = [{**_claim(bundle, private, claim[:5]), "value": claim[5], "reason": claim[6]} for claim in claims]
        instead = private.fields.get((info.name, field))
        for claim in told if instead else ():
            claim["value"] = instead if claim["value"] is not None else None
            claim["reason"] = instead if claim["reason"] is not None else None
        unit = "" if instead else info.units.get(field, "")
        shown = private.key(info.name, key)
        return {"entity": info.name, "key": shown, "field": field, "unit": unit, "code": code, "claims": told}

    words = ("There are no conflicts.", "conflict", "conflicts")
    return Kind(_conflicts_sql, _number_of("conflicts"), item, _show_conflicts, words)


def _conflicts_sql(info: EntityInfo, most: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "SELECT f.key, f.field, f.code, jsonb_agg(jsonb_build_array(c.map, c.record, c.changed, c.archive_position, c.record_index, e->>1, e->>2)"
        " ORDER BY n)"
        " FROM (SELECT * FROM fieldmap.conflicts WHERE entity = {} ORDER BY key, field{}) f"
        " CROSS JOIN LATERAL jsonb_array_elements(f.claims) WITH ORDINALITY AS x(e, n)"
        " LEFT JOIN provenance.{} c ON c.claim = (e->>0)::bigint GROUP BY 1, 2, 3 ORDER BY 1, 2"
    ).format(sql.Literal(info.name), most, sql.Identifier(f"{info.table}_claims"))


def _show_conflicts(found: Found) -> None:
    rows = [
        (
            f"{item['entity']} {key_words(item['key'])}",
            item["field"],
            f"{item['code']} {_CONFLICTS.get(item['code'], '')}",
            "; ".join(f"{_named(claim)}: {_said(claim, item['unit'])}" for claim in item["claims"]),
        )
        for item in found
    ]
    table(["row", "field", "conflict", "claims"], rows)


def duplicates(private: Private) -> Kind:
    """Keys that one source claims by several records."""

    def item(bundle: Bundle, info: EntityInfo, row: tuple[Any, ...]) -> dict[str, Any]:
        key, map_, records, *claims = row
        source = _source(bundle, map_)
        return {
            "entity": info.name,
            "key": private.key(info.name, key),
            "source": source,
            "records": [private.record(source, record) for record in records],
            **_placed(bundle, private, claims),
        }

    words = ("No source claims a key twice.", "key is claimed twice", "keys are claimed twice")
    columns = ("key", "map", "records")
    return _of_view("duplicates", columns, "map, key", item, _show_duplicates, words, private, "c.map = x.map")


def _show_duplicates(found: Found) -> None:
    rows = [
        (
            item["entity"],
            key_words(item["key"]),
            item["source"],
            _claimed(item["claims"]) if "claims" in item else _times(item["records"]),
        )
        for item in found
    ]
    table(["entity", "key", "source", "records"], rows)


def dangling(private: Private) -> Kind:
    """References that find no row."""

    def item(bundle: Bundle, info: EntityInfo, row: tuple[Any, ...]) -> dict[str, Any]:
        key, field, wanted, *claims = row
        return {
            "entity": info.name,
            "key": private.key(info.name, key),
            "field": field,
            "refers_to": private.value(info.name, field, wanted),
            **_placed(bundle, private, claims),
        }

    words = ("Every reference finds its row.", "reference finds no row", "references find no row")
    columns = ("key", "field", "refers_to")
    return _of_view("dangling", columns, "field, refers_to, key", item, _show_dangling, words, private)


def _show_dangling(found: Found) -> None:
    placed = any("claims" in item for item in found)
    rows = [
        (
            item["entity"],
            key_words(item["key"]),
            item["field"],
            item["refers_to"],
            *([_claimed(item.get("claims", []))] if placed else []),
        )
        for item in found
    ]
    table(["entity", "key", "field", "refers to", *(["claimed by"] if placed else [])], rows)


def stale(told: Callable[[str, str, str, str], str], private: Private) -> Kind:
    """Claims that stand although a newer version of their record was rejected. told: how a reason is told, by code, map, field and
    what it says."""

    def item(bundle: Bundle, info: EntityInfo, row: tuple[Any, ...]) -> dict[str, Any]:
        key, map_, record, changed, rejected, code, field, reason, letter = row
        title = next((one.title for one in bundle.catalogue.maps if one.id == map_), map_)
        return {
            "entity": info.name,
            "key": private.key(info.name, key),
            "source": _source(bundle, map_),
            "record": private.record(_source(bundle, map_), record),
            "changed": changed,
            "rejected": rejected,
            "code": code,
            "field": field,
            "reason": told(code, title, field, reason),
            "dead_letter": letter,
        }

    columns = ("key", "map", "record", "changed", "rejected", "code", "field", "reason", "dead_letter")
    words = ("No claim is stale.", "claim is stale", "claims are stale")
    return _of_view("stale", columns, "map, record, key", item, _show_stale, words)


def _show_stale(found: Found) -> None:
    rows = [
        (
            f"{item['entity']} {key_words(item['key'])}",
            f"{item['source']} {item['record']}",
            exactly(item["changed"]) if item["changed"] is not None else "",
            f"{item['code']} {item['field'] and item['field'] + ': '}{item['reason']}",
            f"fieldmap dlq show {item['dead_letter']}",
        )
        for item in found
    ]
    table(["row", "record", "says what it said on", "why the newer version was rejected", "sample"], rows)


def key_words(key: str) -> str:
    """A key as the commands take it: the parts of a key of several, which the store keeps as a JSON list, behind one another."""
    if not key.startswith("["):
        return safe(key)
    try:
        parts = msgspec.json.decode(key)
    except msgspec.DecodeError:
        return safe(key)
    return ",".join(safe(part) for part in parts) if isinstance(parts, list) else safe(key)


def _said(claim: dict[str, Any], unit: str) -> str:
    if claim["value"] is None:
        return f"held, {safe(claim['reason'])}"
    return f"{safe(claim['value'])} {unit}".rstrip()


def _times(records: list[str]) -> str:
    """Records, each once: one may claim a key several times by the elements of a list."""
    counted = ((record, len(list(same))) for record, same in itertools.groupby(records))
    return ", ".join(f"{safe(record)} ({number} times)" if number > 1 else safe(record) for record, number in counted)


def _condition(info: EntityInfo, number: int) -> dict[str, str]:
    if number >= len(info.conditions):
        return {"message": "a condition that the maps no longer have", "where": ""}
    found = info.conditions[number]
    return {"message": found.message, "where": f"{found.file}:{found.line}"}


def _claim(bundle: Bundle, private: Private, parts: list[Any]) -> dict[str, Any]:
    """A claim; where its record lies in the archive is no value, and leads to it where the record's id is hidden."""
    map_, record, changed, position, index = parts
    source = _source(bundle, map_)
    return {
        "source": source,
        "record": record and private.record(source, record),
        "changed": changed,
        "archive_position": position,
        "record_index": index,
    }


def _placed(bundle: Bundle, private: Private, claims: Sequence[Any]) -> dict[str, Any]:
    """The claims of a row that was looked up with them, since its key is hidden."""
    return {"claims": [_claim(bundle, private, claim) for claim in claims[0]]} if claims else {}


def _claimed(claims: list[dict[str, Any]]) -> str:
    return ", ".join(_named(claim) for claim in claims)


def _named(claim: dict[str, Any]) -> str:
    if claim["record"] is not None and claim["record"].startswith(HIDDEN):
        return cat(claim["source"], claim["archive_position"], claim["record_index"])
    return f"{claim['source']} {claim['record']}"


def cat(resource: str, position: int, index: int) -> str:
    """The command that shows a record, whose id is hidden."""
    return f"fieldmap archive cat {resource} {spelled(position)} --record {index}"


def _source(bundle: Bundle, map_: str | None) -> str:
    return next((item.resource for item in bundle.catalogue.maps if item.id == map_), map_ or "")
