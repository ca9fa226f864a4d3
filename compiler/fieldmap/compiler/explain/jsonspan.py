"""Where in the bytes of a JSON document a value stands. For explaining single values; the data path never needs it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_BLANK = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")


def span(document: bytes, location: Sequence[str | int], start: int = 0) -> tuple[int, int] | None:
    """Start and end (exclusive) of the value at a location of member names and indexes, or None if it is not there.

    Of a member name that occurs twice the last one counts, as it does for every parser. The document must be valid JSON.
    """
    position = _skip(document, start)
    for step in location:
        found = _member(document, position, step) if isinstance(step, str) else _element(document, position, step)
        if found is None:
            return None
        position = found
    return position, _end(document, position)


def _skip(document: bytes, position: int) -> int:
    match = _BLANK.match(document, position)
    return match.end() if match else position


def _end(document: bytes, position: int) -> int:
    """The end of the value that starts at a position, without recursion: nesting is counted."""
    depth = 0
    while position < len(document):
        char = document[position : position + 1]
        if char == b'"':
            match = _STRING.match(document, position)
            position = match.end() if match else len(document)
        elif char in b"{[":
            depth += 1
            position += 1
        elif char in b"}]":
            depth -= 1
            position += 1
        elif char in b",: \t\r\n":
            position += 1
            continue
        else:
            match = _SCALAR.match(document, position)
            position = match.end() if match else len(document)
        if depth == 0:
            break
    return position


def _member(document: bytes, position: int, name: str) -> int | None:
    if document[position : position + 1] != b"{":
        return None
    found = None
    position = _skip(document, position + 1)
    while document[position : position + 1] == b'"':
        match = _STRING.match(document, position)
        if match is None:
            return None
        key = json.loads(match.group())
        position = _skip(document, _skip(document, match.end()) + 1)
        if key == name:
            found = position
        position = _next(document, position)
    return found


def _element(document: bytes, position: int, index: int) -> int | None:
    if document[position : position + 1] != b"[":
        return None
    position = _skip(document, position + 1)
    for _ in range(index):
        if document[position : position + 1] in (b"]", b""):
            return None
        position = _next(document, position)
    return None if document[position : position + 1] in (b"]", b"") else position


def _next(document: bytes, position: int) -> int:
    """Past the value at a position and the comma behind it."""
    position = _skip(document, _end(document, position))
    return _skip(document, position + 1) if document[position : position + 1] == b"," else position
