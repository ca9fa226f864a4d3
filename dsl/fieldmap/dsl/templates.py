"""Splits a text template into plain parts and holes; the holes are read by the grammar's `hole` rule.

The lexer hands over a template as one token. What stands within the braces of a hole may hold texts of its own, with braces
and quotes in them, so the split follows both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = re.compile(r"'[^'\n]*'")
MAXIMUM_DEPTH = 2


@dataclass(frozen=True, slots=True)
class PlainPart:
    """Characters outside any hole, with `{{` and `}}` already single; [start, end) as written."""

    written: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HolePart:
    """A hole with its braces, [start, end); its inside is [start + 1, end - 1)."""

    start: int
    end: int


class TemplateMistake(ValueError):
    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


def split(text: str, start: int, end: int) -> list[PlainPart | HolePart]:
    """The parts of the template text[start:end], which begins and ends with a double quote. Offsets are the text's."""
    parts: list[PlainPart | HolePart] = []
    plain: list[str] = []
    begin = position = start + 1
    last = end - 1

    def flush() -> None:
        if plain:
            parts.append(PlainPart("".join(plain), begin, position))
            plain.clear()

    while position < last:
        char = text[position]
        if char == "\\":
            plain.append(text[position : position + 2])
            position += 2
        elif text.startswith(("{{", "}}"), position):
            plain.append(char)
            position += 2
        elif char == "{":
            flush()
            close = _hole_end(text, position, last, 1)
            parts.append(HolePart(position, close))
            begin = position = close
        elif char == "}":
            raise TemplateMistake("a lone `}` in a text is written `}}`", position, position + 1)
        else:
            plain.append(char)
            position += 1
    position = last
    flush()
    return parts


def _hole_end(text: str, start: int, last: int, depth: int) -> int:
    """The offset behind the brace that closes the hole opened at start."""
    position = start + 1
    while position < last:
        char = text[position]
        if char == "}":
            return position + 1
        if char == "'":
            match = _TEXT.match(text, position, last)
            if match is None:
                break
            position = match.end()
        elif char == '"':
            if depth > MAXIMUM_DEPTH:
                raise TemplateMistake("texts within holes nest too deep here", position, position + 1)
            position = _text_end(text, position, last, depth)
        else:
            position += 1
    raise TemplateMistake("this hole is never closed", start, start + 1)


def _text_end(text: str, start: int, last: int, depth: int) -> int:
    position = start + 1
    while position < last:
        char = text[position]
        if char == '"':
            return position + 1
        if char == "\\" or text.startswith(("{{", "}}"), position):
            position += 2
        elif char == "{":
            position = _hole_end(text, position, last, depth + 1)
        else:
            position += 1
    raise TemplateMistake("this text within a hole is never closed", start, start + 1)
