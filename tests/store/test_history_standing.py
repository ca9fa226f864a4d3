"""History where references must exist: the rows of a time are those that the reference lets stand of the versions until then."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.store.test_standing import MAPS, TEAMS, WORKERS
from tests.support import Pages, compiled, examples, load, project, ready, rows

from fieldmap.cli.asking import Question
from fieldmap.compiler import ir
from fieldmap.compiler.interpret.merging import LiveClaim, merge, stand
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.store.database import Server

ALL = MAPS
for _last in ("  friend : Worker?\n", "  lead   : Worker? must exist\n", "  next  : Seat? must exist\n"):
    ALL = ALL.replace(_last, f"{_last}  keeps history\n")
DAYS = range(1, 9)
ENTITIES = ("Worker", "Team", "Seat")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=ALL)


def at(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


def moment(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def versions(dice: random.Random) -> list[tuple[str, list[dict[str, Any]]]]:
    """Pages of one of the two maps, of days in any order."""
    people, groups = ["0", "1", "2"], list(range(3))
    made: list[tuple[str, list[dict[str, Any]]]] = []
    for _ in range(8):
        made.append(
            (
                WORKERS,
                [
                    {
                        "id": one,
                        "name": dice.choice(("Ada", "Ada", "Ada", None)),
                        "boss": dice.choice((None, None, *people)),
                        "team": dice.choice((None, None, *groups)),
                        "peers": dice.sample(people, dice.choice((0, 0, 1, 2))),
                        "gone": dice.random() < 0.2,
                        "at": at(dice.choice(DAYS)),
                    }
                    for one in dice.sample(people, 3)
                ],
            )
        )
        made.append(
            (
                TEAMS,
                [
                    {
                        "no": one,
                        "lead": dice.choice((None, None, *people)),
                        "seats": [
                            {"place": place, "next": dice.choice((None, 1, 2, 3))}
                            for place in dice.sample((1, 2, 3), dice.randrange(4))
                        ],
                        "gone": dice.random() < 0.2,
                        "at": at(dice.choice(DAYS)),
                    }
                    for one in dice.sample(groups, 2)
                ],
            )
        )
    dice.shuffle(made)
    return made


def modelled(
    entities: tuple[ir.Entity, ...], seen: list[tuple[str, list[dict[str, Any]]]], day: int
) -> dict[str, set[tuple[Any, ...]]]:
    """The keys that stood, of the newest version of each record until then; of one time the one that came last."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for map_id, records in seen:
        for record in records:
            place = (map_id, str(record.get("id", record.get("no"))))
            if record["at"] <= at(day) and (place not in newest or record["at"] >= newest[place]["at"]):
                newest[place] = record
    claims: dict[str, list[LiveClaim]] = {name: [] for name in ENTITIES}
    for (map_id, own), values in newest.items():
        if values["gone"]:
            continue
        if map_id == WORKERS:
            claims["Worker"].append(LiveClaim(0, (own,), own, {k: v for k, v in values.items() if k != "id"}))
            continue
        claims["Team"].append(LiveClaim(0, (values["no"],), own, {"lead": values["lead"]}))
        for number, seat in enumerate(values["seats"]):
            following = {"next_team": values["no"], "next_place": seat["next"]} if seat["next"] is not None else {}
            claims["Seat"].append(LiveClaim(0, (values["no"], seat["place"]), own, following, None, number))
    wanted = {entity.name: merge(entity, claims[entity.name]) for entity in entities}
    stand(entities, wanted)
    return {name: {key for key, row in found.items() if row.complete} for name, found in wanted.items()}


def as_of(database: Server, bundle: Bundle, day: int, known: datetime | None = None) -> dict[str, set[tuple[Any, ...]]]:
    found = {}
    for name in ENTITIES:
        info = bundle.entity(name)
        assert info is not None
        question = Question.of(
            bundle,
            info,
            wanted=list(info.key),
            where=[],
            key=[],
            true_at=moment(day),
            known_at=known,
            limit=None,
            reveal=True,
        )
        with database.connect() as connection:
            found[name] = set(connection.execute(question.rows()).fetchall())
            assert connection.execute(question.number()).fetchone() == (len(found[name]),)
    return found


