"""Claims of the elements of a record: replaced as a whole, keyed by the data, stable in their numbers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support import MemoryPage, Pages, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.store.database import Server

MAPS = """
entity Order {
  key number : text
  buyer      : text?
}
entity Line {
  key (order_no, line_no)
  order_no : Order
  line_no  : int
  part     : text
  amount   : decimal(8, 2)
}
connector shop {
  base env.SHOP
  resource orders {
    get "/orders"
    records $.data[*]
    id $.no
    changed $.at
    shape { no: text, at: datetime, buyer: text?, lines: [ { n: int, part: text, amount: number } ] }
  }
}
map shop.orders as order to Order {
  number = $.no
  buyer  = $.buyer
  each order.lines[*] as line to Line {
    order_no = order.no
    line_no  = line.n
    part     = line.part
    amount   = line.amount
  }
}
"""
MAP = "shop_orders__order"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def order(pages: Pages, no: str, at: str, *lines: tuple[Any, ...], buyer: str | None = None) -> MemoryPage:
    made = [{"n": n, "part": part, "amount": amount} for n, part, amount in lines]
    return pages.page({"data": [{"no": no, "at": f"2026-01-{at}T00:00:00Z", "buyer": buyer, "lines": made}]})


def lines(database: Server) -> list[tuple[Any, ...]]:
    return rows(database, "SELECT order_no, line_no, part, amount::text FROM canonical.line ORDER BY 1, 2")


def test_a_vanished_element_vanishes_here(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [order(pages, "A", "01", (1, "x", 1), (2, "y", 2.5), (3, "z", 3))])
    assert lines(database) == [("A", 1, "x", "1.00"), ("A", 2, "y", "2.50"), ("A", 3, "z", "3.00")]
    load(database, bundle, MAP, [order(pages, "A", "02", (1, "x", 1), (3, "z", 4))])
    assert lines(database) == [("A", 1, "x", "1.00"), ("A", 3, "z", "4.00")]
    assert rows(database, "SELECT number FROM canonical.order") == [("A",)]


def test_an_older_document_changes_nothing(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [order(pages, "A", "05", (1, "x", 1))])
    load(database, bundle, MAP, [order(pages, "A", "03", (1, "old", 9), (2, "old", 9))])
    assert lines(database) == [("A", 1, "x", "1.00")]


def test_two_versions_in_one_batch(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(
        database,
        bundle,
        MAP,
        [order(pages, "A", "05", (1, "new", 1)), order(pages, "A", "03", (1, "old", 9), (2, "old", 9))],
    )
    assert lines(database) == [("A", 1, "new", "1.00")]


def test_a_rejected_element_rejects_the_record_and_keeps_its_last_version(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [order(pages, "A", "01", (1, "x", 1))])
    load(database, bundle, MAP, [order(pages, "A", "02", (None, "x", 2))])
    assert lines(database) == [("A", 1, "x", "1.00")]
    assert rows(database, "SELECT code, record FROM fieldmap.dead_letters") == [("FM2102", "A")]


def test_an_unchanged_document_writes_no_row(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [order(pages, "A", "01", (1, "x", 1), (2, "y", 2))])
    before = rows(database, "SELECT xmin::text FROM canonical.line ORDER BY 1")
    load(database, bundle, MAP, [order(pages, "A", "02", (1, "x", 1), (2, "y", 2))])
    assert rows(database, "SELECT xmin::text FROM canonical.line ORDER BY 1") == before


def test_a_dangling_reference_is_kept_and_listed(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    with database.connect() as connection:
        connection.execute("INSERT INTO canonical.line VALUES ('gone', 1, 'x', 1, '{}', 1, 1)")
    assert rows(database, "SELECT field, refers_to FROM provenance.line_dangling") == [("order_no", "gone")]
