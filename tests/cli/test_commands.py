"""The commands as a user gives them, in a project of `fieldmap init`, and what they say when something is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.demo import story
from fieldmap.demo.systems import Systems
from fieldmap.runtime.store.database import Server


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh project as the current folder, with a database of its own."""
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    assert run(["init", "p"]) == 0
    monkeypatch.chdir(tmp_path / "p")
    return tmp_path / "p"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured.out + captured.err


def test_the_first_five_minutes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check"]) == 0
    assert "no mistakes in 4 files" in said(capsys)
    assert run(["sync"]) == 0
    text = said(capsys)
    assert "staff.workers to Worker" in text
    assert "Worker               3 rows: 3 new, 1 incomplete" in text
    assert "1 record is in the dead letters: fieldmap dlq" in text
    assert run(["query", "Worker", "--fields", "name,commute", "--reveal"]) == 0
    assert "1001        Ada Byron           19.3" in said(capsys)
    assert run(["explain", "Worker", "1001", "commute"]) == 0
    text = said(capsys)
    for part in (
        "Worker 1001 · commute = 19.3 km",
        "rounded to 1 decimal, half away from zero, from 19.312128",
        "12 mi × 1.609344 km/mi, exactly",
        "$.workers[0].miles, as received, body bytes 178–179",
        "staff.map:39    commute = $.miles in mi",
        "recomputed from the archive just now: equal",
        "payroll.people, record 1001: makes no claim here",
        "staff.workers/000001.warc.zst, record at byte",
    ):
        assert part in text
    assert run(["dlq"]) == 0
    assert 'FM2110 status: code "Q" is' in said(capsys)
    assert run(["incomplete"]) == 0
    assert "1004   still empty: hired_on" in said(capsys)
    assert run(["status"]) == 0
    assert "up to date" in said(capsys)
    assert run(["query", "Worker", "--key", "99"]) == 1
    assert "No Worker has the key 99" in said(capsys)


def test_machines_read_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    capsys.readouterr()
    assert run(["explain", "Worker", "1001", "email", "--reveal", "--json"]) == 0
    found = json.loads(said(capsys))
    assert (found["value"], found["rule"], found["recomputed"]) == ("a.byron@example.com", "newest", True)
    assert [(lost["source"], lost["value"], lost["outcome"]) for lost in found["lost"]] == [
        ("staff.workers", "ada.byron@example.com", "older")
    ]
    for command in (
        ["query", "Worker", "--json"],
        ["dlq", "--json"],
        ["dlq", "held", "--json"],
        ["status", "--json"],
        ["archive", "ls", "--json"],
    ):
        assert run(command) == 0
        assert json.loads(said(capsys))
    assert run(["sync", "--json"]) == 0
    assert json.loads(said(capsys))["rows"] == {"Worker": 3}


def test_an_edited_map_is_replayed_and_what_changed_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    staff = project / "staff.map"
    staff.write_text(
        staff.read_text().replace("$.miles in mi", "$.miles in km").replace("commute = 19.3 km", "commute = 12 km")
    )
    for path in (project / "sample").iterdir():
        path.unlink()
    capsys.readouterr()
    assert run(["status"]) == 0
    assert "changed, wants" in said(capsys)
    assert run(["sync"]) == 1
    assert "changed since the rows were loaded" in said(capsys)
    assert run(["replay"]) == 0
    text = said(capsys)
    assert "Worker.commute   2 rows       19.3 → 12.0 km (1001)" in text
    assert run(["sync"]) == 0
    assert run(["replay"]) == 0


