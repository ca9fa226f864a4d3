"""`fieldmap infer` as a user types it: printed, written, told as JSON, from a file and from the archive, and what it makes is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

PAGE = {
    "data": [
        {"id": 1, "state": "A", "start": "01.02.2021", "mail": "ada@example.com"},
        {"id": 2, "state": "A", "start": "13.02.2021"},
        {"id": 3, "state": "B", "start": "", "mail": ""},
        {"id": 4, "state": "B", "start": ""},
    ]
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "people.json").write_text(json.dumps(PAGE))
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured.out, captured.err


def test_printed_for_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["infer", "people.json"]) == 0
    out, err = said(capsys)
    assert out.startswith("# Inferred from people.json")
    assert out.endswith("}\n")
    assert err == "1 resource, 4 members\n"
    assert run(["infer", "people.json"]) == 0
    assert said(capsys)[0] == out, "the same each time"


def test_written_and_never_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["infer", "people.json", "-o", "hr.map"]) == 0
    assert said(capsys)[0] == "hr.map: 1 resource, 4 members\nEdit it, then: fieldmap check hr.map\n"
    assert "connector hr {" in Path("hr.map").read_text()
    assert run(["check"]) == 0
    assert run(["fmt", "--check"]) == 0
    said(capsys)
    Path("hr.map").write_text("# mine\n")
    assert run(["infer", "people.json", "-o", "hr.map"]) == 2
    assert said(capsys)[1] == "error: hr.map is there already; name another file, or overwrite it with --force\n"
    assert Path("hr.map").read_text() == "# mine\n"
    assert run(["infer", "people.json", "-o", "hr.map", "--force"]) == 0
    assert "connector hr {" in Path("hr.map").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fieldmap.toml", "hr.map", "people.json"]


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["infer", "people.json", "--name", "hr", "--limit", "3", "--json"]) == 0
    told = json.loads(said(capsys)[0])
    [resource] = told["resources"]
    assert (told["connector"], resource["name"], resource["records"]) == ("hr", "hr.people", 3)
    assert resource["settings"]["id"] == "$.id"
    mail = next(member for member in resource["members"] if member["path"] == ["mail"])
    assert (mail["type"], mail["optional"], mail["tag"]) == ("text", True, "pii")
    assert "ada@" not in json.dumps(told)
    assert "the first of more" in told["map"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.json"], "There is no file nothing.json; name a file, or a resource of the archive such as workday.workers"),
        (["hr.people"], "The archive has no hr.people; it has: nothing yet"),
        (["people.json", "--as", "sap"], "--as takes json, ndjson,"),
        (["people.json", "--resource", "a", "--resource", "b"], "A file of samples is one resource"),
        (["people.json", "-o", "no/hr.map"], "no/hr.map cannot be written: No such file or directory"),
    ],
)  # fmt: skip
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["infer", *arguments]) == 2
    assert message in said(capsys)[1]


def test_from_the_archive(capsys: pytest.CaptureFixture[str]) -> None:
    Path("hr.map").write_text('connector hr {\n  base env.HR\n  resource people { get "/people"; id $.id }\n}\n')
    assert run(["archive", "import", "people.json", "--resource", "hr.people"]) == 0
    said(capsys)
    assert run(["infer", "hr.people"]) == 0
    out, _ = said(capsys)
    assert "# Inferred from the archive of hr.people." in out
    assert "connector hr {" in out
    assert "records $.data[*]" in out


def test_the_first_hour(database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A page of the source, inferred from; three lines of an author; a sync from the live source."""

    def answer(asked: Asked) -> Reply:
        assert asked.target == "/people", asked.target
        return reply(PAGE)

    with FaultServer(answer) as server:
        monkeypatch.setenv("HR_URL", server.url)
        monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
        assert run(["infer", "people.json", "-o", "hr.map"]) == 0
        Path("model.map").write_text(
            "entity Worker {\n  key no : int\n  state : enum { a, b }\n  mail : text? pii\n  start : date?\n}\n"
            "map hr.people to Worker {\n  no = $.id\n  state = $.state via people_state\n  mail = $.mail\n"
            '  start = $.start as date("dd.MM.yyyy")\n}\n'
        )
        assert run(["check"]) == 0
        assert run(["sync"]) == 0
        said(capsys)
        assert run(["query", "Worker", "--json"]) == 0
        rows = json.loads(said(capsys)[0])
    assert [(row["no"], row["state"], row["start"]) for row in rows] == [
        (1, "a", "2021-02-01"),
        (2, "a", "2021-02-13"),
        (3, "b", None),
        (4, "b", None),
    ]
