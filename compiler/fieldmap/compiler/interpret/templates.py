"""The reference meaning of text templates."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from fieldmap.compiler.functions.arithmetic import plain_digits
from fieldmap.compiler.interpret.conversions import is_exact
from fieldmap.runtime.values.failures import wrong

# A literal part, or a hole as (what its absence means, its text or None).
Part = str | tuple[str, str | None]


def in_template(value: Any) -> str | None:
    """A hole's value as text: a text, or a whole number in plain digits."""
    if value is None or isinstance(value, str):
        return value
    if is_exact(value) and Fraction(value).denominator == 1:
        return plain_digits(Fraction(value))
    raise wrong(value, "a text or a whole number", "")


def render(parts: Sequence[Part]) -> str | None:
    """The text; None if a hole that may not be left out is absent.

    Written as a walk over characters: a blank that goes with an absent hole is struck out where it stands.
    """
    if any(isinstance(part, tuple) and part[1] is None and part[0] != "?" for part in parts):
        return None
    # Literal characters one by one, holes whole; a struck character is "".
    cells: list[tuple[bool, str]] = []
    holes: list[tuple[int, str | None]] = []
    for part in parts:
        if isinstance(part, str):
            cells += [(True, character) for character in part]
        else:
            holes.append((len(cells), part[1]))
            cells.append((False, part[1] or ""))
    struck: set[int] = set()
    for position, shown in holes:
        if shown is not None:
            continue
        before, after = _neighbour(cells, struck, position, -1), _neighbour(cells, struck, position, +1)
        if before is not None and cells[before] == (True, " "):
            struck.add(before)
        elif after is not None and cells[after] == (True, " "):
            struck.add(after)
    return "".join(character for index, (_, character) in enumerate(cells) if index not in struck)


def _neighbour(cells: Sequence[tuple[bool, str]], struck: set[int], position: int, step: int) -> int | None:
    """The nearest cell that still stands, if nothing but struck ones lies between."""
    position += step
    while position in struck:
        position += step
    return position if 0 <= position < len(cells) else None