def test_dead_letters_come_back_after_a_fix(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    staff = project / "staff.map"
    staff.write_text(
        staff.read_text().replace('"L", "S" -> leave', '"L", "S", "Q" -> leave').replace('"state": "Q"', '"state": "Z"')
    )
    capsys.readouterr()
    assert run(["replay"]) == 0
    assert "1 new" in said(capsys)
    assert run(["dlq"]) == 0
    assert "There are no dead letters." in said(capsys)


def test_a_dead_letter_is_retried_after_a_fix(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    staff = project / "staff.map"
    before = staff.read_text("utf-8")
    capsys.readouterr()
    assert run(["dlq", "retry", "1"]) == 1
    assert '1 record is rejected again\n  1 record: FM2110 status: code "Q" is not in staff_state' in said(capsys)
    fixed = before.replace('"L", "S" -> leave', '"L", "S", "Q" -> leave').replace('"state": "Q"', '"state": "Z"')
    staff.write_text(fixed, "utf-8")
    for path in (project / "sample").iterdir():
        path.unlink()
    assert run(["dlq", "retry", "1", "--json"]) == 0
    found = json.loads(said(capsys))
    assert found["outcomes"] == {"claimed": 1}
    assert found["entities"]["Worker"]["new"] == 1
    assert found["wants_replay"] == ["staff.workers to Worker"]
    assert run(["dlq", "retry", "--all"]) == 0
    assert "There are no dead letters." in said(capsys)
    assert run(["query", "Worker", "--key", "1005", "--json"]) == 0
    assert json.loads(said(capsys))[0]["status"] == "leave"
    staff.write_text(before, "utf-8")
    assert run(["sync"]) == 1
    assert "Dead letters of staff.workers to Worker were retried with another version of it" in said(capsys)
    assert run(["status"]) == 0
    assert "changed, wants" in said(capsys)
    assert run(["replay"]) == 0
    assert run(["query", "Worker", "--key", "1005"]) == 1


def test_the_failing_step_is_underlined(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    capsys.readouterr()
    assert run(["dlq", "show", "1"]) == 0
    lines = said(capsys).splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("  staff.map:"))
    begin = lines[place].index("$.state")
    assert lines[place + 1] == " " * begin + '^^^^^^^ "Q"'


def test_who_reveals_is_kept(project: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    for command in (["dlq", "show", "1"], ["dlq"], ["dlq", "held"], ["conflicts"], ["query", "Worker"]):
        assert run(command) == 0
    assert rows(database, "SELECT count(*) FROM fieldmap.revealed") == [(0,)]
    assert run(["dlq", "show", "1", "--reveal"]) == 0
    assert run(["conflicts", "Worker", "--reveal"]) == 0
    assert run(["query", "Worker", "--key", "1001", "--fields", "worker_id", "--reveal"]) == 0
    assert rows(database, "SELECT what FROM fieldmap.revealed WHERE person <> '' AND role <> '' ORDER BY id") == [
        ("dlq show 1: record 1005 of staff.workers to Worker",),
        ("conflicts Worker",),
        ("query Worker --key 1001 --fields worker_id",),
    ]


def test_personal_data_is_masked_in_dead_letters(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    capsys.readouterr()
    assert run(["dlq", "show", "1"]) == 0
    text = said(capsys)
    assert "▒▒▒ (pii)" in text
    assert "Turing" not in text
    assert run(["dlq", "show", "1", "--reveal"]) == 0
    assert "Turing" in said(capsys)


@pytest.mark.parametrize("format_", ["json", "jsonl", "har"])
def test_archive_import_then_replay_needs_no_source(
    project: Path, format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.loads((project / "sample" / "staff.json").read_text())
    path = project / f"recorded.{format_}"
    if format_ == "json":
        path.write_text(json.dumps(body))
    elif format_ == "jsonl":
        path.write_text("".join(json.dumps({"workers": [worker]}) + "\n" for worker in body["workers"]))
    else:
        entry = {
            "startedDateTime": "2026-01-20T08:00:00Z",
            "request": {"method": "GET", "url": "https://staff.example.com/workers?token=geheim", "headers": []},
            "response": {
                "status": 200,
                "headers": [],
                "content": {"mimeType": "application/json", "text": json.dumps(body)},
            },
        }
        path.write_text(json.dumps({"log": {"entries": [entry]}}))
    assert run(["archive", "import", str(path), "--resource", "staff.workers"]) == 0
    assert run(["replay"]) == 0
    assert "Worker               3 rows: 3 new, 1 incomplete" in said(capsys)
    assert b"geheim" not in b"".join(part.read_bytes() for part in (project / "archive").rglob("*") if part.is_file())
    assert run(["explain", "Worker", "1001", "commute"]) == 0
    assert "19.312128" in said(capsys)


def test_compile_shows_what_will_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compile"]) == 0
    assert "staff.workers to Worker" in said(capsys)
    for what, part in (
        ("sql", "ON CONFLICT"),
        ("fetch", "FilesConnector"),
        ("transform", "def transform("),
        ("ir", '"node": "Project"'),
    ):
        assert run(["compile", "--show", what]) == 0
        assert part in said(capsys)
    assert run(["compile", "--show", "soap"]) == 2


def test_a_bundle_runs_without_the_sources(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compile", "--out", "made"]) == 0
    for path in project.glob("*.map"):
        path.write_text("entity {")
    assert run(["sync", "--bundle", "made"]) == 0
    assert "3 new" in said(capsys)


# ------------------------------------------------------------------------------------------------------ bad input


def test_a_malformed_map(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "staff.map").write_text("entity Worker {\n  key : = text\n", "utf-8")
    assert run(["check"]) == 1
    assert "staff.map:2" in said(capsys)
    assert run(["sync"]) == 1
    text = said(capsys)
    assert "The maps do not compile, so nothing was run." in text
    assert not (project / "archive").exists()


def test_a_missing_environment_variable(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    staff = project / "staff.map"
    staff.write_text(staff.read_text().replace('folder "sample"', "folder env.STAFF_FOLDER_THAT_IS_NOT_SET"))
    assert run(["sync"]) == 2
    text = said(capsys)
    assert "STAFF_FOLDER_THAT_IS_NOT_SET" in text
    assert "set it and run again" in text


def test_an_unreachable_source_does_not_keep_the_others(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = project / "staff.map"
    text = staff.read_text().replace(
        'connector staff is files {\n  folder "sample"',
        "connector staff {\n  base env.STAFF_URL\n  retry 1 times on timeout, from 1 ms up to 2 ms",
    )
    text = text.replace('files   "staff*.json" as json', 'get     "/workers"')
    staff.write_text(text)
    monkeypatch.setenv("STAFF_URL", "http://127.0.0.1:9")
    assert run(["sync"]) == 1
    text = said(capsys)
    assert "staff.workers" in text
    assert "refused" in text
    assert "payroll.people to Worker" in text


def test_a_source_that_refuses_the_credentials(
    tmp_path: Path, database: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two systems of the demo, one with a wrong password: it is told by the names of the variables, never by their values."""
    project = story._prepare(tmp_path / "demo") / story.PROJECT
    monkeypatch.chdir(project)
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    with Systems(tmp_path / "demo") as systems:
        for name, value in {**systems.environ, "S4_PASSWORD": "geheim-und-falsch"}.items():
            monkeypatch.setenv(name, value)
        assert run(["sync"]) == 1
    text = said(capsys)
    assert "secret.S4_PASSWORD" in text
    assert "geheim" not in text
    assert systems.environ["WORKDAY_CLIENT_SECRET"] not in text
    assert "Worker               215 rows" in text
    stored = b"".join(path.read_bytes() for path in project.rglob("*") if path.is_file())
    for name in ("WORKDAY_CLIENT_SECRET", "S4_USER"):
        assert systems.environ[name].encode() not in stored


def test_a_database_that_is_down(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", "postgresql://user:geheim@127.0.0.1:9/none")
    assert run(["sync"]) == 3
    text = said(capsys)
    assert "127.0.0.1:9/none cannot be reached" in text
    assert "geheim" not in text


def test_an_archive_cut_short_is_mended_and_fetched_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    segment = project / "archive" / "staff.workers" / "000001.warc.zst"
    segment.write_bytes(segment.read_bytes()[:-100])
    capsys.readouterr()
    assert run(["sync"]) == 0
    assert "interrupted" in said(capsys)
    assert run(["archive", "verify"]) == 0


def test_an_archive_altered_in_the_middle_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sync"])
    segment = project / "archive" / "staff.workers" / "000001.warc.zst"
    data = bytearray(segment.read_bytes())
    data[60] ^= 1
    segment.write_bytes(bytes(data))
    capsys.readouterr()
    assert run(["archive", "verify"]) == 3
    assert "staff.workers" in said(capsys)
    assert run(["explain", "Worker", "1001", "commute"]) in (0, 3)


def test_a_bundle_of_another_format(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["compile", "--out", "made"])
    manifest = project / "made" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 9'))
    capsys.readouterr()
    assert run(["sync", "--bundle", "made"]) == 3
    assert "format 9, and this runtime reads format 2" in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["query", "Wrker"], 2, "There is no entity Wrker; there are: Worker"),
        (["query", "Worker", "--fields", "nmae"], 2, "has no field nmae"),
        (["explain", "Worker", "1001", "worker_id"], 2, "it is the key"),
        (["explain", "Worker", "4711", "name"], 1, "No Worker has the key 4711"),
        (["dlq", "show", "99"], 2, "There is no dead letter 99"),
        (["dlq", "retry", "99"], 2, "There is no dead letter 99"),
        (["dlq", "retry"], 2, "Say which dead letters"),
        (["dlq", "retry", "1", "--all"], 2, "Say which dead letters"),
        (["dlq", "--json", "held"], 2, "Write options behind the command, such as: fieldmap dlq held --json"),
        (["sync", "staff.nobody"], 2, "There is no resource staff.nobody"),
        (["archive", "import", "nothing.json", "--resource", "staff.workers"], 2, "There is no file nothing.json"),
        (["archive", "import", "fieldmap.toml", "--resource", "staff.people"], 2, "No connector of this project"),
        (["check", "nothing.map"], 2, "There is no file nothing.map"),
        (["init", "."], 2, "already has fieldmap.toml"),
        (["nonsense"], 2, "No such command"),
        (["query"], 2, "Missing argument"),
    ],
)
def test_mistakes_of_the_command_line(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    run(["sync"])
    capsys.readouterr()
    assert run(arguments) == code
    assert says in said(capsys).replace("\n", " ")


def test_commands_before_anything_was_loaded(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["query", "Worker"]) == 1
    assert "run: fieldmap sync" in said(capsys)
    assert run(["status"]) == 0
    assert "Nothing was loaded into this database yet; run: fieldmap sync" in said(capsys)
    # Of a full archive beside an empty database no source need be asked.
    assert run(["sync"]) == 0
    capsys.readouterr()
    with database.connect() as connection:
        connection.execute("DROP SCHEMA fieldmap CASCADE")
    for arguments in (["query", "Worker"], ["status"]):
        run(arguments)
        assert "the archive holds 2 resources; run: fieldmap replay" in " ".join(said(capsys).split())


def test_outside_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["sync"]) == 2
    assert "make a project with: fieldmap init my-project" in said(capsys)


def test_settings_that_cannot_be_used(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, says in (("maps = 3", "maps"), ("mapps = []", "mapps"), ("maps = [", "not written as TOML")):
        (project / "fieldmap.toml").write_text(text)
        assert run(["check"]) == 2
        assert says in said(capsys)


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in [
        *("init", "check", "fmt", "compile", "demo", "sync", "replay", "status", "query", "explain", "dlq"),
        *("conflicts", "incomplete", "duplicates", "dangling", "stale"),
    ]:
        assert run([command, "--help"]) == 0
        assert f"Example: fieldmap {command}" in " ".join(said(capsys).split())
    for group, commands in {
        "archive": ["ls", "cat", "import", "verify"],
        "dlq": ["show", "held", "warnings", "retry"],
    }.items():
        for command in commands:
            assert run([group, command, "--help"]) == 0
            assert f"Example: fieldmap {group} {command}" in " ".join(said(capsys).split())


def test_a_pattern_that_fits_no_file_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    staff = project / "staff.map"
    staff.write_text(staff.read_text().replace("staff*.json", "stuff*.json"))
    assert run(["sync"]) == 1
    assert "No file in the folder sample of staff.workers fits 'stuff*.json'" in said(capsys)


@pytest.mark.parametrize("command", [["dlq"], ["dlq", "--json"], ["dlq", "show", "1"], ["dlq", "show", "1", "--json"]])
def test_reasons_hide_personal_values_too(
    project: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    people = project / "people.map"
    text = people.read_text("utf-8")
    assert len(re.findall(r"(?m)^ *status .*\}", text)) == 1
    people.write_text(re.sub(r"(?m)^( *status .*\})", r"\1 restricted", text), "utf-8")
    run(["sync"])
    capsys.readouterr()
    assert run(command) == 0
    hidden = said(capsys)
    assert "▒▒▒ (restricted)" in hidden
    assert "Q" not in hidden
    assert run([*command, "--reveal"]) == 0
    assert "Q" in said(capsys)
