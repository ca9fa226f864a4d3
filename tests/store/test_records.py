"""Fields of record types, and lists of what needs more than one column, through COPY and merge and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import Pages, compiled, load, ready, rows

from fieldmap.runtime.store.database import Server

MODEL = """
entity Worker {
  key no : text
  pay    : { amount: decimal(12, 2), currency: currency, since: date?, mass: decimal(8, 3) in kg? }?
  jobs   : list of { title: text(max 20), start: date, length: duration? }
  dues   : list of money(8, 2)
  fees   : list of money(8, 2) in EUR
  sizes  : list of quantity in kg or m
  grid   : list of list of int
  extra  : list of json
  home   : { street: text?, geo: { lat: float, long: float }? }?
}
"""
SOURCE = """
connector {name} {{
  base "https://{name}.example.com"
  resource staff {{
    get     "/staff"
    records $[*]
    id      $.no
    changed $.at
    shape {{
      no: text, at: datetime, cur: text?
      pay: {{ amount: number, currency: text, since: date? absent when "0000-00-00", weight: number? }}?
      jobs: [ {{ title: text, start: date("MM/dd/yyyy"), length: duration?, more: text? }} ]
      dues: [ number ]
      fees: [ number ]
      sizes: [ text ]
      grid: [ [ int ] ]
      extra: [ json ]
      home: {{ street: text?, geo: {{ lat: number, long: number }}? }}?
    }}
  }}
}}
map {name}.staff to Worker {{
  no    = $.no
  pay   = {{ amount: $.pay.amount, currency: $.pay.currency as currency, since: $.pay.since, mass: $.pay.weight in lb }}
  jobs  = $.jobs
  dues  = $.dues[*] in $.cur
  fees  = $.fees in EUR
  sizes = $.sizes as quantity
  grid  = $.grid
  extra = $.extra
  home  = $.home
}}
"""


def record(**more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"jobs": [], "dues": [], "fees": [], "sizes": [], "grid": [], "extra": []}
    return {"no": "1", "at": "2026-01-01T00:00:00Z", **empty, **more}


def test_records_and_lists_of_documents_arrive_exactly(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path, all=MODEL + SOURCE.format(name="hr"))
    ready(database, bundle)
    given = record(
        pay={"amount": 0.1, "currency": "usd", "since": "0000-00-00", "weight": 1},
        jobs=[{"title": "clerk", "start": "03/01/2021", "length": "P1Y"}, {"title": "boss", "start": "04/01/2021"}],
        cur="USD",
        dues=[5],
        sizes=["2 lb", "3 ft"],
        fees=[1, 2.345],
        grid=[[1, 2], [], [3]],
        extra=[{"a": None}, 1234567890123456789, "x"],
        home={"street": None, "geo": {"lat": 52.5, "long": 13.4}},
    )
    load(database, bundle, "hr_staff__worker", [Pages().page([given, record(no="2", pay=None, home={})])])
    statement = "SELECT pay::text, jobs::text[], dues::text[], fees::text, sizes::text[], grid::text[], extra::text[], home::text FROM canonical.worker ORDER BY no"
    assert rows(database, statement) == [
        (
            '{"mass": 0.454, "amount": 0.10, "currency": "USD"}',
            ['{"start": "2021-03-01", "title": "clerk", "length": "P1Y"}', '{"start": "2021-04-01", "title": "boss"}'],
            ['{"amount": 5.00, "currency": "USD"}'],
            "{1.00,2.35}",
            ['{"unit": "kg", "amount": 0.90718474}', '{"unit": "m", "amount": 0.9144}'],
            ["[1, 2]", "[]", "[3]"],
            ['{"a": null}', "1234567890123456789", '"x"'],
            '{"geo": {"lat": 52.5, "long": 13.4}}',
        ),
        (None, [], [], "{}", [], [], [], None),
    ]


def test_an_empty_list_that_nobody_claims_has_no_origin(tmp_path: Path, database: Server) -> None:
    """One number stands for the origin of all fields, and a list has a value even where no claim gives it one."""
    maps = """
        entity Tag { key no : text; name : text?; words : list of text }
        connector a {
          base "https://a"
          resource r { get "/r"; records $[*]; id $.no; shape { no: text, name: text?, words: [ text ]? } }
        }
        map a.r to Tag { no = $.no; name = $.name; words = $.words }
    """
    bundle = compiled(tmp_path, all=maps)
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, "a_r__tag", [pages.page([{"no": "1", "name": "x"}, {"no": "2", "name": "x", "words": []}])])
    shown = "SELECT no, words, cardinality(_claims), _claims[2] IS NULL FROM canonical.tag ORDER BY no"
    assert rows(database, shown) == [("1", [], 2, True), ("2", [], 1, True)]
    # The same by the way of rows that are there already.
    load(
        database, bundle, "a_r__tag", [pages.page([{"no": "1", "name": "y"}, {"no": "2", "name": "y", "words": ["w"]}])]
    )
    assert rows(database, shown) == [("1", [], 2, True), ("2", ["w"], 1, True)]
