"""`null wins`: what a source gives as null empties the field, what it does not send does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import Pages, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

MARK = "__debezium_unavailable_value"
MAPS = f"""
entity Worker {{
  key number : text
  left_on : date?
  pay     : money(12, 2)?
  boss    : Worker?
  city    : text?
}}
connector hr {{
  base "https://hr.example.com"
  resource people {{
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    sparse when $.sparse otherwise false
    shape {{
      id: text, at: datetime, sparse: bool?, left: text?, amount: number?, cur: text?, boss: text?, work: text?, home: text?
      unchanged when "{MARK}"
    }}
  }}
}}
connector pay is files {{
  folder "x"
  resource slips {{
    files "*.json" as json
    id $.slip
    changed $.at
    shape {{ slip: text, at: datetime, lines: [ {{ id: text, left: text?, amount: number?, cur: text?, boss: text?, city: text? }} ] }}
  }}
}}
map hr.people to Worker {{
  number  = $.id
  left_on = $.left as date
  pay     = $.amount in $.cur
  boss    = $.boss by id
  let town = $.work otherwise $.home
  city    = town
}}
map pay.slips as slip {{
  each slip.lines[*] as line to Worker {{
    number  = line.id
    left_on = line.left as date
    pay     = line.amount in line.cur
    boss    = line.boss
    city    = line.city
  }}
}}
merge Worker {{
  same number of hr, pay
  default prefer hr, pay
  left_on newest null wins
  pay     prefer hr, pay null wins
  boss    only hr null wins
  city    oldest null wins
}}
"""
HR, PAY = "hr_people__worker", "pay_slips"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def at(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


def people(database: Server, bundle: Bundle, pages: Pages, *records: dict[str, Any]) -> None:
    load(database, bundle, HR, [pages.page({"data": [record]}) for record in records])


def slip(database: Server, bundle: Bundle, pages: Pages, day: int, *lines: dict[str, Any]) -> None:
    load(database, bundle, PAY, [pages.page({"slip": "s", "at": at(day), "lines": list(lines)})])


def found(database: Server) -> list[tuple[Any, ...]]:
    return rows(
        database, "SELECT number, left_on::text, pay::text, pay_currency, city FROM canonical.worker ORDER BY 1"
    )


LINE = {"id": "1", "left": "2026-01-09", "amount": 7, "cur": "USD", "city": "Rome"}


def test_a_null_wins_and_what_is_not_sent_does_not(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    slip(database, bundle, pages, 5, LINE)
    people(database, bundle, pages, {"id": "1", "at": at(6)})
    assert found(database) == [("1", "2026-01-09", "7.00", "USD", "Rome")]
    people(database, bundle, pages, {"id": "1", "at": at(7), "left": None, "amount": None, "work": None})
    assert found(database) == [("1", None, None, None, "Rome")], "the oldest of the cities is the one of the slip"
    told = rows(database, "SELECT field, value, map FROM provenance.worker ORDER BY 1")
    assert told == [("city", "Rome", PAY), ("left_on", None, HR), ("pay", None, HR)]
    # A newer line of the other source brings a value again.
    slip(database, bundle, pages, 8, LINE)
    assert found(database) == [("1", "2026-01-09", None, None, None)]


def test_each_element_says_its_own_null(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    people(database, bundle, pages, *({"id": n, "at": at(1), "left": "2026-01-02"} for n in "12"))
    slip(database, bundle, pages, 5, {"id": "1", "left": None}, {"id": "2"})
    assert [row[1] for row in found(database)] == [None, "2026-01-02"]
    # Only the null goes: the same line without it.
    slip(database, bundle, pages, 6, {"id": "1"}, {"id": "2", "left": None})
    assert [row[1] for row in found(database)] == ["2026-01-02", None]


def test_a_null_that_is_left_unchanged_is_kept(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    slip(database, bundle, pages, 1, LINE)
    people(database, bundle, pages, {"id": "1", "at": at(6), "sparse": True})
    assert [row[1] for row in found(database)] == ["2026-01-09"]
    # Older, and late: the null is what the newer version leaves unchanged.
    people(database, bundle, pages, {"id": "1", "at": at(4), "left": None})
    assert [row[1] for row in found(database)] == [None]
    people(database, bundle, pages, {"id": "1", "at": at(5), "left": "2026-01-03"})
    assert [row[1] for row in found(database)] == ["2026-01-03"]
    people(database, bundle, pages, {"id": "1", "at": at(7), "left": MARK})
    assert [row[1] for row in found(database)] == ["2026-01-03"]


def test_a_rule_that_lets_null_win_reads_the_records_again(tmp_path: Path, bundle: Bundle, database: Server) -> None:
    plain = compiled(tmp_path, all=MAPS.replace(" null wins", ""))
    pages = Pages()
    made = [pages.page({"data": [{"id": "1", "at": at(7), "left": None}]})]
    lines = [pages.page({"slip": "s", "at": at(5), "lines": [LINE]})]
    for one, wanted in ((plain, "2026-01-09"), (bundle, None), (plain, "2026-01-09")):
        remerge(database, one, prepare(database, one, replay=True).remerge, 0)
        load(database, one, HR, made)
        load(database, one, PAY, lines)
        assert [row[1] for row in found(database)] == [wanted]
    assert [item.version for item in plain.catalogue.maps] != [item.version for item in bundle.catalogue.maps]
