"""Keys of rows and ids of records that are personal are shown no more than other personal values are; and a row can be found all the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

CANARY = "S-"
MAPS = """
entity Person {
  key ssn : text pii
  name    : text
  boss    : Person? pii
  level   : int?
  way     : decimal(8, 2) in kg?
  pay     : int?
  must level is absent or level < 90 "the level is too high"
  warn level is absent or level < 50 "the level is high"
}
entity Card {
  key number : text
  owner      : Person?
}
connector hr is files {
  folder "hr"
  resource people {
    files "*.json" as json; id $.no; changed $.at
    shape { no: text, name: text?, boss: text?, level: int?, way: number?, pay: text?, at: datetime }
  }
}
connector it is files {
  folder "it"
  resource people {
    files "*.json" as json; id $.who; changed $.at
    shape { who: text pii, level: int?, way: number?, at: datetime }
  }
}
connector desk is files {
  folder "desk"
  resource cards {
    files "*.json" as json; id $.id
    shape { id: text, owner: text }
  }
}
map hr.people to Person {
  warn $.level is absent or $.level != 55 "a level of 55"
  ssn = $.no; name = $.name; boss = $.boss; level = $.level if invalid reject; way = $.way in kg
  pay = $.pay as int if invalid hold up to 100 %
}
map it.people to Person partial { ssn = $.who; level = $.level; way = $.way in kg }
map desk.cards to Card { number = $.id; owner = $.owner }
merge Person { same ssn of hr, it; default prefer hr, it; level agree; way agree }
"""
AT = "2026-01-01T00:00:00Z"
LATER = "2026-02-01T00:00:00Z"


def _write(folder: Path, name: str, records: list[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(records))


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    hr: list[dict[str, Any]] = [
        {"no": "S-111", "name": "A", "boss": "S-999", "level": 55, "way": 90.72, "pay": "much", "at": AT},
        {"no": "S-112", "name": "B", "level": 95, "at": AT},
        {"no": "S-113", "level": 1, "at": AT},
        {"no": "S-114", "name": "D", "level": 2, "at": AT},
    ]
    _write(tmp_path / "hr", "a.json", hr)
    it = [{"who": "S-111", "level": 3, "way": 99, "at": AT}]
    _write(tmp_path / "it", "a.json", it)
    _write(tmp_path / "desk", "a.json", [{"id": "C1", "owner": "S-888"}])
    assert run(["sync"]) in (0, 1)
    _write(tmp_path / "hr", "b.json", [{"no": "S-114", "name": "D", "level": "x", "at": LATER}])
    run(["sync"])
    return database


COMMANDS = {
    "dangling": "boss",
    "incomplete": "still empty: name",
    "conflicts": "level",
    "stale": "fieldmap dlq show",
    "report": "boss",
    "dlq": "fieldmap dlq show 1",
    "dlq held": "pay",
    "dlq warnings": "a level of 55",
    "dlq show 1": "raw record",
    "query Person --provenance": "hr.people",
    "query Card": "C1",
    "identity decisions": "",
    "identity status": "",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_keys_and_ids_are_hidden_unless_revealed(
    project: Server, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    words = command.split()
    for more in ([], ["--json"]):
        capsys.readouterr()
        assert run([*words, *more]) == 0
        shown = capsys.readouterr()
        assert CANARY not in shown.out + shown.err, shown
        if not more:
            assert COMMANDS[command] in " ".join(shown.out.split()), shown.out
    assert rows(project, "SELECT what FROM fieldmap.revealed") == []
    if command in ("identity status", "identity decisions", "dlq"):
        return
    assert run([*words, "--reveal"]) == 0
    assert CANARY in capsys.readouterr().out
    ((what,),) = rows(project, "SELECT what FROM fieldmap.revealed")
    assert what.startswith(" ".join(words[:2] if words[0] == "dlq" else words[:1]))
    assert CANARY not in what


def test_keys_claimed_twice_are_hidden_and_can_be_found(
    tmp_path: Path, project: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = MAPS.replace("ssn = $.no; name", "ssn = trim($.no); name")
    (tmp_path / "all.map").write_text(twice)
    _write(tmp_path / "hr", "c.json", [{"no": " S-111", "name": "A", "at": AT}])
    run(["replay"])
    run(["sync"])
    for more in ([], ["--json"]):
        capsys.readouterr()
        assert run(["duplicates", *more]) == 0
        shown = capsys.readouterr().out
        assert CANARY not in shown, shown
    (found,) = json.loads(shown)
    assert len(found["claims"]) == len(found["records"]) == 2
    assert run(["duplicates", "--reveal"]) == 0
    assert "S-111" in capsys.readouterr().out


def test_a_hidden_row_leads_to_its_record(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["dangling", "Person"], ["incomplete"], ["conflicts"]):
        capsys.readouterr()
        assert run(command) == 0
        assert re.search(r"archive\s*cat\s*hr\.people", shown := capsys.readouterr().out), shown
    for words in ("held", "warnings"):
        assert run(["dlq", words, "--json"]) == 0
        (sample, *_) = json.loads(capsys.readouterr().out)[0]["samples"]
        assert re.fullmatch(r"fieldmap archive cat hr\.people \d+:\d+ --record 0", sample)
    assert run(["dangling", "Person", "--json"]) == 0
    claim = json.loads(capsys.readouterr().out)[0]["claims"][0]
    assert claim["record"] == "▒▒▒ (pii)"
    place = [claim["source"], str(claim["archive_position"]), "--record", str(claim["record_index"])]
    assert run(["archive", "cat", *place]) == 0
    shown = capsys.readouterr().out
    assert '"name": "A"' in shown
    assert CANARY not in shown


@pytest.mark.parametrize("field", ["level", "way", "name", "boss"])
def test_explain_repeats_the_key_that_was_typed_and_tells_no_other(
    project: Server, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    for key in ("S-111", "S-113", "S-114"):
        for more in ([], ["--json"]):
            capsys.readouterr()
            assert run(["explain", "Person", key, field, *more]) == 0
            shown = capsys.readouterr().out
            assert shown.count(CANARY) == 1, shown
            assert "▒▒▒ (pii)" in shown
    capsys.readouterr()
    assert run(["explain", "Person", "S-111", field, "--reveal"]) == 0
    assert "record S-111" in capsys.readouterr().out


def test_what_a_condition_cannot_read_is_hidden_too(
    tmp_path: Path, project: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure of no field quotes the member that its path leads to."""
    told = MAPS.replace("who: text pii,", "who: text pii, born: text? pii, kind: text?,")
    when = 'when (($.born as int) > 0 otherwise true) and (($.kind as int) > 0 otherwise true)\n expect $.kind != "7" "of kind 7"'
    told = told.replace("Person partial {", f"Person partial {{\n {when}\n")
    (tmp_path / "all.map").write_text(told)
    born = {"who": "S-1", "born": "S-bad", "at": AT}
    kinds = [{"who": f"S-{n}", "kind": kind, "at": AT} for n, kind in ((2, "odd"), (3, "7"))]
    _write(tmp_path / "it", "b.json", [born, *kinds])
    run(["replay"])
    run(["sync"])
    for more in ([], ["--json"]):
        capsys.readouterr()
        assert run(["dlq", *more]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert CANARY not in shown, shown
        assert "of kind 7" in shown
        assert "odd" in shown
    letters = rows(project, "SELECT id FROM fieldmap.dead_letters ORDER BY id")
    assert len(letters) == 4
    for (number,) in letters:
        assert run(["dlq", "show", str(number)]) == 0
    run(["dlq", "retry", "--all"])
    shown = capsys.readouterr().out
    assert CANARY not in shown, shown
    assert "of kind 7" in shown
    assert run(["dlq", "--reveal"]) == 0
    assert "S-bad" in capsys.readouterr().out


def test_a_replay_shows_no_key_of_what_changed(
    tmp_path: Path, project: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "all.map").write_text(MAPS.replace("name = $.name;", "name = lower($.name);"))
    capsys.readouterr()
    run(["replay"])
    shown = capsys.readouterr()
    assert "A → a (▒▒▒ (pii))" in shown.out
    assert CANARY not in shown.out + shown.err


def test_units_stand_behind_what_is_in_conflict(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["conflicts", "Person"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "90.72 kg" in shown
    assert "99.00 kg" in shown
    assert run(["conflicts", "Person", "--json"]) == 0
    assert {one["field"]: one["unit"] for one in json.loads(capsys.readouterr().out)} == {"level": "", "way": "kg"}
    assert run(["explain", "Person", "S-111", "way"]) == 0
    shown = capsys.readouterr().out
    assert "says 90.72 kg" in shown
    assert "says 99.00 kg" in shown
