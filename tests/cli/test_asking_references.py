"""Rows are asked for by what they refer to: its key, as it would be written for the row itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Person {
  key id : text
  boss : Person?
}
entity Line {
  key (person, n)
  person : Person
  n      : int
}
connector drop is files {
  folder "in"
  resource one {
    files "*.json" as json
    records $.data[*]
    id $.id
    changed unknown
    shape { id: text, boss: text?, lines: [ { n: int } ] }
  }
}
map drop.one as p to Person {
  id   = $.id
  boss = $.boss
  each p.lines[*] as l to Line {
    person = p.id
    n      = l.n
  }
}
"""
ROWS = [
    {"id": "1", "boss": "2", "lines": [{"n": 1}, {"n": 2}]},
    {"id": "2", "boss": "9", "lines": [{"n": 1}]},
    {"id": "3", "lines": []},
]


@pytest.mark.parametrize(
    ("entity", "condition", "keys"),
    [
        ("Person", 'boss == "2"', [["1"]]),
        ("Person", 'boss in ["2", "9"]', [["1"], ["2"]]),
        ("Person", "boss is absent", [["3"]]),
        ("Person", "boss != id", [["1"], ["2"]]),
        ("Line", 'person == "1" and n > 1', [["1", 2]]),
    ],
)
def test_rows_are_asked_by_what_they_refer_to(
    tmp_path: Path,
    database: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    entity: str,
    condition: str,
    keys: list[list[object]],
) -> None:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text(json.dumps({"data": ROWS}))
    assert run(["sync"]) == 0
    capsys.readouterr()
    assert run(["query", entity, "--where", condition, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = ["person", "n"] if entity == "Line" else ["id"]
    assert [[row[name] for name in names] for row in found] == keys
