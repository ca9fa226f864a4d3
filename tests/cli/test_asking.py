"""`fieldmap query`: conditions in an analyst's words, times, origins, files; and what is hidden."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from tests.conftest import empty_database

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Worker "Somebody who works" {
  key number : text
  name    : text pii "Full name"
  note    : text?
  status  : enum { active, leave }
  born_on : date?
  seen_at : datetime?
  pay     : money(12, 2)? restricted
  commute : decimal(8, 1) in km?
  ratio   : float?
  exact   : decimal(40, 20)?
  tags    : list of text
  extra   : json?
  notice  : duration?
  senior  : bool?
  keeps history
}
connector hr is files {
  folder "in"
  resource people {
    files "*.ndjson" as ndjson
    id $.id
    changed $.at
    shape { id: text, at: datetime, name: text pii, note: text?, status: text, born: date?, pay: number? restricted, km: number?,
            ratio: number?, exact: number?, tags: [ text ]?, extra: json?, notice: text?, senior: bool? }
  }
}
entity Site {
  key number : text
}
codes hr_status { "active" -> active; "leave" -> leave }
map hr.people to Worker {
  number  = $.id
  name    = $.name
  note    = $.note
  status  = $.status via hr_status
  born_on = $.born
  seen_at = $.at
  pay     = $.pay in EUR
  commute = $.km in km
  ratio   = $.ratio
  exact   = $.exact
  tags    = $.tags
  extra   = $.extra
  notice  = $.notice as duration
  senior  = $.senior
}
"""
PEOPLE: list[dict[str, Any]] = [
    {"id": "1", "at": "2026-01-01T00:00:00Z", "name": "Ada", "status": "active", "note": "=1+1", "born": "1990-05-01", "pay": 100.5, "km": 12.5,
     "ratio": 0.5, "tags": ["-x", "y"], "extra": {"a": 1}, "notice": "P1M", "senior": True},
    {"id": "2", "at": "2026-01-01T00:00:00Z", "name": "Bea", "status": "leave", "note": "it's 100 % \"fine\"; DROP TABLE x", "born": "2001-01-31"},
    {"id": "3", "at": "2026-01-01T00:00:00Z", "name": "Cora", "status": "active", "note": "@x", "km": 3, "pay": 7},
]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[tuple[Path, Server]]:
    """A project with three workers, of whom the first became another in March."""
    folder = tmp_path_factory.mktemp("project")
    with empty_database(server) as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIELDMAP_DATABASE_URL", database.url)
        patch.chdir(folder)
        (folder / "fieldmap.toml").write_text("")
        (folder / "all.map").write_text(MAPS)
        (folder / "in").mkdir()
        lines = [json.dumps(one) for one in PEOPLE]
        # A number that no binary fraction is.
        lines[0] = lines[0][:-1] + ', "exact": 12345678901234567890.12345678901234567890}'
        (folder / "in" / "a.ndjson").write_text("\n".join(lines) + "\n")
        assert run(["sync"]) == 0
        later = {**PEOPLE[0], "at": "2026-03-10T08:00:00Z", "status": "leave", "km": 20}
        (folder / "in" / "b.ndjson").write_text(json.dumps(later) + "\n")
        assert run(["sync"]) == 0
        yield folder, database


@pytest.fixture
def loaded(
    project: tuple[Path, Server], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Path, Server]:
    folder, database = project
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(folder)
    capsys.readouterr()
    return folder, database


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert run(["query", "Worker", *arguments, "--json"]) == 0
    return [row["number"] for row in json.loads(capsys.readouterr().out)]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("status == active", ["3"]),
        ("status == leave and born_on >= 2000-01-01", ["2"]),
        ("commute > 10 km", ["1"]),
        ("commute > 5 mi", ["1"]),
        ("pay == 7 EUR", ["3"]),
        ("born_on is absent", ["3"]),
        ("number in [\"1\", \"3\"] and not (status == leave)", ["3"]),
        ("senior", ["1"]),
        ("count(tags) == 2", ["1"]),
        ("seen_at < \"2026-02-01T00:00:00Z\"", ["2", "3"]),
        ("exact > 12345678901234567890.1234567890123456788", ["1"]),
        ("note == \"it's 100 % \\\"fine\\\"; DROP TABLE x\"", ["2"]),
        ("note == \"2001-01-31\" or born_on == 2001-01-31", ["2"]),
    ],
)  # fmt: skip
def test_conditions(
    loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str], condition: str, numbers: list[str]
) -> None:
    # One record of the third fixture row has no `exact`, and one is of March.
    if condition.startswith("exact"):
        assert found(capsys, "--where", condition, "--as-of", "2026-02-01") == numbers
    else:
        assert found(capsys, "--where", condition) == numbers


