"""What follows a change: only what is linked to it is decided anew, and the result is that of a load from the beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import empty_database
from tests.identity.model import Decision
from tests.identity.test_crosswalk import arrive, check, crosswalk, versions, worker
from tests.identity.world import MAPS
from tests.support import Pages, compiled, examples, load, ready, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.decisions import Draft, carry_out
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

OTHER = MAPS.replace("  match bamboohr to workday on email when unique\n", "").replace(
    "must agree on name", "must agree on badge"
)
SHARED = MAPS.replace(
    MAPS[MAPS.index("  match bamboohr to workday on email") : MAPS.index("  default prefer")],
    "  same worker_id of workday, bamboohr, payroll\n",
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def everything(database: Server) -> dict[str, Any]:
    """All that is derived, without what says when or by which run."""
    return {
        "crosswalk": rows(
            database,
            "SELECT entity, source, key, canonical, rule, target, target_key, value FROM identity.crosswalk ORDER BY 1, 2, 3",
        ),
        "evidence": rows(
            database,
            "SELECT entity, source, key, line, value, cardinality(claims) FROM identity.evidence ORDER BY 1, 2, 3, 4, 5",
        ),
        "conflicts": rows(database, "SELECT * FROM identity.conflicts ORDER BY 1, 2, 3, 4, 5, 6"),
        "worker": rows(
            database, "SELECT worker_id, name, email, badge, manager, team FROM canonical.worker ORDER BY 1"
        ),
        "absence": rows(database, "SELECT worker, day, cover, note FROM canonical.absence ORDER BY 1, 2"),
    }


def touched_again(database: Server) -> list[Any]:
    tables = ("identity.crosswalk", "identity.evidence", "identity.conflicts", "canonical.worker", "canonical.absence")
    return [rows(database, f"SELECT '{name}', ctid::text, xmin::text FROM {name} ORDER BY 1, 2") for name in tables]


PEOPLE = [
    worker("workday", "w1", no="1", name="Ada", mail="a@x", badge=1),
    worker("workday", "w2", no="2", name="Bob", mail="b@x", badge=2),
    worker("bamboohr", "r1", no="7", name="Ada", mail="a@x", bossRec="r2", team=["8", "9"]),
    worker("bamboohr", "r2", no="8", name="Bob", mail="b@x"),
    worker("payroll", "p1", no="4", name="Bob", mail="b@x"),
    worker("leave", "l1", who="7", day=1, cover="r2", note="x"),
]


def test_a_changed_address_moves_keys_rows_and_references(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    arrive(database, bundle, pages, PEOPLE)
    check(database, PEOPLE)
    assert crosswalk(database) == {("bamboohr", "7"): "1", ("bamboohr", "8"): "2", ("payroll", "4"): "2"}
    # Bob of BambooHR has a new address: his key leaves worker 2, payroll's with it, and all that refers to him follows.
    moved = worker("bamboohr", "r2", 2, no="8", name="Bob", mail="bob@x")
    arrive(database, bundle, pages, [moved])
    check(database, [*PEOPLE, moved])
    assert crosswalk(database)[("bamboohr", "8")] == "bamboohr:8"
    assert rows(database, "SELECT cover FROM canonical.absence") == [("bamboohr:8",)]
    back = worker("bamboohr", "r2", 3, no="8", name="Bob", mail="b@x")
    arrive(database, bundle, pages, [back])
    check(database, [*PEOPLE, moved, back])


def test_a_second_key_with_the_address_undoes_the_join(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    arrive(database, bundle, pages, PEOPLE)
    twin = worker("bamboohr", "r3", no="9", name="Ada", mail="a@x")
    arrive(database, bundle, pages, [twin])
    check(database, [*PEOPLE, twin])
    assert crosswalk(database)[("bamboohr", "7")] == "bamboohr:7"
    assert rows(database, "SELECT value, source, keys FROM identity.ambiguous") == [('["a@x"]', "bamboohr", ["7", "9"])]
    gone = worker("bamboohr", "r3", 2, no="9", gone=True)
    arrive(database, bundle, pages, [gone])
    check(database, [*PEOPLE, twin, gone])
    assert crosswalk(database)[("bamboohr", "7")] == "1"
    assert rows(database, "SELECT count(*) FROM identity.ambiguous") == [(0,)]


def test_the_same_pages_again_change_no_row(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    arrive(database, bundle, pages, PEOPLE)
    before = touched_again(database)
    arrive(database, bundle, pages, PEOPLE)
    assert touched_again(database) == before


def test_dangling_and_duplicate_rows_are_listed_by_what_they_are(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    people = [
        *PEOPLE,
        worker("bamboohr", "r3", no="7", name="Ada", bossRec="r77"),
        worker("bamboohr", "r4", no="11", name="Eve", team=["12"]),
        worker("leave", "l2", who="13", day=2, cover="r99"),
    ]
    arrive(database, bundle, Pages(), people)
    found = rows(database, "SELECT key, field, refers_to FROM provenance.worker_dangling ORDER BY 1, 2")
    assert found == [
        ("1", "manager", "record of bamboohr.users: r77"),
        ("1", "team", "bamboohr:9"),
        ("bamboohr:11", "team", "bamboohr:12"),
    ]
    found = rows(database, "SELECT key::jsonb, field, refers_to FROM provenance.absence_dangling ORDER BY 2")
    assert found == [
        (["bamboohr:13", 2], "cover", "record of bamboohr.users: r99"),
        (["bamboohr:13", 2], "worker", "bamboohr:13"),
    ]
    assert rows(database, "SELECT key, records FROM provenance.worker_duplicates") == [("1", ["r1", "r3"])]


def test_a_number_that_looks_qualified_is_nobody_elses(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    people = [
        worker("workday", "w9", no="bamboohr:7", name="Zoe", boss="bamboohr:7"),
        worker("bamboohr", "r1", no="7", name="Ada"),
    ]
    arrive(database, bundle, Pages(), people)
    check(database, people)
    assert rows(database, "SELECT worker_id, name, manager FROM canonical.worker ORDER BY 1") == [
        ("bamboohr:7", "Ada", None),
        ("workday:bamboohr:7", "Zoe", "workday:bamboohr:7"),
    ]


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions(), st.sampled_from([OTHER, SHARED]), st.booleans())
def test_other_rules_give_what_a_fresh_load_gives(
    server: Server, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory, records: list[Any], maps: str, there: bool
) -> None:
    """From these rules to others, or from the others to these."""
    other = compiled(tmp_path_factory.mktemp("other"), all=maps)
    first, second = (bundle, other) if there else (other, bundle)
    with empty_database(server) as changed, empty_database(server) as fresh:
        ready(changed, first)
        arrive(changed, first, Pages(), records)
        remerge(changed, second, prepare(changed, second, replay=True).remerge, 0)
        for map_id in (item.id for item in second.catalogue.maps):
            load(changed, second, map_id, [])
        ready(fresh, second)
        arrive(fresh, second, Pages(), records)
        assert everything(changed) == everything(fresh)


keys = st.tuples(st.sampled_from(["bamboohr", "payroll"]), st.sampled_from(["1", "2", "3"]))


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    versions(),
    st.lists(st.tuples(st.sampled_from(["same", "apart"]), keys, st.sampled_from(["1", "2", "3"])), max_size=3),
    st.data(),
)
def test_decisions_among_everything(
    server: Server,
    bundle: Bundle,
    tmp_path_factory: pytest.TempPathFactory,
    records: list[Any],
    said: list[Any],
    data: st.DataObject,
) -> None:
    decisions = [Decision(kind, one, ("workday", key)) for kind, one, key in said]
    archive = Archive(tmp_path_factory.mktemp("decided") / "archive", Ports.real())
    order: list[Any] = data.draw(st.permutations([*records, *range(len(decisions))]))
    # Decisions keep their order among themselves: of two about one key the older counts.
    numbers = iter(range(len(decisions)))
    with empty_database(server) as database:
        ready(database, bundle)
        pages = Pages()
        for item in order:
            if isinstance(item, int):
                one = decisions[next(numbers)]
                draft = Draft(one.kind, "so", "Worker", one.one, one.other)
                carry_out(database, bundle, archive, Ports.real(), draft)
            else:
                arrive(database, bundle, pages, [item])
        check(database, records, decisions)


def test_ids_resolve_where_all_share_one_numbering(tmp_path: Path, database: Server) -> None:
    shared = compiled(tmp_path, all=SHARED)
    ready(database, shared)
    pages = Pages()
    arrive(database, shared, pages, [worker("bamboohr", "r1", no="7", bossRec="r2")])
    assert rows(database, "SELECT worker_id, manager FROM canonical.worker") == [("7", None)]
    arrive(database, shared, pages, [worker("bamboohr", "r2", no="8")])
    assert rows(database, "SELECT worker_id, manager FROM canonical.worker ORDER BY 1") == [("7", "8"), ("8", None)]
    arrive(database, shared, pages, [worker("bamboohr", "r2", 2, no="9")])
    assert rows(database, "SELECT worker_id, manager FROM canonical.worker ORDER BY 1") == [("7", "9"), ("9", None)]
    arrive(database, shared, pages, [worker("bamboohr", "r2", 3, no="9", gone=True)])
    assert rows(database, "SELECT worker_id, manager FROM canonical.worker ORDER BY 1") == [("7", None)]
