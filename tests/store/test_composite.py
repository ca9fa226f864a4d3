"""References to entities whose key has several fields: whole or absent, from one claim, and found again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.support import MemoryPage, Pages, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.store.database import Server

MAPS = """
entity Line {
  key (order_no, line_no)
  order_no : text
  line_no  : int
  sku      : text?
  parent   : Line?
  must parent is absent or parent_line_no != line_no or parent_order_no != order_no "its own parent"
}
entity Pick {
  key (line, no)
  line : Line
  no   : int
  then : Pick?
}
connector shop is files {
  folder "x"
  resource lines {
    files "l*.json" as json; id $.id; changed $.at
    shape { id: text, o: text, n: int, sku: text?, po: text?, pn: text?, picks: [ { no: int, then: int? } ]?, at: datetime }
  }
}
connector erp is files {
  folder "y"
  resource lines {
    files "l*.json" as json; id $.id; changed $.at
    shape { id: text, o: text, n: int, po: text?, pn: int?, at: datetime }
  }
}
map shop.lines as l to Line {
  order_no = l.o; line_no = l.n; sku = l.sku
  parent = (l.po, l.pn as int)
  each l.picks[*] as p to Pick { line = (l.o, l.n); no = p.no; then = (l.o, l.n, p.then) }
}
map erp.lines to Line partial { order_no = $.o; line_no = $.n; parent = ($.po, $.pn) }
merge Line {
  same (order_no, line_no) of shop, erp
  default prefer shop, erp
  parent  newest
}
"""
SHOP, ERP = "shop_lines__line", "erp_lines__line"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def page(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page([{"o": "A", "at": "2026-01-01T00:00:00Z", **record} for record in records])


def parents(database: Server) -> dict[int, tuple[str | None, int | None]]:
    found = rows(database, "SELECT line_no, parent_order_no, parent_line_no FROM canonical.line WHERE order_no = 'A'")
    return {number: (order, line) for number, order, line in found}


def test_a_reference_is_whole_or_absent(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    loaded = load(
        database,
        bundle,
        SHOP,
        [
            page(
                Pages(),
                {"id": "1", "n": 1, "po": "A", "pn": "2"},
                {"id": "2", "n": 2, "po": "A"},
                {"id": "3", "n": 3, "pn": "2"},
                {"id": "4", "n": 4, "po": "A", "pn": "two"},
                {"id": "5", "n": 5, "po": "A", "pn": "9" * 30},
                {"id": "6", "n": 6, "po": "A", "pn": "6"},
            )
        ],
    )
    none = (None, None)
    assert parents(database) == {1: ("A", 2), 2: none, 3: none, 4: none, 5: none}
    assert loaded.loaded.counts.claimed == 6
    assert rows(database, "SELECT key FROM fieldmap.incomplete") == [('["A", 6]',)]
    assert {row[0] for row in rows(database, "SELECT DISTINCT record FROM fieldmap.held")} == {"4", "5"}


def test_the_parts_come_from_one_claim(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    shop = page(pages, {"id": "1", "n": 1, "po": "A", "pn": "2"}, {"id": "2", "n": 2, "po": "A", "pn": "3"})
    later = {"at": "2026-02-01T00:00:00Z"}
    erp = page(pages, {"id": "x", "n": 1, "po": "B", **later}, {"id": "y", "n": 2, "po": "B", "pn": 7, **later})
    for order in ((SHOP, shop, ERP, erp), (ERP, erp, SHOP, shop)):
        ready(database, bundle)
        load(database, bundle, order[0], [order[1]])
        load(database, bundle, order[2], [order[3]])
        assert parents(database) == {1: ("A", 2), 2: ("B", 7)}
    assert rows(database, "SELECT DISTINCT rule FROM fieldmap.rules WHERE field LIKE 'parent%%'") == [("newest",)]


def test_what_finds_nothing_is_listed_and_a_key_may_be_a_reference(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    picks = [{"no": 1, "then": 2}, {"no": 2, "then": 3}]
    load(database, bundle, SHOP, [page(Pages(), {"id": "1", "n": 1, "po": "A", "pn": "8", "picks": picks})])
    assert rows(database, "SELECT key, field, refers_to FROM provenance.line_dangling") == [
        ('["A", 1]', "parent", '["A", 8]')
    ]
    assert rows(database, "SELECT line_order_no, line_line_no, no, then_no FROM canonical.pick ORDER BY no") == [
        ("A", 1, 1, 2),
        ("A", 1, 2, 3),
    ]
    assert rows(database, "SELECT key, refers_to FROM provenance.pick_dangling WHERE field = 'then'") == [
        ('["A", 1, 2]', '["A", 1, 3]')
    ]


NAMED = """
entity Thing {
  key (a, b)
  a    : text
  b    : text
  name : text
}
connector s is files {
  folder "x"
  resource one {
    files "*.json" as json; id $.id; changed unknown
    shape { id: text, a: text, b: text, name: text? }
  }
}
map s.one to Thing { a = $.a; b = $.b; name = $.name }
"""


def test_a_key_that_is_too_long_as_one_json_harms_only_its_record(tmp_path: Path, database: Server) -> None:
    """Of signs in no order, which nothing compresses, and of which JSON escapes the half."""
    dice = random.Random(1)  # noqa: S311
    signs = '"\\' * 38 + "".join(chr(code) for code in range(35, 127) if chr(code) != "\\")
    text = "".join(dice.choice(signs) for _ in range(1_950))
    made = compiled(tmp_path, all=NAMED)
    ready(database, made)
    page = Pages().page([{"id": "1", "a": "x", "b": text}, {"id": "2", "a": "x", "b": "y"}])
    load(database, made, "s_one__thing", [page])
    assert rows(database, "SELECT record, code FROM fieldmap.dead_letters") == [("1", "FM2116")]
    assert rows(database, "SELECT key FROM fieldmap.incomplete") == [('["x", "y"]',)]


BOUND = """
entity Place {
  key (site, bin)
  site : text
  bin  : text
  inside : Place? must exist
}
connector s is files {
  folder "x"
  resource one {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, a: text, b: text, ia: text?, ib: text?, at: datetime }
  }
}
map s.one to Place { site = $.a; bin = $.b; inside = ($.ia, $.ib) }
"""


def test_D10_a_reference_too_long_for_an_index_waits_and_stops_nobody(tmp_path: Path, database: Server) -> None:
    """Its parts each have the length of a key; together they are longer than any key that there is, so what they refer to is not there."""
    bundle, pages = compiled(tmp_path, all=BOUND), Pages()
    dice = random.Random(1)  # noqa: S311
    long, other = ("".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(600)) for _ in range(2))
    near = long[:-1] + "x"
    ready(database, bundle)

    def standing() -> list[Any]:
        return rows(database, "SELECT site, bin, inside_bin FROM canonical.place ORDER BY 1, 2, 3")

    first = {"id": "1", "a": "A", "b": "1", "ia": long, "ib": other}
    second = {"id": "2", "a": "A", "b": "2", "ia": "A", "ib": "3"}
    third = {"id": "3", "a": "A", "b": "3", "ia": near, "ib": "3"}
    loaded = load(database, bundle, "s_one__place", [page(pages, first, second, third)])
    assert (loaded.loaded.counts.claimed, loaded.loaded.counts.dead) == (3, 0)
    assert standing() == []
    assert rows(database, "SELECT key FROM fieldmap.incomplete ORDER BY 1") == [
        ('["A", "1"]',),
        ('["A", "2"]',),
        ('["A", "3"]',),
    ]
    # What is the same in as much as the index has of it is another place all the same.
    load(database, bundle, "s_one__place", [page(pages, {"id": "4", "a": long, "b": "3"})])
    assert standing() == [(long, "3", None)]
    load(database, bundle, "s_one__place", [page(pages, {"id": "5", "a": near, "b": "3"})])
    assert standing() == sorted([("A", "2", "3"), ("A", "3", "3"), (long, "3", None), (near, "3", None)])
    later = {"at": "2026-02-01T00:00:00Z"}
    load(database, bundle, "s_one__place", [page(pages, {"id": "5", "a": near, "b": "4", **later})])
    assert standing() == sorted([(long, "3", None), (near, "4", None)])


LONG_KEYS = """
entity Worker {
  key number : text
  mail  : text?
  level : int?
}
connector hr is files {
  folder "x"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    deleted when ($.gone otherwise false) == true
    shape { id: text, n: text, mail: text?, level: int?, gone: bool?, at: datetime }
  }
}
connector it is files {
  folder "y"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, n: text, mail: text?, level: int?, at: datetime }
  }
}
map hr.people to Worker { number = $.n; mail = $.mail; level = $.level }
map it.people to Worker { number = $.n; mail = $.mail; level = $.level }
merge Worker {
  match it to hr on mail when unique
  must agree on level
  default prefer hr, it
}
"""


def test_D10_what_is_noted_of_long_keys_and_records_stops_nobody(tmp_path: Path, database: Server) -> None:
    """A conflict names two keys, and what was withdrawn a key and a record: each as long as it may be."""
    bundle, pages = compiled(tmp_path, all=LONG_KEYS), Pages()
    dice = random.Random(1)  # noqa: S311
    one, two, record = ("".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(660)) for _ in range(3))
    ready(database, bundle)
    bad = {"id": record, "n": one, "mail": "b", "level": 1}
    load(database, bundle, "hr_people__worker", [page(pages, bad, {"id": "2", "n": "2", "mail": "a"})])
    load(database, bundle, "it_people__worker", [page(pages, {"id": "1", "n": two, "mail": "b", "level": 2})])
    assert rows(database, "SELECT source, key, target_key FROM identity.conflicts") == [("it", two, one)]
    later = {"at": "2026-02-01T00:00:00Z"}
    gone = page(pages, {**bad, **later, "gone": True}, {"id": "2", "n": "2", "mail": "new", **later})
    load(database, bundle, "hr_people__worker", [gone])
    assert rows(database, "SELECT key, record FROM fieldmap.withdrawals") == [(one, record)]
    assert ("2", "new") in rows(database, "SELECT number, mail FROM canonical.worker")
