"""What a map expects of a record, several claims from one record, and how much may be held."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support import Pages, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import FindingsError
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

MAPS = """
entity Order {
  key number : text
  total      : decimal(8, 2)?
}
entity Line {
  key (order_no, line_no)
  order_no : Order
  line_no  : int
  amount   : decimal(8, 2)?
}
entity Address {
  key order_no : text
  city         : text?
}
connector shop {
  base "https://shop.example.com"
  all text? absent when ""
  resource orders {
    get "/orders"
    records $.data[*]
    id $.no
    when $.kind != "draft" otherwise true
    changed $.at
    shape { no: text, at: datetime, kind: text?, city: text?, total: number, lines: [ { amount: decimal?, note: text? } ] }
  }
}
map shop.orders as order to Order {
  expect sum($.lines[*].amount) == $.total within 0.01 "lines do not add up"
  warn   $.total > 0 "nothing to pay"
  number = $.no
  total  = $.total
  also to Address {
    when order.city is not absent
    order_no = order.no
    city     = order.city
  }
  each order.lines[*] as line to Line {
    lines may fail alone
    warn line.note != "late" "this line is late"
    order_no = order.no
    line_no  = position
    amount   = line.amount if invalid reject
  }
}
"""
MAP = "shop_orders__order"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def order(no: str, total: Any, *amounts: Any, **more: Any) -> dict[str, Any]:
    lines = [amount if isinstance(amount, dict) else {"amount": amount} for amount in amounts]
    return {"no": no, "at": "2026-01-01T00:00:00Z", "total": total, "lines": lines, **more}


def test_what_contradicts_itself_is_rejected_and_what_is_odd_is_listed(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    records = [order("A", 3, 1, 2), order("B", 5, 1, 2), order("C", 0, 0), order("D", "0.005", 0)]
    load(database, bundle, MAP, [Pages().page({"data": records})])
    assert rows(database, "SELECT number FROM canonical.order ORDER BY 1") == [("A",), ("C",), ("D",)]
    assert rows(database, "SELECT code, reason, record FROM fieldmap.dead_letters") == [
        ("FM2131", "lines do not add up", "B")
    ]
    assert rows(database, "SELECT code, reason, record, element, lost FROM fieldmap.listed") == [
        ("FM2132", "nothing to pay", "C", 0, False)
    ]


def test_lists_are_replaced_with_their_record(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [pages.page({"data": [order("A", 0, 0)]})])
    assert rows(database, "SELECT count(*) FROM fieldmap.listed") == [(1,)]
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1)]})])
    assert rows(database, "SELECT count(*) FROM fieldmap.listed") == [(0,)]


def test_one_record_claims_several_entities(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1, city="Ulm"), order("B", 1, 1, city="")]})])
    assert rows(database, "SELECT order_no, city FROM canonical.address") == [("A", "Ulm")]
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1, city=None)]})])
    assert rows(database, "SELECT count(*) FROM canonical.address") == [(0,)]


def test_elements_fail_alone_and_keep_their_places(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    late = {"amount": "4", "note": "late"}
    load(database, bundle, MAP, [Pages().page({"data": [order("A", 12345678, 1, 12345673, late)]})])
    assert rows(database, "SELECT line_no, amount FROM canonical.line ORDER BY 1") == [(1, 1), (3, 4)]
    assert rows(database, "SELECT code, field, element, lost FROM fieldmap.listed ORDER BY element") == [
        ("FM2106", "amount", 2, True),
        ("FM2132", "", 3, False),
    ]


def test_a_resource_filters_for_all_its_maps(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1)]})])
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1, kind="draft")]})])
    assert rows(database, "SELECT count(*) FROM canonical.order") == [(0,)]


# ------------------------------------------------------------------------------------------------- shares of held values

HELD = """
entity Worker {{ key no : text; born : date? }}
connector hr {{
  base "https://hr.example.com"
  resource people {{ get "/people"; id $.no; shape {{ no: text, born: text? }} }}
}}
map hr.people to Worker {{
  no   = $.no
  born = $.born as date{outcome}
}}
"""
WORKERS = "hr_people__worker"


def people(start: int, good: int, bad: int) -> list[dict[str, str]]:
    born = ["2000-01-01"] * good + ["?"] * bad
    return [{"no": f"{number:05}", "born": day} for number, day in enumerate(born, start)]


def test_too_many_held_values_stop_the_run_before_they_are_kept(tmp_path: Any, database: Server) -> None:
    bundle = compiled(tmp_path / "a", all=HELD.format(outcome=""))
    ready(database, bundle)
    pages = Pages()
    page = pages.page(people(0, 97, 3))
    with pytest.raises(FindingsError, match=r"3 of 100 values of born .* more than 2 % .* up to 5 %"):
        load(database, bundle, WORKERS, [page])
    assert rows(database, "SELECT count(*) FROM canonical.worker") == [(0,)]
    raised = compiled(tmp_path / "b", all=HELD.format(outcome=" if invalid hold up to 5 %"))
    assert raised.map(WORKERS).version == bundle.map(WORKERS).version
    assert not prepare(database, raised, replay=False).meaning_changed
    load(database, raised, WORKERS, [page])
    assert rows(database, "SELECT count(*), count(born) FROM canonical.worker") == [(100, 97)]


def test_few_values_tell_nothing(tmp_path: Any, database: Server) -> None:
    bundle = compiled(tmp_path, all=HELD.format(outcome=""))
    ready(database, bundle)
    load(database, bundle, WORKERS, [Pages().page(people(0, 40, 9))])
    assert rows(database, "SELECT count(*) FROM canonical.worker") == [(49,)]


def test_a_run_that_was_cut_off_is_judged_together_with_the_next(
    tmp_path: Any, database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 100)
    bundle = compiled(tmp_path, all=HELD.format(outcome=""))
    ready(database, bundle)
    pages = Pages()
    good, mixed, again = (pages.page(people(s, g, b)) for s, g, b in ((0, 300, 0), (300, 95, 5), (400, 95, 5)))

    class CutOffError(Exception):
        pass

    def cut_off() -> Any:
        yield good
        raise CutOffError

    with pytest.raises(CutOffError):
        load(database, bundle, WORKERS, cut_off())
    assert rows(database, "SELECT field, present, held FROM fieldmap.held_shares") == [("born", 300, 0)]
    load(database, bundle, WORKERS, [mixed])
    assert rows(database, "SELECT count(*) FROM fieldmap.held_shares") == [(0,)]
    # A run of its own: the same share is now too much.
    with pytest.raises(FindingsError, match="5 of 100 values"):
        load(database, bundle, WORKERS, [again])
    assert rows(database, "SELECT count(*) FROM canonical.worker") == [(400,)]


# ------------------------------------------------------------------------------------------------------- stale claims


def test_claims_stand_and_are_stale_while_a_newer_version_is_rejected(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1) | {"at": "2026-01-02T00:00:00Z"}]})])
    stale = "SELECT key, record, code FROM provenance.order_stale"
    load(database, bundle, MAP, [pages.page({"data": [order("A", 9, 1) | {"at": "2026-01-01T00:00:00Z"}]})])
    assert rows(database, stale) == [], "an older version that is rejected says nothing of the newer one"
    load(database, bundle, MAP, [pages.page({"data": [order("A", 9, 1) | {"at": "2026-01-03T00:00:00Z"}]})])
    assert rows(database, stale) == [("A", "A", "FM2131")]
    assert rows(database, "SELECT key FROM provenance.line_stale") == [('["A", 1]',)]
    assert rows(database, "SELECT total FROM canonical.order") == [(1,)]
    load(database, bundle, MAP, [pages.page({"data": [order("A", 2, 2) | {"at": "2026-01-04T00:00:00Z"}]})])
    assert rows(database, stale) == []
    assert rows(database, "SELECT total FROM canonical.order") == [(2,)]


def test_a_version_whose_time_cannot_be_read_makes_stale_what_came_before(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1)]})])
    load(database, bundle, MAP, [pages.page({"data": [order("A", 1, 1) | {"at": "yesterday"}]})])
    assert rows(database, "SELECT key, code FROM provenance.order_stale") == [("A", "FM2103")]
