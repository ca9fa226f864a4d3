"""`fieldmap identity`: which keys are the same thing, what was refused, and what operators decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import typer

from fieldmap.cli.console import Json, count, exiting, out, plural, print_json, safe, table
from fieldmap.cli.masking import Reveal, keep_reveal, private_of
from fieldmap.cli.numbers import whole
from fieldmap.cli.rows import SHOWN
from fieldmap.cli.workspace import Workspace
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import FindingsError, UsageError
from fieldmap.runtime.store.database import Connection

app = typer.Typer(
    help="Which keys are the same thing: matched, ambiguous, refused, decided.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Entity = Annotated[str, typer.Argument(help="Only this entity, such as Worker.")]
Limit = Annotated[
    int | None,
    typer.Option(help="How many at the most; 20 in a table, all as JSON.", parser=whole("--limit", least=1)),
]
Reason = Annotated[str, typer.Option("--because", help="Why, for whoever asks later.")]
_DECISION = whole(
    "identity undo",
    least=1,
    none="There is no decision {}; see: fieldmap identity decisions",
    see="fieldmap identity decisions",
)
WHY = {
    "apart": "an operator decided that they are not the same",
    "disagree": "they disagree on {field}",
    "taken": "another key of {source} is joined to it already",
    "several": "the key's values lead to several",
    "contested": "several keys of {source} lead to it",
}


@app.command("status", epilog="Example: fieldmap identity status")
@exiting
def status(json: Json = False) -> None:
    """Counts the keys that are matched, and those that are not, by source."""
    workspace = Workspace.here()
    bundle = workspace.existing_bundle()
    with workspace.loaded() as connection:
        found = counts(connection, bundle)
    if json:
        print_json(found)
    elif not found:
        out().print("Every entity's sources share one numbering; nothing is matched.")
    else:
        table(
            ["entity", "source", "keys", "matched", "unmatched", "ambiguous values", "refused joins"],
            [tuple(count(v) if isinstance(v, int) else v for v in item.values()) for item in found],
            right=["keys", "matched", "unmatched", "ambiguous values", "refused joins"],
        )


def counts(connection: Connection, bundle: Bundle) -> list[dict[str, Any]]:
    """Of each entity and source with numbers of its own: keys, matched, unmatched, ambiguous values, refused joins."""
    rows = {
        (entity, source): [keys, matched]
        for entity, source, keys, matched in connection.execute(
            "SELECT entity, source, count(*), count(rule) FROM identity.crosswalk GROUP BY 1, 2"
        ).fetchall()
    }
    refused = {
        (entity, source): number
        for entity, source, number in connection.execute(
            "SELECT entity, source, count(*) FROM identity.conflicts GROUP BY 1, 2"
        ).fetchall()
    }
    shared: dict[tuple[str, str], set[tuple[int, str]]] = {}
    for entity, line, value in connection.execute("SELECT entity, line, value FROM identity.ambiguous").fetchall():
        info = bundle.entity(entity)
        if info is not None and info.identity is not None and line <= len(info.identity.matches):
            shared.setdefault((entity, info.identity.matches[line - 1].source), set()).add((line, value))
    return [
        {
            "entity": info.name,
            "source": own,
            "keys": keys,
            "matched": matched,
            "unmatched": keys - matched,
            "ambiguous": len(shared.get((info.name, own), ())),
            "refused": refused.get((info.name, own), 0),
        }
        for info in bundle.catalogue.entities
        if info.identity is not None
        for own in info.identity.own
        for keys, matched in [rows.get((info.name, own), [0, 0])]
    ]


@app.command("ambiguous", epilog="Example: fieldmap identity ambiguous Worker --limit 100")
@exiting
def ambiguous(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists values that several keys of one source share, so that they join nothing."""
    workspace = Workspace.here()
    bundle, hidden = workspace.existing_bundle(), private_of(workspace, reveal=reveal)
    with workspace.loaded() as connection:
        keep_reveal(connection, f"identity ambiguous {entity}".strip(), reveal=reveal)
        found = [
            {
                "entity": name,
                "match": _line(bundle, name, line),
                "value": _hidden_value(bundle, name, _line(bundle, name, line), hidden) or value,
                "source": source,
                "keys": [hidden.key(name, key) for key in keys],
            }
            for name, line, value, source, keys in connection.execute(
                "SELECT entity, line, value, source, keys FROM identity.ambiguous"
                " WHERE %s IN ('', entity) ORDER BY entity, line, value, source LIMIT %s",
                [_known(bundle, entity), _most(limit, json=json)],
            ).fetchall()
        ]
        total = _number(connection, "ambiguous", entity)
    if json:
        print_json(found)
    elif not found:
        out().print("No value is ambiguous.")
    else:
        table(
            ["entity", "match", "value", "shared by these keys"],
            [(i["entity"], i["match"], value_words(i["value"]), f"{i['source']}: {_some(i['keys'])}") for i in found],
        )
        _counted(total, len(found), "ambiguous value")


