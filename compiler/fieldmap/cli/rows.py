"""Lists of rows that want a look: held back, in conflict, claimed twice, stale, with references that find nothing.

`--json` gives keys and records as the store has them; the tables show keys as the commands take them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from psycopg import sql

from fieldmap.cli.console import count, out, plural, print_json, safe, table
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.store.database import Connection

_CONFLICTS = {
    "FM2180": "the sources do not agree",
    "FM2181": "several currencies",
    "FM2182": "stands in for a value that is held",
}


Found = list[dict[str, Any]]
SHOWN = 20


def print_list(
    found: Found, show: Callable[[Found], None], words: tuple[str, str, str], *, limit: int | None, json: bool
) -> None:
    """Prints a list as JSON or by `show`, and how many there are. words: for none, one and several."""
    none, one, several = words
    shown = found[: (limit or len(found)) if json else (limit or SHOWN)]
    if json:
        print_json(shown)
        return
    if not found:
        out().print(none)
        return
    show(shown)
    more = f", {count(len(shown))} shown (--limit)" if len(found) > len(shown) else ""
    out().print(f"\n{plural(len(found), one, several)}{more}")


def incomplete(bundle: Bundle, connection: Connection) -> Found:
    """Rows held back, why, and the claims that they are made of."""
    return [
        {
            "entity": info.name,
            "key": key,
            "missing": missing,
            "failed": [_condition(info, number) for number in failed],
            "duplicates": twice,
            "dangling": [{"field": field, "refers_to": wanted} for field, wanted in dangling],
            # What a row merely lacks has no code: nothing is wrong with it, and the next claim may bring it.
            "codes": ["FM2183"] * bool(failed) + ["FM2184"] * bool(twice) + ["FM2185"] * bool(dangling),
            "claims": [_claim(bundle, claim) for claim in claims],
        }
        for info in bundle.catalogue.entities
        for key, missing, failed, twice, dangling, claims in connection.execute(
            sql.SQL(
                "SELECT i.key, i.missing, i.failed, i.twice, d.found, coalesce(jsonb_agg(jsonb_build_array(c.map, c.record, c.changed)"
                " ORDER BY c.map, c.record) FILTER (WHERE c.map IS NOT NULL), '[]')"
                " FROM fieldmap.incomplete i LEFT JOIN provenance.{} c ON c.key = i.key CROSS JOIN LATERAL ("
                "SELECT coalesce(jsonb_agg(jsonb_build_array(x.field, x.refers_to) ORDER BY x.field, x.refers_to), '[]') AS found"
                " FROM provenance.{} x WHERE x.key = i.key AND x.must_exist) d WHERE i.entity = {} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1"
            ).format(
                sql.Identifier(f"{info.table}_claims"), sql.Identifier(f"{info.table}_dangling"), sql.Literal(info.name)
            )
        ).fetchall()
    ]


def show_incomplete(found: Found) -> None:
    rows = [(item["entity"], key_words(item["key"]), _why(item), _claimed(item["claims"])) for item in found]
    table(["entity", "key", "why it is held back", "claimed by"], rows)


def _why(item: dict[str, Any]) -> str:
    parts = [f"still empty: {', '.join(item['missing'])}"] if item["missing"] else []
    parts += [f"FM2183 {condition['message']} ({condition['where']})" for condition in item["failed"]]
    parts += ["FM2184 two claims of one source have this key"] if item["duplicates"] else []
    parts += [f"FM2185 {one['field']} refers to {one['refers_to']}, which does not exist" for one in item["dangling"]]
    return "; ".join(parts)


def conflicts(bundle: Bundle, connection: Connection, hidden: Callable[[str, str], str]) -> Found:
    """Fields on which live claims contradict each other, with what each says. hidden: what is shown instead of the values of a field
    of an entity, "" where they may be seen."""
    found = list(_conflicts(bundle, connection))
    for item in found:
        instead = hidden(item["entity"], item["field"])
        for claim in item["claims"] if instead else ():
            claim["value"] = instead if claim["value"] is not None else None
            claim["reason"] = instead if claim["reason"] is not None else None
    return found


def show_conflicts(found: Found) -> None:
    rows = [
        (
            f"{item['entity']} {key_words(item['key'])}",
            item["field"],
            f"{item['code']} {_CONFLICTS.get(item['code'], '')}",
            "; ".join(f"{claim['source']} {claim['record']}: {_said(claim)}" for claim in item["claims"]),
        )
        for item in found
    ]
    table(["row", "field", "conflict", "claims"], rows)


def _conflicts(bundle: Bundle, connection: Connection) -> Iterator[dict[str, Any]]:
    for info in bundle.catalogue.entities:
        rows = connection.execute(
            sql.SQL(
                "SELECT f.key, f.field, f.code, jsonb_agg(jsonb_build_array(c.map, c.record, c.changed, e->>1, e->>2) ORDER BY n)"
                " FROM fieldmap.conflicts f CROSS JOIN LATERAL jsonb_array_elements(f.claims) WITH ORDINALITY AS x(e, n)"
                " LEFT JOIN provenance.{} c ON c.claim = (e->>0)::bigint WHERE f.entity = {} GROUP BY 1, 2, 3 ORDER BY 1, 2"
            ).format(sql.Identifier(f"{info.table}_claims"), sql.Literal(info.name))
        ).fetchall()
        for key, field, code, claims in rows:
            told = [{**_claim(bundle, claim[:3]), "value": claim[3], "reason": claim[4]} for claim in claims]
            yield {"entity": info.name, "key": key, "field": field, "code": code, "claims": told}


def duplicates(bundle: Bundle, connection: Connection) -> Found:
    """Keys that one source claims by several records."""
    return [
        {"entity": info.name, "key": key, "source": _source(bundle, map_), "records": records}
        for info in bundle.catalogue.entities
        for key, map_, records in connection.execute(
            sql.SQL("SELECT key, map, records FROM provenance.{} ORDER BY map, key").format(
                sql.Identifier(f"{info.table}_duplicates")
            )
        ).fetchall()
    ]


def show_duplicates(found: Found) -> None:
    rows = [(item["entity"], key_words(item["key"]), item["source"], _times(item["records"])) for item in found]
    table(["entity", "key", "source", "records"], rows)


def dangling(bundle: Bundle, connection: Connection) -> Found:
    """References that find no row."""
    return [
        {"entity": info.name, "key": key, "field": field, "refers_to": wanted}
        for info in bundle.catalogue.entities
        for key, field, wanted in connection.execute(
            sql.SQL("SELECT key, field, refers_to FROM provenance.{} ORDER BY 2, 3, 1").format(
                sql.Identifier(f"{info.table}_dangling")
            )
        ).fetchall()
    ]


def show_dangling(found: Found) -> None:
    rows = [(item["entity"], key_words(item["key"]), item["field"], item["refers_to"]) for item in found]
    table(["entity", "key", "field", "refers to"], rows)


def stale(bundle: Bundle, connection: Connection, told: Callable[[str, str, str, str], str]) -> Found:
    """Claims that stand although a newer version of their record was rejected. told: how a reason is told, by code, map, field and
    what it says."""
    titles = {item.id: item.title for item in bundle.catalogue.maps}
    return [
        {
            "entity": info.name,
            "key": key,
            "source": _source(bundle, map_),
            "record": record,
            "changed": changed,
            "rejected": rejected,
            "code": code,
            "field": field,
            "reason": told(code, titles[map_], field, reason),
            "dead_letter": letter,
        }
        for info in bundle.catalogue.entities
        for key, map_, record, changed, rejected, code, field, reason, letter in connection.execute(
            sql.SQL(
                "SELECT key, map, record, changed, rejected, code, field, reason, dead_letter FROM provenance.{} ORDER BY 2, 3, 1"
            ).format(sql.Identifier(f"{info.table}_stale"))
        ).fetchall()
    ]


def show_stale(found: Found) -> None:
    rows = [
        (
            f"{item['entity']} {key_words(item['key'])}",
            f"{item['source']} {item['record']}",
            f"{item['changed']:%Y-%m-%d %H:%M}" if item["changed"] is not None else "",
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


def _said(claim: dict[str, Any]) -> str:
    return safe(claim["value"]) if claim["value"] is not None else f"held, {safe(claim['reason'])}"


def _times(records: list[str]) -> str:
    """Records, each once: one may claim a key several times by the elements of a list."""
    counted = ((record, len(list(same))) for record, same in itertools.groupby(records))
    return ", ".join(f"{safe(record)} ({number} times)" if number > 1 else safe(record) for record, number in counted)


def _condition(info: EntityInfo, number: int) -> dict[str, str]:
    if number >= len(info.conditions):
        return {"message": "a condition that the maps no longer have", "where": ""}
    found = info.conditions[number]
    return {"message": found.message, "where": f"{found.file}:{found.line}"}


def _claim(bundle: Bundle, parts: list[Any]) -> dict[str, Any]:
    map_, record, changed = parts
    return {"source": _source(bundle, map_), "record": record, "changed": changed}


def _claimed(claims: list[dict[str, Any]]) -> str:
    return ", ".join(f"{claim['source']} {claim['record']}" for claim in claims)


def _source(bundle: Bundle, map_: str | None) -> str:
    return next((item.resource for item in bundle.catalogue.maps if item.id == map_), map_ or "")
