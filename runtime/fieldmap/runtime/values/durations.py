"""Durations as ISO 8601 has them: months, days and time of day kept apart, because a month has 28 to 31 days.

Years are twelve months and weeks seven days; hours, minutes and seconds are one count of microseconds.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.failures import quote, wrong
from fieldmap.runtime.values.outcome import Duration, Failed

SECOND, DAY = 1_000_000, 86_400_000_000
# What PostgreSQL's interval holds; its outermost values are its infinities.
_MOST, _MOST_MICROS = 2**31 - 1, 2**63 - 1
LENGTH = 100

_NUMBER = r"[+-]?[0-9]+(?:[.,][0-9]+)?"
_WRITTEN = re.compile(
    rf"([+-])?P(?:({_NUMBER})Y)?(?:({_NUMBER})M)?(?:({_NUMBER})W)?(?:({_NUMBER})D)?"
    rf"(?P<time>T(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?"
)
_UNITS = (("months", 12), ("months", 1), ("days", 7), ("days", 1), ("micros", 3600), ("micros", 60), ("micros", 1))


def parse(text: str) -> Duration | None:
    """`P3Y6M4DT12H30M5S`, `P2W`, `PT0.5S`, `P1DT-2H`, `-P1M`: each part may have a sign, the smallest one written may have a
    fraction. A fraction of a year must make whole months; one of a month is refused, since nobody can say how long it is; one
    of a day or week is of 24 hours a day. None if the text is no duration, or finer than microseconds."""
    match = _WRITTEN.fullmatch(text) if len(text) <= LENGTH else None
    if match is None or match.group("time") == "T":
        return None
    numbers = [number and number.replace(",", ".") for number in match.groups()[1:5] + match.groups()[6:]]
    said = [index for index, number in enumerate(numbers) if number]
    if not said or any("." in (numbers[index] or "") for index in said[:-1]):
        return None
    sums = {"months": Fraction(0), "days": Fraction(0), "micros": Fraction(0)}
    for index in said:
        name, factor = _UNITS[index]
        sums[name] += Fraction(numbers[index] or 0) * factor * (SECOND if name == "micros" else 1)
    part = sums["days"] % 1  # of the sign of the whole: -1.5 days are -1 day and -12 hours
    part -= 1 if part and sums["days"] < 0 else 0
    sums["days"], sums["micros"] = sums["days"] - part, sums["micros"] + part * DAY
    if any(number.denominator != 1 for number in sums.values()):
        return None
    sign = -1 if match.group(1) == "-" else 1
    return Duration(*(sign * int(sums[name]) for name in ("months", "days", "micros")))


def interval(value: Duration) -> str:
    """As PostgreSQL reads it under any IntervalStyle: every part with its sign."""
    sign = "-" if value.micros < 0 else "+"
    seconds, fraction = divmod(abs(value.micros), SECOND)
    return f"{value.months:+} mons {value.days:+} days {sign}{seconds}.{fraction:06} secs"


def read_duration(value: Any, path: str) -> Duration:
    """ISO 8601. FM2101, FM2157."""
    if type(value) is Duration:
        return value
    if type(value) is not str:
        raise wrong(value, "a text", path)
    duration = parse(value)
    if duration is None:
        raise Failed("FM2157", f"{quote(value)} is not a duration written as in P3Y6M4DT12H30M5S", path)
    return duration


def fit_duration(value: Any, path: str) -> Duration:
    """FM2101; FM2106 beyond what an interval holds."""
    if type(value) is not Duration:
        raise wrong(value, "a duration", path)
    if abs(value.months) >= _MOST or abs(value.days) >= _MOST or abs(value.micros) >= _MOST_MICROS:
        raise Failed("FM2106", f"{quote(value)} does not fit duration", path)
    return value


# ----------------------------------------------------------------------------------------------------------- order

_CYCLE_MONTHS, _CYCLE_DAYS = 4_800, 146_097  # the calendar repeats after 400 years
_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def _days_before(month: int) -> int:
    """The days from 1 January of the year 0 to the first of a month, counted from there."""
    year, index = divmod(month, 12)
    leaps = (year + 3) // 4 - (year + 99) // 100 + (year + 399) // 400
    this = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 365 * year + leaps + _BEFORE[index] + (1 if this and index > 1 else 0)


# The first of September 1696, February 1697, March 1903 and July 1903: XML Schema compares durations by adding them to these.
_REFERENCES = tuple((year * 12 + month - 1) for year, month in ((1696, 9), (1697, 2), (1903, 3), (1903, 7)))


def order(left: Any, right: Any, path: str) -> int:
    """-1, 0 or 1; of durations by the order of XML Schema, in which a day has 24 hours. FM2158 where it depends on the calendar."""
    if type(left) is not Duration or type(right) is not Duration:
        return int(left > right) - int(left < right)
    signs = {_sign(_at(start, left) - _at(start, right)) for start in _REFERENCES}
    if len(signs) != 1:
        raise Failed(
            "FM2158", f"which of {quote(left)} and {quote(right)} is longer depends on the months that are meant", path
        )
    return signs.pop()


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _at(start: int, duration: Duration) -> int:
    cycles, month = divmod(start + duration.months, _CYCLE_MONTHS)
    days = cycles * _CYCLE_DAYS + _days_before(month) + duration.days
    return days * DAY + duration.micros
