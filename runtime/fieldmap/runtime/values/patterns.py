"""Dates and times by pattern: the letters of Unicode LDML that say something about a day or a time, ASCII digits and English
names only.

A pattern becomes a regular expression once. Runs of letters are looked up in `_FIELDS`; 'quoted' text and all other characters
stand for themselves. A week-based year, a week and a day of the week are those of ISO 8601: weeks begin on Monday, and the
first one of a year holds its first Thursday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["date", "datetime", "time"]

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SINCE = 1969  # the first of the hundred years that `yy` means, where nothing else is said


def _names(names: tuple[str, ...], length: int | None) -> str:
    return "(?i:" + "|".join(name[:length] for name in names) + ")"


_PLAIN_OFFSET, _COLON_OFFSET = "[+-][0-9]{4}", "[+-][0-9]{2}:[0-9]{2}"
_SHORT_OFFSET = "[+-][0-9]{2}(?:[0-9]{2})?"

# Letters of a pattern: the part that they give, and its expression.
_FIELDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("yyyy", "y", "uuuu", "u"), ("year", "[0-9]{4}")),
    "yy": ("short_year", "[0-9]{2}"),
    **dict.fromkeys(("YYYY", "Y"), ("week_year", "[0-9]{4}")),
    "MM": ("month", "[0-9]{2}"),
    "M": ("month", "[0-9]{1,2}"),
    "MMM": ("month_name", _names(MONTHS, 3)),
    "MMMM": ("month_word", _names(MONTHS, None)),
    "dd": ("day", "[0-9]{2}"),
    "d": ("day", "[0-9]{1,2}"),
    "DDD": ("year_day", "[0-9]{3}"),
    "D": ("year_day", "[0-9]{1,3}"),
    "ww": ("week", "[0-9]{2}"),
    "w": ("week", "[0-9]{1,2}"),
    "e": ("week_day", "[1-7]"),
    **dict.fromkeys(("E", "EE", "EEE"), ("day_name", _names(DAYS, 3))),
    "EEEE": ("day_word", _names(DAYS, None)),
    "HH": ("hour", "[0-9]{2}"),
    "H": ("hour", "[0-9]{1,2}"),
    "kk": ("hour_to_24", "[0-9]{2}"),
    "k": ("hour_to_24", "[0-9]{1,2}"),
    "hh": ("half_hour", "[0-9]{2}"),
    "h": ("half_hour", "[0-9]{1,2}"),
    "KK": ("half_hour_from_0", "[0-9]{2}"),
    "K": ("half_hour_from_0", "[0-9]{1,2}"),
    "a": ("half", "(?i:am|pm)"),
    "mm": ("minute", "[0-9]{2}"),
    "m": ("minute", "[0-9]{1,2}"),
    "ss": ("second", "[0-9]{2}"),
    "s": ("second", "[0-9]{1,2}"),
    **{"S" * n: ("fraction", "[0-9]{1,9}") for n in range(1, 10)},
    "X": ("offset", f"Z|{_SHORT_OFFSET}"),
    "XX": ("offset", f"Z|{_PLAIN_OFFSET}"),
    **dict.fromkeys(("XXX", "ZZZZZ"), ("offset", f"Z|{_COLON_OFFSET}")),
    "x": ("offset", _SHORT_OFFSET),
    **dict.fromkeys(("xx", "Z", "ZZ", "ZZZ"), ("offset", _PLAIN_OFFSET)),
    "xxx": ("offset", _COLON_OFFSET),
}
_VARIABLE = {"M", "d", "D", "w", "H", "k", "h", "K", "m", "s", "X", "x", *("S" * n for n in range(1, 10))}
_NUMERIC = {
    "year", "short_year", "week_year", "month", "day", "year_day", "week", "week_day",
    "hour", "hour_to_24", "half_hour", "half_hour_from_0", "minute", "second", "fraction",
}  # fmt: skip
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)

# What a pattern may say of a year, of a day, of an hour: one of each group's members, and no second one.
_YEARS = ("year", "short_year", "week_year")
_MONTHS = ("month", "month_name", "month_word")
_HOURS = ("hour", "hour_to_24", "half_hour", "half_hour_from_0")
_DAY_NAMES = ("day_name", "day_word", "week_day")
_TIMES = {*_HOURS, "minute", "second", "fraction", "half"}


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


_UNUSED = {
    "z": 'holds "{0}", and the short name of a zone (CST) means several zones; say the zone behind it: at "Europe/Berlin"',
    "Q": 'holds "{0}", and a quarter of a year is no day',
    "DD": 'holds "DD", the day of the year in two digits; the day of the month is dd',
}


def tokens(pattern: str) -> list[tuple[str, str]]:
    """Runs of letters as ("letters", "yyyy"), and all else as ("literal", its text). Raises PatternError."""
    found = []
    for token in _TOKEN.finditer(pattern):
        text = token.group(0)
        if token.group(2) is not None:
            found.append(("letters", text))
        elif text == "'":
            raise PatternError("does not close a single quote")
        else:
            quoted = token.group(1)
            found.append(("literal", "'" if text == "''" else (quoted or token.group(3) or "").replace("''", "'")))
    return found


def pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """The parts of a pattern that compiles, in order: its letters, and (False) the text between them."""
    for kind, text in tokens(pattern):
        yield text, kind == "letters"


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Compiled:
    """Raises PatternError."""
    expression, parts, before = [], set[str](), ""
    for kind, text in tokens(pattern):
        if kind == "literal":
            expression.append(re.escape(text))
            before = ""
            continue
        if text not in _FIELDS:
            told = _UNUSED.get(text) or _UNUSED.get(text[0]) if text == "DD" or text[0] in "zQ" else None
            raise PatternError(
                (told or 'holds "{0}", which has no meaning; other words stand in single quotes').format(text)
            )
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


def fault(pattern: str, kind: Kind) -> str | None:
    """Why the pattern cannot give a date, a datetime or a time, as a clause about it for its author; None if it can."""
    try:
        parts = compile_pattern(pattern).parts
    except PatternError as error:
        return str(error)
    for what, names in (("year", _YEARS), ("month", _MONTHS), ("hour", _HOURS)):
        if len(parts & set(names)) > 1:
            return f"names the {what} twice"
    if kind == "time":
        if parts - _TIMES:
            return "names a day or an offset, which a time of day does not have"
    elif (problem := _day_fault(parts)) is not None:
        return problem
    if kind == "date":
        return "names a time of day, which a date does not have" if parts & {*_TIMES, "offset"} else None
    return _time_fault(parts)


def _day_fault(parts: frozenset[str]) -> str | None:
    months = parts & set(_MONTHS)
    if "week_year" in parts or "week" in parts:
        if months or parts & {"day", "year_day"}:
            return "counts by weeks (YYYY, w) and names a month or a day of its own too"
        for name, what in (("week_year", "year of weeks (YYYY)"), ("week", "week (ww)")):
            if name not in parts:
                return f"names no {what}"
        return None if parts & set(_DAY_NAMES) else "names no day of the week (e, EEE)"
    if "week_day" in parts:
        return 'holds "e", the day of a week, and no week'
    if not parts & set(_YEARS):
        return "names no year"
    if "year_day" in parts:
        return "names a day of the year (DDD) and a month or day too" if months or "day" in parts else None
    if not months:
        return "names no month"
    return None if "day" in parts else "names no day"


def _time_fault(parts: frozenset[str]) -> str | None:
    if ("half" in parts) != bool(parts & {"half_hour", "half_hour_from_0"}):
        return "needs both hh or h and a (AM or PM), or neither"
    if not parts & set(_HOURS):
        return "names no hour"
    if ("fraction" in parts and "second" not in parts) or ("second" in parts and "minute" not in parts):
        return "names a part of an hour without the larger one"
    return None


# --------------------------------------------------------------------------------------------------------- reading


def read_day(text: str, pattern: str, since: int = SINCE) -> date | None:
    """The day of what `read` finds, in one step for the patterns that most sources use."""
    expression, _, order = compile_pattern(pattern)
    if order is None:
        local = read(text, pattern, since)
        return local.moment.date() if local else None
    match = expression.fullmatch(text)
    if match is None:
        return None
    year, month, day = match.group(*order)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def read(text: str, pattern: str, since: int = SINCE) -> Local | None:
    """What the text says by this pattern; None if the text is not written so, names no day that exists, or is finer than
    microseconds. since: the first of the hundred years that `yy` means."""
    match = compile_pattern(pattern).expression.fullmatch(text)
    if match is None:
        return None
    said = {name: value for name, value in match.groupdict().items() if value}
    try:
        day, clock = _day(said, since), _clock(said)
        if day is None or clock is None:
            return None
        return Local(datetime.combine(day, clock), offset_of(said.get("offset")))
    except ValueError:
        return None


def read_clock(text: str, pattern: str) -> time | None:
    """The time of day that the text says; None as for `read`."""
    match = compile_pattern(pattern).expression.fullmatch(text)
    if match is None:
        return None
    try:
        return _clock({name: value for name, value in match.groupdict().items() if value})
    except ValueError:
        return None


def _day(said: dict[str, str], since: int) -> date | None:
    """Raises ValueError for a day that does not exist; None where the name of the weekday is another day's."""
    weekday = _weekday(said)
    if "week" in said:
        return date.fromisocalendar(int(said["week_year"]), int(said["week"]), weekday or 0)
    year = int(said["year"]) if "year" in said else since + (int(said["short_year"]) - since) % 100
    if "year_day" in said:
        day = date(year, 1, 1) + timedelta(days=int(said["year_day"]) - 1)
        if day.year != year:
            return None
    else:
        day = date(year, _month(said), int(said["day"]))
    return day if weekday in (None, day.isoweekday()) else None


