"""A replay of all sources of an entity merges once, at its end: to the same rows as batch by batch, and whatever stops it."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conftest import empty_database
from tests.store.proxies import Watched
from tests.store.test_paired import QUESTIONS, SOURCES, model, said
from tests.support import Quiet, compiled, rows

from fieldmap.runtime import run as runs
from fieldmap.runtime.archive import Archive, Received
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.load import intake
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Connection, Database, Server
from fieldmap.runtime.store.reconcile import prepare


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        yield made


def emptied(database: Server) -> None:
    with database.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS claims, canonical, provenance, fieldmap, identity CASCADE")


def archived(folder: Path, dice: random.Random) -> Archive:
    archive = Archive(folder / "archive", Ports.real())
    for number, source in enumerate(dice.choices(SOURCES, k=9)):
        page = [{**said(dice), **({} if dice.random() < 0.7 else {"pay": None})} for _ in range(dice.randrange(1, 9))]
        with archive.writer(f"{source}.one") as writer:
            writer.append(
                Received(
                    resource=f"{source}.one",
                    url="https://x/x",
                    fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
                    status=200,
                    headers={},
                    body=msgspec.json.encode(page),
                    format="json",
                    request=str(number),
                    sweep=str(number),
                    page=1,
                )
            )
    return archive


def replay(database: Database, bundle: Bundle, archive: Archive) -> Report:
    return Run(bundle, archive, database, Ports.real(), {}, Quiet()).replay([])


def state(database: Server) -> list[list[tuple[Any, ...]]]:
    return [
        rows(
            database, "SELECT to_jsonb(t) - '{_claims,_made_by,_changed_by}'::text[] FROM canonical.thing t ORDER BY id"
        )
    ] + [rows(database, question) for question in QUESTIONS[1:]]


def steps_of(database: Server, bundle: Bundle, archive: Archive) -> set[str]:
    """Replays; which of the ways of merging were taken."""
    taken = set[str]()

    def look(_: Connection, statement: str) -> None:
        taken.update(name for name in ("FULL JOIN", "CREATE TEMP TABLE merged_") if name in statement)

    replay(Watched(database, look), bundle, archive)
    return taken


@pytest.mark.parametrize("seed", range(8))
def test_merged_once_or_batch_by_batch_come_to_the_same_rows(
    database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    monkeypatch.setattr(intake, "BATCH_RECORDS", dice.choice((2, 100)))
    monkeypatch.setattr(runs, "_LARGE", 1 << 40 if seed % 2 else 0)
    bundle, archive = compiled(tmp_path, all=model(dice)), archived(tmp_path, dice)
    emptied(database)
    replay(database, bundle, archive)
    once = state(database)
    assert rows(database, "SELECT deferred FROM fieldmap.entities") == [(False,)]
    emptied(database)
    with monkeypatch.context() as patched:
        patched.setattr(runs, "deferrable", lambda *_: frozenset())
        replay(database, bundle, archive)
    assert once == state(database)
    assert once[0] or once[2]


MANY = (
    """
entity Thing {
  key id : text
  name   : text
  town   : text?
}
"""
    + "".join(
        f"""
