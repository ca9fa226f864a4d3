"""Dates and instants: ISO 8601, patterns, zones, epochs, OData. Every datetime that leaves here is aware and in UTC.

Readers give None or a Failed for a text that is not what it should be; nothing is guessed, clamped or truncated.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from fieldmap.runtime.values import patterns
from fieldmap.runtime.values.failures import describe, quote, wrong
from fieldmap.runtime.values.numbers import plain
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.patterns import Local

UTC = UTC
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROS: dict[str, int | Fraction] = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": Fraction(1, 1_000)}
_DAY_MICROS = 86_400_000_000
# Bounds in microseconds: of the years 1900 to 2100, and of 1 to 9999.
_FIRST, _LAST = -25_567 * _DAY_MICROS, 47_847 * _DAY_MICROS
_EARLIEST, _LATEST = -719_162 * _DAY_MICROS, 2_932_897 * _DAY_MICROS

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_STAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
# What Python's own parser, many times faster, reads as iso_stamp does.
_USUAL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3}(?:[0-9]{3})?)?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z][A-Za-z0-9_+-]*)*")
_CLOCK = re.compile(r"T?([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?")
_ODATA_CLOCK = re.compile(r"PT([0-9]{1,2})H([0-9]{1,2})M([0-9]{1,2})(?:\.([0-9]{1,9}))?S")
_ODATA = re.compile(r"/Date\((-?[0-9]{1,18})(?:[+-][0-9]{1,4})?\)/")


# ------------------------------------------------------------------------------------------------- leaf parsers


def iso_date(text: str) -> date | None:
    """`2026-03-01`, nothing else."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def iso_stamp(text: str) -> Local | None:
    """`2026-03-01T12:30:00.123456+01:00`; T or a blank, seconds and offset may be left out. No 24:00, no leap second,
    nothing finer than microseconds unless it is zero."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return None
    day, hour, minute, second, fraction, offset = match.groups()
    nanos = int((fraction or "0").ljust(9, "0"))
    if nanos % 1000:
        return None
    try:
        begin = date.fromisoformat(day)
        moment = datetime(begin.year, begin.month, begin.day, int(hour), int(minute), int(second or 0), nanos // 1000)
        return Local(moment, patterns.offset_of(offset))
    except ValueError:
        return None


def iso_clock(text: str) -> time | None:
    """`14:30`, `14:30:00.25`, also with a T before it; no offset, no 24:00, nothing finer than microseconds unless it is zero."""
    return _clock(_CLOCK.fullmatch(text))


def odata_clock(text: str) -> time | None:
    """`PT14H30M00S`, the time of day of OData V2."""
    return _clock(_ODATA_CLOCK.fullmatch(text))


def _clock(match: re.Match[str] | None) -> time | None:
    if match is None:
        return None
    hour, minute, second, fraction = match.groups()
    nanos = int((fraction or "0").ljust(9, "0"))
    try:
        return time(int(hour), int(minute), int(second or 0), nanos // 1000) if nanos % 1000 == 0 else None
    except ValueError:
        return None


def odata_millis(text: str) -> int | None:
    """The count of `/Date(1518393600000+0060)/`, milliseconds since 1970 UTC; the offset does not move it."""
    match = _ODATA.fullmatch(text)
    return int(match.group(1)) if match else None


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """An IANA zone of the tzdata package, never of the machine, so that every machine has the same. Raises ValueError."""
    if not _ZONE.fullmatch(name):
        raise ValueError(f"{name} is not the name of a time zone")
    try:
        with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise ValueError(f"there is no time zone {name}") from None


def at_zone(local: datetime, name: str, choice: str = "") -> datetime | None:
    """The instant of a local time in a zone; None where the zone skips or repeats it, or outside the years 1 to 9999.

    choice: "earlier" or "later" of the two instants that a repeated time can mean; of a skipped time, the one before or the one
    behind the gap, by the offset that the clocks had after it or before it.
    """
    try:
        there = zone(name)
        early = local.replace(tzinfo=there, fold=0).astimezone(UTC)
        late = local.replace(tzinfo=there, fold=1).astimezone(UTC)
    except OverflowError:
        return None
    if early == late:
        return early
    if not choice:
        return None  # skipped and repeated times alike have two readings
    return min(early, late) if choice == "earlier" else max(early, late)


def local_at(instant: datetime, name: str) -> datetime | None:
    """What the clocks of a zone show at an instant; None outside the years 1 to 9999."""
    try:
        return instant.astimezone(zone(name)).replace(tzinfo=None, fold=0)
    except OverflowError:
        return None


# -------------------------------------------------------------------------------------------------- conversions


def _no_date(value: Any, written: str, path: str) -> Failed:
    return Failed("FM2103", f"{quote(value)} is not a {written}", path)


def _naive(value: Any, path: str) -> Failed:
    return Failed("FM2107", f"{quote(value)} names neither an offset nor a zone, so it is no instant", path)


def _text(value: Any, path: str) -> str:
    if type(value) is not str:
        raise wrong(value, "a text", path)
    return value


def resolve(local: Local, zone_name: str | None, choice: str, value: Any, path: str) -> datetime:
    """The instant that a text means. FM2107 without offset and zone, or where the zone skips or repeats the time."""
    if local.offset is not None:
        instant = patterns.instant(local)
        if instant is None:
            raise Failed("FM2103", f"{quote(value)} lies outside the years 1 to 9999", path)
        return instant
    if zone_name is None:
        raise _naive(value, path)
    instant = at_zone(local.moment, zone_name, choice)
    if instant is None:
        raise Failed("FM2107", f"{quote(value)} is skipped or repeated by the clocks of {zone_name}", path)
    return instant


def read_date(value: Any, path: str) -> date:
    """ISO 8601. FM2101, FM2103."""
    if type(value) is date:
        return value
    day = iso_date(_text(value, path))
    if day is None:
        raise _no_date(value, "date written yyyy-MM-dd", path)
    return day


def read_datetime(value: Any, zone_name: str | None, path: str, choice: str = "") -> datetime:
    """ISO 8601 with offset, or in a zone. FM2101, FM2103, FM2107."""
    if type(value) is datetime:
        return value
    if type(value) is str and _USUAL.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # no such day, or out of range: the thorough way says which
    local = iso_stamp(_text(value, path))
    if local is None:
        raise _no_date(value, "timestamp written yyyy-MM-ddTHH:mm:ss and an offset", path)
    return resolve(local, zone_name, choice, value, path)


def pattern_date(value: Any, tried: tuple[str, ...], since: int, path: str) -> date:
    """By the first pattern that reads it. FM2101, FM2103."""
    text = _text(value, path)
    for pattern in tried:
        day = patterns.read_day(text, pattern, since)
        if day is not None:
            return day
    raise _no_date(value, f"date written {' or '.join(tried)}", path)


def pattern_datetime(
    value: Any, tried: tuple[str, ...], since: int, zone_name: str | None, choice: str, path: str
) -> datetime:
    """By the first pattern that reads it. FM2101, FM2103, FM2107."""
    text = _text(value, path)
    for pattern in tried:
        if local := patterns.read(text, pattern, since):
            return resolve(local, zone_name, choice, value, path)
    raise _no_date(value, f"timestamp written {' or '.join(tried)}", path)


def _no_time(value: Any, written: str, path: str) -> Failed:
    return Failed("FM2157", f"{quote(value)} is not a {written}", path)


def pattern_time(value: Any, tried: tuple[str, ...], path: str) -> time:
    """By the first pattern that reads it. FM2101, FM2157."""
    text = _text(value, path)
    for pattern in tried:
        clock = patterns.read_clock(text, pattern)
        if clock is not None:
            return clock
    raise _no_time(value, f"time written {' or '.join(tried)}", path)


def read_time(value: Any, path: str) -> time:
    """ISO 8601. FM2101, FM2157."""
    if type(value) is time:
        return value
    clock = iso_clock(_text(value, path))
    if clock is None:
        raise _no_time(value, "time of day written HH:mm or HH:mm:ss", path)
    return clock


def odata_time(value: Any, path: str) -> time:
    """`PT14H30M00S`. FM2101, FM2157."""
    clock = odata_clock(_text(value, path))
    if clock is None:
        raise _no_time(value, "time written PT14H30M00S", path)
    return clock


def time_as_written(value: Any, path: str) -> time:
    """The time part of an ISO timestamp, or a plain time. FM2101, FM2157."""
    text = _text(value, path)
    local = iso_stamp(text)
    clock = local.moment.time() if local else iso_clock(text)
    if clock is None:
        raise _no_time(value, "timestamp or a time of day", path)
    return clock


def time_in_zone(value: Any, zone_name: str, path: str) -> time:
    """What the clocks of a zone show at an instant. FM2101, FM2103, FM2107."""
    return _local(value, zone_name, path).time()


def join(day: Any, clock: Any, zone_name: str, choice: str, path: str) -> datetime:
    """The instant of a date and a time of day in a zone. FM2101, FM2107."""
    if type(day) is not date:
        raise wrong(day, "a date", path)
    if type(clock) is not time:
        raise wrong(clock, "a time of day", path)
    moment = datetime.combine(day, clock)
    return resolve(Local(moment, None), zone_name, choice, moment, path)


def date_as_written(value: Any, path: str) -> date:
    """The date part of an ISO timestamp, or a plain date. FM2101, FM2103."""
    text = _text(value, path)
    local = iso_stamp(text)
    day = local.moment.date() if local else iso_date(text)
    if day is None:
        raise _no_date(value, "timestamp that begins with a date written yyyy-MM-dd", path)
    return day


def date_in_zone(value: Any, zone_name: str, path: str) -> date:
    """The day that an instant has in a zone. FM2101, FM2103, FM2107."""
    return _local(value, zone_name, path).date()


def _local(value: Any, zone_name: str, path: str) -> datetime:
    local = local_at(read_datetime(value, None, path), zone_name)
    if local is None:
        raise Failed("FM2103", f"{quote(value)} lies outside the years 1 to 9999", path)
    return local


def _count(value: Any, path: str) -> int | Decimal | Fraction:
    if type(value) is str:
        number = plain(value)
        if number is None:
            raise Failed("FM2103", f"{quote(value)} is not a count of days or seconds", path)
        return number
    if type(value) is int or type(value) is Decimal or type(value) is Fraction:
        return value
    raise wrong(value, "a number", path)


def _since_epoch(value: Any, unit_micros: int | Fraction, any_year: bool, path: str) -> datetime:
    # Compared before it is multiplied: the count may be of four hundred digits.
    count = _count(value, path)
    if not -(10**21) < count < 10**21:
        raise _out_of_range(value, any_year, path)
    micros = Fraction(count) * unit_micros
    whole = micros.numerator // micros.denominator
    if not (_EARLIEST <= whole < _LATEST if any_year else _FIRST <= whole < _LAST):
        raise _out_of_range(value, any_year, path)
    if micros.denominator != 1:
        raise Failed("FM2103", f"{quote(value)} is finer than a microsecond", path)
    return EPOCH + timedelta(microseconds=whole)


def _out_of_range(value: Any, any_year: bool, path: str) -> Failed:
    years = "1 to 9999" if any_year else "1900 to 2100"
    return Failed("FM2108", f"{quote(value)} leads outside the years {years}", path)


def epoch_datetime(value: Any, unit: str, any_year: bool, path: str) -> datetime:
    """A count of s, ms, us or ns since 1970 UTC. FM2101, FM2103, FM2108."""
    return _since_epoch(value, MICROS[unit], any_year, path)


def epoch_local(value: Any, unit: str, any_year: bool, zone_name: str, choice: str, path: str) -> datetime:
    """A count of s, ms, us or ns since 1970 by the clocks of a zone. FM2101, FM2103, FM2107, FM2108."""
    moment = _since_epoch(value, MICROS[unit], any_year, path).replace(tzinfo=None)
    return resolve(Local(moment, None), zone_name, choice, moment, path)


def epoch_date(value: Any, any_year: bool, path: str) -> date:
    """A count of days since 1970-01-01. FM2101, FM2103 (part of a day), FM2108."""
    moment = _since_epoch(value, _DAY_MICROS, any_year, path)
    if (moment - EPOCH) % timedelta(days=1):
        raise Failed("FM2103", f"{quote(value)} is not a whole number of days", path)
    return moment.date()


def epoch_time(value: Any, unit: str, path: str) -> time:
    """A count of s, ms, us or ns since midnight. FM2101, FM2103, FM2108."""
    moment = _since_epoch(value, MICROS[unit], True, path)
    if moment.date() != EPOCH.date():
        raise Failed("FM2108", f"{quote(value)} leads outside one day", path)
    return moment.time()


def odata_datetime(value: Any, path: str) -> datetime:
    """`/Date(1518393600000)/`. FM2101, FM2103."""
    millis = odata_millis(_text(value, path))
    if millis is None:
        raise _no_date(value, "date written /Date(…)/", path)
    try:
        return EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        raise Failed("FM2103", f"{quote(value)} lies outside the years 1 to 9999", path) from None


def odata_date(value: Any, path: str) -> date:
    """The UTC day of `/Date(1518393600000)/`, which must be a midnight. FM2101, FM2103."""
    moment = odata_datetime(value, path)
    if (moment - EPOCH) % timedelta(days=1):
        raise Failed("FM2103", f"{quote(value)} is {describe(moment)}, not a day", path)
    return moment.date()
