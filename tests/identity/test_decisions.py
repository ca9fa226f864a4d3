"""What operators decide outlives replays and can be undone; it is an input like any response."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.identity.model import Decision
from tests.identity.test_crosswalk import arrive, check, crosswalk, worker
from tests.identity.world import MAPS
from tests.support import Pages, compiled, ready, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.decisions import Draft, carry_out, decided, settle, standing
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server

ADA = [
    worker("workday", "w1", no="1", name="Ada", mail="a@x"),
    worker("bamboohr", "r1", no="7", name="Ada", mail="a@x"),
    worker("bamboohr", "r2", no="8", name="Bob", bossRec="r1", team=["7"]),
    worker("leave", "l1", who="7", day=1, note="x"),
]
APART = Decision("apart", ("bamboohr", "7"), ("workday", "1"))
SAME = Decision("same", ("bamboohr", "8"), ("workday", "1"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive", Ports.real())


def decide(database: Server, bundle: Bundle, archive: Archive, decision: Decision) -> int:
    draft = Draft(decision.kind, "they say so", "Worker", decision.one, decision.other)
    return carry_out(database, bundle, archive, Ports.real(), draft)[0]


def test_two_keys_are_kept_apart_and_joined_by_decision(bundle: Bundle, database: Server, archive: Archive) -> None:
    ready(database, bundle)
    arrive(database, bundle, Pages(), ADA)
    check(database, ADA)
    assert crosswalk(database)[("bamboohr", "7")] == "1"
    assert decide(database, bundle, archive, APART) == 1
    check(database, ADA, [APART])
    assert crosswalk(database)[("bamboohr", "7")] == "bamboohr:7"
    assert rows(database, "SELECT worker, day::int FROM canonical.absence") == [("bamboohr:7", 1)]
    assert decide(database, bundle, archive, SAME) == 2
    check(database, ADA, [APART, SAME])
    assert crosswalk(database)[("bamboohr", "8")] == "1"
    history = rows(database, "SELECT key, before, after, rule FROM identity.history ORDER BY id")
    assert history == [
        ("7", None, "1", "match bamboohr to workday on email"),
        ("7", "1", "bamboohr:7", None),
        ("8", "bamboohr:8", "1", "decision 2"),
    ]


def test_an_undone_decision_counts_no_more(bundle: Bundle, database: Server, archive: Archive) -> None:
    ready(database, bundle)
    arrive(database, bundle, Pages(), ADA)
    number = decide(database, bundle, archive, APART)
    carry_out(database, bundle, archive, Ports.real(), Draft("undo", "a mistake", "Worker", undoes=number))
    check(database, ADA)
    (one,) = standing(decided(archive)).values()
    assert (one.decision.reason, one.undone_reason) == ("they say so", "a mistake")
    found = rows(database, "SELECT reason, undone_reason FROM identity.decisions")
    assert found == [("they say so", "a mistake")]


def test_an_empty_database_takes_them_from_the_archive(
    bundle: Bundle, database: Server, archive: Archive, server: Server
) -> None:
    from tests.conftest import empty_database

    ready(database, bundle)
    arrive(database, bundle, Pages(), ADA)
    decide(database, bundle, archive, APART)
    decide(database, bundle, archive, SAME)
    with empty_database(server) as other:
        ready(other, bundle)
        # Before the first record: what is decided waits for it.
        settle(other, bundle, archive, 0)
        arrive(other, bundle, Pages(), ADA)
        check(other, ADA, [APART, SAME])
    with empty_database(server) as other:
        ready(other, bundle)
        arrive(other, bundle, Pages(), ADA)
        settle(other, bundle, archive, 0)
        check(other, ADA, [APART, SAME])


def test_a_decision_that_is_recorded_is_taken_up_by_the_next_run(
    bundle: Bundle, database: Server, archive: Archive
) -> None:
    """As after a kill between the archive and the database."""
    from fieldmap.runtime import decisions

    ready(database, bundle)
    arrive(database, bundle, Pages(), ADA)
    decisions._record(archive, Ports.real(), Draft("apart", "x", "Worker", *(APART.one, APART.other)))
    check(database, ADA)
    settle(database, bundle, archive, 0)
    check(database, ADA, [APART])
    assert settle(database, bundle, archive, 0) == {}
