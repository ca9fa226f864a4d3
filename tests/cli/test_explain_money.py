"""What `explain` and the view of provenance say of money: assumed currencies, and the rate of the day with its line in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Sale {
  key no : text
  net    : money(12, 2)
  tax    : money(12, 2) in USD?
  plain  : money(12, 2)?
  usd    : money(12, 2) in USD?
  load   : quantity(8, 2) in each or kg?
}
rates fx from "fx.csv" { inverse; across EUR }
connector shop is files {
  folder "drop"
  resource sales {
    files   "*.json" as json
    records $[*]
    id      $.no
    shape { no: text, net: number, tax: number?, cur: text, day: date, load: text? }
  }
}
map shop.sales to Sale {
  let due = $.tax in USD assumed "taxes are due in USD"
  no    = $.no
  net   = if $.cur == "" then $.net in EUR assumed "subsidiary 1 books in EUR" else $.net in $.cur
  tax   = due
  plain = $.net in USD
  usd   = $.net in $.cur using fx on $.day
  load  = $.load as quantity
}
"""
RATES = """date,from,to,rate
2026-03-01,EUR,USD,1.08
2026-03-01,EUR,CAD,1.5
"""
SALES = [
    {"no": "1", "net": 100, "tax": 5, "cur": "", "day": "2026-03-02", "load": "2 lb"},
    {"no": "2", "net": 100, "cur": "EUR", "day": "2026-03-02"},
    {"no": "3", "net": 100, "cur": "CAD", "day": "2026-03-03"},
]


@pytest.fixture
def project(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "fx.csv").write_text(RATES)
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.json").write_text(json.dumps(SALES))
    assert run(["sync"]) == 0, capsys.readouterr()
    capsys.readouterr()
    return tmp_path


def told(key: str, field: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, Any]]:
    assert run(["explain", "Sale", key, field]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert run(["explain", "Sale", key, field, "--json"]) == 0
    return text, json.loads(capsys.readouterr().out)


def test_an_assumed_currency_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, found = told("1", "net", capsys)
    assert "100.00 EUR" in text
    assert "assumed the currency, which the source does not name: subsidiary 1 books in EUR" in text
    assert (found["assumed"], found["recomputed"]) == (["subsidiary 1 books in EUR"], True)
    assert told("1", "tax", capsys)[1]["assumed"] == ["taxes are due in USD"]


def test_nothing_is_assumed_where_the_source_says_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, found = told("2", "net", capsys)
    assert "assumed" not in text.replace('assumed "subsidiary', "")
    assert found["assumed"] == []
    assert told("1", "plain", capsys)[1]["assumed"] == []


def test_the_view_of_provenance_has_the_assumption(project: Path, database: Server) -> None:
    found = rows(database, "SELECT field, value, assumed FROM provenance.sale WHERE key = '1' ORDER BY field")
    assert found == [
        ("load", "0.91 kg", None),
        ("net", "100.00 EUR", "subsidiary 1 books in EUR"),
        ("plain", "100.00 USD", None),
        ("tax", "5.00", "taxes are due in USD"),
    ]


def test_a_rate_is_told_with_its_day_and_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, found = told("2", "usd", capsys)
    assert "108 USD 100 EUR × 1.08 of 2026-03-01 (fx.csv:2)" in text
    assert {"value": "108 USD", "how": "100 EUR × 1.08 of 2026-03-01 (fx.csv:2)"} in found["steps"]
    text, found = told("3", "usd", capsys)
    assert "72 USD 100 CAD ÷ 1.5 of 2026-03-01 (fx.csv:3) × 1.08 of 2026-03-01 (fx.csv:2)" in text
    assert found["recomputed"]


def test_a_quantity_is_told_with_its_unit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, found = told("1", "load", capsys)
    assert "Sale 1 · load = 0.91 kg" in text
    assert '"2 lb" read as a quantity' in text
    assert (found["value"], found["recomputed"]) == ("0.91 kg", True)
