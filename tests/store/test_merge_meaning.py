"""The whole way of a merge against its reference, over random projects: versions of records arrive through the loader in any order, in any
batches, some twice, and the database must end with what the interpreter makes of the newest version of each record.

FIELDMAP_EXAMPLES=50 tries so many times the projects of every day.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.conftest import empty_database
from tests.store.test_merge_rules import CONDITIONS, FIELDS, RULES, START, columns, shown, stored, values
from tests.support import Pages, anew, examples, load, project, rows

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.interpret.merging import LiveClaim, Merged, merge
from fieldmap.compiler.project import compile_project
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.values.outcome import Claimed, Dead, Money, Outcome

# The elements of b.one's records claim by `each`; c.one only enriches; nobody knows when records of d.one change.
SOURCES = ("a.one", "a.two", "b.one", "c.one", "d.one")
CLAIM_RULES = ("prefer", "only", "newest", "oldest")
GROUPS = (
    "newest needs street, city",
    "oldest",
    "prefer b, a, c, d needs street, city",
    "only a needs tags, city",
    "newest",
)
ORDERS = 2


def model(dice: random.Random) -> str:
    """A project in which every source claims everything, with a rule of each field drawn."""
    text = "entity Thing {\n  key id : text\n" + "".join(f"  {name} : {type_}\n" for name, type_ in FIELDS.items())
    text += CONDITIONS + "}\n"
    for connector in ("a", "b", "c", "d"):
        text += f'connector {connector} {{\n  base "https://x"\n'
        for resource in ("one", "two") if connector == "a" else ("one",):
            changed = "changed unknown" if connector == "d" else "changed $.at"
            text += f'  resource {resource} {{ get "/x"; id $.rec; {changed}; deleted when $.gone otherwise false }}\n'
        text += "}\n"
    for source in SOURCES:
        checks = '  when not ($.skip otherwise false)\n  expect $.bad is absent "bad"\n'
        if source == "b.one":
            text += f"map {source} as rec {{\n{checks}  each rec.parts[*] as p to Thing {{\n{_lines('p')}  }}\n}}\n"
        else:
            partial = " partial" if source == "c.one" else ""
            text += f"map {source} to Thing{partial} {{\n{checks}{_lines('$')}}}\n"
    lines = {name: _rule(dice, name) for name in RULES}
    default = dice.choice(("prefer c, b, a, d", "newest", "oldest", "most common"))
    return text + (
        f"merge Thing {{\n  same id of {', '.join(dice.sample(['a', 'b', 'c', 'd'], 4))}\n  default {default}\n"
        + "".join(f"  {name} {rule}\n" for name, rule in lines.items() if dice.random() < 0.9 or "union" in rule)
        + f"  together street, city, tags {dice.choice(GROUPS)}\n"
        + ("  duplicates reject\n" if dice.random() < 0.3 else "")
        + "}\n"
    )


def _lines(root: str) -> str:
    units = {"m": f" in {root}.cur", "n": " in km", "f": " in EUR"}
    hold = "if invalid hold up to 100 %"
    return f"  id = {root}.id\n" + "".join(f"  {name} = {root}.{name}{units.get(name, '')} {hold}\n" for name in FIELDS)


def _rule(dice: random.Random, name: str) -> str:
    # Each kind of rule as often as another, however many ways there are to write it.
    kinds: dict[str, list[str]] = {}
    for rule in RULES[name]:
        kinds.setdefault("within" if " within " in rule and rule.startswith("prefer") else rule.split()[0], []).append(
            rule
        )
    rule = dice.choice(kinds[dice.choice(list(kinds))]).replace("prefer c, b, a", "prefer c, b, a, d")
    if rule == "prefer a.two, b, c, a.one":
        rule = "prefer a.two, d, b, c, a.one"
    nullable = rule.startswith(CLAIM_RULES) and FIELDS[name].endswith("?")
    return f"{rule} null wins" if nullable and dice.random() < 0.5 else rule


@dataclass(frozen=True)
class Version:
    """A version of a record of a source."""

    source: str
    json: dict[str, Any]


def said(dice: random.Random, keys: int) -> dict[str, Any]:
    """What a source sends of one thing: values, nulls, nothing, and what cannot be read."""
    sent: dict[str, Any] = {"id": str(dice.randrange(keys))}
    for name, value in values(dice).items():
        sent[name] = _sent(value)
        if isinstance(value, Money):
            sent["cur"] = value.currency
    for name in FIELDS:
        chance = dice.random()
        if chance < 0.08:
            sent[name] = None
        elif chance < 0.13:
            # No field reads an object in a list, and json and texts take a list for nothing.
            sent[name] = [[{}]] if FIELDS[name] != "json?" else sent.get(name)
    return sent


def _sent(value: Any) -> Any:
    match value:
        case Money():
            return value.amount
        case datetime():
            return value.isoformat()
        case list():
            return [_sent(item) for item in value]
        case bool() | int() | str() | dict() | Decimal():
            return value
        case _:
            return value.isoformat()


def history(dice: random.Random) -> list[Version]:
    """Versions of the records of all sources; those of one record differ in time, records meet in keys and times."""
    keys = dice.choice((4, 8, 16))
    made: list[Version] = []
    for number in range(dice.choice((12, 30, 60))):
        source = dice.choice(SOURCES)
        record = dice.choice(("r", "R", "ä", "\U0001f600")) + f"{number}"
        timed = source != "d.one"
        for day in dice.sample((0, 1, 2, 9, 10, 11, 40), dice.choice((1, 1, 2, 4)) if timed else 1):
            json: dict[str, Any] = {"rec": record}
            if timed and dice.random() < 0.95:
                json["at"] = (START + timedelta(days=day)).isoformat()
            if source == "b.one":
                json["parts"] = [said(dice, keys) for _ in range(dice.randrange(4))]
            else:
                json.update(said(dice, keys))
            state = dice.random()
            json.update({"gone": True} if state < 0.08 else {"skip": True} if state < 0.16 else {})
            # Where a rejected version says no time, its place in the archive counts, which is the order of arrival.
            json.update({"bad": 1} if 0.16 < state < 0.3 and ("at" in json or not timed) else {})
            if "at" in json or not any(v.source == source and v.json["rec"] == record for v in made):
                made.append(Version(source, json))
    return made


# ------------------------------------------------------------------------------------------------------- the reference


@dataclass
class Wanted:
    """What the store must hold."""

    rows: dict[tuple[Any, ...], Merged]
    dead: set[tuple[str, str]]
    stale: set[tuple[str, str]]
    held: set[tuple[str, str, int, int, str]]


def reference(checked: ir.Project, versions: list[Version]) -> Wanted:
    """Of each record the newest version that could be read, merged by the interpreter."""
    maps = {f"{item.connector}.{item.resource}": item for item in checked.maps}
    newest: dict[tuple[str, str], dict[bool, tuple[datetime | None, Outcome]]] = {}
    for version in versions:
        map_ = maps[version.source]
        outcome = interpret.run_record(map_, checked.codes, version.json)
        assert outcome.record_id is not None
        found = newest.setdefault((map_.id, outcome.record_id), {})
        dead = isinstance(outcome, Dead)
        if dead not in found or _later(outcome.changed, found[dead][0]):
            found[dead] = outcome.changed, outcome
    wanted = Wanted({}, set(), set(), set())
    live: list[LiveClaim] = []
    by_id = {item.id: item for item in checked.maps}
    for (map_id, record), found in newest.items():
        good = found.get(False)
        if True in found and (good is None or _later(found[True][0], good[0])):
            wanted.dead.add((map_id, record))
        if good is None or not isinstance(good[1], Claimed):
            continue
        claims = list(_claims(checked.entities[0], by_id[map_id], good[1]))
        live.extend(claims)
        wanted.held |= {(map_id, record, h.claim, h.row, h.field) for h in good[1].held}
        if (map_id, record) in wanted.dead and claims:
            wanted.stale.add((map_id, record))
    wanted.rows = merge(checked.entities[0], live)
    return wanted


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)


def _claims(entity: ir.Entity, map_: ir.Map, outcome: Claimed) -> Iterator[LiveClaim]:
    for claim in claims_of(map_):
        rank = next(s.rank for s in entity.sources if (s.map, s.claim) == (map_.id, claim.number))
        for element, row in enumerate(outcome.rows[claim.number]):
            found = {item.field: value for item, value in zip(claim.assignments, row, strict=True)}
            key = tuple(found.pop(name) for name in entity.key)
            nulls = frozenset(name for number, at, name in outcome.nulls if (number, at) == (claim.number, element))
            held = frozenset(h.field for h in outcome.held if (h.claim, h.row) == (claim.number, element))
            yield LiveClaim(rank, key, outcome.record_id, found, outcome.changed, element, nulls, held)


# ------------------------------------------------------------------------------------------------------------ the store


def arrive(database: Server, bundle: Bundle, dice: random.Random, versions: list[Version]) -> None:
    """All versions in a random order, in random pages and batches, some of them twice."""
    order = [*versions, *dice.sample(versions, len(versions) // 4)]
    dice.shuffle(order)
    maps = {item.resource: item.id for item in bundle.catalogue.maps}
    pages = Pages()
    while order:
        size = dice.choice((6, 20, 60))
        part, order = order[:size], order[size:]
        for source in dict.fromkeys(version.source for version in part):
            sent = [version.json for version in part if version.source == source]
            cut = dice.randrange(len(sent) + 1)
            load(database, bundle, maps[source], [pages.page(some) for some in (sent[:cut], sent[cut:]) if some])


def all_claims(database: Server, entity: ir.Entity) -> dict[int, tuple[int, str, int]]:
    """Of each claim its source, record and element."""
    return {
        claim: (source.rank, record, element)
        for source in entity.sources
        for claim, record, element in rows(
            database, f"SELECT _claim, _record, {'_element' if source.claim else '0'} FROM claims.{source.table}"
        )
    }


def named(claim: LiveClaim) -> tuple[int, str, int]:
    return claim.rank, claim.record, claim.element


def check_rows(database: Server, entity: ir.Entity, wanted: Wanted) -> None:
    """Canonical rows, the claim of each value, and what is listed of rows."""
    ids = all_claims(database, entity)
    fields = [field for field in entity.fields if not field.is_key]
    own = columns(entity)
    names = ", ".join(f'"{name}"' for field in fields for name in own[field.name])
    found = {row[0]: row[1:] for row in rows(database, f"SELECT id, _claims, {names} FROM canonical.thing")}
    assert set(found) == {key[0] for key, row in wanted.rows.items() if row.complete}
    for key, (winners, *cells) in found.items():
        row = wanted.rows[(key,)]
        expected = [shown(part) for f in fields for part in stored(row.values[f.name], len(own[f.name]))]
        assert [shown(cell) for cell in cells] == expected, key
        if len(winners) == 1 and len(fields) > 1:
            # A single winner stands for all fields that have a value.
            winners = [winners[0] if row.values[f.name] is not None else None for f in fields]
        chosen = {f.name: ids[winner] for f, winner in zip(fields, winners, strict=True) if winner is not None}
        assert chosen == {name: named(claim) for name, claim in row.winners.items()}, key
    whole = {key[0]: row for key, row in wanted.rows.items() if row.whole}
    held = rows(database, "SELECT key, missing, failed, twice FROM fieldmap.incomplete")
    assert {key: (tuple(missing), tuple(failed), twice) for key, missing, failed, twice in held} == {
        key: (row.missing, row.failed, row.twice) for key, row in whole.items() if not row.complete
    }
    warned = rows(database, "SELECT key, condition FROM fieldmap.warned")
    assert set(warned) == {(key, number) for key, row in whole.items() for number in row.warned}
    conflicts = rows(database, "SELECT key, field, claims FROM fieldmap.conflicts WHERE code <> 'FM2182'")
    assert {(key, field): [ids[claim] for claim, *_ in told] for key, field, told in conflicts} == {
        (key, field): [named(claim) for claim in told]
        for key, row in whole.items()
        for field, told in row.conflicts.items()
    }
    doubtful = rows(database, "SELECT key, field, claims FROM fieldmap.conflicts WHERE code = 'FM2182'")
    assert {
        (key, field): (ids[first[0]], sorted(ids[claim] for claim, *_ in others))
        for key, field, (first, *others) in doubtful
    } == {
        (key, field): (named(row.winners[field]), sorted(map(named, told)))
        for key, row in whole.items()
        for field, told in row.doubtful.items()
        if told
    }


def check_records(database: Server, entity: ir.Entity, wanted: Wanted) -> None:
    """What is listed of records, and that the provenance of a value names its claim."""
    dead = rows(database, "SELECT map, record FROM fieldmap.dead_letters")
    assert sorted(dead) == sorted(wanted.dead)
    assert set(rows(database, "SELECT map, record FROM provenance.thing_stale")) == wanted.stale
    assert set(rows(database, "SELECT map, record, claim, element, field FROM fieldmap.held")) == wanted.held
    told = rows(database, "SELECT key, field, map, record, value IS NULL FROM provenance.thing")
    maps = {source.rank: source.map for source in entity.sources}
    assert sorted(told) == sorted(
        (key[0], name, maps[claim.rank], claim.record, row.values[name] is None)
        for key, row in wanted.rows.items()
        if row.complete
        for name, claim in row.winners.items()
        if row.values[name] is not None or entity.rules[name].null_wins
    )


def everything(database: Server, entity: ir.Entity) -> dict[str, Any]:
    """All that a user may read, with claims named by their records."""
    ids = all_claims(database, entity)
    names = ", ".join(f'"{name}"::text' for own in columns(entity).values() for name in own)
    conflicts = rows(database, "SELECT key, field, code, claims FROM fieldmap.conflicts ORDER BY 1, 2")
    listed = {
        "rows": f"SELECT {names} FROM canonical.thing ORDER BY id",
        "origins": "SELECT key, field, value, map, record, changed FROM provenance.thing ORDER BY 1, 2",
        "duplicates": "SELECT key, map, records FROM provenance.thing_duplicates ORDER BY 1, 2",
        "dangling": "SELECT * FROM provenance.thing_dangling ORDER BY 1, 2, 3",
        "stale": "SELECT key, map, record, changed, rejected, code, reason FROM provenance.thing_stale ORDER BY 1, 2, 3",
        "dead": "SELECT map, record, changed, code, reason FROM fieldmap.dead_letters ORDER BY 1, 2, 3",
        "held": "SELECT map, record, claim, element, field, reason FROM fieldmap.held ORDER BY 1, 2, 3, 4, 5",
        "incomplete": "SELECT * FROM fieldmap.incomplete ORDER BY 1, 2",
        "warned": "SELECT * FROM fieldmap.warned ORDER BY 1, 2, 3",
    }
    return {
        "conflicts": [(*head, [(ids[claim], *more) for claim, *more in told]) for *head, told in conflicts],
        **{name: rows(database, statement) for name, statement in listed.items()},
    }


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        yield made


@settings(
    max_examples=examples(4),
    deadline=None,
    # What a seed makes does not become simpler with a smaller one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 2**40))
def test_any_arrival_ends_in_what_the_reference_makes(
    database: Server, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    checked = project(tmp_path_factory.mktemp("maps"), all=model(dice))
    assert checked.ok, [item.message for item in checked.diagnostics]
    bundle, entity = compile_project(checked), checked.project.entities[0]
    versions = history(dice)
    wanted = reference(checked.project, versions)
    seen = []
    for _ in range(ORDERS):
        anew(database, bundle)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(intake, "BATCH_RECORDS", dice.choice((1, 2, 5, 100)))
            arrive(database, bundle, dice, versions)
        check_rows(database, entity, wanted)
        check_records(database, entity, wanted)
        seen.append(everything(database, entity))
    for name, first in seen[0].items():
        assert all(one[name] == first for one in seen), f"the order of arrival changes {name}"
