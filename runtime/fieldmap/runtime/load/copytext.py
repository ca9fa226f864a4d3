"""Rows as text for COPY: one encoder for each field of a claim, chosen once, called for every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from fieldmap.runtime.bundle import ClaimInfo
from fieldmap.runtime.values.durations import interval

NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"})
_SPECIAL = re.compile(r"[\\\t\n\r\b\f\v]")
_QUOTES = str.maketrans({"\\": "\\\\", '"': '\\"'})
# Decimals of a json field go in as numbers, digit for digit.
_JSON = msgspec.json.Encoder(decimal_format="number")


def text(value: str) -> str:
    """A text with COPY's own marks escaped."""
    return value if _SPECIAL.search(value) is None else value.translate(_ESCAPES)


def _json(value: Any) -> str:
    return text(_JSON.encode(value).decode())


def _bool(value: bool) -> str:
    return "t" if value else "f"


_PLAIN: dict[str, Callable[[Any], str]] = {
    "text": text,
    "bool": _bool,
    "int": str,
    "number": str,
    "float": repr,
    "date": lambda value: value.isoformat(),
    "datetime": lambda value: value.isoformat(),
    "time": lambda value: value.isoformat(),
    "duration": interval,
    "json": _json,
    "amount": lambda value: str(value.amount),
}


def _money(value: Any) -> str:
    return f"{value.amount}\t{text(value.currency)}"


def _quantity(value: Any) -> str:
    return f"{value.amount}\t{text(value.unit)}"


def _list(element: Callable[[Any], str], quoted: bool) -> Callable[[Any], str]:
    """An array literal. Texts are quoted in it, and then escaped for COPY."""

    def encode(value: Any) -> str:
        if quoted:
            items = ",".join('"' + item.translate(_QUOTES) + '"' for item in value)
            return text("{" + items + "}")
        return "{" + ",".join(map(element, value)) + "}"

    return encode


def row_encoder(claim: ClaimInfo) -> Callable[[Sequence[Any]], str]:
    """A function from a claim's fitted values to its columns as COPY text, tab-separated."""
    encoders: list[Callable[[Any], str]] = []
    nulls: list[str] = []
    for column in claim.columns:
        if column.codec == "money":
            encoders.append(_money)
        elif column.codec == "quantity":
            encoders.append(_quantity)
        elif column.codec.startswith("list "):
            inner = column.codec.removeprefix("list ")
            encoders.append(_list(_PLAIN[inner], inner == "text") if inner != "json" else _json_list)
        else:
            encoders.append(_PLAIN[column.codec])
        nulls.append("\t".join([NULL] * len(column.columns)))

    def encode(values: Sequence[Any]) -> str:
        return "\t".join(
            [
                null if value is None else encoder(value)
                for encoder, null, value in zip(encoders, nulls, values, strict=True)
            ]
        )

    return encode


def _json_list(value: Any) -> str:
    items = ",".join('"' + _JSON.encode(item).decode().translate(_QUOTES) + '"' for item in value)
    return text("{" + items + "}")


def column_values(codec: str, value: Any) -> list[str]:
    """A value's columns as plain texts of their types, without COPY's escapes: for a single statement."""
    if codec == "money":
        return [str(value.amount), value.currency]
    if codec == "quantity":
        return [str(value.amount), value.unit]
    if codec == "text":
        return [value]
    if codec == "json":
        return [_JSON.encode(value).decode()]
    if codec == "list text":
        return ["{" + ",".join('"' + item.translate(_QUOTES) + '"' for item in value) + "}"]
    if codec.startswith("list "):
        return ["{" + ",".join(_PLAIN[codec.removeprefix("list ")](item) for item in value) + "}"]
    return [_PLAIN[codec](value)]
