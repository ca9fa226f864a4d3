"""History of rows that name others by the ids of their records: what an id stood for follows the versions of that record."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.support import Pages, anew, compiled, examples, load, project, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server

MAPS = """
entity Team {
  key code : int
  lead    : Person?
  members : list of Person
  keeps history
}
entity Person {
  key number : int
  boss : Person?
  keeps history
}
connector hr {
  base env.HR
  resource people {
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape { id: text, no: int, boss: text?, at: datetime, gone: bool? }
  }
  resource teams {
    get "/teams"
    records $.data[*]
    id $.id
    changed $.at
    shape { id: text, code: int, lead: text?, members: [ text ]?, at: datetime }
  }
}
map hr.people to Person {
  number = $.no
  boss   = $.boss by id
}
map hr.teams to Team {
  code    = $.code
  lead    = $.lead by id of people
  members = $.members by id of people
}
"""
PEOPLE, TEAMS = "hr_people__person", "hr_teams__team"
MONTHS = range(1, 13)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def at(month: int) -> str:
    return f"2026-{month:02}-01T00:00:00Z"


def people(chance: random.Random) -> list[dict[str, Any]]:
    """Versions of four people, each with a number of its own that may become another."""
    return [
        {
            "id": (own := chance.choice("abcd")),
            "no": ord(own) * 10 + chance.choice((0, 0, 1)),
            "boss": chance.choice([None, *"abcdx"]),
            "at": at(month),
            **({"gone": True} if chance.random() < 0.2 else {}),
        }
        for month in chance.choices(MONTHS, k=14)
    ]


def teams(chance: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "id": chance.choice("tu"),
            "code": 1,
            "lead": chance.choice([None, *"abcdx"]),
            "members": chance.choices("abcdx", k=3),
            "at": at(month),
        }
        for month in chance.sample(MONTHS, 5)
    ]


def standing(versions: list[dict[str, Any]], month: int) -> dict[str, dict[str, Any]]:
    """Of each record its newest version until then; of one time the last that came."""
    newest: dict[str, dict[str, Any]] = {}
    for version in versions:
        if version["at"] <= at(month) and (version["id"] not in newest or version["at"] >= newest[version["id"]]["at"]):
            newest[version["id"]] = version
    return {own: version for own, version in newest.items() if not version.get("gone")}


def modelled(persons: list[dict[str, Any]], groups: list[dict[str, Any]], month: int) -> tuple[Any, Any]:
    live = standing(persons, month)
    numbers = {own: version["no"] for own, version in live.items()}
    rows_ = sorted((version["no"], numbers.get(version["boss"])) for version in live.values())
    teams_: list[tuple[Any, ...]] = []
    for team in sorted(standing(groups, month).values(), key=lambda t: (t["at"], t["id"]))[-1:]:
        # One key, two records: the default rule takes the later; a lead that stands for nobody is no value.
        leads = [
            numbers[t["lead"]]
            for t in sorted(standing(groups, month).values(), key=lambda t: t["at"], reverse=True)
            if t["lead"] in numbers
        ]
        teams_.append((team["code"], leads[0] if leads else None))
    return rows_, teams_


def as_of(database: Server, month: int, known: Any = None) -> tuple[Any, Any]:
    when = "_known_to = 'infinity'" if known is None else "_known_from <= %(known)s AND _known_to > %(known)s"

    def one(table: str, key: str, columns: str) -> list[tuple[Any, ...]]:
        with database.connect() as connection:
            text = (
                f"SELECT {columns} FROM (SELECT DISTINCT ON ({key}) * FROM history.{table} WHERE _true_from <= %(at)s AND {when}"
                f" ORDER BY {key}, _true_from DESC) h WHERE NOT _gone ORDER BY {key}"
            )
            return connection.execute(text.encode(), {"at": at(month), "known": known}).fetchall()

    return one("person", "number", "number, boss"), one("team", "code", "code, lead")


@pytest.mark.parametrize("seed", range(examples(4)))
def test_an_id_stands_for_the_key_that_its_record_had_at_the_time(
    bundle: Bundle, database: Server, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    persons, groups = people(chance), teams(chance)
    anew(database, bundle)
    monkeypatch.setattr(intake, "BATCH_RECORDS", chance.choice((1, 3, 100)))
    # Each lot is a run of one of the two maps, in any order.
    lots = [(PEOPLE, persons[n : n + 3]) for n in range(0, len(persons), 3)]
    lots += [(TEAMS, groups[n : n + 2]) for n in range(0, len(groups), 2)]
    order = chance.sample(range(len(lots)), len(lots))
    seen: dict[str, list[dict[str, Any]]] = {PEOPLE: [], TEAMS: []}
    pages, told = Pages(), []
    for number in order:
        map_id, lot = lots[number]
        load(database, bundle, map_id, [pages.page({"data": [record]}) for record in lot])
        seen[map_id] += lot
        wanted = {month: modelled(seen[PEOPLE], seen[TEAMS], month) for month in MONTHS}
        assert {month: as_of(database, month) for month in MONTHS} == wanted, (order, number)
        told.append((rows(database, "SELECT clock_timestamp()")[0][0], wanted))
    for known, wanted in told:
        assert {month: as_of(database, month, known) for month in MONTHS} == wanted
    now = rows(database, "SELECT number, boss FROM canonical.person ORDER BY 1")
    assert (now, rows(database, "SELECT code, lead FROM canonical.team")) == as_of(database, 12)


def test_a_list_follows_each_of_its_ids(bundle: Bundle, database: Server) -> None:
    anew(database, bundle)
    pages = Pages()
    load(
        database,
        bundle,
        TEAMS,
        [pages.page({"data": [{"id": "t", "code": 1, "members": ["b", "x", "a"], "at": at(2)}]})],
    )
    for version in (
        {"id": "a", "no": 1, "at": at(1)},
        {"id": "b", "no": 2, "at": at(3)},
        {"id": "a", "no": 7, "at": at(5)},
        {"id": "b", "no": 2, "at": at(6), "gone": True},
    ):
        load(database, bundle, PEOPLE, [pages.page({"data": [version]})])
    found = rows(
        database,
        "SELECT extract(month FROM true_from)::int, members FROM provenance.team_history ORDER BY 1",
    )
    assert found == [(2, [1]), (3, [2, 1]), (5, [2, 7]), (6, [7])]
    assert rows(database, "SELECT members FROM canonical.team") == [([7],)]


def test_another_map_of_the_named_records_changes_the_past_of_those_that_name_them(
    bundle: Bundle, database: Server, tmp_path: Path
) -> None:
    anew(database, bundle)
    pages = Pages()
    named = [pages.page({"data": [{"id": "a", "no": 1, "at": at(1)}]})]
    naming = [pages.page({"data": [{"id": "t", "code": 1, "lead": "a", "at": at(2)}]})]
    load(database, bundle, PEOPLE, named)
    load(database, bundle, TEAMS, naming)
    other = compiled(tmp_path, all=MAPS.replace("number = $.no", "number = $.no + 100"))
    ready(database, other)
    load(database, other, PEOPLE, named)
    assert rows(database, "SELECT lead FROM provenance.team_history") == [(101,)]
    gone = compiled(tmp_path / "gone", all=MAPS.replace("number = $.no", "when $.no != 1\n  number = $.no"))
    ready(database, gone)
    load(database, gone, PEOPLE, named)
    assert rows(database, "SELECT lead FROM provenance.team_history") == [(None,)]


def test_what_is_named_must_keep_history_too(tmp_path: Path) -> None:
    found = project(tmp_path, all=MAPS.replace("  boss : Person?\n  keeps history\n", "  boss : Person?\n")).diagnostics
    assert {item.code for item in found} == {"FM0610"}
    assert "Team keeps no history while hr.teams gives lead by id and Person keeps none" in found[0].message
