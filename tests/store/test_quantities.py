"""Quantities with units of their own, from JSON to canonical rows: rounded once, chosen with their units, told with them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from tests.support import Pages, compiled, load, project, ready, rows

from fieldmap.runtime.store.database import Server

MODEL = """
entity Line {
  key no : text
  amount : quantity(12, 2) in each or kg or m "How much was ordered"
  free   : quantity in each or g or kg?
}
"""
SOURCE = """
connector {name} {{
  base env.SHOP
  resource lines {{
    get "/lines"
    records $[*]
    id $.no
    changed $.at
    shape {{ no: text, qty: number?, kind: text?, text: text?, at: datetime }}
  }}
}}
map {name}.lines to Line {{
  no     = $.no
  amount = if $.kind == "W" otherwise false then $.qty in lb else $.text as quantity(bare in each)
  free   = $.qty in g if invalid use 0 each
}}
"""
MERGE = "merge Line { same no of a, b; default prefer a, b; amount newest }\n"


def record(no: str, at: str, **more: object) -> dict[str, object]:
    return {"no": no, "at": f"2026-01-0{at}T00:00:00Z", **more}


def loaded(folder: Path, database: Server) -> None:
    bundle = compiled(folder, all=MODEL + SOURCE.format(name="a") + SOURCE.format(name="b") + MERGE)
    ready(database, bundle)
    pages = Pages()
    first = [
        record("1", "1", kind="W", qty=2),
        record("2", "1", text="12 pcs"),
        record("3", "1", text="1,500 g"),
        record("4", "1", text="7"),
        record("5", "1", text="5 s", qty=1),
        record("6", "1", text="-0.004 m"),
        record("7", "1", text="0.125 kg"),
    ]
    load(database, bundle, "a_lines__line", [pages.page(first)])
    load(
        database,
        bundle,
        "b_lines__line",
        [pages.page([record("1", "2", text="3 ea"), record("2", "1", kind="W", qty=1)])],
    )


def test_amounts_arrive_with_their_units(tmp_path: Path, database: Server) -> None:
    loaded(tmp_path, database)
    assert rows(database, "SELECT no, amount, amount_unit FROM canonical.line ORDER BY no") == [
        ("1", Decimal("3.00"), "each"),  # newest, by another unit
        ("2", Decimal("12.00"), "each"),
        ("3", Decimal("1.50"), "kg"),
        ("4", Decimal("7.00"), "each"),
        ("6", Decimal("0.00"), "m"),
        ("7", Decimal("0.13"), "kg"),  # half away from zero
    ]
    assert rows(database, "SELECT amount, amount_unit FROM claims.a_lines__line WHERE no = '1'") == [
        (Decimal("0.91"), "kg")
    ]
    assert rows(database, "SELECT free::text, free_unit FROM canonical.line WHERE no = '1'") == [("2", "g")]
    (held,) = rows(database, "SELECT field, code, reason FROM fieldmap.held")
    assert held[:2] == ("amount", "FM2147")
    assert rows(database, "SELECT key, missing FROM fieldmap.incomplete") == [("5", ["amount"])]


def test_the_columns_say_what_they_hold(tmp_path: Path, database: Server) -> None:
    loaded(tmp_path, database)
    told = rows(
        database,
        "SELECT column_name, data_type, col_description('canonical.line'::regclass, ordinal_position) FROM information_schema.columns"
        " WHERE (table_schema, table_name) = ('canonical', 'line') AND column_name LIKE 'amount%' ORDER BY 1",
    )
    assert told == [
        ("amount", "numeric", "How much was ordered · in each, kg or m"),
        ("amount_unit", "text", "unit of amount: each, kg or m"),
    ]
    with pytest.raises(psycopg.errors.CheckViolation):
        rows(database, "UPDATE canonical.line SET free = NULL WHERE no = '1' RETURNING 1")
    values = rows(database, "SELECT key, value FROM provenance.line WHERE field = 'amount' ORDER BY key")
    assert values[:2] == [("1", "3.00 each"), ("2", "12.00 each")]


EXAMPLES = """
example "a weighed line" {
  given a.lines { "no": "1", "at": "2026-01-01T00:00:00Z", "kind": "W", "qty": 100 }
  expect Line { amount = 45.36 kg, free = 100 g }
}
example "a counted line" {
  given a.lines { "no": "1", "at": "2026-01-01T00:00:00Z", "text": "12" }
  expect Line { amount = 12 each, free is absent }
}
example "a line in other units" {
  given a.lines { "no": "1", "at": "2026-01-01T00:00:00Z", "text": "2 ft" }
  expect Line { amount = 2 ft }
}
example "what could be two" {
  given a.lines { "no": "1", "at": "2026-01-01T00:00:00Z", "text": "large" }
  expect hold amount
}
"""


def test_examples_hold(tmp_path: Path) -> None:
    checked = project(tmp_path, all=MODEL + SOURCE.format(name="a") + EXAMPLES)
    assert not checked.diagnostics, [item.message for item in checked.diagnostics]
    assert checked.examples == 4


def test_numbers_without_a_unit_are_counted(tmp_path: Path, database: Server) -> None:
    loaded(tmp_path, database)
    assert rows(database, "SELECT map, path, count FROM fieldmap.read_bare") == [("a_lines__line", "$.text", 1)]
