"""Fields of several parts from the command line: loaded, shown, explained down to the bytes, and held where a part lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Site {
  key no   : text
  place    : { lat: decimal(9, 6), long: decimal(9, 6), height: decimal(6, 1) in m? }?
  contacts : list of { name: text, phone: phone? }  pii
  prices   : list of money(8, 2)
}
connector crm is files {
  folder "in"
  resource sites {
    files   "*.json" as json
    records $[*]
    id      $.no
    shape {
      no: text, lat: number?, lng: number?, ft: number?, cur: text?, prices: [ number ]
      people: [ { name: text, phone: text?, fax: text? } ]
    }
  }
}
map crm.sites to Site {
  no       = $.no
  place    = { lat: $.lat, long: $.lng, height: $.ft in ft }
  contacts = $.people
  prices   = $.prices in $.cur
}
example "parts" {
  given crm.sites { "no": "1", "lat": 52.5, "lng": 13.4, "prices": [2], "cur": "EUR", "people": [ { "name": "Ada" } ] }
  expect Site { no = "1", place = { lat: 52.5, long: 13.4 }, prices = [ 2 EUR ] }
}
"""
SITES = [
    {"no": "1", "lat": 52.5, "lng": 13.4, "ft": 100, "cur": "EUR", "prices": [1, 2.5]},
    {"no": "2", "lat": 52.5, "prices": []},
]
ADA = {"name": "Ada", "phone": "+49 30 901820", "fax": "1"}


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text(json.dumps([{**site, "people": [ADA]} for site in SITES]))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> Any:
    assert run([*command, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_parts_from_response_to_row_and_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check"]) == 0
    assert run(["sync"]) == 0
    capsys.readouterr()
    place = said(capsys, "explain", "Site", "1", "place")
    assert json.loads(place["value"]) == {"lat": 52.5, "long": 13.4, "height": 30.5}
    assert place["recomputed"] is True
    contacts = said(capsys, "explain", "Site", "1", "contacts", "--reveal")
    assert json.loads(contacts["value"]) == [{"name": "Ada", "phone": "+4930901820"}]
    assert contacts["recomputed"] is True
    prices = said(capsys, "explain", "Site", "1", "prices")
    assert json.loads(prices["value"]) == [{"amount": 1, "currency": "EUR"}, {"amount": 2.5, "currency": "EUR"}]
    lost = said(capsys, "explain", "Site", "2", "place")
    assert lost["value"] is None
    assert "the record has no long" in json.dumps(lost)


def test_members_that_no_part_reads_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--coverage"]) == 0
    assert "$.people[*].fax" in capsys.readouterr().out


def test_rows_are_shown_and_written_as_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync"]) == 0
    capsys.readouterr()
    assert run(["query", "Site", "--reveal", "--format", "json"]) == 0
    text = capsys.readouterr().out
    first, second = json.loads(text)
    assert '"amount": 1.00' in text or '"amount":1.00' in text
    assert first["prices"] == [{"amount": 1, "currency": "EUR"}, {"amount": 2.5, "currency": "EUR"}]
    assert (second["prices"], second["place"]) == ([], None)
    assert run(["query", "Site", "--reveal"]) == 0
    shown = capsys.readouterr().out
    assert "{'" not in shown
    assert '"name": "Ada"' in shown
    for format in ("csv", "parquet"):
        assert run(["query", "Site", "--reveal", "--format", format, "--output", f"rows.{format}"]) == 0
    assert '[{""name"": ""Ada"", ""phone"": ""+4930901820""}]' in (project / "rows.csv").read_text()
    from pyarrow import parquet

    row = parquet.read_table(project / "rows.parquet").to_pylist()[0]
    assert json.loads(row["contacts"]) == [{"name": "Ada", "phone": "+4930901820"}]
