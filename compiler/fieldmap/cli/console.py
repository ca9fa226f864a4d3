"""Output: one console for tables, one for messages; plain lines where nobody looks at a terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Annotated, Any, ParamSpec

import msgspec
import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]

_Parameters = ParamSpec("_Parameters")


def exiting(command: Callable[_Parameters, int | None]) -> Callable[_Parameters, None]:
    """A command whose returned number becomes the exit code of the process."""

    @wraps(command)
    def run(*arguments: _Parameters.args, **options: _Parameters.kwargs) -> None:
        raise typer.Exit(command(*arguments, **options) or 0)

    return run


def out() -> Console:
    """The console of results. Width 100 unless the terminal is wider or narrower; no colour where none is wanted."""
    return Console(
        file=sys.stdout, highlight=False, soft_wrap=False, width=_width(sys.stdout), emoji=False, markup=False
    )


def err() -> Console:
    """The console of messages and progress."""
    return Console(file=sys.stderr, highlight=False, width=_width(sys.stderr), emoji=False, markup=False)


def _width(stream: Any) -> int | None:
    if stream.isatty():
        return None
    return int(os.environ.get("COLUMNS", "") or WIDTH)


def print_json(value: Any) -> None:
    """One JSON document. Decimals keep their digits as numbers."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(value)
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def print_json_list(items: Iterable[Any]) -> int:
    """One JSON list, an element at a time, as `print_json` would print it whole; returns how many there are."""
    encoder = msgspec.json.Encoder(decimal_format="number")
    number = 0
    for item in items:
        text = msgspec.json.format(encoder.encode(item), indent=2).decode().replace("\n", "\n  ")
        sys.stdout.write(f"{',' if number else '['}\n  {text}")
        number += 1
    sys.stdout.write("\n]\n" if number else "[]\n")
    return number


def safe(value: object) -> str:
    """A value as text without control characters, so that data can neither move the cursor nor forge a line."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    title: str = "",
    close: bool = False,
) -> None:
    """A plain table; columns named in `right` hold numbers. close: with less between columns, where there are many."""
    made = Table(
        box=box.SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        pad_edge=False,
        show_edge=False,
        header_style="bold",
        collapse_padding=close,
    )
    for column in columns:
        number = column in set(right)
        made.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=close and number)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else safe(cell)) for cell in row))
    console = out()
    if console.is_terminal:
        console.print(made)
        return
    with console.capture() as captured:
        console.print(made)
    # Cells are padded to the column's width; nobody wants the blanks at the ends of lines in a file.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def about(resource: str, sentence: str) -> str:
    """A sentence that is about a resource, led by its name where it does not begin with it."""
    return (
        sentence if not resource or sentence.startswith((f"{resource} ", f"{resource}:")) else f"{resource}: {sentence}"
    )


def say(console: Console, text: str | Text, *, indent: int = 0) -> None:
    """A line of text. On a terminal it is broken between words, and goes on below its `indent`; a program gets it whole."""
    line = Text(text) if isinstance(text, str) else text
    if not console.is_terminal or line.cell_len <= console.width:
        console.print(line, soft_wrap=True)
        return
    head, body = line[:indent], line[indent:]
    for part in body.divide(_breaks(body.plain, console.width - indent)):
        part.rstrip()
        console.print(head + part, soft_wrap=True)
        head = Text(" " * indent)


def _breaks(text: str, width: int) -> list[int]:
    """Where lines begin. A word that is wider than a line, such as an address, stays whole: it can be copied."""
    found, begun = [], 0
    for word in re.finditer(r"\S+", text):
        if word.start() > begun and cell_len(text[begun : word.end()]) > width:
            begun = word.start()
            found.append(begun)
    return found


def count(number: int) -> str:
    """`41 000`"""
    return f"{number:,}".replace(",", " ")


def plural(number: int, one: str, more: str | None = None) -> str:
    """`1 record`, `3 records`"""
    return f"{count(number)} {one if number == 1 else more or one + 's'}"