def test_json_that_is_cut_short_says_so(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "Worker", "--limit", "2", "--json"]) == 0
    told = capsys.readouterr()
    assert len(json.loads(told.out)) == 2
    assert told.err == "2 of 3 rows (--limit)\n"
    assert run(["query", "Worker", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_several_conditions_must_all_hold(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys, "--where", "status == leave", "--where", "commute is not absent") == ["1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--where", "stat == \"x\""], "there is no field called stat"),
        (["--where", "status == actve"], "there is no value actve"),
        (["--where", "status = active"], "values are compared with `==`"),
        (["--where", "born_on > 5"], "never compared"),
        (["--where", "commute > 5"], "one side has a unit"),
        (["--where", "name"], "compare it with something"),
        (["--where", "lower(name) == \"ada\""], "lower(…) cannot be asked of rows"),
        (["--where", "ratio > 1"], "ratio, a float, is not exact"),
        (["--where", "name == \"x\"); DROP TABLE canonical.worker; --"], "--where name"),
        (["--where", "$.name == \"x\""], "--where $.name"),
        (["--where", ""], "What stands behind --where is empty"),
        (["--where", "name == \"\x00\""], "NUL"),
        (["--where", "name == \"\\u0000\""], "no database keeps the character"),
        (["--as-of", "yesterday"], "write a day as 2026-03-01"),
        (["--known-at", "2026-02-30"], "write a day as 2026-03-01"),
        (["--format", "xls"], "There is no format xls; there are: table, json, csv, parquet"),
        (["--format", "parquet"], "name a file with --output"),
        (["--output", "rows.txt"], "tells no format"),
        (["--output", "nowhere/rows.csv"], "cannot be written"),
        (["--fields", "nmae"], "Worker has no field nmae"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(
    loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(["query", "Worker", *arguments]) == 2
    told = capsys.readouterr().err
    assert says in " ".join(told.split()), told
    assert "Traceback" not in told
    assert "Fieldmap itself failed" not in told
    folder, database = loaded
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM canonical.worker").fetchone() == (3,)
    assert not list(folder.glob("*.part"))


def test_times(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    def commute(*arguments: str) -> list[Any]:
        assert run(["query", "Worker", "--key", "1", "--fields", "commute", *arguments, "--json"]) == 0
        return [row["commute"] for row in json.loads(capsys.readouterr().out)]

    assert commute() == [20.0]
    assert commute("--as-of", "2026-03-09") == [12.5]
    assert commute("--as-of", "2026-03-10") == [20.0], "a day is its end"
    assert commute("--as-of", "2026-03-10T07:59:59Z") == [12.5]
    assert commute("--as-of", "2026-03-10T09:30:00+02:00") == [12.5]
    assert run(["query", "Worker", "--known-at", "2026-01-05"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "0 rows of Worker as of the end of 2026-01-05 by what was known at the end of 2026-01-05" in told
    assert re.search(r"This database knows of Worker since \d{4}-\d\d-\d\d", told)
    assert run(["query", "Worker", "--key", "1", "--as-of", "2025-01-01"]) == 1
    assert "No Worker has the key 1 as of the end of 2025-01-01" in " ".join(capsys.readouterr().err.split())


def test_an_entity_without_history_says_so(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "Site", "--as-of", "2026-03-01"]) == 2
    assert "Site keeps no history, so only its rows of now are known; write `keeps history`" in " ".join(
        capsys.readouterr().err.split()
    )


def test_what_is_personal_is_hidden(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        [],
        ["--json"],
        ["--format", "csv"],
        ["--provenance"],
        ["--provenance", "--json"],
        ["--provenance", "--format", "csv"],
    ):
        assert run(["query", "Worker", *arguments]) == 0
        told = "".join(capsys.readouterr())
        assert "Ada" not in told, arguments
        assert "100.5" not in told, arguments
    assert run(["query", "Worker", "--fields", "name,pay", "--key", "1"]) == 0
    told = capsys.readouterr().out
    assert "▒▒▒ (pii)" in told
    assert "name, pay: personal or restricted; --reveal shows them" in " ".join(told.split())
    assert run(["query", "Worker", "--fields", "name,pay", "--key", "1", "--reveal"]) == 0
    assert re.search(r"Ada +100.50", capsys.readouterr().out)


def test_provenance(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "Worker", "--key", "1", "--fields", "commute,status", "--provenance", "--json"]) == 0
    status, commute = json.loads(capsys.readouterr().out)
    assert (commute["field"], commute["value"], commute["source"], commute["record"]) == (
        "commute",
        "20.0",
        "hr.people",
        "1",
    )
    assert re.fullmatch(r"hr\.people 1:\d+", commute["archive"])
    assert re.fullmatch(r"all\.map:\d+", commute["where"])
    assert status["field"] == "status"
    assert (
        run(["query", "Worker", "--key", "1", "--fields", "commute", "--provenance", "--as-of", "2026-02-01", "--json"])
        == 0
    )
    (then,) = json.loads(capsys.readouterr().out)
    assert then["value"] == "12.5"
    assert then["archive"] != commute["archive"]
    assert then["changed"].startswith("2026-01-01")
    assert run(["query", "Worker", "--limit", "1", "--fields", "status", "--provenance"]) == 0
    assert "1 value of Worker" in capsys.readouterr().out


def test_csv_runs_nothing_in_a_spreadsheet(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "Worker", "--output", "rows.csv", "--fields", "note,commute,extra"]) == 0
    assert "2 texts that a spreadsheet would take for a formula begin with ' now" in " ".join(
        capsys.readouterr().err.split()
    )
    rows = list(csv.reader(Path("rows.csv").read_text().splitlines()))
    assert rows[0] == ["number", "note", "commute", "extra"]
    assert rows[1] == ["1", "'=1+1", "20.0", '{"a": 1}']
    assert rows[2][1] == PEOPLE[1]["note"]
    assert rows[3][1] == "'@x"
    assert run(["query", "Worker", "--format", "csv", "--fields", "note", "--unguarded"]) == 0
    assert "\n1,=1+1\n" in capsys.readouterr().out
    # A number is no text, and keeps its sign; a file is whole or as it was.
    assert (
        run(["query", "Worker", "--output", "rows.json", "--fields", "exact,tags,notice", "--as-of", "2026-02-01"]) == 0
    )
    (one, *_) = json.loads(Path("rows.json").read_text(), parse_float=Decimal)
    assert one == {
        "number": "1",
        "exact": Decimal("12345678901234567890.12345678901234567890"),
        "tags": ["-x", "y"],
        "notice": "P1M",
    }


def test_parquet_keeps_types_digits_and_units(loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "Worker", "--output", "rows.parquet", "--reveal", "--as-of", "2026-02-01"]) == 0
    made = pyarrow.parquet.read_table("rows.parquet")
    types = {field.name: str(field.type) for field in made.schema}
    assert types == {
        "number": "string", "name": "string", "note": "string", "status": "string", "born_on": "date32[day]", "seen_at": "timestamp[us, tz=UTC]",
        "pay": "decimal128(12, 2)", "pay_currency": "string", "commute": "decimal128(8, 1)", "ratio": "double", "exact": "decimal256(40, 20)",
        "tags": "list<element: string>", "extra": "string", "notice": "string", "senior": "bool",
    }  # fmt: skip
    first = made.to_pylist()[0]
    assert first["pay"] == Decimal("100.50")
    assert first["commute"] == Decimal("12.5")
    assert first["exact"] == Decimal("12345678901234567890.12345678901234567890")
    assert first["tags"] == ["-x", "y"]
    assert made.schema.field("commute").metadata[b"unit"] == b"km"
    assert made.schema.field("name").metadata[b"description"] == b"Full name"
    assert run(["query", "Worker", "--output", "rows.parquet"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "left out, being personal or restricted: name, pay, pay_currency; --reveal writes them" in told
    assert "name" not in pyarrow.parquet.read_table("rows.parquet").schema.names


def test_parquet_without_its_library(
    loaded: tuple[Path, Server], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run(["query", "Worker", "--output", "none.parquet"]) == 3
    assert "install it with: pip install 'fieldmap[parquet]', or take --format csv" in " ".join(
        capsys.readouterr().err.split()
    )
    assert "none.parquet" not in os.listdir()
