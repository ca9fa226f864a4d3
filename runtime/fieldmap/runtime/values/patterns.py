"""Dates and times by pattern: the part of Unicode LDML that sources really use, ASCII digits and English names only.

A pattern becomes a regular expression once. The letters: yyyy, yy (1969 to 2068), MM, M, MMM (Jan … Dec), dd, d, HH, H, hh, h
(with a: AM or PM), mm, ss, S… (a fraction of one to nine digits), XXX (Z or +01:00), 'quoted' text. Other letters have no
meaning; other characters stand for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal, NamedTuple

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# Letters of a pattern: the part that they give, and its expression.
_FIELDS: dict[str, tuple[str, str]] = {
    "yyyy": ("year", "[0-9]{4}"),
    "yy": ("short_year", "[0-9]{2}"),
    "MM": ("month", "[0-9]{2}"),
    "M": ("month", "[0-9]{1,2}"),
    "MMM": ("month_name", "(?i:" + "|".join(MONTHS) + ")"),
    "dd": ("day", "[0-9]{2}"),
    "d": ("day", "[0-9]{1,2}"),
    "HH": ("hour", "[0-9]{2}"),
    "H": ("hour", "[0-9]{1,2}"),
    "hh": ("half_hour", "[0-9]{2}"),
    "h": ("half_hour", "[0-9]{1,2}"),
    "mm": ("minute", "[0-9]{2}"),
    "ss": ("second", "[0-9]{2}"),
    "a": ("half", "(?i:am|pm)"),
    "XXX": ("offset", "Z|[+-][0-9]{2}:[0-9]{2}"),
    **{"S" * n: ("fraction", "[0-9]{1,9}") for n in range(1, 10)},
}
_VARIABLE = {"M", "d", "H", "h", *("S" * n for n in range(1, 10))}
_NUMERIC = {"year", "short_year", "month", "day", "hour", "half_hour", "minute", "second", "fraction"}
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)


class Local(NamedTuple):
    """What a text says: a date and time of day, and the offset if it names one."""

    moment: datetime
    offset: timedelta | None


class Compiled(NamedTuple):
    """order: of a pattern of nothing but year, month and day in digits, the numbers of these groups."""

    expression: re.Pattern[str]
    parts: frozenset[str]
    order: tuple[int, int, int] | None


class PatternError(ValueError):
    """A pattern that cannot be used; the text is a clause for the author."""


def pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """The parts of a pattern that compiles, in order: its letters, and (False) the text between them."""
    for token in _TOKEN.finditer(pattern):
        text, letters = token.group(0), token.group(2)
        if letters is not None:
            yield text, True
        else:
            yield "'" if text == "''" else (token.group(1) or token.group(3) or "").replace("''", "'"), False


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Compiled:
    """Raises PatternError."""
    expression, parts, before = [], set[str](), ""
    for token in _TOKEN.finditer(pattern):
        text, letters = token.group(0), token.group(2)
        if letters is None:
            if text == "'":
                raise PatternError("does not close a single quote")
            literal = "'" if text == "''" else (token.group(1) or token.group(3) or "").replace("''", "'")
            expression.append(re.escape(literal))
            before = ""
            continue
        if text not in _FIELDS:
            raise PatternError(f'holds "{text}", which has no meaning; other words stand in single quotes')
        name, read = _FIELDS[text]
        if name in parts:
            raise PatternError(f'says with "{text}" again what another part says already')
        if before in _VARIABLE and name in _NUMERIC:
            raise PatternError(f'does not tell where "{before}" ends and "{text}" begins')
        parts.add(name)
        expression.append(f"(?P<{name}>{read})")
        before = text
    compiled = re.compile("".join(expression), re.ASCII)
    groups = compiled.groupindex
    simple = parts == {"year", "month", "day"}
    return Compiled(compiled, frozenset(parts), (groups["year"], groups["month"], groups["day"]) if simple else None)


def fault(pattern: str, kind: Literal["date", "datetime"]) -> str | None:
    """Why the pattern cannot give a date or a datetime, as a clause about it for its author; None if it can."""
    try:
        parts = compile_pattern(pattern).parts
    except PatternError as error:
        return str(error)
    for one, other, what in (
        ("year", "short_year", "year"),
        ("month", "month_name", "month"),
        ("hour", "half_hour", "hour"),
    ):
        if one in parts and other in parts:
            return f"names the {what} twice"
    for one, other, what in (("year", "short_year", "year"), ("month", "month_name", "month"), ("day", "day", "day")):
        if one not in parts and other not in parts:
            return f"names no {what}"
    times = parts & {"hour", "half_hour", "minute", "second", "fraction", "half", "offset"}
    if ("half" in parts) != ("half_hour" in parts):
        return "needs both hh or h and a (AM or PM), or neither"
    if kind == "date":
        return "names a time of day, which a date does not have" if times else None
    if not times & {"hour", "half_hour"}:
        return "names no hour"
    if ("fraction" in parts and "second" not in parts) or ("second" in parts and "minute" not in parts):
        return "names a part of an hour without the larger one"
    return None


def read_day(text: str, pattern: str) -> date | None:
    """The day of what `read` finds, in one step for the patterns that most sources use."""
    expression, _, order = compile_pattern(pattern)
    if order is None:
        local = read(text, pattern)
        return local.moment.date() if local else None
    match = expression.fullmatch(text)
    if match is None:
        return None
    year, month, day = match.group(*order)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def read(text: str, pattern: str) -> Local | None:
    """What the text says by this pattern; None if the text is not written so, names no day that exists, or is finer than
    microseconds."""
    match = compile_pattern(pattern).expression.fullmatch(text)
    if match is None:
        return None
    said = match.groupdict()
    try:
        year, month = _year(said), _month(said)
        hour = _hour(said)
        micros = int((said.get("fraction") or "0").ljust(9, "0"))
        if micros % 1000 or hour is None:
            return None
        moment = datetime(
            year,
            month,
            int(said["day"]),
            hour,
            int(said.get("minute") or 0),
            int(said.get("second") or 0),
            micros // 1000,
        )
        return Local(moment, offset_of(said.get("offset")))
    except ValueError:
        return None


def _year(said: dict[str, str | None]) -> int:
    if short := said.get("short_year"):
        return int(short) + (1900 if int(short) >= 69 else 2000)
    return int(said.get("year") or 0)


def _month(said: dict[str, str | None]) -> int:
    if name := said.get("month_name"):
        return MONTHS.index(name.lower()) + 1
    return int(said.get("month") or 0)


def _hour(said: dict[str, str | None]) -> int | None:
    if half := said.get("half_hour"):
        if not 1 <= int(half) <= 12:
            return None
        return int(half) % 12 + (12 if (said.get("half") or "").lower() == "pm" else 0)
    return int(said.get("hour") or 0)


def offset_of(text: str | None) -> timedelta | None:
    """Of `Z`, `+01:00`, `+0100` or `+01`. Raises ValueError for an offset that no clock has."""
    if not text:
        return None
    if text in "Zz":
        return timedelta(0)
    hours, minutes = int(text[1:3]), int(text[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(text)
    span = timedelta(hours=hours, minutes=minutes)
    return -span if text[0] == "-" else span


def instant(local: Local) -> datetime | None:
    """The instant in UTC of a time with its offset; None outside the years 1 to 9999."""
    try:
        return local.moment.replace(tzinfo=timezone(local.offset or timedelta(0))).astimezone(UTC)
    except OverflowError:
        return None
