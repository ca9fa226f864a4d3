"""The standard functions as generated code calls them. Arguments are never None, save where the function says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.failures import describe, quote, wrong
from fieldmap.runtime.values.numbers import Exact, Number, add, plain_text
from fieldmap.runtime.values.outcome import Failed

_TEXTS, _NUMBERS, _DATES, _DATETIMES = {str}, {int, Decimal, Fraction, float}, {date}, {datetime}
_PLAIN = _TEXTS | _NUMBERS | _DATES | _DATETIMES | {bool}
_NEEDED = "a text, a number or a date"


def _kind(item: Any) -> str:
    return "number" if type(item) in _NUMBERS else type(item).__name__


def words(*parts: str | None) -> str | None:
    """Takes None."""
    present = [part for part in parts if part is not None]
    return " ".join(present) if present else None


def trim(text: str) -> str:
    return text.strip()


def lower(text: str) -> str:
    return text.lower()


def upper(text: str) -> str:
    return text.upper()


def replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


def join(parts: Sequence[str], separator: str) -> str | None:
    return separator.join(parts) if parts else None


def left(text: str, length: Exact) -> str:
    return text[: max(0, int(length))]


def right(text: str, length: Exact) -> str:
    return text[max(0, len(text) - max(0, int(length))) :]


def length(text: str) -> int:
    return len(text)


def first(items: Sequence[Any]) -> Any:
    return items[0] if items else None


def last(items: Sequence[Any]) -> Any:
    return items[-1] if items else None


def only(path: str, items: Sequence[Any]) -> Any:
    """FM2112."""
    if len(items) > 1:
        raise Failed("FM2112", f"only one value may be there, and there are {len(items)}", path)
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


def text(path: str, value: str | bool | Exact | date) -> str:
    """FM2104 for a fraction without end."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    written = plain_text(value)
    if written is None:
        raise Failed("FM2104", f"{quote(value)} has no end as a decimal", path)
    return written
