"""`query` shows what stands in PostgreSQL, where reading it into Python would make something else of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Shift {
  key number : text
  lasted : duration?
  breaks : list of duration
  extra  : json?
}
connector drop is files {
  folder "in"
  resource shifts {
    files "*.ndjson" as ndjson
    id    $.id
    shape { id: text, lasted: text?, breaks: [ text ]?, extra: json? }
  }
}
map drop.shifts to Shift {
  number = $.id
  lasted = $.lasted as duration
  breaks = $.breaks as duration
  extra  = $.extra
}
"""
RECORD = '{"id": "1", "lasted": "P1Y2M3DT-4H", "breaks": ["P1M", "P300000Y"], "extra": {"a": 0.10000000000000000555, "b": [true, null]}}'


COMMAND = str(Path(sys.executable).with_name("fieldmap"))


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "in").mkdir()
    return tmp_path


def load(records: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/a.ndjson").write_text(records)
    assert run(["sync"]) == 0
    capsys.readouterr()


def test_durations_and_json_are_shown_as_they_are(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A month is no thirty days, a duration may be longer than Python's, and a number in JSON has more digits than a float."""
    load(RECORD + "\n", capsys)
    assert run(["query", "Shift", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert row["lasted"] == "P1Y2M3DT-4H"
    assert row["breaks"] == ["P1M", "P300000Y"]
    assert row["extra"] == {"a": Decimal("0.10000000000000000555"), "b": [True, None]}
    assert run(["query", "Shift"]) == 0
    shown = capsys.readouterr().out
    assert "P1M, P300000Y" in shown
    assert '{"a": 0.10000000000000000555, "b": [true, null]}' in " ".join(shown.split())
    assert run(["explain", "Shift", "1", "lasted"]) == 0
    assert "lasted = P1Y2M3DT-4H" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--limit", "20000"],
        ["--json", "--limit", "20000"],
        ["--format", "csv"],
        ["--provenance", "--format", "csv"],
        ["--provenance", "--json"],
    ],
    ids=" ".join,
)
def test_a_reader_that_goes_ends_the_command(
    project: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    """As with `fieldmap query Shift | head -1`: rows are on their way still."""
    load("".join(f'{{"id": "{n}", "lasted": "PT{n}S"}}\n' for n in range(20_000)), capsys)
    command = [COMMAND, "query", "Shift", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        assert asked.stdout.readline()
        asked.stdout.close()
        try:
            asked.wait(60)
        except subprocess.TimeoutExpired:
            asked.kill()
            raise
        assert asked.stderr.read() == b""


def test_an_interrupt_ends_a_query_whose_rows_are_on_their_way(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load("".join(f'{{"id": "{n}", "lasted": "PT{n}S"}}\n' for n in range(20_000)), capsys)
    command = [COMMAND, "query", "Shift", "--provenance", "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        assert asked.stdout is not None
        assert asked.stdout.readline()
        # Nobody reads on, so it waits with rows to write.
        time.sleep(0.5)
        asked.send_signal(signal.SIGINT)
        try:
            _, told = asked.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            asked.kill()
            raise
    assert asked.returncode == 130
    assert told.startswith(b"stopped")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "command", [["query", "Shift"], ["query", "Shift", "--json"], ["report", "--json"], ["check"]], ids=" ".join
)
def test_output_that_cannot_be_written_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    load(RECORD + "\n", capsys)
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMMAND, *command], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stderr.startswith("error: The output could not be written (No space left on device)")


def test_output_goes_through_links_and_into_what_is_no_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(RECORD + "\n", capsys)
    asked = ["query", "Shift", "--fields", "number", "--format", "csv", "--output"]
    (project / "there").mkdir()
    (project / "link.csv").symlink_to(project / "there" / "rows.csv")
    for _ in range(2):
        assert run([*asked, "link.csv"]) == 0
        assert (project / "link.csv").is_symlink()
        assert (project / "there" / "rows.csv").read_text() == "number\n1\n"
    done = subprocess.run([COMMAND, *asked, "/dev/stdout"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "number\n1\n")
