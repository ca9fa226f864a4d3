"""What `explain` and `dlq show` say in the cases where a wrong answer would look right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity W {
  key number : text
  v   : text
  inv : decimal(8, 2)?
}
connector drop is files {
  folder "in"
  resource one {
    files   "*.json" as json
    records $.data[*].rec
    id      $.id
    changed $.at
    shape { id: text, v: text?, q: text? unchanged when "=", at: datetime?, state: text? }
  }
}
codes states {
  "A" -> "fine"
}
map drop.one to W {
  number = $.id
  v      = $.v if invalid reject
  inv    = $.q as decimal if invalid use 7
}
"""


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "in").mkdir()
    return tmp_path


def load(project: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "in" / "a.json").write_text(text)
    assert run(["sync"]) == 0
    capsys.readouterr()


def explained(key: str, field: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    assert run(["explain", "W", key, field, "--json"]) == code
    return dict(json.loads(capsys.readouterr().out))


def test_elements_without_the_member_do_not_shift_the_bytes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(project, '{"data":[{"x":1},{"rec":{"id":"X","v":"vx"}},{"rec":{"id":"Y","v":"vy"}}]}', capsys)
    found = explained("Y", "v", capsys)
    assert (found["raw"][0]["path"], found["raw"][0]["text"]) == ("$.data[2].rec.v", '"vy"')


def test_an_invented_value_is_equal_and_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(project, '{"data":[{"rec":{"id":"X","v":"vx","q":"bad"}}]}', capsys)
    found = explained("X", "inv", capsys)
    assert (found["value"], found["recomputed"], found["differs"]) == ("7.00", True, "")


def test_a_row_that_was_altered_is_told(project: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    load(project, '{"data":[{"rec":{"id":"X","v":"vx"}}]}', capsys)
    rows(database, "UPDATE canonical.w SET v = 'forged' RETURNING 1")
    assert explained("X", "v", capsys, code=1)["differs"] == "the claim holds vx, the row forged"
    assert run(["explain", "W", "X", "v"]) == 1
    assert "DIFFERS" in capsys.readouterr().out


def test_a_claim_without_a_row_says_why(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(project, '{"data":[{"rec":{"id":"X"}}]}', capsys)
    found = explained("X", "inv", capsys)
    assert found["note"] == "the row is held back as incomplete: v stayed empty"
    assert [lost["outcome"] for lost in found["lost"]] == ["makes no claim here"]


@pytest.mark.parametrize("member", ['"v": 1, "v": 2', f'"v": {"9" * 500}', '"v": "\\ud800"'])
def test_dead_letters_show_what_no_json_can_say(project: Path, member: str, capsys: pytest.CaptureFixture[str]) -> None:
    load(project, '{"data":[{"rec":{"id":"X", ' + member + "}}]}", capsys)
    assert run(["dlq", "show", "1", "--reveal"]) == 0
    assert "raw record" in capsys.readouterr().out
    assert run(["dlq", "show", "1", "--json"]) == 0


def test_a_value_whose_newer_version_was_rejected_is_stale(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    load(project, '{"data": [{"rec": {"id": "1", "v": "old", "at": "2026-01-01T00:00:00Z"}}]}', capsys)
    load(project, '{"data": [{"rec": {"id": "1", "v": 5, "at": "2026-01-02T00:00:00Z"}}]}', capsys)
    found = explained("1", "v", capsys)
    assert found["value"] == "old"
    assert found["winner"]["stale"].startswith("stale: a newer version of the record was rejected (FM2101")
    assert run(["status"]) == 0
    assert "1 record of drop.one to W is stale" in " ".join(capsys.readouterr().out.split())
    assert run(["explain", "W", "1", "v"]) == 0
    assert "stale: a newer version" in " ".join(capsys.readouterr().out.split())


def test_a_kept_value_is_explained_by_the_version_that_gave_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {"rec": {"id": "1", "v": "old", "q": "2.5", "at": "2026-01-01T00:00:00Z"}}
    then = {"rec": {"id": "1", "v": "new", "q": "=", "at": "2026-01-02T00:00:00Z"}}
    load(project, json.dumps({"data": [{"rec": {"id": "2", "q": "="}}, then, first]}), capsys)
    told = explained("1", "inv", capsys)
    assert (told["value"], told["recomputed"], told["raw"][0]["path"]) == ("2.50", True, "$.data[2].rec.q")
    assert told["steps"][-1]["how"] == "kept: the version of 2026-01-02 00:00:00Z leaves it unchanged"
    assert explained("1", "v", capsys)["raw"][0]["path"] == "$.data[1].rec.v"
    unfounded = explained("2", "inv", capsys)
    assert unfounded["value"] is None
    assert (
        unfounded["lost"][0]["outcome"]
        == "unchanged, says the source, and no earlier version of the record has been read"
    )


def test_nothing_null_and_what_stands_for_absent_are_kept_apart(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = MAPS.replace("state: text?", 'state: text? absent when "-", list: [ text ]?')
    text = text.replace(
        "  inv : decimal(8, 2)?\n", "  inv : decimal(8, 2)?\n  s : text?\n  l : list of text\n  both : text?\n"
    )
    (project / "all.map").write_text(
        text.replace(
            "map drop.one to W {", "map drop.one to W {\n  s = $.state; l = $.list[*]; both = $.q otherwise $.state"
        )
    )
    load(
        project,
        '{"data":[{"rec":{"id":"A","v":"v"}},{"rec":{"id":"B","v":"v","state":null,"list":null}},'
        '{"rec":{"id":"C","v":"v","state":"-","list":[],"q":null}}]}',
        capsys,
    )
    told = {
        (key, field): explained(key, field, capsys)["lost"][0]["absence"]
        for key in "ABC"
        for field in ("s", "both", *(["l"] if key != "C" else []))
    }
    assert told == {
        ("A", "s"): "$.data[0].rec.state is missing",
        ("A", "l"): "$.data[0].rec.list[*] is missing",
        ("A", "both"): "$.data[0].rec.q is missing and $.data[0].rec.state is missing",
        ("B", "s"): "$.data[1].rec.state is null",
        ("B", "l"): "$.data[1].rec.list is null",
        ("B", "both"): "$.data[1].rec.q is missing and $.data[1].rec.state is null",
        ("C", "s"): '$.data[2].rec.state is "-", which stands for absent',
        ("C", "both"): '$.data[2].rec.q is null and $.data[2].rec.state is "-", which stands for absent',
    }
    assert run(["explain", "W", "C", "s"]) == 0
    assert "makes no claim here: $.data[2].rec.state" in capsys.readouterr().out


def test_I13_a_value_of_an_earlier_map_is_told_so_and_is_no_difference(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    load(project, '{"data": [{"rec": {"id": "1", "v": "a", "q": "2", "at": "2026-01-01T00:00:00Z"}}]}', capsys)
    made_by = explained("1", "v", capsys)["map_version"]
    (project / "all.map").write_text(MAPS.replace("$.v if invalid reject", '"{$.v!}x" if invalid reject'))
    assert run(["compile"]) == 0
    capsys.readouterr()
    found = explained("1", "v", capsys)
    assert (found["value"], found["recomputed"], found["differs"], found["map_version"]) == ("a", False, "", made_by)
    assert found["pending"].endswith("it would be ax: fieldmap replay makes it so")
    assert explained("1", "inv", capsys)["recomputed"]
    # What somebody wrote into the row is a difference all the same.
    rows(database, "UPDATE canonical.w SET v = 'b' RETURNING 1")
    found = explained("1", "v", capsys, 1)
    assert (found["differs"], found["pending"]) == ("the claim holds a, the row b", "")
    # While a replay is under way rows may be older than their claims.
    rows(database, "UPDATE fieldmap.positions SET replaying = true RETURNING 1")
    found = explained("1", "v", capsys)
    assert (found["differs"], found["pending"].partition(", until")[0]) == ("", "the claim holds a, the row b")
    assert run(["replay"]) == 0
    capsys.readouterr()
    assert (found := explained("1", "v", capsys))["recomputed"], found
    assert (found["value"], found["pending"]) == ("ax", "")


def test_I13_a_row_that_somebody_removed_is_a_difference(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    load(project, '{"data": [{"rec": {"id": "1", "v": "a", "q": "2", "at": "2026-01-01T00:00:00Z"}}]}', capsys)
    rows(database, "DELETE FROM canonical.w RETURNING 1")
    found = explained("1", "v", capsys, 1)
    assert found["value"] is None
    assert found["differs"] == "the claims make a row, which is not there: something else has removed it"
    assert run(["explain", "W", "1", "v"]) == 1
    assert "it DIFFERS: the claims make a row" in " ".join(capsys.readouterr().out.split())


BLAMED = """
entity T { key id : text; name : text?; v : int? }
connector d is files {
  folder "in"
  resource r {
    files "*.json" as json
    records $.data[*]
    id $.id
    shape { id: text, name: text? pii, a: text? }
  }
}
map d.r to T {
  let y = $.a as int + 1
  id = $.id
  name = $.name
  v = y if invalid reject
}
"""


def test_a_letter_blames_the_line_that_failed_and_leads_to_its_response(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The let, the id and the records line; a page that could not be taken apart shows nothing personal, and has no record."""
    tagged = BLAMED.replace("name : text?;", "name : text? pii;")
    (project / "all.map").write_text(tagged.replace("; ", "\n").replace("{ key", "{\nkey"))
    (project / "fieldmap.toml").write_text("dead_letters = 100")
    (project / "in" / "b.json").write_text('{"rows": [{"id": "3", "name": "Quorx"}]}')
    (project / "in" / "c.json").write_text("[" * 2000 + "]" * 2000)
    load(project, '{"data": [{"id": "2", "name": "Quorx", "a": "zz"}, {"name": "Quorx"}]}', capsys)
    assert run(["dlq", "--json"]) == 0
    where = {item["code"]: item["where"] for item in json.loads(capsys.readouterr().out)}
    lines = (project / "all.map").read_text().splitlines()
    found = {}
    for number in (1, 2, 3, 4):
        assert run(["dlq", "show", str(number), "--json"]) == 0
        letter = json.loads(capsys.readouterr().out)
        assert run(["dlq", "show", str(number)]) == 0
        text = capsys.readouterr().out
        begin, end = letter["step"]
        assert letter["statement"] in " ".join(lines[letter["line"] - 1].split())
        assert where[letter["code"]] == f"all.map:{letter['line']}"
        found[letter["code"]] = (letter["statement"], letter["statement"][begin:end])
        assert "Quorx" not in text + json.dumps(letter)
        assert " : " not in text.partition("first seen")[2].replace("raw record :", "")
        one = "" if letter["whole"] else f" --record {letter['record_index']}"
        place = f"{letter['position'] >> 40}:{letter['offset']}"
        assert f"  fieldmap archive cat d.r {place}{one}\n" in text
        assert ("record 0 of the response" in text) == (number == 1)
        assert ("--reveal shows" in text) == (letter["code"] != "FM2120")
        assert run(["archive", "cat", "d.r", place]) == 0
        told = capsys.readouterr()
        assert ("hidden: all of it" in told.err) == letter["whole"]
        assert "Quorx" not in told.out + told.err
    assert found == {
        "FM2104": ("let y = $.a as int + 1", "$.a"),
        "FM2124": ("id $.id", "$.id"),
        "FM2121": ("records $.data[*]", "$.data[*]"),
        "FM2120": ("resource r", "resource r"),
    }
    assert run(["dlq", "show", "3", "--reveal"]) == 0
    assert "Quorx" in capsys.readouterr().out


def test_arithmetic_is_a_step(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = MAPS.replace("inv : decimal(8, 2)?", "inv : decimal(8, 2)?\n  amt : money(10, 2)?").replace(
        "shape { id: text,", "shape { id: text, m: number?, n: number?,"
    )
    (project / "all.map").write_text(
        text.replace("map drop.one to W {", "map drop.one to W {\n  amt = ($.m * 2 - $.n) in EUR")
    )
    load(project, '{"data":[{"rec":{"id":"X","v":"vx","m":5,"n":1.5}}]}', capsys)
    steps = [(step["value"], step["how"]) for step in explained("X", "amt", capsys)["steps"]]
    assert steps[:3] == [("10", "5 × 2"), ("8.5", "10 - 1.5"), ("8.5 EUR", "an amount with its currency")]


def test_I13_a_row_that_somebody_wrote_is_a_difference(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    load(project, '{"data": [{"rec": {"id": "1", "v": "a", "q": "2", "at": "2026-01-01T00:00:00Z"}}]}', capsys)
    rows(
        database,
        "INSERT INTO canonical.w (number, v, _claims, _made_by, _changed_by) VALUES ('9', 'z', '{0}', 1, 1) RETURNING 1",
    )
    found = explained("9", "v", capsys, 1)
    assert (found["value"], found["differs"]) == ("z", "no claim gives the z of the row: something else has written it")
