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
from tests.support import Pages, compiled, load, ready, rows

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
numbers = st.sampled_from(["1", "2", "3", "4"])
members = st.fixed_dictionaries(
    {"no": st.one_of(numbers, st.just("bamboohr:1"))},
    optional={
        "name": st.sampled_from(["Ada", "Bob"]),
        "mail": st.sampled_from(["a@x", "b@x", "c@x"]),
        "badge": st.integers(1, 3),
        "boss": numbers,
        "bossRec": st.sampled_from(["r1", "r2", "r3", "r9"]),
        "team": st.lists(numbers, max_size=2),
        "gone": st.booleans(),
    },
)
leave = st.fixed_dictionaries(
    {"who": numbers, "day": st.integers(1, 2)},
    optional={"cover": st.sampled_from(["r1", "r2", "r9"]), "note": st.sampled_from(["x", "y"]), "gone": st.booleans()},
)


@st.composite
def versions(draw: st.DrawFn) -> list[Record]:
    found: dict[tuple[str, str, int], Record] = {}
    for _ in range(draw(st.integers(1, 16))):
        system = draw(st.sampled_from([*TABLES, "bamboohr", "workday"]))
        said = draw(leave if system == "leave" else members)
        if system not in ("bamboohr", "leave"):
            said = {name: value for name, value in said.items() if name not in ("bossRec", "team")}
        record = Record(system, draw(st.sampled_from(["r1", "r2", "r3"])), draw(st.integers(1, 3)), tuple(said.items()))
        found.setdefault((record.system, record.record, record.at), record)
    return list(found.values())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
