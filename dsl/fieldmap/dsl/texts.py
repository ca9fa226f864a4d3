"""The inside of `"…"`: escapes."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_MEANINGS = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r", "/": "/"}


class TextMistake(ValueError):
    """An escape without meaning, at [start, end) of the text's inside."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


def unescape(inside: str) -> str:
    """The value of a text's inside. Two `\\u` escapes that form a surrogate pair are one character."""
    if "\\" not in inside:
        return inside
    value = _ESCAPE.sub(_meaning, inside)
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        at = inside.find("\\u")
        raise TextMistake("half of a \\u pair stands alone", max(at, 0), max(at, 0)) from None


def _meaning(match: re.Match[str]) -> str:
    body = match.group(1)
    if body == "u0000":
        raise TextMistake("no database keeps the character \\u0000 in a text", match.start(), match.end())
    if len(body) == 5:
        return chr(int(body[1:], 16))
    if body in _MEANINGS:
        return _MEANINGS[body]
    raise TextMistake(f"`\\{body}` has no meaning in a text", match.start(), match.end())
