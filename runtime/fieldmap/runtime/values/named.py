"""Values with a name, lets and results of the author's functions, and the choice by case."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.outcome import Failed

# A value that is used twice by the next, and so on, would have no bounds.
_DIGITS, _CHARACTERS, _ELEMENTS = 2_000, 10_000_000, 1_000_000
_LARGEST = 10**_DIGITS


def bounded(value: Any, path: str) -> Any:
    """The value, if it is of a size that may be used again and again. FM2106, FM2116, FM2168."""
    match value:
        case bool() | None:
            return value
        case str() if len(value) > _CHARACTERS:
            raise Failed("FM2116", f"a text of more than {_CHARACTERS} characters", path)
        case list() if len(value) > _ELEMENTS:
            raise Failed("FM2168", f"a list of more than {_ELEMENTS} elements", path)
        case int() if not -_LARGEST < value < _LARGEST:
            raise _too_long(path)
        case Decimal() | Fraction():
            above, below = value.as_integer_ratio()
            if not -_LARGEST < above < _LARGEST or below >= _LARGEST:
                raise _too_long(path)
    return value


def _too_long(path: str) -> Failed:
    return Failed("FM2106", f"a number of more than {_DIGITS} digits", path)


def no_arm(value: Any, path: str) -> Failed:
    return Failed("FM2165", f"no arm of the case names {quote(value)}", path)