connector {name} {{
  base "https://x"
  resource one {{
    get "/x"
    id $.id
    changed $.t
    shape {{ id: text, t: datetime, name: text?, town: text? }}
  }}
}}
map {name}.one to Thing {{
  id   = $.id
  name = $.name
  town = $.town
}}
"""
        for name in SOURCES
    )
    + "merge Thing {\n  same id of a, b, c\n  default prefer a, b, c\n}\n"
)


def undisturbed(database: Server, bundle: Bundle, archive: Archive) -> list[list[tuple[Any, ...]]]:
    """What a replay into an empty database leaves, which is emptied again."""
    emptied(database)
    replay(database, bundle, archive)
    found = state(database)
    emptied(database)
    return found


@pytest.fixture
def many(tmp_path: Path) -> tuple[Bundle, Archive]:
    return compiled(tmp_path, all=MANY), archived(tmp_path, random.Random(1))  # noqa: S311


def test_a_new_store_is_merged_by_one_statement_and_a_filled_one_by_keys(
    database: Server, many: tuple[Bundle, Archive]
) -> None:
    bundle, archive = many
    emptied(database)
    assert "FULL JOIN" in steps_of(database, bundle, archive)
    first = state(database)
    with database.connect() as connection:
        connection.execute("UPDATE fieldmap.positions SET applied_through = -1, replaying = true")
        connection.execute("DELETE FROM fieldmap.ledger")
        connection.execute("UPDATE canonical.thing SET name = 'spoilt'")
    assert steps_of(database, bundle, archive) == {"CREATE TEMP TABLE merged_"}
    assert state(database) == first


def test_the_report_counts_rows_that_were_merged_at_the_end(database: Server, many: tuple[Bundle, Archive]) -> None:
    emptied(database)
    report = replay(database, *many)
    assert report.entities()["Thing"].new == rows(database, "SELECT count(*) FROM canonical.thing")[0][0] > 0


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_replay_that_breaks_off_is_merged_by_the_next_run(
    database: Server, many: tuple[Bundle, Archive], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """After the first, second and third map, before the merge."""
    bundle, archive = many
    expected = undisturbed(database, bundle, archive)
    ended: list[str] = []

    def end(_: Connection, statement: str) -> None:
        ended.extend(["position"] if statement.startswith("UPDATE fieldmap.positions SET applied_through") else [])
        if len(ended) > at or (len(ended) == 3 and "FULL JOIN" in statement):
            raise FieldmapError("killed")

    with pytest.raises(FieldmapError, match="killed"):
        replay(Watched(database, end), bundle, archive)
    assert rows(database, "SELECT deferred FROM fieldmap.entities") == [(True,)]
    reconciled = prepare(database, bundle, replay=False)
    assert reconciled.deferred == ("Thing",)
    assert not reconciled.meaning_changed
    Run(bundle, archive, database, Ports.real(), {}, Quiet()).load([])
    assert rows(database, "SELECT deferred FROM fieldmap.entities") == [(False,)]
    assert state(database) == expected


def test_two_maps_of_a_large_replay_are_loaded_beside_each_other(
    database: Server, many: tuple[Bundle, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, archive = many
    expected = undisturbed(database, bundle, archive)
    monkeypatch.setattr(runs, "_LARGE", 0)
    meet = threading.Barrier(2)
    met: list[int] = []

    def wait(_: Connection, statement: str) -> None:
        if statement.startswith("SELECT epoch, applied_through FROM fieldmap.positions") and len(met) < 2:
            met.append(threading.get_ident())
            meet.wait(30)

    report = replay(Watched(database, wait), bundle, archive)
    assert len(set(met)) == 2
    assert list(report.maps) == [info.id for info in bundle.catalogue.maps]
    assert state(database) == expected


def test_what_stops_one_of_two_maps_stops_the_other_and_the_next_run_goes_on(
    database: Server, many: tuple[Bundle, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, archive = many
    expected = undisturbed(database, bundle, archive)
    monkeypatch.setattr(runs, "_LARGE", 0)
    monkeypatch.setattr(intake, "BATCH_RECORDS", 1)

    def fail(_: Connection, statement: str) -> None:
        if statement.startswith("UPDATE fieldmap.positions SET applied_through"):
            raise FieldmapError("killed")

    with pytest.raises(FieldmapError, match="killed"):
        replay(Watched(database, fail), bundle, archive)
    assert not [one for one in threading.enumerate() if one.name.startswith("fieldmap-")]
    replay(database, bundle, archive)
    assert state(database) == expected


def test_who_merges_meanwhile_does_not_take_the_mark_away(database: Server, many: tuple[Bundle, Archive]) -> None:
    bundle, archive = many
    emptied(database)
    merged: list[int] = []

    def is_deferred() -> bool:
        (made,) = rows(database, "SELECT to_regclass('fieldmap.entities') IS NOT NULL")
        return made[0] and rows(database, "SELECT deferred FROM fieldmap.entities") == [(True,)]

    def meanwhile(_: Connection, statement: str) -> None:
        if statement == "BEGIN" and not merged and is_deferred():
            merged.append(1)
            remerge(database, bundle, ["Thing"], 0)
            assert rows(database, "SELECT deferred FROM fieldmap.entities") == [(False,)]
        if "FULL JOIN" in statement or (merged and "CREATE TEMP TABLE merged_" in statement):
            raise FieldmapError("killed")

    with pytest.raises(FieldmapError, match="killed"):
        replay(Watched(database, meanwhile), bundle, archive)
    assert merged
    assert rows(database, "SELECT deferred FROM fieldmap.entities") == [(True,)]


def test_a_source_that_was_loaded_before_is_merged_as_it_comes(database: Server, many: tuple[Bundle, Archive]) -> None:
    bundle, archive = many
    emptied(database)
    Run(bundle, archive, database, Ports.real(), {}, Quiet()).replay(["a.one"])
    seen: list[bool] = []

    def look(_: Connection, statement: str) -> None:
        if statement.startswith("UPDATE fieldmap.positions SET applied_through"):
            seen.extend(one for (one,) in rows(database, "SELECT deferred FROM fieldmap.entities"))

    replay(Watched(database, look), bundle, archive)
    assert seen
    assert not any(seen)
