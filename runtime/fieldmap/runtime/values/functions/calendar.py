"""Functions of dates and instants. Counts of days and months are exact numbers that are whole."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import MAXYEAR, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.numbers import Exact
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.patterns import DAYS, MONTHS, pieces

_DAYS = MAXYEAR * 366


def year(day: date) -> int:
    return day.year


def month(day: date) -> int:
    return day.month


def day_of_month(day: date) -> int:
    return day.day


def weekday(day: date) -> int:
    return day.isoweekday()


def week(day: date) -> int:
    return day.isocalendar().week


def quarter(day: date) -> int:
    return (day.month + 2) // 3


def make_date(path: str, year: Exact, month: Exact, day: Exact) -> date:
    """FM2168."""
    try:
        return date(int(year), int(month), int(day))
    except (ValueError, OverflowError):
        shown = f"year {quote(year)}, month {quote(month)}, day {quote(day)}"
        raise Failed("FM2168", f"there is no day in the calendar of {shown}", path) from None


def _outside(day: date, path: str) -> Failed:
    return Failed("FM2168", f"from {day.isoformat()} this leads outside the years 1 to {MAXYEAR}", path)


def add_days(path: str, day: date, days: Exact) -> date:
    """FM2168."""
    if not -_DAYS <= days <= _DAYS:
        raise _outside(day, path)
    try:
        return day + timedelta(days=int(days))
    except OverflowError:
        raise _outside(day, path) from None


def add_months(path: str, day: date, months: Exact) -> date:
    """FM2168."""
    years, month = divmod(day.year * 12 + day.month - 1 + int(months), 12)
    if not 1 <= years <= MAXYEAR:
        raise _outside(day, path)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def add_years(path: str, day: date, years: Exact) -> date:
    """FM2168."""
    return add_months(path, day, 12 * int(years))


def days_between(earlier: date, later: date) -> int:
    return (later - earlier).days


def months_between(earlier: date, later: date) -> int:
    if later < earlier:
        return -months_between(later, earlier)
    months = 12 * (later.year - earlier.year) + later.month - earlier.month
    last = monthrange(later.year, later.month)[1]
    return months - (later.day < min(earlier.day, last))


def years_between(earlier: date, later: date) -> int:
    months = months_between(earlier, later)
    return months // 12 if months >= 0 else -(-months // 12)


def start_of_week(path: str, day: date) -> date:
    """FM2168."""
    return add_days(path, day, 1 - day.isoweekday())


def start_of_month(day: date) -> date:
    return day.replace(day=1)


def end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def seconds_between(earlier: datetime, later: datetime) -> Exact:
    apart = later - earlier
    whole = apart.days * 86_400 + apart.seconds
    if not apart.microseconds:
        return whole
    return Decimal(whole * 1_000_000 + apart.microseconds).scaleb(-6)


@lru_cache(maxsize=256)
def _layout(pattern: str) -> tuple[tuple[str, bool], ...]:
    return tuple(pieces(pattern))


_WRITTEN: dict[str, Callable[[date], str]] = {
    "yyyy": lambda day: f"{day.year:04}",
    "yy": lambda day: f"{day.year % 100:02}",
    "MM": lambda day: f"{day.month:02}",
    "M": lambda day: str(day.month),
    "MMM": lambda day: MONTHS[day.month - 1][:3],
    "MMMM": lambda day: MONTHS[day.month - 1],
    "dd": lambda day: f"{day.day:02}",
    "d": lambda day: str(day.day),
    "DDD": lambda day: f"{day.timetuple().tm_yday:03}",
    "D": lambda day: str(day.timetuple().tm_yday),
    "ww": lambda day: f"{day.isocalendar().week:02}",
    "w": lambda day: str(day.isocalendar().week),
    "e": lambda day: str(day.isoweekday()),
    "EEEE": lambda day: DAYS[day.weekday()],
    **dict.fromkeys(("y", "u", "uuuu"), lambda day: f"{day.year:04}"),
    **dict.fromkeys(("Y", "YYYY"), lambda day: f"{day.isocalendar().year:04}"),
    **dict.fromkeys(("E", "EE", "EEE"), lambda day: DAYS[day.weekday()][:3]),
}


def written(day: date, pattern: str) -> str:
    return "".join(_WRITTEN[piece](day) if letters else piece for piece, letters in _layout(pattern))
