"""The tutorial, followed to the letter: every file written, every command run, every line that it promises seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import FENCE, follow, write

from fieldmap.runtime.store.database import Server

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


def test_the_tutorial_as_written(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, name, text in FENCE.findall(TUTORIAL.read_text("utf-8")):
        if kind == "edit":
            old, _, new = text.partition("=>\n")
            before = Path(name).read_text("utf-8")
            assert before.count(old) == 1, old
            write(name, before.replace(old, new))
        elif kind == "console":
            ran += follow(text, capsys)
        else:
            write(name, text)
    assert ran > 10
