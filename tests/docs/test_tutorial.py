"""The tutorial, followed to the letter: every file written, every command run, every line that it promises seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> Iterator[tuple[str, str, str]]:
    """Kind, file and text of each block, in order."""
    yield from _FENCE.findall(TUTORIAL.read_text("utf-8"))


def commands(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """The arguments of each command of a console block, and the lines that it shows."""
    for part in re.split(r"^\$ fieldmap ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command.split(), [line for line in lines if line.strip()]


def shown(line: str) -> re.Pattern[str]:
    """`…` stands for anything; the width of columns depends on what is in them."""
    parts = (r"\s+".join(re.escape(word) for word in piece.split()) for piece in line.split("…"))
    return re.compile(".*".join(parts))


def test_the_tutorial_as_written(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, name, text in steps():
        if kind == "edit":
            old, _, new = text.partition("=>\n")
            before = Path(name).read_text("utf-8")
            assert before.count(old) == 1, old
            Path(name).write_text(before.replace(old, new), "utf-8")
        elif kind == "console":
            for arguments, lines in commands(text):
                code = run(arguments)
                captured = capsys.readouterr()
                said = captured.out + captured.err
                assert code == (1 if any(line.startswith("error") for line in lines) else 0), said
                assert_shown(lines, said)
                ran += 1
        else:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, "utf-8")
    assert ran > 10


def assert_shown(lines: list[str], said: str) -> None:
    """Each line is there, in this order."""
    left = iter(said.splitlines())
    for line in lines:
        assert any(shown(line).search(found) for found in left), f"{line!r} is not (or not in this place) in:\n{said}"
