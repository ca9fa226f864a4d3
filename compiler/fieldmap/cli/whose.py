"""`fieldmap explain --identity`: which keys of which sources are one thing, what joined them, and what was refused."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from fieldmap.cli.console import out, safe
from fieldmap.cli.identity import WHY, parse, value_words
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import FindingsError
from fieldmap.runtime.moments import moment
from fieldmap.runtime.store.database import Connection

_HISTORY = 12


def whose(connection: Connection, bundle: Bundle, info: EntityInfo, key: str) -> dict[str, Any]:
    """All that is known of the identity of a key, given as it is shown. Raises FindingsError if no source claims it."""
    source, own = parse(bundle, info.name, key)
    found = connection.execute(
        "SELECT canonical FROM identity.crosswalk WHERE (entity, source, key) = (%s, %s, %s)", [info.name, source, own]
    ).fetchone()
    canonical = found[0] if found is not None else key
    members = _members(connection, bundle, info, canonical)
    if not members:
        raise FindingsError(f"No source claims a {info.name} {key}; see: fieldmap query {info.name}")
    keys = [[member["source"], member["key"]] for member in members]
    return {
        "entity": info.name,
        "key": canonical,
        "members": members,
        "ambiguous": _ambiguous(connection, info, keys),
        "refused": _refused(connection, info, canonical, keys),
        "decisions": _decisions(connection, info, keys),
        "history": _history(connection, info, keys),
    }


def _members(connection: Connection, bundle: Bundle, info: EntityInfo, canonical: str) -> list[dict[str, Any]]:
    base, own = parse(bundle, info.name, canonical)
    members: list[dict[str, Any]] = []
    identity = info.identity
    if identity is not None and base == identity.base:
        records = _records(connection, bundle, info, base, own)
        if records:
            members.append(
                {
                    "source": base,
                    "key": own,
                    "rule": None,
                    "value": None,
                    "since": None,
                    "run": None,
                    "records": records,
                }
            )
    for row in connection.execute(
        "SELECT source, key, rule, value, since, run FROM identity.crosswalk WHERE (entity, canonical) = (%s, %s) ORDER BY source, key",
        [info.name, canonical],
    ).fetchall():
        member = dict(zip(("source", "key", "rule", "value", "since", "run"), row, strict=True))
        members.append({**member, "records": _records(connection, bundle, info, row[0], row[1])})
    return members


def _records(connection: Connection, bundle: Bundle, info: EntityInfo, source: str, key: str) -> list[str]:
    """The live records that claim a key of a numbering, as `workday.workers 17`."""
    found: list[str] = []
    for map_ in bundle.catalogue.maps:
        for claim in map_.claims:
            if claim.entity == info.name and claim.numbering == source:
                rows = connection.execute(
                    sql.SQL("SELECT DISTINCT _record FROM claims.{} WHERE {} = %s{} ORDER BY 1").format(
                        sql.Identifier(claim.table),
                        sql.Identifier(info.key[0]),
                        sql.SQL("") if claim.number else sql.SQL(" AND _state = 'live'"),
                    ),
                    [key],
                ).fetchall()
                found.extend(f"{map_.resource} {row[0]}" for row in rows)
    return found


def _of(columns: str) -> str:
    """A condition: the pair of columns is one of the keys."""
    return f"({columns}) IN (SELECT k->>0, k->>1 FROM jsonb_array_elements(%s::jsonb) k)"  # noqa: S608


def _ambiguous(connection: Connection, info: EntityInfo, keys: list[list[str]]) -> list[dict[str, Any]]:
    rows = connection.execute(
        f"SELECT a.line, a.value, a.source, a.keys FROM identity.ambiguous a WHERE a.entity = %s AND EXISTS (SELECT FROM identity.evidence e"  # noqa: S608
        f" WHERE (e.entity, e.line, e.value) = (a.entity, a.line, a.value) AND {_of('e.source, e.key')}) ORDER BY 1, 2, 3".encode(),
        [info.name, _json(keys)],
    ).fetchall()
    matches = list(info.identity.matches) if info.identity is not None else []
    return [
        {
            "match": matches[line - 1].text if line <= len(matches) else "",
            "value": value,
            "source": source,
            "keys": shared,
        }
        for line, value, source, shared in rows
    ]


def _refused(connection: Connection, info: EntityInfo, canonical: str, keys: list[list[str]]) -> list[dict[str, Any]]:
    names = ("source", "key", "rule", "target", "target_key", "canonical", "value", "why", "field")
    rows = connection.execute(
        "SELECT source, key, rule, target, target_key, canonical, value, why, field FROM identity.conflicts"  # noqa: S608
        f" WHERE entity = %s AND (canonical = %s OR {_of('source, key')}) ORDER BY source, key, rule, target_key".encode(),
        [info.name, canonical, _json(keys)],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _decisions(connection: Connection, info: EntityInfo, keys: list[list[str]]) -> list[dict[str, Any]]:
    names = ("number", "kind", "one", "other", "reason", "at", "undone_at", "undone_reason")
    rows = connection.execute(
        "SELECT id, kind, source || ':' || key, target || ':' || target_key, reason, decided_at, undone_at, undone_reason"  # noqa: S608
        f" FROM identity.decisions WHERE entity = %s AND ({_of('source, key')} OR {_of('target, target_key')}) ORDER BY id".encode(),
        [info.name, _json(keys), _json(keys)],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _history(connection: Connection, info: EntityInfo, keys: list[list[str]]) -> list[dict[str, Any]]:
    names = ("source", "key", "before", "after", "rule", "run", "at")
    rows = connection.execute(
        f"SELECT source, key, before, after, rule, run, at FROM identity.history WHERE entity = %s AND {_of('source, key')}"  # noqa: S608
        " ORDER BY id DESC LIMIT %s".encode(),
        [info.name, _json(keys), _HISTORY],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def hide_keys(found: dict[str, Any], private: Private, typed: str) -> None:
    """Hides keys and ids of records, where they are personal or restricted. typed: the key that was asked for, which may be said again."""
    entity = found["entity"]

    def shown(key: str | None) -> str | None:
        if key is None or key == typed or typed.endswith(f":{key}"):
            return key
        return private.key(entity, key)

    def numbered(key: str) -> str:
        source, _, own = key.partition(":")
        return f"{source}:{shown(own)}"

    found["key"] = shown(found["key"])
    for item in (*found["members"], *found["refused"], *found["history"]):
        for name in ("key", "target_key", "canonical", "before", "after"):
            if name in item:
                item[name] = shown(item[name])
    for member in found["members"]:
        records = (record.partition(" ") for record in member["records"])
        member["records"] = [f"{resource} {private.record(resource, record)}" for resource, _, record in records]
    for item in found["ambiguous"]:
        item["keys"] = [shown(key) for key in item["keys"]]
    for item in found["decisions"]:
        item["one"], item["other"] = numbered(item["one"]), numbered(item["other"])


def _json(keys: list[list[str]]) -> str:
    import msgspec

    return msgspec.json.encode(keys).decode()


# ------------------------------------------------------------------------------------------------------------ as text


def show(found: dict[str, Any]) -> None:
    """The identity of a key, as text."""
    out().print(f"{found['entity']} {safe(found['key'])}", style="bold", soft_wrap=True)
    for member in found["members"]:
        how = (
            "its own number"
            if member["rule"] is None
            else f"by {member['rule']}: {value_words(member['value'])}".rstrip(": ")
        )
        if member["rule"] is None and member["since"] is not None:
            how = "nothing joins it"
        since = f", since {moment(member['since'])} (run {member['run']})" if member["rule"] is not None else ""
        _line(member["source"], f"{safe(member['key'])}    {safe(how)}{since}")
        if member["records"]:
            _line("", f"claimed by {', '.join(safe(record) for record in member['records'])}")
    for item in found["decisions"]:
        words = "are the same" if item["kind"] == "same" else "are not the same"
        undone = f"; undone: {safe(item['undone_reason'])}" if item["undone_at"] is not None else ""
        _line(
            "decided",
            f"{item['number']}: {safe(item['one'])} and {safe(item['other'])} {words}, {safe(item['reason'])}{undone}",
        )
    for item in found["refused"]:
        _line(
            "refused",
            f"{item['source']}:{safe(item['key'])} as {safe(item['canonical'])} by {item['rule']}, {value_words(item['value'])}: {WHY[item['why']].format(**item)}",
        )
    for item in found["ambiguous"]:
        _line(
            "ambiguous",
            f"{value_words(item['value'])}: several keys of {item['source']} have it ({', '.join(map(safe, item['keys']))}), so {item['match']} joins none of them",
        )
    for item in found["history"]:
        before, after = safe(item["before"] or "unknown"), safe(item["after"] or "gone")
        _line(
            "history",
            f"{moment(item['at'])} {item['source']}:{safe(item['key'])} {before} → {after}, run {item['run']}",
        )


def _line(left: str, right: str) -> None:
    out().print(f"  {left:<12} {right}", soft_wrap=True, highlight=False)
