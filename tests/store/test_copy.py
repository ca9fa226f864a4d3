"""What goes through COPY comes out as it was: hostile texts in every type, words of SQL as names, quotes in codes and docs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support import Pages, compiled, load, ready, rows

from fieldmap.runtime.store.database import Server

MAPS = """
entity Order "100 % of ; 'quoted' documentation" {
  key order : text
  user      : text?
  select    : text?
  kind      : enum { a, b }?
  when      : datetime?
  day       : date?
  tags      : list of text
  nums      : list of decimal(8, 2)
  raw       : json?
  pay       : money(8, 2)?
  usd       : money(8, 2) in USD?
  f         : float?
  ok        : bool?
}
entity Tag {
  key name : text
}
entity Lonely "no map claims it" {
  key id : int
  x      : text?
}
connector c {
  base env.X
  resource r {
    get "/r"
    records $[*]
    id $.id
    shape {
      id: text, u: text?, k: text?, w: datetime?, d: date?, tags: [ text ]?, nums: [ number ]?
      raw: json?, amt: number?, cur: text?, f: number?, ok: bool?
    }
  }
}
codes ks {
  "it's" -> a
  "%s;"  -> b
}
map c.r as r to Order {
  order    = $.id
  user     = $.u
  `select` = $.u
  kind     = $.k via ks
  `when`   = $.w
  day      = $.d
  tags     = $.tags
  nums     = $.nums
  raw      = $.raw
  pay      = $.amt in $.cur
  usd      = $.amt in USD
  f        = $.f
  ok       = $.ok
  each r.tags[*] as t to Tag {
    name = t
  }
}
"""
HOSTILE = [
    "a\tb",
    "new\nline",
    "back\\slash",
    "\\N",
    "",
    "'q'",
    '"dq"',
    "{a,b}",
    "NULL",
    "é\u2028\U0001f600",
    "x" * 1_500,
    "\r",
    " ",
    "\\",
    "\x01\x7f",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_arrives_everywhere(tmp_path: Path, database: Server, text: str) -> None:
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    pages = Pages()
    record: dict[str, object] = {
        "id": "1",
        "u": text,
        "k": "it's",
        "w": "2026-01-01T00:00:00.123456+05:30",
        "d": "0001-01-01",
        "tags": [text, "z"],
    }
    record |= {"nums": [1, -2], "raw": {"x": text}, "amt": 5, "cur": "EUR", "f": 1e-7, "ok": True}
    other = {"id": "2", "k": "%s;", "d": "9999-12-31"}
    load(database, bundle, "c_r__order", [pages.page([record, other])])
    found = rows(
        database,
        'SELECT "user", "select", kind, "when", day::text, tags, nums::text, raw, pay::text, pay_currency, usd::text, f, ok FROM canonical."order" ORDER BY "order"',
    )
    moment = datetime(2025, 12, 31, 18, 30, 0, 123456, tzinfo=UTC)
    assert found[0] == (
        text,
        text,
        "a",
        moment,
        "0001-01-01",
        [text, "z"],
        "{1.00,-2.00}",
        {"x": text},
        "5.00",
        "EUR",
        "5.00",
        1e-7,
        True,
    )
    assert found[1][2:7] == ("b", None, "9999-12-31", [], "{}")
    assert [name for (name,) in rows(database, "SELECT name FROM canonical.tag ORDER BY name = 'z'")] == [text, "z"]
    load(database, bundle, "c_r__order", [pages.page([{**record, "tags": ["only"]}])])
    assert rows(database, "SELECT name FROM canonical.tag") == [("only",)]