def by_view(database: Server, entities: tuple[ir.Entity, ...], day: int) -> dict[str, set[tuple[Any, ...]]]:
    return {
        entity.name: set(
            rows(
                database,
                f"SELECT {', '.join(entity.key)} FROM provenance.{entity.table}_history"
                " WHERE true_from <= %s AND (true_to IS NULL OR true_to > %s)",
                moment(day),
                moment(day),
            )
        )
        for entity in entities
    }


@pytest.mark.parametrize("seed", range(examples(6)))
def test_the_rows_of_a_time_are_those_that_the_reference_lets_stand(
    bundle: Bundle, database: Server, tmp_path: Path, seed: int
) -> None:
    entities = project(tmp_path, all=ALL).project.entities
    dice = random.Random(seed)  # noqa: S311
    ready(database, bundle)
    pages, seen, told = Pages(), list[tuple[str, list[dict[str, Any]]]](), []
    for map_id, records in versions(dice):
        load(database, bundle, map_id, [pages.page(records)])
        seen.append((map_id, records))
        if len(seen) % 4:
            continue
        wanted = {day: modelled(entities, seen, day) for day in DAYS}
        assert {day: as_of(database, bundle, day) for day in DAYS} == wanted
        assert {day: by_view(database, entities, day) for day in DAYS} == wanted
        told.append((rows(database, "SELECT clock_timestamp()")[0][0], wanted))
    assert any(day[name] for _, wanted in told for day in wanted.values() for name in ENTITIES)
    for known, wanted in told:
        assert {day: as_of(database, bundle, day, known) for day in DAYS} == wanted
    for name, table, key in (("Worker", "worker", "id"), ("Team", "team", "no"), ("Seat", "seat", "team, place")):
        assert set(rows(database, f"SELECT {key} FROM canonical.{table}")) == told[-1][1][max(DAYS)][name]


def test_a_row_that_waited_stands_from_the_time_at_which_what_it_needs_was_there(
    bundle: Bundle, database: Server
) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, WORKERS, [pages.page([{"id": "1", "name": "Ada", "boss": "2", "at": at(1)}])])
    shown = "SELECT id, extract(day FROM true_from)::int, extract(day FROM true_to)::int FROM provenance.worker_history ORDER BY 1, 2"
    assert rows(database, shown) == []
    before = rows(database, "SELECT clock_timestamp()")[0][0]
    for day, gone in ((3, False), (5, True), (7, False)):
        load(database, bundle, WORKERS, [pages.page([{"id": "2", "name": "Bea", "gone": gone, "at": at(day)}])])
    assert rows(database, shown) == [("1", 3, 5), ("1", 7, None), ("2", 3, 5), ("2", 7, None)]
    assert as_of(database, bundle, 4)["Worker"] == {("1",), ("2",)}
    assert as_of(database, bundle, 4, before)["Worker"] == set()


def test_a_long_chain_is_followed_to_its_end(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    chain = [
        {"id": str(n), "name": "Ada", "boss": str(n + 1) if n < 200 else None, "at": at(2 if n < 200 else 4)}
        for n in range(201)
    ]
    load(database, bundle, WORKERS, [pages.page(chain)])
    assert len(as_of(database, bundle, 3)["Worker"]) == 0
    assert len(as_of(database, bundle, 4)["Worker"]) == 201
    assert rows(database, "SELECT DISTINCT extract(day FROM true_from)::int FROM provenance.worker_history") == [(4,)]


def test_what_must_exist_must_keep_history_too(tmp_path: Path) -> None:
    text = ALL.replace("  lead   : Worker? must exist\n  keeps history\n", "  lead   : Worker? must exist\n")
    found = project(tmp_path, all=text).diagnostics
    assert {item.code for item in found} == {"FM0610"}
    assert "Worker keeps no history while team must exist and Team keeps none" in found[0].message
