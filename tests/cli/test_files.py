"""`connector … is files` from the command line: what is new, what waits, what is gone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAP = """
entity User { key id : text; name : text?; file : text }
connector drop is files {
  folder env.DROP
  resource users {
    files "**/users*.jsonl" as ndjson, settles in 10 s
    id    $.id
    deleted by absence, refuse above 60 %
  }
}
map drop.users to User { id = $.id; name = $.name; file = parse(@url, 'file:{file}').file }
"""


@pytest.fixture
def folder(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.setenv("DROP", "in")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAP)
    (tmp_path / "in").mkdir()
    return tmp_path


def put(folder: Path, name: str, content: str, age: int = 60) -> None:
    path = folder / "in" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    at = time.time() - age
    os.utime(path, (at, at))


def users(database: Server) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in rows(database, 'SELECT id, file FROM canonical."user" ORDER BY id')]


def test_what_is_in_no_file_any_more_is_gone(
    folder: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder, "users1.jsonl", '{"id":"1"}\n{"id":"2"}\n')
    put(folder, "2026/users2.jsonl", '{"id":"3"}\n{"id":"4"}\n')
    assert run(["sync"]) == 0
    all_ = [("1", "users1.jsonl"), ("2", "users1.jsonl"), ("3", "2026/users2.jsonl"), ("4", "2026/users2.jsonl")]
    assert users(database) == all_
    # A shorter file, of which the other half is in another file now.
    put(folder, "users1.jsonl", '{"id":"2"}\n')
    assert run(["sync"]) == 0
    assert users(database) == all_[1:]
    # While a file is being written, nothing is judged.
    put(folder, "2026/users2.jsonl", '{"id":"3"}\n', age=0)
    put(folder, "users1.jsonl", "")
    capsys.readouterr()
    assert run(["sync"]) == 0
    assert "drop.users: not read yet: 2026/users2.jsonl was written less than 10 s ago; the next sync looks again" in (
        " ".join(capsys.readouterr().err.split())
    )
    assert users(database) == all_[1:]
    put(folder, "2026/users2.jsonl", '{"id":"3"}\n')
    put(folder, "users1.jsonl", '{"id":"2"}\n')
    assert run(["sync"]) == 0
    assert users(database) == all_[1:3]
    # A folder that was not mounted is no reason to delete everything.
    for path in (folder / "in").rglob("*.jsonl"):
        path.unlink()
    capsys.readouterr()
    assert run(["sync"]) == 1
    assert "the source gave no record at all" in " ".join(capsys.readouterr().err.split())
    assert users(database) == all_[1:3]
    assert run(["sync", "drop.users", "--full", "--confirm-deletes"]) == 0
    assert users(database) == []
    assert run(["replay"]) == 0
    assert users(database) == []


def test_a_damaged_line_deletes_nothing(folder: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "users1.jsonl", '{"id":"1"}\n{"id":"2"}\n')
    assert run(["sync"]) == 0
    put(folder, "users1.jsonl", '{"id":"1"}\n{"id":"2"')
    assert run(["sync"]) == 1
    assert "have no identity" in " ".join(capsys.readouterr().err.split())
    assert [id_ for id_, _ in users(database)] == ["1", "2"]


def test_what_a_folder_lacks_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sync"]) == 1
    assert "No file in the folder in of drop.users fits '**/users*.jsonl', and none ever did" in (
        " ".join(capsys.readouterr().err.split())
    )
    monkeypatch.setenv("DROP", "none")
    assert run(["sync"]) == 1
    assert "The folder none of the connector drop is not there; make it, or set env.DROP to the right one" in (
        " ".join(capsys.readouterr().err.split())
    )
    monkeypatch.setenv("DROP", "gs://bucket/x")
    assert run(["sync"]) == 1
    assert "gs://bucket/x of the connector drop is no bucket; write s3://bucket/prefix" in (
        " ".join(capsys.readouterr().err.split())
    )
