"""References that must exist: what stands is the largest set of rows whose references find theirs, whatever came first."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.support import MemoryPage, Pages, compiled, load, project, ready, rows

from fieldmap.compiler.interpret.merging import LiveClaim, merge, stand
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

MAPS = """
entity Worker {
  key id : text
  name   : text
  boss   : Worker?        must exist
  team   : Team?          must exist
  peers  : list of Worker must exist
  friend : Worker?
}
entity Team {
  key no : int
  lead   : Worker? must exist
}
entity Seat {
  key (team, place)
  team  : Team  must exist
  place : int
  next  : Seat? must exist
}
connector s is files {
  folder "x"
  resource workers {
    files "w*.json" as json; id $.id; changed $.at; deleted when $.gone otherwise false
    shape { id: text, name: text?, boss: text?, team: int?, peers: [ text ]?, friend: text?, at: datetime, gone: bool? }
  }
  resource teams {
    files "t*.json" as json; id ($.no as text); changed $.at; deleted when $.gone otherwise false
    shape { no: int, lead: text?, at: datetime, gone: bool?, seats: [ { place: int, next: int? } ]? }
  }
}
map s.workers to Worker { id = $.id; name = $.name; boss = $.boss; team = $.team; peers = $.peers[*]; friend = $.friend }
map s.teams as t to Team { no = t.no; lead = t.lead; each t.seats[*] as seat to Seat { team = t.no; place = seat.place; next = (t.no, seat.next) } }
"""
WORKERS, TEAMS = "s_workers__worker", "s_teams__team"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def workers(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page([{"name": "Ada", "at": "2026-01-01T00:00:00Z", **record} for record in records])


def teams(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page([{"at": "2026-01-01T00:00:00Z", **record} for record in records])


def standing(database: Server) -> set[str]:
    return {row[0] for row in rows(database, "SELECT id FROM canonical.worker")}


def test_rows_wait_for_what_they_need_and_come_back_with_it(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    first = load(database, bundle, WORKERS, [workers(pages, {"id": "1", "boss": "2"}, {"id": "2", "boss": "3"})])
    assert standing(database) == set()
    assert (first.loaded.entities["Worker"].new, first.loaded.entities["Worker"].gone) == (0, 0)
    assert rows(
        database, "SELECT key, field, refers_to FROM provenance.worker_dangling WHERE must_exist ORDER BY 1"
    ) == [
        ("1", "boss", "2"),
        ("2", "boss", "3"),
    ]
    assert rows(database, "SELECT key FROM fieldmap.incomplete ORDER BY 1") == [("1",), ("2",)]
    second = load(database, bundle, WORKERS, [workers(pages, {"id": "3"})])
    assert standing(database) == {"1", "2", "3"}
    assert second.loaded.entities["Worker"].new == 3
    assert rows(database, "SELECT key FROM fieldmap.incomplete") == []
    third = load(database, bundle, WORKERS, [workers(pages, {"id": "3", "gone": True, "at": "2026-02-01T00:00:00Z"})])
    assert standing(database) == set()
    assert third.loaded.entities["Worker"].gone == 3


def test_rows_that_need_each_other_stand_together(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, WORKERS, [workers(pages, {"id": "1", "boss": "1"}, {"id": "2", "boss": "3", "team": 7})])
    load(database, bundle, WORKERS, [workers(pages, {"id": "3", "boss": "2"})])
    assert standing(database) == {"1"}
    found = load(
        database, bundle, TEAMS, [teams(pages, {"no": 7, "lead": "2", "seats": [{"place": 1}]}, {"no": 8, "lead": "9"})]
    )
    assert standing(database) == {"1", "2", "3"}
    assert rows(database, "SELECT no FROM canonical.team") == [(7,)]
    assert rows(database, "SELECT team, place FROM canonical.seat") == [(7, 1)]
    assert {name: change.new for name, change in found.loaded.entities.items()} == {"Seat": 1, "Team": 1, "Worker": 2}
    # A row that falls for another reason takes with it all that needs it, through tables and back.
    load(database, bundle, WORKERS, [workers(pages, {"id": "3", "name": None, "at": "2026-02-01T00:00:00Z"})])
    assert standing(database) == {"1"}
    assert rows(database, "SELECT count(*) FROM canonical.seat") == [(0,)]


def test_a_reference_without_the_word_is_kept(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    load(database, bundle, WORKERS, [workers(Pages(), {"id": "1", "friend": "9"})])
    assert standing(database) == {"1"}
    assert rows(database, "SELECT field, must_exist FROM provenance.worker_dangling") == [("friend", False)]


def test_an_index_of_a_reference_that_need_not_exist_any_more_is_dropped(
    bundle: Bundle, database: Server, tmp_path: Path
) -> None:
    ready(database, bundle)

    def indexed() -> set[str]:
        named = "SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'must_exist%' AND tablename = 'worker'"
        return {row[0].partition("(")[2] for row in rows(database, f"{named} AND schemaname = 'canonical'")}

    before = indexed()
    assert len(before) == 3
    prepare(
        database,
        compiled(tmp_path, all=MAPS.replace("boss   : Worker?        must exist", "boss   : Worker?")),
        replay=True,
    )
    assert {text for text in before if "boss" not in text} == indexed()
    prepare(database, bundle, replay=True)
    assert indexed() == before


def test_the_word_taken_out_or_put_in_is_merged_anew(bundle: Bundle, database: Server, tmp_path: Path) -> None:
    ready(database, bundle)
    load(database, bundle, WORKERS, [workers(Pages(), {"id": "1", "boss": "9"}, {"id": "2"})])
    without = compiled(tmp_path / "a", all=MAPS.replace("must exist", ""))
    for made, wanted in ((without, {"1", "2"}), (bundle, {"2"})):
        again = prepare(database, made, replay=True).remerge
        assert "Worker" in again
        remerge(database, made, again, 0)
        assert standing(database) == wanted


@pytest.mark.parametrize("seed", range(3))
def test_the_database_holds_back_what_the_reference_does(seed: int, database: Server, tmp_path: Path) -> None:
    dice = random.Random(seed)  # noqa: S311
    checked = project(tmp_path / "maps", all=MAPS)
    bundle = compiled(tmp_path / "same", all=MAPS)
    ready(database, bundle)
    pages = Pages()
    live: dict[str, dict[str, dict[str, Any]]] = {"Worker": {}, "Team": {}}
    people, groups = [str(n) for n in range(12)], list(range(4))
    for day in range(1, 13):
        at = f"2026-01-{day:02}T00:00:00Z"
        if dice.random() < 0.6:
            made: list[dict[str, Any]] = [
                {
                    "id": one,
                    "name": dice.choice(("Ada", "Ada", "Ada", None)),
                    "boss": dice.choice((None, None, *people)),
                    "team": dice.choice((None, None, *groups)),
                    "peers": dice.sample(people, dice.choice((0, 0, 1, 2))),
                    "gone": dice.random() < 0.2,
                    "at": at,
                }
                for one in dice.sample(people, 4)
            ]
            live["Worker"] |= {record["id"]: record for record in made}
            load(database, bundle, WORKERS, [pages.page(made)])
        else:
            made = [
                {
                    "no": one,
                    "lead": dice.choice((None, *people)),
                    "seats": [
                        {"place": place, "next": dice.choice((None, 1, 2, 3))}
                        for place in dice.sample((1, 2, 3), dice.randrange(4))
                    ],
                    "gone": dice.random() < 0.2,
                    "at": at,
                }
                for one in dice.sample(groups, 2)
            ]
            live["Team"] |= {str(record["no"]): record for record in made}
            load(database, bundle, TEAMS, [pages.page(made)])
        compare(database, checked.project.entities, live)


def compare(database: Server, entities: Any, live: dict[str, dict[str, dict[str, Any]]]) -> None:
    claims: dict[str, list[LiveClaim]] = {"Worker": [], "Team": [], "Seat": []}
    for record, values in live["Worker"].items():
        if not values["gone"]:
            claims["Worker"].append(LiveClaim(0, (record,), record, {k: v for k, v in values.items() if k != "id"}))
    for record, values in live["Team"].items():
        if not values["gone"]:
            claims["Team"].append(LiveClaim(0, (values["no"],), record, {"lead": values["lead"]}))
            claims["Seat"] += [
                LiveClaim(
                    0,
                    (values["no"], seat["place"]),
                    record,
                    {"next_team": values["no"], "next_place": seat["next"]} if seat["next"] is not None else {},
                    None,
                    number,
                )
                for number, seat in enumerate(values["seats"])
            ]
    wanted = {entity.name: merge(entity, claims[entity.name]) for entity in entities}
    stand(entities, wanted)
    for entity in entities:
        names = ", ".join(f'"{name}"' for name in entity.key)
        found = rows(database, f"SELECT {names} FROM canonical.{entity.table}")
        assert set(found) == {key for key, row in wanted[entity.name].items() if row.complete}, entity.name
        held = rows(database, "SELECT count(*) FROM fieldmap.incomplete WHERE entity = %s", entity.name)
        assert held == [(sum(not row.complete for row in wanted[entity.name].values()),)], entity.name
