"""`fieldmap report`: a run told from the database alone, with accounts that must balance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Worker {
  key number : text
  name  : text?                       pii
  state : enum { active, leave }?
  pay   : decimal(12, 2)?             restricted
  way   : decimal(8, 1) in km?
  price : money(10, 2)?
  boss  : Worker?
  mail  : text?
}
codes states { "A" -> active; "L" -> leave }
connector hr is files {
  folder "in"
  resource people {
    files "hr*.json" as json
    records $[*]
    id $.id
    changed $.at
    shape { id: text, name: text? pii, at: datetime, state: text?, pay: number? restricted, way: number?, boss: text?, mail: text?, skip: bool? }
  }
}
connector crm is files {
  folder "in"
  resource people {
    files "crm*.json" as json
    records $[*]
    id $.id
    changed $.at
    shape { id: text, at: datetime, mail: text?, price: number?, ccy: text?, way: number? }
  }
}
map hr.people to Worker {
  when not ($.skip otherwise false)
  number = $.id
  name   = $.name
  state  = $.state via states
  pay    = $.pay
  way    = $.way in km
  boss   = $.boss
  mail   = $.mail
}
map crm.people to Worker {
  number = $.id
  mail   = $.mail
  way    = $.way in km
  price  = $.price in $.ccy if invalid reject
}
merge Worker {
  match crm to hr on mail when unique
  default prefer hr, crm
  way agree within 1 %
}
"""
AT = "2026-01-01T00:00:00Z"
HR = [
    {"id": "1", "name": "Ada Quorx", "state": "A", "pay": 100, "way": 1.5, "mail": "a@x"},
    {"id": "2", "name": "Bob Quorx", "state": "Z", "pay": 50.5, "boss": "9", "mail": "b@x"},
    {"id": "3", "skip": True},
]
CRM = [
    {"id": "c1", "mail": "a@x", "price": 3, "ccy": "EUR", "way": 9},
    {"id": "c2", "mail": "s@x", "price": 4, "ccy": "USD"},
    {"id": "c3", "mail": "b@x", "price": 4, "ccy": "XXQ"},
]


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("", "utf-8")
    (tmp_path / "all.map").write_text(MAPS, "utf-8")
    (tmp_path / "in").mkdir()
    put(tmp_path, "hr", HR)
    put(tmp_path, "crm", CRM)
    assert run(["sync"]) == 0
    return tmp_path


def put(project: Path, name: str, records: list[dict[str, Any]]) -> None:
    (project / "in" / f"{name}.json").write_text(json.dumps([{"at": AT, **one} for one in records]), "utf-8")


