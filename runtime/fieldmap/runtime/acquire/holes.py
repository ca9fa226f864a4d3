"""Texts with holes for what only a sweep knows: bounds of its window, its place in the pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fieldmap.runtime.secrets import Secret

Known = Mapping[str, Any]
"""By name the values that there are: texts and numbers."""

_HOLE: Final = re.compile("\0([^\0\1]*)(?:\1([^\0]*))?\0")
_BOUNDED: Final = re.compile("\2([^\2\3]*)\3")


class _LackingError(Exception):
    pass


def has_holes(value: str | Secret) -> bool:
    return "\0" in (value.reveal() if isinstance(value, Secret) else value)


def names(value: str | Secret) -> list[str]:
    """The names of the holes in a text."""
    return [found[1] for found in _HOLE.finditer(value.reveal() if isinstance(value, Secret) else value)]


def filled(value: str | Secret, known: Known, written: Callable[[str], str] = str) -> str | Secret | None:
    """The text with its holes filled; None if it holds one for which there is neither a value nor a default. written: how a value
    is written where it stands."""
    text = value.reveal() if isinstance(value, Secret) else value
    if "\0" not in text:
        return value

    def fill(found: re.Match[str]) -> str:
        given = known.get(found[1])
        if given is None and found[2] is None:
            raise _LackingError
        return written(str(given) if given is not None else found[2])

    # A part that names what there is not is left out, it alone; where nothing else was said, the whole is.
    text = _BOUNDED.sub(
        lambda part: part[1] if all(known.get(name) is not None for name in names(part[1])) else "", text
    )
    if not text:
        return None
    try:
        text = _HOLE.sub(fill, text)
    except _LackingError:
        return None
    return Secret(text) if isinstance(value, Secret) else text
