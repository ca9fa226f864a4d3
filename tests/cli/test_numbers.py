"""A number that is none, or an argument that is empty, is told in one sentence, and nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Item {
  key number : text
  name : text?
}
connector drop is files {
  folder "in"
  resource items {
    files "*.json" as json; id $.id
    shape { id: text, name: text? }
  }
}
map drop.items to Item { number = $.id; name = $.name }
"""


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text('[{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]')
    assert run(["sync"]) == 0
    return database


SENTENCES = {
    "report abc": "error: report abc: write a whole number, 1 or more; see: fieldmap report",
    "report 99": "error: There is no run 99; the last one is shown by: fieldmap report",
    "report 99999999999999999999": "error: There is no run 99999999999999999999; the last one is shown by: fieldmap report",
    "dlq show abc": "error: dlq abc: write a whole number, 1 or more; see: fieldmap dlq",
    "dlq show 99": "error: There is no dead letter 99; see: fieldmap dlq",
    "dlq show 99999999999999999999": "error: There is no dead letter 99999999999999999999; see: fieldmap dlq",
    "dlq retry 99999999999999999999": "error: There is no dead letter 99999999999999999999; see: fieldmap dlq",
    "dlq --limit x": "error: --limit x: write a whole number, 1 or more",
    "query Item --limit 0": "error: --limit 0: write a whole number, 1 or more",
    "query Item --limit 1.5": "error: --limit 1.5: write a whole number, 1 or more",
    "conflicts --limit -1": "error: --limit -1: write a whole number, 1 or more",
    "identity undo x --because y": "error: identity undo x: write a whole number, 1 or more; see: fieldmap identity decisions",
    "archive ls drop.items --limit 0": "error: --limit 0: write a whole number, 1 or more",
    "archive cat drop.items --record x": "error: --record x: write a whole number, 0 or more",
    "fetch drop.items --limit 101": "error: --limit 101: write a whole number, from 1 to 100",
    "serve --port 70000": "error: --port 70000: write a whole number, from 0 to 65535",
}


@pytest.mark.parametrize("command", SENTENCES)
def test_a_wrong_number_is_told_in_a_sentence(
    project: Server, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    capsys.readouterr()
    assert run(command.split()) == 2
    shown = capsys.readouterr()
    assert shown.err == SENTENCES[command] + "\n"
    assert shown.out == ""


def test_a_limit_that_no_database_has_is_none(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["query", "Item"], ["incomplete"], ["dlq"], ["identity", "ambiguous"]):
        assert run([*command, "--limit", "99999999999999999999"]) == 0
    assert "2 rows of Item" in capsys.readouterr().out


EMPTY = {
    "--key": ["query", "Item", "--key", ""],
    "--key=": ["query", "Item", "--key="],
    "--where": ["query", "Item", "--where", ""],
    "--as-of": ["query", "Item", "--as-of", ""],
    "--fields": ["query", "Item", "--fields", ""],
    "explain": ["explain", "Item", "", "name"],
    "sync": ["sync", ""],
    "replay": ["replay", ""],
    "conflicts": ["conflicts", ""],
    "show": ["dlq", "show", ""],
}


@pytest.mark.parametrize("where", EMPTY)
def test_an_empty_argument_is_none(project: Server, capsys: pytest.CaptureFixture[str], where: str) -> None:
    capsys.readouterr()
    assert run(EMPTY[where]) == 2
    shown = capsys.readouterr()
    named = "dlq" if where == "show" else where.removesuffix("=")
    assert shown.err.startswith(
        f"error: What stands behind {named} is empty, as where a variable of the shell is not set;"
    )
    assert shown.err.count("\n") == 1
    assert shown.out == ""
