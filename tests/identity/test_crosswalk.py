"""The crosswalk in PostgreSQL is what the model says, in whatever order, portions and repetitions the records arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import empty_database
from tests.identity import world
from tests.identity.model import Decision
from tests.identity.world import MAPS, TABLES, Record
from tests.support import Pages, compiled, examples, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.store.database import Server


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def arrive(database: Server, bundle: Bundle, pages: Pages, portion: list[Record]) -> None:
    """Loads a portion, a page for each of its systems."""
    for system, table in TABLES.items():
        of_system = [record.json for record in portion if record.system == system]
        if of_system:
            load(database, bundle, table, [pages.page({"data": of_system})], detailed=False)


def crosswalk(database: Server) -> dict[tuple[str, str], str]:
    found = rows(database, "SELECT source, key, canonical FROM identity.crosswalk")
    return {(source, key): canonical for source, key, canonical in found}


def check(database: Server, records: list[Record], decisions: Sequence[Decision] = ()) -> None:
    """The crosswalk, the conflicts and all rows are what the model says."""
    wanted = world.identities(records, decisions)
    assert crosswalk(database) == {key: c for key, c in wanted.canonical.items() if key[0] != "workday"}
    lines = {
        f"match {line.source} to {line.target} on {', '.join(line.fields)}".replace(
            "name, badge", "(name, badge)"
        ): number
        for number, line in enumerate(world.RULES.lines, 1)
    }
    refused = rows(database, "SELECT source, key, rule, target_key, why FROM identity.conflicts")
    assert {(s, k, lines[rule], t): why for s, k, rule, t, why in refused} == wanted.refused
    found = rows(database, "SELECT worker_id, name, email, badge::int, manager, team FROM canonical.worker")
    assert {row[0]: row[1:] for row in found} == world.workers(records, decisions)
    days = rows(database, "SELECT worker, day::int, cover, note FROM canonical.absence")
    assert {row[:2]: row[2:] for row in days} == world.absences(records, decisions)


def worker(system: str, record: str, at: int = 1, **members: Any) -> Record:
    return Record(system, record, at, tuple(members.items()))


# Few values, so that they meet: shared, moved, ambiguous, contradicting.
numbers = st.sampled_from(["1", "2", "3", "4", "5"])
NAMES, MAILS, BADGES = ["Ada", "Ada", "Ada", "Bob", None], ["a@x", "b@x", "c@x", "d@x", None], [1, 2, 3, None]


def some(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def member_values(draw: st.DrawFn, system: str) -> dict[str, Any]:
    if system == "leave":
        said = {"who": draw(numbers), "day": draw(some([1, 2])), "cover": draw(some(["r1", "r2", "r9", None]))}
        return {**said, "note": draw(some(["x", "y", None])), "gone": draw(some([None, None, None, True]))}
    said = {"no": draw(some(["1", "2", "3", "4", "5", "bamboohr:1"])), "gone": draw(some([None] * 6 + [True]))}
    said |= {"name": draw(some(NAMES)), "mail": draw(some(MAILS)), "badge": draw(some(BADGES))}
    if system == "workday":
        said["boss"] = draw(some(["1", "2", "bamboohr:1", None]))
    if system == "bamboohr":
        said |= {"bossRec": draw(some(["r1", "r2", "r9", None])), "team": draw(some([["1"], ["2", "3"], [], None]))}
    return said


SYSTEMS = ["workday", "workday", "workday", "bamboohr", "bamboohr", "bamboohr", "payroll", "payroll", "leave"]


@st.composite
def versions(draw: st.DrawFn) -> list[Record]:
    found: dict[tuple[str, str, int], Record] = {}
    for system in draw(st.lists(st.sampled_from(SYSTEMS), min_size=4, max_size=18)):
        said = {name: value for name, value in draw(member_values(system)).items() if value is not None}
        record = Record(system, draw(some(["r1", "r2", "r3", "r4"])), draw(some([1, 1, 2, 3])), tuple(said.items()))
        found.setdefault((record.system, record.record, record.at), record)
    return list(found.values())


@settings(max_examples=examples(13), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions(), st.data())
def test_whatever_the_order_the_crosswalk_is_the_model(
    server: Server, bundle: Bundle, records: list[Record], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(records))
    again = data.draw(st.lists(st.sampled_from(records), max_size=3))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=4)))
    portions = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    with empty_database(server) as database:
        ready(database, bundle)
        pages = Pages()
        for portion in [*portions, again]:
            arrive(database, bundle, pages, portion)
        check(database, records)


REFUSALS = {
    "disagree": [
        worker("workday", "w1", no="1", name="Bob", mail="a@x"),
        worker("bamboohr", "r1", no="7", name="Ada", mail="a@x"),
    ],
    "several": [
        worker("workday", "w1", no="1", mail="a@x"),
        worker("workday", "w2", no="2", mail="b@x"),
        worker("bamboohr", "r1", no="7", mail="a@x"),
        worker("bamboohr", "r2", no="7", mail="b@x"),
    ],
    "contested": [
        worker("workday", "w1", no="1", mail="a@x"),
        worker("workday", "w2", no="1", mail="b@x"),
        worker("bamboohr", "r1", no="7", mail="a@x"),
        worker("bamboohr", "r2", no="8", mail="b@x"),
    ],
    "taken": [
        worker("workday", "w1", no="1", mail="a@x", badge=1),
        worker("bamboohr", "r1", no="7", mail="a@x"),
        worker("bamboohr", "r2", no="8", badge=1),
    ],
}


@pytest.mark.parametrize("why", REFUSALS)
def test_every_reason_is_met(bundle: Bundle, database: Server, why: str) -> None:
    ready(database, bundle)
    pages = Pages()
    for record in REFUSALS[why]:
        arrive(database, bundle, pages, [record])
        check(database, REFUSALS[why][: REFUSALS[why].index(record) + 1])
    assert {row[0] for row in rows(database, "SELECT why FROM identity.conflicts")} == {why}


def test_a_key_with_several_records_is_one_key(bundle: Bundle, database: Server) -> None:
    """A value is ambiguous if several keys have it, not if several records do."""
    ready(database, bundle)
    people = [
        worker("workday", "w1", no="1", mail="a@x"),
        worker("bamboohr", "r1", no="7", mail="a@x"),
        worker("bamboohr", "r2", no="7", mail="a@x"),
    ]
    arrive(database, bundle, Pages(), people)
    check(database, people)
    assert crosswalk(database) == {("bamboohr", "7"): "1"}
    assert rows(
        database, "SELECT cardinality(claims) FROM identity.evidence WHERE line = 1 AND source = 'bamboohr'"
    ) == [(2,)]


def test_numbers_match_by_size_and_partners_need_every_field(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    people = [
        worker("workday", "w1", no="1", name="Ada", badge=1.50),
        worker("workday", "w2", no="2", badge=2),
        worker("payroll", "p1", no="4", name="Ada", badge=1.5),
        worker("payroll", "p2", no="5", badge=2),
    ]
    arrive(database, bundle, Pages(), people)
    assert crosswalk(database) == {("payroll", "4"): "1", ("payroll", "5"): "payroll:5"}
