"""`fieldmap draft` as a user types it: from the archive of a resource to rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

ENTITY = """
entity Worker {
  key number : int
  hired_on   : date?
  status     : enum { active, on_leave }?
  email      : text? pii
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "model.map").write_text(ENTITY)
    people = [
        {"id": 1, "hireDate": "25.03.2021", "status": "Active", "mail": "A@example.com"},
        {"id": 2, "hireDate": "01.04.2021", "status": "On Leave"},
        {"id": 3, "hireDate": "02.04.2021", "status": "Active"},
        {"id": 4, "hireDate": "", "status": "On Leave"},
    ]
    (tmp_path / "people.json").write_text(json.dumps(people))
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured.out, captured.err


def test_from_samples_to_rows(
    database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.setenv("HR_FOLDER", ".")
    assert run(["infer", "people.json", "--files", "-o", "hr.map"]) == 0
    assert run(["archive", "import", "people.json", "--resource", "hr.people"]) == 0
    said(capsys)
    assert run(["draft", "hr.people", "to", "Worker", "-o", "hr_worker.map"]) == 0
    assert said(capsys)[0] == "hr_worker.map: 4 lines to confirm, 0 fields without, by 4 samples\n"
    # Anew over what is there: the maps of that file are no reason against it.
    text = Path("hr_worker.map").read_text()
    Path("hr_worker.map").write_text("# not right yet\n" + text)
    assert run(["draft", "hr.people", "to", "Worker", "-o", "hr_worker.map", "--force"]) == 0
    assert Path("hr_worker.map").read_text() == text
    assert run(["draft", "hr.people", "to", "Worker", "-o", "another.map", "--force"]) == 2
    assert "has a map to Worker already" in said(capsys)[1]
    assert '$.hireDate as date("dd.MM.yyyy")' in text
    assert "status   = $.status via people_status" in text
    assert run(["check"]) == 0
    assert run(["fmt", "--check", "hr_worker.map"]) == 0
    assert run(["replay"]) == 0
    said(capsys)
    assert run(["query", "Worker", "--json", "--reveal"]) == 0
    rows = json.loads(said(capsys)[0])
    assert [(row["number"], row["hired_on"], row["status"], row["email"]) for row in rows] == [
        (1, "2021-03-25", "active", "a@example.com"),
        (2, "2021-04-01", "on_leave", None),
        (3, "2021-04-02", "active", None),
        (4, None, "on_leave", None),
    ]
    # A second one is refused: a resource has one map to an entity.
    assert run(["draft", "hr.people", "to", "Worker"]) == 2
    assert "hr.people has a map to Worker already" in said(capsys)[1]
    assert run(["draft", "hr.people", "Worker", "-o", "hr_worker.map"]) == 2
    assert "overwrite it with --force" in said(capsys)[1]


def test_a_resource_without_a_shape_is_known_by_its_archive(capsys: pytest.CaptureFixture[str]) -> None:
    Path("hr.map").write_text('connector hr {\n  base env.HR\n  resource people { get "/people"; id $.id }\n}\n')
    assert run(["draft", "hr.people", "to", "Worker"]) == 1
    told_how = said(capsys)[1]
    assert "hr.people has no shape, and the archive nothing to look at" in told_how
    assert "fieldmap archive import answer.json --resource hr.people" in told_how
    assert run(["archive", "import", "people.json", "--resource", "hr.people"]) == 0
    said(capsys)
    assert run(["draft", "hr.people", "to", "Worker", "--json"]) == 0
    told = json.loads(said(capsys)[0])
    assert {one["field"]: one["path"] for one in told["proposed"]}["hired_on"] == "$.hireDate"
    assert told["samples"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hr.people", "to", "Worker"], "There is no resource hr.people; there are: none yet, see fieldmap infer"),
        (["hr.people", "onto", "Worker"], "Say it as: fieldmap draft workday.workers to Worker"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["draft", *arguments]) == 2
    assert message in said(capsys)[1]


def test_an_entity_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["infer", "people.json", "-o", "hr.map"]) == 0
    said(capsys)
    assert run(["draft", "hr.people", "to", "Workers"]) == 2
    assert "There is no entity Workers; there are: Worker" in said(capsys)[1]
