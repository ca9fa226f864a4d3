"""What the commands say of rules, conflicts, and rows held back: the rule and the losers in its words."""

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
  name   : text?
  way    : decimal(8, 1) in km?
  pay    : int
  nick   : text?
  top    : int?
  fresh  : text?
  street : text?
  city   : text?
  skills : list of text
  day    : date?

  must pay < 100 "paid too much"
  warn nick is not absent "nobody calls them anything"
}
connector drop is files {
  folder "in"
  resource a { files "a.json" as json; records $.data[*]; id $.id; changed $.at }
  resource b { files "b.json" as json; records $.data[*]; id $.id; changed $.at }
}
map drop.a to W {
  number = $.n; name = $.name; way = $.way in km; pay = $.pay; nick = $.nick; top = $.top; fresh = $.fresh
  street = $.street; city = $.city; skills = $.skills; day = $.day as date("dd.MM.yyyy")
}
map drop.b to W {
  number = $.n; name = $.name; way = $.way in km; pay = $.pay; nick = $.nick; top = $.top; fresh = $.fresh
  street = $.street; city = $.city; skills = $.skills; day = $.day as date("dd.MM.yyyy")
}
merge W {
  same number of drop
  default prefer drop.a, drop.b
  name    most common
  way     agree within 1 %
  top     max
  nick    longest
  fresh   prefer drop.b within 5 days otherwise newest
  skills  union
  together street, city newest needs street
}
"""
A = [
    {"id": "a1", "n": "1", "at": "2026-01-01T00:00:00Z", "name": "Ada", "way": 100, "pay": 1, "nick": "Ad", "top": 3,
     "fresh": "a", "street": "Hill", "city": "Bonn", "skills": ["x", "y"], "day": "01.02.2026"},
    {"id": "a2", "n": "2", "at": "2026-01-01T00:00:00Z", "pay": 100, "way": 1, "day": "bad"},
]  # fmt: skip
B = [
    {"id": "b1", "n": "1", "at": "2026-01-03T00:00:00Z", "name": "Bea", "way": 101, "pay": 2, "nick": "Adalbert",
     "top": 9, "fresh": "b", "city": "Rome", "skills": ["y", "z"]},
    {"id": "b2", "n": "1", "at": "2026-01-02T00:00:00Z", "name": "bea ", "pay": 3},
    {"id": "b3", "n": "2", "at": "2026-01-09T00:00:00Z", "way": 2, "pay": 5, "day": "03.02.2026"},
    {"id": "b4", "n": "3", "at": "2026-01-09T00:00:00Z", "way": 2, "pay": 5, "day": "03.02.2026"},
]  # fmt: skip


@pytest.fixture
def project(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "in").mkdir()
    sync(tmp_path, A, B)
    return tmp_path


def sync(folder: Path, a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    (folder / "in" / "a.json").write_text(json.dumps({"data": a}))
    (folder / "in" / "b.json").write_text(json.dumps({"data": b}))
    assert run(["sync"]) == 0


def told(*command: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_explain_says_of_amounts_has_their_unit(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (project / "all.map").read_text().replace("agree within 1 %", "most common")
    (project / "all.map").write_text(text)
    assert run(["replay"]) == 0
    found = told("explain", "W", "1", "way", capsys=capsys)
    assert [one["outcome"] for one in found["lost"] if one["value"]] == ["1 vote, against 1 vote for 100.0 km"]
    rows(database, "UPDATE canonical.w SET way = 5 RETURNING 1")
    assert run(["explain", "W", "1", "way"]) == 1
    assert "the claim holds 100.0 km, the row 5.0 km" in capsys.readouterr().out


def test_explain_tells_the_rule_and_the_losers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def of(field: str) -> tuple[Any, dict[str, str], str]:
        found = told("explain", "W", "1", field, capsys=capsys)
        return found["value"], {item["record"]: item["outcome"] for item in found["lost"]}, found["note"]

    assert of("name") == (
        "Bea",
        {"a1": "1 vote, against 2 votes for Bea", "b2": "an older record of the same source"},
        "",
    )
    assert of("way")[:2] == (
        "100.0",
        {"b1": "agrees within the tolerance; comes after drop.a", "b2": "makes no claim here"},
    )
    assert of("top")[:2] == ("9", {"a1": "smaller", "b2": "makes no claim here"})
    assert of("nick")[:2] == ("Adalbert", {"a1": "shorter", "b2": "makes no claim here"})
    assert of("fresh")[:2] == ("b", {"a1": "comes after drop.b", "b2": "makes no claim here"})
    assert of("skills")[:2] == (
        "{x,y,z}",
        {"b1": "its elements are added where they are new", "b2": "makes no claim here"},
    )
    lacks = "lacks street, which the group needs"
    assert of("city")[:2] == ("Bonn", {"b1": lacks, "b2": lacks})


def test_an_old_preferred_claim_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync(project, [{**A[0], "at": "2026-02-01T00:00:00Z"}, A[1]], B)
    found = told("explain", "W", "1", "fresh", capsys=capsys)
    assert found["value"] == "a"
    assert found["lost"][0]["outcome"] == "the newest claim of the field is newer by more than 5 days"


def test_a_null_that_won_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "all.map").write_text(MAPS.replace("nick    longest", "nick    newest null wins"))
    assert run(["replay"]) == 0
    sync(project, A, [{**B[0], "nick": None}, *B[1:]])
    found = told("explain", "W", "1", "nick", capsys=capsys)
    assert (found["value"], found["note"]) == (None, "the source says by a null that there is none")
    assert found["winner"]["outcome"] == "says by a null that there is none"
    assert [(raw["path"], raw["text"]) for raw in found["raw"]] == [("$.data[0].nick", "null")]
    assert {item["record"]: item["outcome"] for item in found["lost"]} == {
        "a1": "older",
        "b2": "makes no claim here",
    }


def test_a_path_that_finds_nothing_is_told_as_missing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "all.map").write_text(MAPS.replace("street = $.street", "street = $.road otherwise $.street", 1))
    assert run(["replay"]) == 0
    found = told("explain", "W", "1", "street", capsys=capsys)
    raw = [(raw["path"], raw["text"]) for raw in found["raw"]]
    assert raw == [("$.data[0].road", "missing"), ("$.data[0].street", '"Hill"')]


def test_rows_that_want_a_look_are_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held_back = told("incomplete", capsys=capsys)
    assert [(row["key"], row["missing"], [c["message"] for c in row["failed"]]) for row in held_back] == [
        ("2", [], ["paid too much"])
    ]
    assert [claim["record"] for claim in held_back[0]["claims"]] == ["a2", "b3"]
    assert held_back[0]["failed"][0]["where"] == "all.map:15"
    conflicts = told("conflicts", capsys=capsys)
    assert [(row["key"], row["field"], row["code"]) for row in conflicts] == [
        ("2", "day", "FM2182"),
        ("2", "way", "FM2180"),
    ]
    assert [(claim["record"], claim["value"]) for claim in conflicts[1]["claims"]] == [("a2", "1.0"), ("b3", "2.0")]
    assert conflicts[0]["claims"][0]["value"] == "2026-02-03"
    assert conflicts[0]["claims"][1]["record"] == "a2"
    assert told("duplicates", capsys=capsys) == [
        {"entity": "W", "key": "1", "source": "drop.b", "records": ["b1", "b2"]}
    ]
    (warned,) = told("dlq", "warnings", capsys=capsys)
    assert (warned["of"], warned["reason"], warned["where"], warned["records"], warned["samples"]) == (
        "W",
        "nobody calls them anything",
        "all.map:16",
        2,
        ["2", "3"],
    )
    assert [row["key"] for row in told("conflicts", "W", "--limit", "1", capsys=capsys)] == ["2"]
    assert run(["conflicts", "V"]) == 2
    assert "There is no entity V; there are: W" in capsys.readouterr().err
    assert told("dangling", capsys=capsys) == []
    for command in ("incomplete", "conflicts", "duplicates", "dangling", "stale"):
        assert run([command]) == 0
    assert run(["conflicts", "--limit", "1"]) == 0
    shown = capsys.readouterr().out
    assert "2 conflicts, 1 shown (--limit)" in shown
    assert "FM2183 paid too much (all.map:15)" in shown
    assert "the sources do not agree" in shown
    assert "Every reference finds its row." in shown
    note = told("explain", "W", "2", "way", capsys=capsys)["note"]
    assert note == "the claims do not agree, so none is chosen"
    assert "paid too much" in told("explain", "W", "2", "name", capsys=capsys)["note"]


def test_the_lists_can_be_read_in_sql(project: Path, database: Server) -> None:
    """Each line says by itself what a person needs, without numbers that mean something elsewhere."""
    assert rows(database, "SELECT key, why, claims FROM provenance.w_incomplete") == [
        ("2", "paid too much", ["drop_a__w a2", "drop_b__w b3"])
    ]
    assert rows(database, "SELECT key, message, place FROM provenance.w_warned ORDER BY key") == [
        ("2", "nobody calls them anything", "all.map:16"),
        ("3", "nobody calls them anything", "all.map:16"),
    ]
    statement = (
        "SELECT key, field, conflict, record, value, held_because FROM provenance.w_conflicts ORDER BY field, place"
    )
    assert rows(database, statement) == [
        ("2", "day", "stands in for a value that is held", "b3", "2026-02-03", None),
        ("2", "day", "stands in for a value that is held", "a2", None, '"bad" is not a date written dd.MM.yyyy'),
        ("2", "way", "the sources do not agree", "a2", "1.0", None),
        ("2", "way", "the sources do not agree", "b3", "2.0", None),
    ]


def test_a_held_value_that_would_not_be_chosen_is_no_conflict(project: Path, database: Server) -> None:
    """drop.b comes after drop.a, so it does not matter there that it cannot be read."""
    sync(project, [A[0], {**A[1], "day": "05.02.2026", "at": "2026-01-02T00:00:00Z"}], [{**B[2], "day": "bad"}])
    assert rows(database, "SELECT record, field FROM fieldmap.held ORDER BY 1") == [("b3", "day")]
    assert rows(database, "SELECT key FROM provenance.w_conflicts WHERE field = 'day'") == []


def test_stale_claims_are_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told("stale", capsys=capsys) == []
    sync(project, [{**A[0], "n": None, "at": "2026-02-01T00:00:00Z"}, A[1]], B)
    (stale,) = told("stale", capsys=capsys)
    assert (stale["key"], stale["source"], stale["record"], stale["code"]) == ("1", "drop.a", "a1", "FM2114")
    assert run(["status"]) == 0
    assert "fieldmap stale" in " ".join(capsys.readouterr().out.split())


def test_conflicts_hide_what_is_personal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tagged = MAPS.replace("day    : date?", "day    : date? pii").replace("in km?", "in km? restricted")
    (project / "all.map").write_text(tagged)
    assert run(["replay"]) == 0
    conflicts = told("conflicts", capsys=capsys)
    assert [(c["value"], c["reason"]) for row in conflicts for c in row["claims"]] == [
        ("▒▒▒ (pii)", None),
        (None, "▒▒▒ (pii)"),
        ("▒▒▒ (restricted)", None),
        ("▒▒▒ (restricted)", None),
    ]
    shown = told("conflicts", "--reveal", capsys=capsys)
    assert shown[0]["claims"][0]["value"] == "2026-02-03"


def test_a_row_leaves_and_comes_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def keys() -> list[str]:
        return [row["number"] for row in told("query", "W", capsys=capsys)]

    assert keys() == ["1", "3"]
    sync(project, [A[0], {**A[1], "pay": 5, "at": "2026-01-02T00:00:00Z"}], B)
    assert keys() == ["1", "2", "3"]
    assert told("incomplete", capsys=capsys) == []
    sync(
        project,
        [{**A[0], "pay": 500, "at": "2026-01-02T00:00:00Z"}, {**A[1], "pay": 5, "at": "2026-01-02T00:00:00Z"}],
        B,
    )
    assert keys() == ["2", "3"]
