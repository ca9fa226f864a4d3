"""A shipped mapping at work: copied into a project of its own, synced from a scripted server, its rows read by SQL."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server


class Shipped:
    """A project of some of the shipped files."""

    def __init__(
        self, folder: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._database = database
        self._set = monkeypatch.setenv
        self._capsys = capsys
        monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
        monkeypatch.chdir(folder)
        (folder / "fieldmap.toml").write_text("")

    def take(self, *names: str, **settings: str) -> None:
        """Copies files of the mappings, and sets variables of the environment."""
        with as_file(files("fieldmap.mappings")) as mappings:
            for name in names:
                (self.folder / Path(name).name).write_text((mappings / name).read_text("utf-8"), "utf-8")
        for name, value in settings.items():
            self._set(name, value)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Runs a command; gives what it printed."""
        self._capsys.readouterr()
        done = run(list(arguments))
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        assert done == code, captured.out + captured.err
        return captured.out + captured.err

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(self._database, statement, *values)


def paged(records: Sequence[Any], first: int, size: int) -> list[Any]:
    """The records from a place on, counted from 0."""
    return list(records[first : first + size])
