"""The whole story, told once against a real database, and its parts."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.compiler.project import check
from fieldmap.demo import story
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.store.database import Server


@pytest.fixture
def elsewhere(database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one; the test's database stands for the embedded one that a reader has."""

    @contextlib.contextmanager
    def opened(url: str, embedded: Path) -> Iterator[Server]:
        yield database

    monkeypatch.setattr(story, "open_database", opened)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_story_is_told_to_its_end(
    elsewhere: Path, database: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    assert story.run() == 0
    assert dict(os.environ) == before
    told, troubles = capsys.readouterr()
    assert troubles == ""
    words = " ".join(told.split())
    assert [f"{number} of 5" in words for number in range(1, 6)] == [True] * 5
    assert "workday.workers to Worker 6 240 217 9 5 9 2" in words
    assert "Worker 21001 · commute = 19.3 km" in words
    assert 'code "Dormant" is not in worker_status' in words
    assert "workday.workers to Worker 6 240 225 9 5 1 2" in words
    assert "19.3 → 18.5 km (21001)" in words

    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(elsewhere / story.FOLDER / story.PROJECT)
    for arguments, _ in story.NEXT:
        assert f"fieldmap {arguments}" in told
        assert run(shlex.split(arguments)) == 0
    assert "commute = 18.5 km" in capsys.readouterr().out


def test_the_edited_maps_still_check(tmp_path: Path) -> None:
    project = story._prepare(tmp_path / "demo") / story.PROJECT
    for edit in story.EDITS:
        edit.apply(project)
    found = check(project, sorted(project.glob("*.map")))
    assert [item.message for item in found.diagnostics] == []


def test_the_work_folder_is_made_afresh(tmp_path: Path) -> None:
    home = story._prepare(tmp_path / "demo")
    (home / "left over").write_text("")
    assert not (story._prepare(home) / "left over").exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("")
    with pytest.raises(UsageError, match="in the way"):
        story._prepare(tmp_path / "demo")
    assert (tmp_path / "demo" / "thesis.txt").exists()
