"""Values as the cells of a COPY line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from functools import cache
from typing import Any

import msgspec

from fieldmap.runtime.values.durations import interval
from fieldmap.runtime.values.outcome import Duration, Money, Quantity

NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"})
_SPECIAL = re.compile(r"[\\\t\n\r\b\f\v]")
_QUOTES = str.maketrans({"\\": "\\\\", '"': '\\"'})
# Decimals of a json field go in as numbers, digit for digit.
_JSON = msgspec.json.Encoder(decimal_format="number")


def escaped(value: str) -> str:
    """A text with COPY's own marks escaped."""
    return value if _SPECIAL.search(value) is None else value.translate(_ESCAPES)


def json_text(value: Any) -> str:
    return _JSON.encode(value).decode()


def document(value: Any) -> Any:
    """A value of several parts, or a part, as JSON has it: exact numbers, dates as ISO 8601, money as amount and currency."""
    if isinstance(value, Money):
        return {"amount": value.amount, "currency": value.currency}
    if isinstance(value, Quantity):
        return {"amount": value.amount, "unit": value.unit}
    if isinstance(value, dict):
        return {name: document(part) for name, part in value.items()}
    if isinstance(value, list):
        return [document(item) for item in value]
    if isinstance(value, Duration):
        return value.iso()
    return value.isoformat() if isinstance(value, date | time) else value


def array(items: list[str]) -> str:
    """An array literal of quoted items."""
    return "{" + ",".join('"' + item.translate(_QUOTES) + '"' for item in items) + "}"


_PLAIN: dict[str, Callable[[Any], str]] = {
    "text": escaped,
    "bool": lambda value: "t" if value else "f",
    "int": str,
    "number": str,
    "float": repr,
    "date": lambda value: value.isoformat(),
    "datetime": lambda value: value.isoformat(),
    "time": lambda value: value.isoformat(),
    "duration": interval,
    "json": lambda value: escaped(json_text(value)),
    "amount": lambda value: str(value.amount),
    "money": lambda value: f"{value.amount}\t{escaped(value.currency)}",
    "quantity": lambda value: f"{value.amount}\t{escaped(value.unit)}",
    "document": lambda value: escaped(json_text(document(value))),
    "list text": lambda value: escaped(array(value)),
    "list json": lambda value: escaped(array([json_text(item) for item in value])),
    "list document": lambda value: escaped(array([json_text(document(item)) for item in value])),
}


@cache
def encoder(codec: str) -> Callable[[Any], str]:
    """From a value (never None) to its cell; of money and quantities two cells, a tab between them."""
    if codec in _PLAIN:
        return _PLAIN[codec]
    element = _PLAIN[codec.removeprefix("list ")]
    return lambda value: "{" + ",".join(map(element, value)) + "}"


def absent(codec: str) -> str:
    """The cell, or the two, of no value."""
    return f"{NULL}\t{NULL}" if codec in ("money", "quantity") else NULL
