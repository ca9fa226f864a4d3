"""Coverage: every field of a source is read, ignored on purpose, or told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fieldmap.compiler.coverage import Coverage, coverage
from fieldmap.compiler.project import check

HEAD = """entity Order {
  key number : text
  city  : text?
  parts : list of text
}
entity Line {
  key (order_no, code)
  order_no : text
  code     : text
}
connector erp {
  base env.ERP
  resource orders {
    get     "/orders"
    records $.data[*]
    id      $.no
    deleted when $.gone == "x" otherwise false
    SHAPE
  }
  resource unmapped { get "/u"; records $.u[*]; id $.id; shape { id : text, b : text? } }
}
"""
SHAPE = """shape {
      no    : text
      gone  : text?
      to    : { street: text?, city: text?, zip: text? }?
      lines : [ { code: text, amount: number?, tags: [ text ] } ]
      photo_small : text?
      photo_large : text?
      "a b" : text?
      note  : text?
    }"""
MAP = """map erp.orders as order to Order {
  number = $.no
  city   = $.to.city
  parts  = $.lines[*].code
  ignore $.photo*, $.to.street
  IGNORE
  each order.lines[*] as line to Line {
    order_no = order.no
    code     = line.code
    ignore line.tags
  }
}
"""


def covered(tmp_path: Path, shape: str, ignore: str, records: list[Any]) -> list[Coverage]:
    path = tmp_path / "x.map"
    path.write_text(HEAD.replace("SHAPE", shape) + MAP.replace("IGNORE", ignore))
    checked = check(tmp_path, [path])
    assert checked.ok, checked.diagnostics
    names = checked.context.symbols
    return coverage(names.connectors, names.maps, checked.context.shapes, {"erp.orders": records}, names.entities)


def of(found: Coverage) -> dict[str, str]:
    return {field.path: field.how for field in found.fields}


def test_every_field_of_the_shape_is_told(tmp_path: Path) -> None:
    orders, unmapped = covered(tmp_path, SHAPE, "", [])
    assert of(orders) == {
        "$.no": "read",
        "$.gone": "read",
        "$.to.street": "ignored",
        "$.to.city": "read",
        "$.to.zip": "unread",
        "$.lines[*].code": "read",
        "$.lines[*].amount": "unread",
        "$.lines[*].tags[*]": "ignored",
        "$.photo_small": "ignored",
        "$.photo_large": "ignored",
        '$["a b"]': "unread",
        "$.note": "unread",
    }
    assert of(unmapped) == {"$.id": "read"} | {"$.b": "unread"}
    assert [orders.count(how) for how in ("read", "ignored", "unread")] == [4, 4, 4]


def test_ignore_rest_leaves_nothing(tmp_path: Path) -> None:
    orders, _ = covered(tmp_path, SHAPE, "ignore rest", [])
    assert set(of(orders).values()) == {"read", "ignored"}


def test_archived_records_show_what_the_shape_does_not(tmp_path: Path) -> None:
    records = [
        {"no": "1", "to": {"zip": "10115"}, "lines": [{"code": "a", "serial": "s"}, {"code": "b"}], "new": 1},
        {"no": "2", "lines": [], "new": None, "photo_raw": "x"},
    ]
    orders, _ = covered(tmp_path, SHAPE, "", records)
    seen = {field.path: (field.how, field.seen) for field in orders.fields}
    assert seen["$.new"] == ("unknown", 1)
    assert seen["$.lines[*].serial"] == ("unknown", 1)
    assert seen["$.photo_raw"] == ("ignored", 1)
    assert seen["$.to.zip"] == ("unread", 1)
    assert seen["$.no"] == ("read", 2)
    assert orders.records == 2


def test_without_a_shape_the_archive_tells(tmp_path: Path) -> None:
    orders, _ = covered(tmp_path, "", "", [{"no": "1", "to": {"city": "Berlin", "zip": "10115"}}])
    assert of(orders) == {"$.no": "read", "$.to.city": "read", "$.to.zip": "unknown"}
