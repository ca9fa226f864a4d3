"""Long lines: folded between words for a person, whole for a program."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from fieldmap.cli.console import say

LINE = "error: The map staff.workers to Worker changed since the rows were loaded; replay first: fieldmap replay"


def told(line: str | Text, *, terminal: bool, indent: int = 0, width: int = 40) -> list[str]:
    stream = io.StringIO()
    say(Console(file=stream, force_terminal=terminal, no_color=True, width=width, highlight=False), line, indent=indent)
    return stream.getvalue().splitlines()


def test_a_program_gets_the_line_whole() -> None:
    assert told(LINE, terminal=False, indent=7) == [LINE]


def test_a_person_gets_whole_words() -> None:
    lines = told(LINE, terminal=True, indent=7)
    assert lines[0] == "error: The map staff.workers to Worker"
    assert len(lines) > 2
    assert all(line.startswith(" " * 7) and len(line) <= 40 for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == LINE


def test_an_address_stays_whole() -> None:
    address = "http://127.0.0.1:44349/v1/workers?expand=position&limit=40"
    lines = told(f"  received     {address} at 2026-11-26", terminal=True, indent=15)
    assert lines == [f"  received     {address}", " " * 15 + "at 2026-11-26"]
