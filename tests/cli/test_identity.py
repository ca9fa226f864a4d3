"""`fieldmap identity`, `explain --identity`, and what check, status and explain say of matches and references."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.identity.world import MAPS

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

AT = "2026-01-01T00:00:00Z"
STAFF = [
    {"rec": "w1", "no": "1", "name": "Ada", "mail": "a@x"},
    {"rec": "w2", "no": "2", "name": "Bob", "mail": "b@x"},
    {"rec": "w3", "no": "3", "name": "Cid", "mail": "c@x"},
]
USERS = [
    {"rec": "r1", "no": "7", "name": "Ada", "mail": "a@x", "bossRec": "r2"},
    {"rec": "r2", "no": "8", "name": "Rob", "mail": "b@x"},
    {"rec": "r3", "no": "9", "mail": "c@x", "bossRec": "r9"},
    {"rec": "r4", "no": "10", "mail": "c@x"},
]


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    maps = MAPS
    for name in ("staff", "users", "leave", "slips"):
        maps = maps.replace(f'resource {name} {{\n    files "*.json"', f'resource {name} {{\n    files "{name}.json"')
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(maps)
    (tmp_path / "x").mkdir()
    put(tmp_path, "staff", STAFF)
    put(tmp_path, "users", USERS)
    put(tmp_path, "leave", [{"rec": "l1", "who": "7", "day": 1}])
    put(tmp_path, "slips", [])
    assert run(["sync"]) == 0
    return tmp_path


def put(project: Path, resource: str, records: list[dict[str, Any]]) -> None:
    (project / "x" / f"{resource}.json").write_text(json.dumps({"data": [{"at": AT, **one} for one in records]}))


def answered(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(list(arguments)) == code
    found = capsys.readouterr()
    return found.out + found.err


def test_counts_lists_and_explanation(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"entity": "Worker", "keys": 4, "matched": 1, "unmatched": 3, "ambiguous": 1, "refused": 1}
    assert answered(capsys, "identity", "status")[0] == {**counts, "source": "bamboohr"}
    assert "1 of 4 keys of bamboohr matched, 1 ambiguous value, 1 refused join" in said(capsys, "status")
    (ambiguous,) = answered(capsys, "identity", "ambiguous")
    assert (ambiguous["value"], ambiguous["source"], ambiguous["keys"]) == ('["c@x"]', "bamboohr", ["10", "9"])
    (refused,) = answered(capsys, "identity", "conflicts", "Worker")
    assert (refused["key"], refused["canonical"], refused["why"], refused["field"]) == ("8", "2", "disagree", "name")
    assert "they disagree on name" in said(capsys, "identity", "conflicts")
    found = answered(capsys, "explain", "--identity", "Worker", "1")
    assert [(m["source"], m["key"], m["rule"], m["value"], m["records"]) for m in found["members"]] == [
        ("workday", "1", None, None, ["workday.staff w1"]),
        ("bamboohr", "7", "match bamboohr to workday on email", '["a@x"]', ["bamboohr.users r1"]),
    ]
    assert answered(capsys, "explain", "--identity", "Worker", "bamboohr:7") == found
    text = said(capsys, "explain", "--identity", "Worker", "2")
    assert "bamboohr:8 as 2 by match bamboohr to workday on email, b@x: they disagree on name" in text
    assert "several keys of bamboohr have it (10, 9)" in said(capsys, "explain", "--identity", "Worker", "3")


def test_a_value_tells_how_its_claim_came_to_the_row(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "explain", "Worker", "1", "manager")
    assert found["value"] == "bamboohr:8"
    assert found["winner"]["joined"] == 'its 7, by match bamboohr to workday on email ["a@x"]'
    assert found["steps"][-1] == {"value": "bamboohr:8", "how": "the Worker that record r2 of bamboohr claims"}
    assert found["recomputed"]
    assert answered(capsys, "explain", "Absence", "1,1", "note")["note"] == "no live claim has a value for it"


def test_decisions_change_rows_are_listed_and_outlive_a_replay(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decided = answered(capsys, "identity", "split", "Worker", "bamboohr:7", "1", "--because", "father and son")
    assert decided["decision"] == 1
    assert decided["rows"]["Absence"] == {"new": 1, "changed": 0, "gone": 1}
    assert "Recorded as decision 2" in said(
        capsys, "identity", "join", "Worker", "2", "bamboohr:8", "--because", "HR said so"
    )
    assert [w["worker_id"] for w in answered(capsys, "query", "Worker")] == [
        "1",
        "2",
        "3",
        "bamboohr:10",
        "bamboohr:7",
        "bamboohr:9",
    ]
    assert "Decision 1 says already" in said(
        capsys, "identity", "join", "Worker", "bamboohr:7", "1", "--because", "x", code=1
    )
    assert "No source claims a Worker with the key 99" in said(
        capsys, "identity", "join", "Worker", "bamboohr:99", "1", "--because", "x", code=1
    )
    assert "Both are numbers of workday" in said(
        capsys, "identity", "split", "Worker", "1", "2", "--because", "x", code=2
    )
    assert said(capsys, "replay").count("error") == 0
    assert "bamboohr:7" in [w["worker_id"] for w in answered(capsys, "query", "Worker")]
    assert "father and son" in said(capsys, "identity", "decisions")
    assert "Recorded as decision 3" in said(capsys, "identity", "undo", "1", "--because", "they are one")
    assert "bamboohr:7" not in [w["worker_id"] for w in answered(capsys, "query", "Worker")]
    first = answered(capsys, "identity", "decisions")[0]
    assert (first["reason"], first["undone_reason"]) == ("father and son", "they are one")
    assert "was undone already" in said(capsys, "identity", "undo", "1", "--because", "x", code=1)


def test_check_counts_how_references_resolve(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {(one["map"], one["field"]): one for one in answered(capsys, "check")["references"]}
    manager = found[("bamboohr.users to Worker", "manager")]
    assert (manager["values"], manager["keys"], manager["ids"], manager["by_id"], manager["doubtful"]) == (
        2,
        0,
        1,
        True,
        False,
    )
    who = found[("bamboohr.leave to Absence", "worker")]
    assert (who["values"], who["keys"], who["ids"], who["doubtful"]) == (1, 1, 0, False)
    (project / "all.map").write_text((project / "all.map").read_text().replace("$.bossRec by id", "$.bossRec"))
    assert "by id?" in said(capsys, "check")


def test_lists_are_bounded_and_hide_what_is_personal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(project, "users", [*USERS, *({"rec": f"x{n}", "no": str(50 + n), "mail": f"s{n // 2}@x"} for n in range(50))])
    put(project, "staff", [*STAFF, *({"rec": f"y{n}", "no": str(100 + n), "mail": f"s{n}@x"} for n in range(25))])
    assert run(["sync"]) == 0
    assert len(answered(capsys, "identity", "ambiguous", "--limit", "3")) == 3
    assert len(answered(capsys, "identity", "ambiguous")) == 26
    assert "26 ambiguous values, 20 shown (--limit)" in said(capsys, "identity", "ambiguous")
    assert "1 refused join" in said(capsys, "identity", "conflicts")
    maps = (project / "all.map").read_text()
    assert maps.count("  email ") >= 1
    (project / "all.map").write_text(
        re.sub(r"^(  email +: text\?)(.*)$", r"\1 pii\2", maps, count=1, flags=re.MULTILINE)
    )
    assert run(["replay"]) == 0
    for verb in ("ambiguous", "conflicts"):
        assert "@x" not in said(capsys, "identity", verb) + json.dumps(answered(capsys, "identity", verb))
        assert "▒▒▒ (pii)" in " ".join(str(item["value"]) for item in answered(capsys, "identity", verb))
        assert "@x" in said(capsys, "identity", verb, "--reveal")
