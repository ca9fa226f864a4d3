"""A run tells how many numbers had no unit, and were read in the one that the author gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Part {
  key no  : text
  width   : decimal(8, 2) in cm?
  depth   : decimal(8, 2) in cm?
  sizes   : list of decimal(8, 2) in cm
  price   : money(12, 2)?
}
fn measured(t: text): decimal in cm { gives t as quantity(bare in cm, in cm); expect measured("3") == 3 cm }
connector shop is files {
  folder "drop"
  resource parts {
    files   "*.json" as json
    records $[*]
    id      $.no
    shape { no: text, width: text?, depth: text?, sizes: [ text ], price: text?, flag: bool? }
  }
}
map shop.parts to Part {
  no    = $.no
  when $.width is absent or ($.width as quantity(bare in inch) > 0 cm otherwise true)
  width = $.width as quantity(bare in inch)
  depth = measured($.depth)
  sizes = $.sizes[*] as quantity(bare in inch)
  price = $.price as money(bare in USD)
}
"""
PARTS = [
    {"no": "1", "width": "12", "depth": "3", "sizes": ["1", "2 in", "3-1/2"], "price": "5"},
    {"no": "2", "width": "12 in", "depth": "3 cm", "sizes": ["4 in"], "price": "5 USD"},
    {"no": "3", "width": "7-9", "sizes": [], "price": "six"},
    {"no": "4", "width": "5' 6", "sizes": ["9"]},
]


def test_the_run_counts_numbers_without_a_unit(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("", encoding="utf-8")
    (tmp_path / "all.map").write_text(MAPS, encoding="utf-8")
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "1.json").write_text(json.dumps(PARTS), encoding="utf-8")
    assert run(["sync"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert (
        "7 numbers of shop.parts to Part had no unit and were read in the one that the map gives:"
        " $.depth 1, $.price 1, $.sizes[*] 3, $.width 2"
    ) in said
    counted = dict(rows(database, "SELECT path, count FROM fieldmap.read_bare"))
    assert counted == {"$.width": 2, "$.depth": 1, "$.sizes[*]": 3, "$.price": 1}
    assert rows(database, "SELECT width::text FROM canonical.part WHERE no IN ('1', '4') ORDER BY no") == [
        ("30.48",),
        ("167.64",),
    ]
    (tmp_path / "drop" / "2.json").write_text(json.dumps([{"no": "5", "width": "8", "sizes": []}]), encoding="utf-8")
    assert run(["sync", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [one["bare"] for one in report["maps"].values()] == [{"$.width": 1}]