@app.command("conflicts", epilog="Example: fieldmap identity conflicts Worker --limit 100")
@exiting
def conflicts(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists joins that a match would make and that were refused, with the reason."""
    workspace = Workspace.here()
    bundle, hidden = workspace.existing_bundle(), private_of(workspace, reveal=reveal)
    names = ("entity", "source", "key", "rule", "target", "target_key", "canonical", "value", "why", "field")
    with workspace.loaded() as connection:
        keep_reveal(connection, f"identity conflicts {entity}".strip(), reveal=reveal)
        rows = connection.execute(
            "SELECT entity, source, key, rule, target, target_key, canonical, value, why, field FROM identity.conflicts"
            " WHERE %s IN ('', entity) ORDER BY entity, source, key, rule, target_key LIMIT %s",
            [_known(bundle, entity), _most(limit, json=json)],
        ).fetchall()
        total = _number(connection, "conflicts", entity)
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for item in found:
        item["value"] = _hidden_value(bundle, item["entity"], item["rule"], hidden) or item["value"]
        for name in ("key", "target_key", "canonical"):
            item[name] = item[name] and hidden.key(item["entity"], item[name])
    if json:
        print_json(found)
    elif not found:
        out().print("No join was refused.")
    else:
        table(
            ["entity", "key", "would be", "by", "refused, since"],
            [
                (
                    i["entity"],
                    f"{i['source']}:{i['key']}",
                    i["canonical"],
                    f"{i['rule']}: {value_words(i['value'])}",
                    WHY[i["why"]].format(**i),
                )
                for i in found
            ],
        )
        _counted(total, len(found), "refused join")


@app.command("decisions", epilog="Example: fieldmap identity decisions")
@exiting
def decisions(entity: Entity = "", reveal: Reveal = False, json: Json = False) -> None:
    """Lists what operators decided, and what they undid."""
    from fieldmap.runtime.decisions import decided, standing

    workspace = Workspace.here()
    hidden = private_of(workspace, reveal=reveal)
    if reveal:
        with workspace.loaded() as connection:
            keep_reveal(connection, f"identity decisions {entity}".strip(), reveal=reveal)
    found = [
        {
            "number": number,
            "entity": one.decision.entity,
            "kind": one.decision.kind,
            "one": _numbered(hidden, one.decision.entity, one.decision.one),
            "other": _numbered(hidden, one.decision.entity, one.decision.other),
            "reason": one.decision.reason,
            "at": one.decision.at,
            "undone_at": one.undone_at,
            "undone_reason": one.undone_reason,
        }
        for number, one in standing(decided(workspace.archive())).items()
        if entity in ("", one.decision.entity)
    ]
    if json:
        print_json(found)
    elif not found:
        out().print("Nothing was decided.")
    else:
        table(
            ["number", "entity", "keys", "are", "because", "on", "undone"],
            [
                (
                    str(i["number"]),
                    i["entity"],
                    f"{i['one']}, {i['other']}",
                    "the same" if i["kind"] == "same" else "not the same",
                    safe(i["reason"]),
                    f"{i['at']:%Y-%m-%d}",
                    f"{i['undone_at']:%Y-%m-%d} {safe(i['undone_reason'])}" if i["undone_at"] else "",
                )
                for i in found
            ],
            right=["number"],
        )


@app.command("join", epilog='Example: fieldmap identity join Worker bamboohr:100 21001 --because "HR confirmed it"')
@exiting
def join(entity: str, one: str, other: str, because: Reason, json: Json = False) -> None:
    """Decides that two keys are the same thing, whatever the matches say."""
    _decide("same", entity, one, other, because, json=json)


@app.command("split", epilog='Example: fieldmap identity split Worker bamboohr:100 21001 --because "father and son"')
@exiting
def split(entity: str, one: str, other: str, because: Reason, json: Json = False) -> None:
    """Decides that two keys are not the same thing, whatever the matches say."""
    _decide("apart", entity, one, other, because, json=json)


@app.command("undo", epilog='Example: fieldmap identity undo 3 --because "wrong person"')
@exiting
def undo(number: Annotated[int, typer.Argument(parser=_DECISION)], because: Reason, json: Json = False) -> None:
    """Takes a decision back; the matches decide again."""
    from fieldmap.runtime.decisions import Draft, decided, standing

    workspace = Workspace.here()
    known = standing(decided(workspace.archive()))
    if number not in known:
        raise UsageError(f"There is no decision {number}; see: fieldmap identity decisions")
    if known[number].undone_at is not None:
        raise FindingsError(f"Decision {number} was undone already")
    _carry_out(workspace, Draft("undo", _reason(because), known[number].decision.entity, undoes=number), json=json)


def _decide(kind: str, entity: str, one: str, other: str, because: str, *, json: bool) -> None:
    from fieldmap.runtime.decisions import Draft, decided, standing

    workspace = Workspace.here()
    bundle = workspace.existing_bundle()
    _known(bundle, entity)
    keys = (parse(bundle, entity, one), parse(bundle, entity, other))
    if keys[0][0] == keys[1][0]:
        raise UsageError(
            f"Both are numbers of {keys[0][0]}, and two keys of one source are never joined; name keys of two sources"
        )
    order = [*_info(bundle, entity).identity.numberings]  # type: ignore[union-attr]
    later, earlier = sorted(keys, key=lambda key: order.index(key[0]), reverse=True)
    with workspace.loaded() as connection:
        for key in keys:
            _require(connection, _info(bundle, entity), key)
    for number, item in standing(decided(workspace.archive())).items():
        said = item.decision
        if item.undone_at is None and said.entity == entity:
            both = {said.one, said.other}
            clash = both == {later, earlier} or (
                kind == said.kind == "same"
                and ((said.one == later) or (said.other == earlier and said.one[0] == later[0]))
            )
            if clash:
                hidden = private_of(workspace, reveal=both == {later, earlier})  # those were typed just now
                raise FindingsError(
                    f"Decision {number} says already what {_numbered(hidden, entity, said.one)} and {_numbered(hidden, entity, said.other)} are;"
                    f" undo it first: fieldmap identity undo {number} --because …"
                )
    _carry_out(workspace, Draft(kind, _reason(because), entity, later, earlier), json=json)


def _carry_out(workspace: Workspace, draft: Any, *, json: bool) -> None:
    from fieldmap.runtime.decisions import carry_out
    from fieldmap.runtime.ports import Ports

    bundle = workspace.existing_bundle()
    with workspace.database() as database:
        number, changes = carry_out(database, bundle, workspace.archive(), Ports.real(), draft)
    made = {name: {"new": c.new, "changed": c.changed, "gone": c.gone} for name, c in changes.items()}
    if json:
        print_json({"decision": number, "rows": made})
        return
    what = ", ".join(
        f"{plural(c.new, 'row')} of {name} new, {count(c.changed)} changed, {count(c.gone)} gone"
        for name, c in changes.items()
        if c.new or c.changed or c.gone
    )
    out().print(f"Recorded as decision {number}; {what or 'no row changed'}.")
    if draft.kind != "undo":
        out().print(f"To take it back: fieldmap identity undo {number} --because …")


# --------------------------------------------------------------------------------------------------------------- parts


def parse(bundle: Bundle, entity: str, key: str) -> tuple[str, str]:
    """A key as it is shown, as its numbering and the source's own key: `bamboohr:100`, or the base's `21001`."""
    identity = _info(bundle, entity).identity
    if identity is None:
        raise UsageError(
            f"All sources of {entity} share one numbering, so equal keys are one {entity} and others are not"
        )
    for name in identity.numberings:
        if key.startswith(f"{name}:"):
            return name, key[len(name) + 1 :]
    return identity.base, key


def _info(bundle: Bundle, entity: str) -> EntityInfo:
    found = bundle.entity(entity)
    if found is None:
        raise UsageError(
            f"There is no entity {entity}; there are: {', '.join(item.name for item in bundle.catalogue.entities)}"
        )
    return found


def _known(bundle: Bundle, entity: str) -> str:
    return _info(bundle, entity).name if entity else ""


def _require(connection: Connection, info: EntityInfo, key: tuple[str, str]) -> None:
    """Raises FindingsError if no live claim has the key: a slip of the pen would be a decision for ever."""
    from psycopg import sql

    row = connection.execute(
        sql.SQL(
            "SELECT EXISTS (SELECT FROM identity.evidence WHERE (entity, source, key) = (%s, %s, %s))"
            " OR EXISTS (SELECT FROM canonical.{} WHERE %s AND {} = %s)"
        ).format(sql.Identifier(info.table), sql.Identifier(info.key[0])),
        [info.name, *key, info.identity is not None and key[0] == info.identity.base, key[1]],
    ).fetchone()
    if row is None or not row[0]:
        raise FindingsError(
            f"No source claims a {info.name} with the key {key[1]} of {key[0]}; see: fieldmap query {info.name}"
        )


def _reason(because: str) -> str:
    if not because.strip():
        raise UsageError("Say why, for whoever asks later: --because …")
    return because.strip()


def _line(bundle: Bundle, entity: str, line: int) -> str:
    info = bundle.entity(entity)
    matches = info.identity.matches if info is not None and info.identity is not None else ()
    return matches[line - 1].text if line <= len(matches) else ""


def _most(limit: int | None, *, json: bool) -> int | None:
    return limit or (None if json else SHOWN)


def _number(connection: Connection, view: str, entity: str) -> int:
    from psycopg import sql

    row = connection.execute(
        sql.SQL("SELECT count(*) FROM identity.{} WHERE %s IN ('', entity)").format(sql.Identifier(view)), [entity]
    ).fetchone()
    return row[0] if row is not None else 0


def _counted(total: int, shown: int, what: str) -> None:
    out().print(f"\n{plural(total, what)}{f', {count(shown)} shown (--limit)' if total > shown else ''}")


def hide(bundle: Bundle, entity: str, items: Iterable[dict[str, Any]], hidden: Private) -> None:
    """Hides the values by which keys are matched, where they are personal or restricted. items: with `value`, and the line as `rule` or
    `match`."""
    for item in items:
        if item["value"] is not None:
            rule = item["rule"] if "rule" in item else item["match"]
            item["value"] = _hidden_value(bundle, entity, rule, hidden) or item["value"]


def _hidden_value(bundle: Bundle, entity: str, rule: str | None, hidden: Private) -> str:
    """What is shown instead of the value of a match line, "" where it may be seen."""
    info = bundle.entity(entity)
    matches = info.identity.matches if info is not None and info.identity is not None else ()
    fields = [field for match in matches if match.text == rule for field in match.fields]
    return next((hidden.fields[entity, field] for field in fields if (entity, field) in hidden.fields), "")


def _numbered(hidden: Private, entity: str, key: tuple[str, ...]) -> str:
    """A source's own key behind the name of its numbering."""
    return ":".join([*key[:-1], hidden.key(entity, key[-1])])


def value_words(value: str | None) -> str:
    """A matched value as a person writes it; the store keeps a JSON list of the fields that are compared."""
    if value is None:
        return ""
    if not value.startswith("["):
        return safe(value)  # hidden
    return " and ".join(safe(part) for part in msgspec.json.decode(value, type=list[Any]))


def _some(keys: list[str]) -> str:
    return ", ".join(safe(key) for key in keys[:6]) + (f" and {count(len(keys) - 6)} more" if len(keys) > 6 else "")