def _month(said: dict[str, str]) -> int:
    name = said.get("month_name") or said.get("month_word")
    if name is None:
        return int(said["month"])
    return [month[: len(name)].lower() for month in MONTHS].index(name.lower()) + 1


def _weekday(said: dict[str, str]) -> int | None:
    name = said.get("day_name") or said.get("day_word")
    if name is not None:
        named = [day[: len(name)].lower() for day in DAYS].index(name.lower()) + 1
        return named if said.get("week_day", str(named)) == str(named) else 0  # 0: no day of any week
    return int(said["week_day"]) if "week_day" in said else None


def _clock(said: dict[str, str]) -> time | None:
    hour = _hour(said)
    micros = int(said.get("fraction", "0").ljust(9, "0"))
    if micros % 1000 or hour is None:
        return None
    return time(hour, int(said.get("minute", 0)), int(said.get("second", 0)), micros // 1000)


def _hour(said: dict[str, str]) -> int | None:
    """Of 24 as k counts, 24 is midnight at the day's beginning."""
    later = 12 if said.get("half", "").lower() == "pm" else 0
    for name, lowest, highest, cycle in (
        ("half_hour", 1, 12, 12),
        ("half_hour_from_0", 0, 11, 12),
        ("hour_to_24", 1, 24, 24),
    ):
        if name in said:
            hour = int(said[name])
            return hour % cycle + later if lowest <= hour <= highest else None
    return int(said.get("hour", 0))


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


# --------------------------------------------------------------------------------------------------------- writing


def write(moment: datetime, pattern: str) -> str:
    """The moment (aware, for a pattern with an offset) as the pattern writes it: what its author takes it to mean."""
    return "".join(text if kind == "literal" else _written(moment, text) for kind, text in tokens(pattern))


def _written(moment: datetime, letters: str) -> str:
    name, width = _FIELDS[letters][0], len(letters)
    match name:
        case "year":
            return f"{moment.year:04}"
        case "short_year":
            return f"{moment.year % 100:02}"
        case "week_year":
            return f"{moment.isocalendar().year:04}"
        case "month_name" | "month_word":
            return MONTHS[moment.month - 1][: 3 if name == "month_name" else None]
        case "day_name" | "day_word":
            return DAYS[moment.weekday()][: 3 if name == "day_name" else None]
        case "half":
            return "AM" if moment.hour < 12 else "PM"
        case "fraction":
            return f"{moment.microsecond:06}000"[:width]
        case "offset":
            return _written_offset(moment.utcoffset() or timedelta(0), letters)
        case _:
            return f"{_number(moment, name):0{width}}"


def _number(moment: datetime, name: str) -> int:
    match name:
        case "month":
            return moment.month
        case "day":
            return moment.day
        case "year_day":
            return moment.timetuple().tm_yday
        case "week":
            return moment.isocalendar().week
        case "week_day":
            return moment.isoweekday()
        case "hour":
            return moment.hour
        case "hour_to_24":
            return moment.hour or 24
        case "half_hour":
            return moment.hour % 12 or 12
        case "half_hour_from_0":
            return moment.hour % 12
        case "minute":
            return moment.minute
        case _:
            return moment.second


def _written_offset(offset: timedelta, letters: str) -> str:
    if not offset and letters in ("X", "XX", "XXX", "ZZZZZ"):
        return "Z"
    minutes = abs(offset) // timedelta(minutes=1)
    sign = "-" if offset < timedelta(0) else "+"
    colon = ":" if letters in ("XXX", "xxx", "ZZZZZ") else ""
    short = letters in ("X", "x") and minutes % 60 == 0
    return f"{sign}{minutes // 60:02}" + ("" if short else f"{colon}{minutes % 60:02}")


_SAMPLES = tuple(
    datetime(year, month, day, hour, minute, second, tzinfo=timezone(timedelta(minutes=offset)))
    for year, month, day, hour, minute, second, offset in (
        (2001, 1, 1, 0, 0, 0, 0),
        (2011, 11, 11, 11, 11, 11, 60),
        (2012, 2, 29, 12, 1, 12, -210),
        (2021, 1, 12, 1, 12, 1, 0),
        (2021, 11, 2, 21, 2, 0, 330),
        (2004, 12, 31, 23, 59, 59, -60),
        (2010, 10, 10, 10, 10, 10, 0),
    )
)


@lru_cache(maxsize=1024)
def unreadable(pattern: str, kind: Kind, since: int = SINCE) -> tuple[str, str] | None:
    """A text that a usable pattern writes and does not read back as the same, with what it reads ("nothing" if it does not
    read it); None if it reads its own output."""
    for sample in _SAMPLES:
        year = since + (sample.year - since) % 100 if "short_year" in compile_pattern(pattern).parts else sample.year
        moment = sample.replace(year=year) if (sample.month, sample.day) != (2, 29) or year % 4 == 0 else sample
        if moment.year != year:
            continue
        text = write(moment, pattern)
        if kind == "time":
            clock = read_clock(text, pattern)
            found = None if clock is None else clock.isoformat()
            again = None if clock is None else write(datetime.combine(moment.date(), clock), pattern)
        else:
            local = read(text, pattern, since)
            found = None if local is None else local.moment.isoformat(" ")
            again = None if local is None else write(local.moment.replace(tzinfo=moment.tzinfo), pattern)
            if local is not None and local.moment.date() != moment.date():
                again = None
        if again != text:
            return text, found or "nothing"
    return None
