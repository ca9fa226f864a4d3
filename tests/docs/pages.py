"""How pages of the documentation are followed: their fences are files, edits and commands, and what they promise is seen."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldmap.cli.main import run

FENCE = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """The arguments of each command of a console block, and the lines that it shows."""
    for part in re.split(r"^\$ fieldmap ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield shlex.split(command), [line for line in lines if line.strip()]


def follow(text: str, capsys: pytest.CaptureFixture[str], *, whole: bool = False) -> int:
    """Runs the commands of a console block; each shows what it promises, and nothing else if `whole`. Returns how many ran."""
    ran = 0
    for arguments, lines in commands(text):
        code = run(arguments)
        captured = capsys.readouterr()
        said = captured.out + captured.err
        assert code == (1 if any(line.startswith("error") for line in lines) else 0), said
        assert_shown(lines, said)
        if whole:
            assert len(lines) == len([line for line in said.splitlines() if line.strip()]), said
        ran += 1
    return ran


def write(name: str, text: str) -> None:
    """A file of the page, in the folder that a reader would be in."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, "utf-8")


def shown(line: str) -> re.Pattern[str]:
    """`…` stands for anything; the width of columns depends on what is in them."""
    parts = (r"\s+".join(re.escape(word) for word in piece.split()) for piece in line.split("…"))
    return re.compile(".*".join(parts))


def assert_shown(lines: list[str], said: str) -> None:
    """Each line is there, in this order."""
    left = iter(said.splitlines())
    for line in lines:
        assert any(shown(line).search(found) for found in left), f"{line!r} is not (or not in this place) in:\n{said}"
