"""History of records whose versions leave fields unchanged: against the fold of `test_keeping`, at every time and in any order of arrival."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.store.test_keeping import MAP, MAPS, Fold, at, full, history, sparse
from tests.support import MemoryPage, Pages, anew, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server

ALL = MAPS.replace("  tags    : list of text\n", "  tags    : list of text\n  keeps history\n")
DAYS = range(1, 10)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=ALL)


def as_of(database: Server, day: int, known: Any = None) -> list[tuple[Any, ...]]:
    when = "_known_to = 'infinity'" if known is None else "_known_from <= %s AND _known_to > %s"
    return rows(
        database,
        "SELECT no, subject, body, weight::text FROM (SELECT DISTINCT ON (no) * FROM history.ticket"
        f" WHERE _true_from <= %s AND {when} ORDER BY no, _true_from DESC) h WHERE NOT _gone ORDER BY no",
        at(day),
        *([known, known] if known is not None else []),
    )


def until(fold: Fold, day: int) -> list[tuple[Any, ...]]:
    seen = {no: [one for one in all_ if one[0][0] <= at(day)] for no, all_ in fold.versions.items()}
    return Fold({no: versions for no, versions in seen.items() if versions}).rows()


@pytest.mark.parametrize("seed", range(8))
def test_the_row_of_a_time_is_the_fold_of_the_versions_until_then(
    bundle: Bundle, database: Server, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    records = history(chance) + history(chance)  # the same days twice: of one time the later in the archive counts
    places = Pages()
    positions = [places.page({"data": []}).position for _ in records]
    chance.shuffle(positions)
    made = [
        MemoryPage(position, Pages().page({"data": [record]}).body)
        for position, record in zip(positions, records, strict=True)
    ]
    anew(database, bundle)
    monkeypatch.setattr(intake, "BATCH_RECORDS", chance.choice((1, 2, 3, 100)))
    fold, told = Fold(), []
    # In the archive's order, in several runs: after each all that was known so far is the fold of what came.
    order = sorted(zip(made, records, strict=True), key=lambda item: item[0].position)
    for start in range(0, len(order), 4):
        part = order[start : start + 4]
        load(database, bundle, MAP, [page for page, _ in part])
        for page, record in part:
            fold.see(page, [record])
        for day in DAYS:
            assert as_of(database, day) == until(fold, day), (start, day, records)
        told.append((rows(database, "SELECT clock_timestamp()")[0][0], {day: until(fold, day) for day in DAYS}))
    for known, wanted in told:
        assert {day: as_of(database, day, known) for day in DAYS} == wanted
    latest = rows(database, "SELECT no, subject, body, weight::text FROM canonical.ticket ORDER BY no")
    assert latest == fold.rows() == as_of(database, max(DAYS))


def test_a_replay_of_the_same_maps_learns_nothing(bundle: Bundle, database: Server) -> None:
    chance = random.Random(3)  # noqa: S311
    pages = Pages()
    made = [pages.page({"data": [record]}) for record in history(chance) + history(chance)]
    anew(database, bundle)
    load(database, bundle, MAP, made)
    written = rows(database, "SELECT ctid::text, xmin::text, h::text FROM history.ticket h ORDER BY 1")
    again = [pages.page({"data": []}), *(MemoryPage(page.position + 10**9, page.body) for page in made)]
    load(database, bundle, MAP, again)
    assert rows(database, "SELECT ctid::text, xmin::text, h::text FROM history.ticket h ORDER BY 1") == written


def test_another_map_fills_the_past_anew(bundle: Bundle, database: Server, tmp_path: Path) -> None:
    pages = Pages()
    made = [
        pages.page({"data": [record]})
        for record in (full("A", 1, body="One"), sparse("A", 3, subject="x"), full("A", 2, body="Two"))
    ]
    anew(database, bundle)
    load(database, bundle, MAP, made)
    assert [as_of(database, day)[0][2] for day in (1, 2, 3)] == ["One", "Two", "Two"]
    other = compiled(tmp_path, all=ALL.replace("body    = text", "body    = lower(text)"))
    ready(database, other)
    load(database, other, MAP, made)
    assert [as_of(database, day)[0][2] for day in (1, 2, 3)] == ["one", "two", "two"]


def test_the_value_of_a_time_leads_to_the_version_that_gave_it(bundle: Bundle, database: Server) -> None:
    pages = Pages()
    made = [
        pages.page({"data": [record]})
        for record in (full("A", 1, body="long"), sparse("A", 2, subject="new"), full("A", 3, body="short"))
    ]
    anew(database, bundle)
    load(database, bundle, MAP, made)
    kept = f"SELECT (_kept->'body'->>'position')::bigint FROM versions.{MAP} ORDER BY _changed"
    assert rows(database, kept) == [(None,), (made[0].position,), (None,)]
