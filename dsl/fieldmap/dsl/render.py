"""Shows mistakes: to a reader with the line and the place underlined, to a program as plain data. Pure: no file is opened here.

Whatever comes from a source is shown with its control characters spelled out, so that no file can steer a terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fieldmap.dsl.diagnostics import Diagnostic, Edit, Severity
from fieldmap.dsl.source import Source, Span

_TAB = 4
# How far the lines below the first of a text are set in.
_HANG = 6
_RESET = "\x1b[0m"
_COLORS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "info": "\x1b[1;34m",
    "frame": "\x1b[34m",
    "second": "\x1b[36m",
    "add": "\x1b[32m",
    "bold": "\x1b[1m",
}


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file and place."""
    return sorted(diagnostics, key=lambda found: (found.span.path, found.span.start, found.span.end, found.code))


def render_text(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], *, color: bool = False, width: int = 100
) -> str:
    """One report, the diagnostics separated by an empty line; "" for none."""
    paint = _Paint(color)
    return "\n".join(_Report(found, sources, paint, width).text() for found in ordered(diagnostics))


def render_json(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> list[dict[str, Any]]:
    """The same facts as plain data: lines and columns count from 1, ends are exclusive."""
    return [
        {
            "code": found.code,
            "severity": found.severity.value,
            "message": found.message,
            **_place(found.span, sources),
            "note": found.note,
            "help": found.help,
            **({"table": list(found.table)} if found.table else {}),
            "labels": [{**_place(label.span, sources), "text": label.text} for label in found.labels],
            "edit": None
            if found.edit is None
            else {**_place(found.edit.span, sources), "text": found.edit.text, "safe": found.edit.safe},
        }
        for found in ordered(diagnostics)
    ]


def _place(span: Span, sources: Mapping[str, Source]) -> dict[str, Any]:
    source = sources.get(span.path)
    line, column = source.position(span.start) if source is not None else (1, 1)
    end_line, end_column = source.position(span.end) if source is not None else (1, 1)
    return {"file": span.path, "line": line, "column": column, "end_line": end_line, "end_column": end_column}


@dataclass(frozen=True, slots=True)
class _Paint:
    color: bool

    def __call__(self, text: str, style: str) -> str:
        return f"{_COLORS[style]}{text}{_RESET}" if self.color and text else text


# ------------------------------------------------------------------------------------------------------------ columns


def shown(text: str) -> str:
    """Text of a source as a terminal may have it: tabs as blanks, control characters and direction marks spelled out."""
    if text.isascii() and text.isprintable():
        return text
    cells = []
    column = 0
    for char in text:
        cell = _cell(char, column)
        cells.append(cell)
        column += _width(cell)
    return "".join(cells)


def _cell(char: str, column: int) -> str:
    if char == "\t":
        return " " * (_TAB - column % _TAB)
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp") or (category == "Zs" and char not in " \u3000"):
        return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"
    return char


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of a line that fits the report, and where its characters stand in it."""

    text: str
    before: int
    length: int


def _window(line: str, start: int, end: int, room: int) -> _Window:
    """The line's text around [start, end) (characters), cut to the room; where the underline begins and how long it is."""
    end = min(end, start + 4 * room)
    before = max(start - 4 * room, 0)  # a line of many thousands is not measured from end to end
    line, start, end = line[before : end + 4 * room], start - before, end - before
    left, middle, right = shown(line[:start]), shown(line[:end]), shown(line)
    middle = middle[len(left) :] if middle.startswith(left) else shown(line[start:end])
    rest = right[len(left) + len(middle) :]
    if not before and _width(left) + _width(middle) + _width(rest) <= room:
        return _Window((left + middle + rest).rstrip(), _width(left), max(_width(middle), 1))
    kept = _tail(left, max(room // 3, room - _width(middle) - _width(rest) - 1))
    left = left if kept == left else "…" + kept
    middle = _head(middle, max(room - _width(left) - 1, 1))
    text = left + middle + rest
    return _Window(_head(text, room).rstrip(), _width(left), max(_width(middle), 1))


def _head(text: str, room: int) -> str:
    if _width(text) <= room:
        return text
    kept = ""
    for char in text:
        if _width(kept) + _width(char) > room - 1:
            break
        kept += char
    return kept + "…"


def _tail(text: str, room: int) -> str:
    kept = ""
    for char in reversed(text[-room:] if room > 0 else ""):
        if _width(kept) + _width(char) > room:
            break
        kept = char + kept
    return kept


# ------------------------------------------------------------------------------------------------------------- report


class _Report:
    """One diagnostic as lines of text."""

    def __init__(self, found: Diagnostic, sources: Mapping[str, Source], paint: _Paint, width: int) -> None:
        self.found, self.sources, self.paint, self.width = found, sources, paint, max(width, 40)
        self.lines: list[str] = []
        self.gutter = max((2, *(len(str(number)) for number in self._numbers())))

    def text(self) -> str:
        found = self.found
        head = f"{found.severity.value} {found.code}"
        whole = f"{head}: {shown(found.message)}"
        first, *more = [whole] if _width(whole) <= self.width else _wrapped(whole, self.width)
        said = first.removeprefix(f"{head}: ")
        self.lines.append(f"{self.paint(head, found.severity.value)}: {self.paint(said, 'bold')}")
        self.lines.extend(f"{' ' * _HANG}{self.paint(line, 'bold')}" for line in more)
        self._excerpt(found.span, "┌─", "^", shown(found.note), found.severity)
        for label in found.labels:
            self._line("│", "")
            self._excerpt(label.span, "├─", "-", shown(label.text), None)
        if found.help or found.edit is not None:
            self._help(found.help, found.edit)
        margin = " " * (self.gutter + 2)
        self.lines.extend(f"{margin}{shown(line)}".rstrip() for line in found.table)
        return "\n".join(self.lines) + "\n"

    def _numbers(self) -> list[int]:
        spans = [self.found.span, *(label.span for label in self.found.labels)]
        if self.found.edit is not None:
            spans.append(self.found.edit.span)
        return [self.sources[span.path].position(span.start)[0] for span in spans if span.path in self.sources]

    def _line(self, frame: str, text: str, number: str = "") -> None:
        margin = f"{number.rjust(self.gutter)}{frame}"
        self.lines.append(f"{self.paint(margin, 'frame')}{text}".rstrip())

    def _excerpt(self, span: Span, corner: str, mark: str, text: str, severity: Severity | None) -> None:
        """The place, the line, and the underline with what is to be said of it."""
        source = self.sources.get(span.path)
        if source is None:
            self._line(corner, f" {shown(span.path)}")
            return
        number, column = source.position(span.start)
        self._line(corner, f" {shown(span.path)}:{number}:{column}")
        window = self._part(source, span, number, column)
        self._line("│", f" {window.text}", str(number))
        style = severity.value if severity is not None else "second"
        under = self.paint(mark * window.length + (f" {text}" if text else ""), style)
        self._line("│", f" {' ' * window.before}{under}")

    def _part(self, source: Source, span: Span, number: int, column: int) -> _Window:
        line = source.line(number)
        end = min(column - 1 + max(span.end - span.start, 0), len(line))
        return _window(line, min(column - 1, len(line)), end, self.width - self.gutter - 2)

    def _help(self, help_: str, edit: Edit | None) -> None:
        self._line("│", "")
        margin = " " * self.gutter
        for index, line in enumerate(_wrapped(f"help: {shown(help_) or 'change it so'}", self.width - self.gutter - 1)):
            self.lines.append(f"{margin}{' ' * _HANG if index else ''}{line}".rstrip())
        source = self.sources.get(edit.span.path) if edit is not None else None
        if edit is not None and source is not None:
            self._edited(source, edit)

    def _edited(self, source: Source, edit: Edit) -> None:
        """The line as it would be, with `+` under what is new; an edit over several lines is described by its help."""
        number, column = source.position(edit.span.start)
        last, end = source.position(edit.span.end)
        if last != number or "\n" in edit.text:
            return
        line = source.line(number)
        changed = line[: column - 1] + edit.text + line[end - 1 :]
        start, stop = column - 1, column - 1 + len(edit.text)
        removed = line[column - 1 : end - 1]
        if removed and edit.text.startswith(removed):
            start += len(removed)
        elif removed and edit.text.endswith(removed):
            stop -= len(removed)
        window = _window(changed, start, stop, self.width - self.gutter - 2)
        self._line("│", f" {window.text}", str(number))
        if stop > start:
            self._line("│", f" {' ' * window.before}{self.paint('+' * window.length, 'add')}")


def _wrapped(text: str, width: int) -> Sequence[str]:
    """Lines of at most so many columns, broken at blanks; a word that is longer stands alone."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and _width(lines[-1]) + 1 + _width(word) <= width - _HANG:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
