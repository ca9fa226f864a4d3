"""Functions of lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.compare import same
from fieldmap.runtime.values.failures import describe, wrong
from fieldmap.runtime.values.numbers import Exact, Number, add, divide
from fieldmap.runtime.values.outcome import Failed

_TEXTS, _NUMBERS, _DATES, _DATETIMES = {str}, {int, Decimal, Fraction, float}, {date}, {datetime}
_PLAIN = _TEXTS | _NUMBERS | _DATES | _DATETIMES | {bool}
_NEEDED = "a text, a number or a date"


def _kind(item: Any) -> str:
    return "number" if type(item) in _NUMBERS else type(item).__name__


def join(parts: Sequence[str], separator: str) -> str | None:
    return separator.join(parts) if parts else None


def first(items: Sequence[Any]) -> Any:
    return items[0] if items else None


def last(items: Sequence[Any]) -> Any:
    return items[-1] if items else None


def only(path: str, items: Sequence[Any]) -> Any:
    """FM2112."""
    if len(items) > 1:
        raise Failed("FM2112", f"only one value may be there, and there are {len(items)}", path)
    return items[0] if items else None


def agreed(path: str, items: Sequence[Any]) -> Any:
    """FM2151."""
    for item in items:
        if not same(item, items[0], path):
            raise Failed("FM2151", f"{describe(items[0])} and {describe(item)} do not agree", path)
    return items[0] if items else None


def count(items: Sequence[Any]) -> int:
    return len(items)


def total(path: str, items: Sequence[Number]) -> Number:
    """FM2106 where floats outgrow their range."""
    result: Number = 0
    for item in items:
        result = add(result, item, path)
    return result


def _ordered(path: str, items: Sequence[Any]) -> Sequence[Any]:
    """The items, if they have an order in common. FM2101."""
    kinds = set(map(type, items))
    if kinds <= _TEXTS or kinds <= _NUMBERS or kinds <= _DATES or kinds <= _DATETIMES:
        return items
    for item in items:
        if type(item) not in _PLAIN or type(item) is bool:
            raise wrong(item, _NEEDED, path)
        if _kind(item) != _kind(items[0]):
            raise Failed("FM2101", f"{describe(items[0])} and {describe(item)} have no order", path)
    return items


def smallest(path: str, items: Sequence[Any]) -> Any:
    """FM2101 for elements without an order in common."""
    return min(_ordered(path, items), default=None)


def largest(path: str, items: Sequence[Any]) -> Any:
    """FM2101 for elements without an order in common."""
    return max(_ordered(path, items), default=None)


def distinct(path: str, items: Sequence[Any]) -> list[Any]:
    """FM2101 for lists and objects."""
    found: dict[tuple[bool, Any], Any] = {}
    for item in items:
        if type(item) not in _PLAIN:
            raise wrong(item, _NEEDED, path)
        found.setdefault((type(item) is bool, item), item)  # true is not 1
    return list(found.values())


def average(path: str, items: Sequence[Number]) -> Number | None:
    return divide(total(path, items), len(items), path) if items else None


def ordered(path: str, items: Sequence[Any]) -> list[Any]:
    """FM2101 for elements without an order in common."""
    return sorted(_ordered(path, items))


def backwards(items: Sequence[Any]) -> list[Any]:
    return list(items[::-1])


def nth(items: Sequence[Any], place: Exact) -> Any:
    index = int(place) - 1
    return items[index] if 0 <= index < len(items) else None


def flatten(path: str, items: Sequence[Any]) -> list[Any]:
    """FM2101 for an element that is no list."""
    found: list[Any] = []
    for item in items:
        if type(item) is not list:
            raise wrong(item, "a list", path)
        found += (inner for inner in item if inner is not None)
    return found


def concat(*lists: Sequence[Any]) -> list[Any]:
    return [item for items in lists for item in items]


def any_(items: Sequence[bool]) -> bool:
    return any(items)


def all_(items: Sequence[bool]) -> bool:
    return all(items)


def has(items: Sequence[str], text: str) -> bool:
    return text in items


def greatest(*values: Any) -> Any:
    return max(values)


def least(*values: Any) -> Any:
    return min(values)
