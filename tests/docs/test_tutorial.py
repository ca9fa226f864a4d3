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
        if kind == "diff":
            old, new = (
                "".join(line[1:] for line in text.splitlines(keepends=True) if line[0] == sign) for sign in "-+"
            )
            before = Path(name).read_text("utf-8")
            assert before.count(old) == 1, old
            write(name, before.replace(old, new))
        elif kind == "console":
            ran += follow(text, capsys, whole=True)
        elif kind != "sh":
            write(name, text)
    assert ran > 10


def test_a_reader_is_told_which_file_a_block_is() -> None:
    """The name behind the marks of a block is not shown by a reader of Markdown: the line above says it too."""
    page = TUTORIAL.read_text("utf-8")
    named = [match for match in FENCE.finditer(page) if match[2]]
    assert len(named) > 8
    for match in named:
        assert f"`{match[2]}`" in page[: match.start()].rstrip("\n").rpartition("\n")[2], match[2]