def answered(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run(["report", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_run_in_the_users_terms(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys)
    assert (found["run"]["number"], found["run"]["command"], found["run"]["outcome"]) == (1, "sync", "complete")
    assert found["balanced"] is True
    accounts = {item["map"]: item for item in found["accounts"]}
    # Of two maps that claim the same row at the same time either makes it.
    assert accounts["hr.people to Worker"].pop("changed_rows") in (1, 2)
    assert accounts["hr.people to Worker"] == {
        "map": "hr.people to Worker", "pages": 1, "read": 3, "claimed": 2, "filtered": 1, "deleted": 0, "dead": 0, "held": 1, "absent": 0,
    }  # fmt: skip
    assert accounts["crm.people to Worker"]["dead"] == 1
    assert [(item["code"], item["field"]) for item in found["dead_letters"]] == [("FM2111", "price")]
    (held,) = found["held"]
    assert run(held["shown_by"].split()[1:]) == 0
    assert '"id": "2"' in capsys.readouterr().out
    assert (held["field"], held["reason"], held["samples"]) == ("state", 'code "Z" is not in states', ["2"])
    assert [(item["map"], item["reason"]) for item in found["new_codes"]] == [
        ("hr.people to Worker", 'code "Z" is not in states')
    ]
    assert found["joins"] == [
        {
            "entity": "Worker",
            "source": "crm",
            "rule": "match crm to hr on mail",
            "joins": 1,
            "samples": ["crm:c1 is 1"],
        }
    ]
    assert found["dangling"] == [{"entity": "Worker", "field": "boss", "references": 1, "samples": ["2: 9"]}]
    assert found["conflicts"] == [{"entity": "Worker", "field": "way", "code": "FM2180", "rows": 1, "samples": ["1"]}]
    totals = {
        (item["source"], item["field"], item["unit"]): (item["values"], item["total"])
        for item in found["control_totals"]
    }
    assert totals == {
        ("hr.people", "pay", ""): (2, "▒▒▒ (restricted)"),
        ("hr.people", "way", "km"): (1, 1.5),
        ("crm.people", "way", "km"): (1, 9.0),
        ("crm.people", "price", "EUR"): (1, 3.0),
        ("crm.people", "price", "USD"): (1, 4.0),
    }


def test_as_text_and_for_an_earlier_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(
        project,
        "hr2",
        [{"id": "4", "state": "Z"}, {"id": "5", "state": "Y"}, {"id": "6", "mail": "s@x"}, {"id": "7", "mail": "s@x"}],
    )
    put(project, "crm2", [{"id": "c1", "at": "2026-02-01T00:00:00Z", "price": 1, "ccy": "none"}])
    assert run(["sync"]) == 0
    second = answered(capsys)
    assert second["run"]["number"] == 2
    assert [(item["reason"], item["records"]) for item in second["held"]] == [
        ('code "Y" is not in states', 1),
        ('code "Z" is not in states', 1),
    ]
    # "Z" was there before.
    assert [item["reason"] for item in second["new_codes"]] == ['code "Y" is not in states']
    assert [(item["match"], item["values"]) for item in second["ambiguous"]] == [("match crm to hr on mail", 1)]
    assert [(item["map"], item["records"], item["samples"]) for item in second["stale"]] == [
        ("crm.people to Worker", 1, ["c1"])
    ]
    first = answered(capsys, "1")
    assert [item["reason"] for item in first["held"]] == ['code "Z" is not in states']
    assert run(["report"]) == 0
    text = capsys.readouterr().out
    for part in (
        "Run 2: sync, complete",
        "read =",
        "Codes never seen before",
        "Stale claims: fieldmap stale",
        "Control totals",
    ):
        assert part in text
    assert "Quorx" not in text


def test_a_code_belongs_to_the_run_that_saw_it_first(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where a later run reads the same rejected records again, and has their letters then. A key is no amount to sum."""
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("dead_letters = 100", "utf-8")
    (tmp_path / "all.map").write_text(
        "entity Line { key (code, n); code : text; n : int; v : enum { a }?; x : int? }\n"
        'codes letters { "A" -> a }\n'
        'connector d is files { folder "in"; resource r { files "*.json" as json; records $[*]; id $.id\n'
        "  shape { id: text, n: int, v: text?, x: int? } } }\n"
        "map d.r to Line { code = $.id; n = $.n; v = $.v via letters if invalid reject; x = $.x }\n",
        "utf-8",
    )
    (tmp_path / "in").mkdir()
    old = [{"id": f"o{n}", "n": n, "v": f"X{n}"} for n in range(3)]
    put(tmp_path, "one", [*old, {"id": "g", "n": 7, "v": "A", "x": 5}])
    assert run(["sync"]) == 0
    put(tmp_path, "two", [*old, {"id": "w", "n": 1, "v": "W"}])
    assert run(["sync"]) == 0
    second, first = answered(capsys), answered(capsys, "1")
    assert [item["reason"] for item in second["new_codes"]] == ['code "W" is not in letters']
    assert [item["reason"] for item in first["new_codes"]] == [f'code "X{n}" is not in letters' for n in range(3)]
    assert (first["letters_elsewhere"], second["letters_elsewhere"]) == (3, 0)
    assert [(item["field"], item["total"]) for item in second["control_totals"]] == [("x", 5.0)]
    assert run(["report", "1"]) == 0
    text = capsys.readouterr().out
    assert (
        "The letters of 3 records that could not be read are those of another run, or gone since: fieldmap dlq" in text
    )
    assert run(["report"]) == 0
    assert "another run" not in capsys.readouterr().out


def test_what_is_restricted_is_shown_only_if_asked(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(capsys, "--reveal")
    assert next(item["total"] for item in found["control_totals"] if item["field"] == "pay") == 150.5
    assert rows(database, "SELECT what FROM fieldmap.revealed") == [("report 1",)]


def test_accounts_that_do_not_balance_fail(project: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The database refuses such accounts. Where the check was taken away, the report finds them."""
    with database.connect() as connection:
        connection.execute("ALTER TABLE fieldmap.accounts DROP CONSTRAINT accounts_check")
        connection.execute("UPDATE fieldmap.accounts SET claimed = claimed + 1 WHERE map = 'hr_people__worker'")
    assert answered(capsys, "1", code=1)["balanced"] is False
    capsys.readouterr()
    assert run(["report", "1"]) == 1
    assert "the accounts of hr.people to Worker do not balance" in capsys.readouterr().err


def test_a_run_whose_accounts_are_not_what_it_counted_fails(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """O10: what is told of a run is what the database has, so that another's hand in it does not pass."""
    with database.connect() as connection:
        connection.execute(
            "CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.read := NEW.read - 1;"
            " NEW.claimed := NEW.claimed - 1; RETURN NEW; END'"
        )
        connection.execute(
            "CREATE TRIGGER lose BEFORE INSERT ON fieldmap.accounts FOR EACH ROW EXECUTE FUNCTION public.lose()"
        )
    put(project, "hr2", [{"id": "4"}])
    capsys.readouterr()
    assert run(["sync"]) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "The accounts of hr_people__worker in the database are not what this run counted" in said
    assert rows(database, "SELECT outcome FROM fieldmap.runs ORDER BY id") == [("complete",), ("unbalanced",)]


def test_runs_that_are_not_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "99"]) == 2
    assert "There is no run 99" in capsys.readouterr().err


def test_a_run_that_was_killed_is_said_so(project: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO fieldmap.runs (command, bundle) VALUES ('sync', '')")
    found = answered(capsys)
    assert found["run"]["outcome"] == "killed, or still running"
    assert found["accounts"] == []


def test_a_map_that_stopped_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the sentence of the run, which quotes no value of a field that is personal or restricted."""
    wrong = [{"id": f"n{n}", "pay": "Quorx"} for n in range(60)]
    maps = (project / "all.map").read_text("utf-8").replace("pay: number? restricted", "pay: text? restricted")
    (project / "all.map").write_text(maps.replace("pay    = $.pay", "pay    = $.pay as decimal"), "utf-8")
    put(project, "hr", [{**one, "pay": "1"} for one in HR])
    assert run(["replay"]) == 0
    put(project, "hr2", wrong)
    capsys.readouterr()
    assert run(["sync"]) == 1
    told = capsys.readouterr()
    found = answered(capsys)
    assert found["run"]["outcome"] == "incomplete"
    assert list(found["run"]["failed"]) == ["hr.people"]
    sentence = found["run"]["failed"]["hr.people"]
    assert "60 of 62 values of pay could not be read (FM2104: " in sentence
    assert run(["report"]) == 0
    text = capsys.readouterr().out
    assert "failed: hr.people to Worker stopped before these pages were loaded" in " ".join(text.split())
    assert "Quorx" not in text + told.out + told.err + json.dumps(found)


def test_rows_that_a_run_changed_are_counted_however_they_were_merged(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(capsys)["changed_rows"] == {"Worker": {"new": 3, "changed": 0, "gone": 0}}
    put(project, "crm2", [{"id": "c1", "at": "2026-02-01T00:00:00Z", "price": 9, "ccy": "EUR", "mail": "a@x"}])
    assert run(["sync"]) == 0
    assert answered(capsys)["changed_rows"] == {"Worker": {"new": 0, "changed": 1, "gone": 0}}
    # A store made anew merges once, behind all maps.
    with database.connect() as connection:
        connection.execute(
            "DROP SCHEMA claims, canonical, provenance, fieldmap, identity, versions, history, waiting CASCADE"
        )
    assert run(["replay"]) == 0
    text = capsys.readouterr().out
    assert "Worker               3 rows: 3 new" in text
    # No map changed them, so nothing is said of that.
    assert "read =" in text
    assert "changed rows" not in text
    assert {item["changed_rows"] for item in answered(capsys)["accounts"]} == {None}
    assert answered(capsys)["changed_rows"] == {"Worker": {"new": 3, "changed": 0, "gone": 0}}
    assert run(["report"]) == 0
    text = capsys.readouterr().out
    assert "Worker               3 new" in text
    assert "changed rows" not in text


def test_what_a_replay_changed_hides_what_is_personal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps = (project / "all.map").read_text("utf-8")
    (project / "all.map").write_text(
        maps.replace("name   = $.name", "name   = upper($.name)").replace(
            "way    = $.way in km\n  boss", "way    = $.way in mi\n  boss"
        ),
        "utf-8",
    )
    capsys.readouterr()
    assert run(["replay"]) == 0
    text = capsys.readouterr().out
    assert "▒▒▒ (pii) → ▒▒▒ (pii) (1)" in text
    (project / "all.map").write_text(maps, "utf-8")
    assert run(["replay", "--json"]) == 0
    again = capsys.readouterr().out
    assert ["1", "name", "▒▒▒ (pii)", "▒▒▒ (pii)"] in json.loads(again)["entities"]["Worker"]["samples"]
    assert "uorx" not in (text + again).lower()
