"""Functions of regular expressions: RE2's, which take time in proportion to the text whatever the expression is."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.outcome import Failed


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import re2

    return re2.compile(pattern)


def _readable(text: str, path: str) -> str:
    """FM2113 for half of a surrogate pair, which is no character."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Failed(
                "FM2113", f"{quote(text)} holds half of a surrogate pair, which is no character", path
            ) from None
    return text


def matches(path: str, text: str, pattern: str) -> bool:
    """FM2113."""
    return _compiled(pattern).fullmatch(_readable(text, path)) is not None


def extract(path: str, text: str, pattern: str) -> str | None:
    """FM2113."""
    expression = _compiled(pattern)
    found = expression.search(_readable(text, path))
    if found is None:
        return None
    part: str | None = found.group(1 if expression.groups else 0)
    return part


def replace_pattern(path: str, text: str, pattern: str, new: str) -> str:
    """FM2113."""
    parts: list[str] = []
    end = 0
    for found in _compiled(pattern).finditer(_readable(text, path)):
        parts += (text[end : found.start()], new)
        end = found.end()
    return "".join([*parts, text[end:]])
