"""A project of a user at the command line, against a peer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.runtime.archive import Archive, Archived
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server


class Project:
    def __init__(
        self, folder: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.database, self.setenv, self._capsys = folder, database, monkeypatch.setenv, capsys
        monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
        monkeypatch.chdir(folder)
        (folder / "fieldmap.toml").write_text('maps = ["*.map"]\narchive = "archive"\n')

    def run(self, *arguments: str, code: int = 0) -> str:
        """Runs a command; gives what it printed."""
        self._capsys.readouterr()
        done = run(list(arguments))
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        assert done == code, captured.out + captured.err
        return captured.out + captured.err

    def pages(self, resource: str) -> list[Archived]:
        """What the archive has of it."""
        return list(Archive(self.folder / "archive", Ports.real()).read(resource, None))
