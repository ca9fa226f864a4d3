"""`explain` hides what is personal or restricted, as every command does, and keeps who had it revealed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

CANARY = "canary"
MAPS = """
entity Worker {
  key number : text
  name   : text?   pii
  mail   : text?   pii
  salary : decimal(9, 2)?  restricted
  level  : int?
}
connector hr is files {
  folder "hr"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, name: text? pii, mail: text? pii, salary: text? restricted, level: int?, at: datetime }
  }
}
connector it is files {
  folder "it"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, name: text? pii, mail: text? pii, salary: text? restricted, level: int?, at: datetime }
  }
}
map hr.people to Worker {
  number = $.id; name = trim($.name); mail = $.mail; salary = $.salary as decimal; level = $.level
}
map it.people to Worker { number = $.id; name = $.name; mail = $.mail; salary = $.salary as decimal if invalid hold up to 100 %; level = $.level }
merge Worker {
  match it to hr on mail when unique
  default prefer hr, it
  name    most common
  level   prefer it, hr
}
"""


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    mail = f"{CANARY}@x.org"
    hr = {
        "id": "1",
        "name": f" {CANARY} A",
        "mail": mail,
        "salary": "77001.5",
        "level": 4,
        "at": "2026-01-01T00:00:00Z",
    }
    it = {
        "id": "9",
        "name": f"{CANARY} B",
        "mail": mail,
        "salary": f"{CANARY} 77001",
        "level": 5,
        "at": "2026-01-01T00:00:00Z",
    }
    for name, records in (("hr", [hr]), ("it", [it])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.json").write_text(json.dumps(records))
    assert run(["sync"]) == 0
    return database


def secrets(text: str) -> bool:
    return CANARY in text or "77001" in text or "77 001" in text


@pytest.mark.parametrize("field", ["name", "mail", "salary", "level"])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_values_are_hidden_unless_revealed(
    project: Server, capsys: pytest.CaptureFixture[str], field: str, more: list[str]
) -> None:
    capsys.readouterr()
    assert run(["explain", "Worker", "1", field, *more]) == 0
    shown = capsys.readouterr().out
    assert not secrets(shown), shown
    if field != "level":
        assert ("▒▒▒ (restricted)" if field == "salary" else "▒▒▒ (pii)") in shown
    # Where it comes from is no value.
    assert "hr.people" in shown
    assert f"$.{field}" in shown
    assert ("--reveal" in shown) == (not more and field != "level")
    assert rows(project, "SELECT what FROM fieldmap.revealed") == []
    assert run(["explain", "Worker", "1", field, "--reveal", *more]) == 0
    shown = capsys.readouterr().out
    assert secrets(shown), shown
    assert "▒▒▒" not in shown
    assert rows(project, "SELECT what FROM fieldmap.revealed") == [(f"explain Worker 1 {field}",)]


def test_what_keys_were_matched_by_is_hidden_unless_revealed(
    project: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for more in ([], ["--json"]):
        assert run(["explain", "--identity", "Worker", "1", *more]) == 0
        shown = capsys.readouterr().out
        assert not secrets(shown), shown
        assert "▒▒▒ (pii)" in shown
    assert run(["explain", "--identity", "Worker", "1", "--reveal"]) == 0
    assert secrets(capsys.readouterr().out)
    assert rows(project, "SELECT what FROM fieldmap.revealed") == [("explain --identity Worker 1",)]
