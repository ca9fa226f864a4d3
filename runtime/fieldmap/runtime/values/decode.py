"""Bytes of a page become Python values, exactly: no number passes through binary float.

JSON objects are dicts, whole numbers int, all others Decimal. A value that cannot be had (a number beyond 400 digits, an
object that names a member twice) becomes an `Unreadable`, so that only the records that read it suffer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import msgspec

from fieldmap.runtime.values.failures import Unreadable, shorten
from fieldmap.runtime.values.numbers import DIGITS
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import PLAIN, Reading
from fieldmap.runtime.values.rows import csv_rows, fixed_rows

BOM = b"\xef\xbb\xbf"

Format = Literal["json", "ndjson", "csv", "fixed", "xml", "excel"]


def bodies(content: bytes, format: Format, reading: Reading = PLAIN) -> Iterator[tuple[int, Any | Failed]]:
    """The bodies of one page, each with the byte where it starts (of Excel the row; of a packed page within its file); what cannot be
    read is a Failed in its place (FM2120)."""
    for _, start, body in named_bodies(content, format, reading):
        yield start, body


def named_bodies(content: bytes, format: Format, reading: Reading) -> Iterator[tuple[str, int, Any | Failed]]:
    """As `bodies`, each behind the name of its file within a packed page, "" where there is none."""
    if not reading.packed:
        for start, body in _bodies(content, format, reading):
            yield "", start, body
        return
    from fieldmap.runtime.values.packed import unpacked

    for name, part in unpacked(content, format, reading):
        found = [(0, part)] if isinstance(part, Failed) else _bodies(part, format, reading)
        for start, body in found:
            if isinstance(body, Failed) and name:
                body = Failed(body.code, f"{shorten(name)}: {body.reason}", body.path)
            yield name, start, body


def _bodies(content: bytes, format: Format, reading: Reading) -> Iterator[tuple[int, Any | Failed]]:
    start = len(BOM) if content.startswith(BOM) else 0
    if format in ("xml", "excel"):
        # Their libraries are loaded where they are needed.
        yield from _documents(content, format, reading)
        return
    match format:
        case "json":
            yield start, json_body(content[start:] if start else content)
        case "ndjson":
            yield from _lines(content, start)
        case "csv":
            yield from csv_rows(content, reading)
        case "fixed":
            yield from fixed_rows(content, reading)


def json_body(content: bytes, what: str = "page") -> Any | Failed:
    """One JSON text, or a Failed that says why the page (or what it is called) is none."""
    try:
        value = _FAST.decode(content)
        if b"\\u003" not in content and content.count(b":") == _ENCODER.encode(value).count(b":"):
            return value  # as many colons as went in: no object named a member twice
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        pass  # an unpaired surrogate, a number of thousands of digits, an Unreadable, or no JSON: the slow way knows
    return _slow(content, what)


def _slow(content: bytes, what: str) -> Any | Failed:
    """Accepts all that JSON allows, unpaired surrogates included, and sees members named twice; ten times slower."""
    try:
        return json.loads(
            content.decode("utf-8"),
            parse_float=_real,
            parse_int=_whole,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        return Failed("FM2120", f"the {what} is not UTF-8 (byte {error.start})")
    except RecursionError:
        return Failed("FM2120", f"the {what} is nested too deeply")
    except ValueError as error:
        # Without the place: one mistake is one cause, wherever it stands.
        return Failed("FM2120", f"the {what} is not JSON: {shorten(getattr(error, 'msg', None) or str(error))}")


def _real(text: str) -> Decimal | Unreadable:
    if len(text) <= DIGITS and "e" not in text and "E" not in text:
        return Decimal(text)
    mantissa, _, exponent = text.lower().partition("e")
    digits = sum(map(str.isdigit, mantissa))
    if digits > DIGITS or len(exponent.lstrip("+-0")) > 3 or abs(int(exponent or 0)) > DIGITS:
        return _too_long(text)
    return Decimal(text)


def _whole(text: str) -> int | Unreadable:
    return int(text) if len(text) <= DIGITS else _too_long(text)


def _too_long(text: str) -> Unreadable:
    return Unreadable("FM2104", f"{shorten(text)} has more digits than a number may have")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Unreadable:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return Unreadable("FM2126", f'an object names "{shorten(twice)}" twice')


_FAST = msgspec.json.Decoder(float_hook=_real)
_ENCODER = msgspec.json.Encoder()


def _lines(content: bytes, start: int) -> Iterator[tuple[int, Any | Failed]]:
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        line = content[start:end]
        if line.strip():
            yield start, json_body(line, "line")
        start = end + 1


def _documents(content: bytes, format: Format, reading: Reading) -> Iterator[tuple[int, Any | Failed]]:
    if format == "xml":
        from fieldmap.runtime.values.xml import xml_body

        yield 0, xml_body(content, reading)
    else:
        from fieldmap.runtime.values.sheets import sheet_rows

        yield from sheet_rows(content, reading)
