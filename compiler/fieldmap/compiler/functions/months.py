"""Months as functions count them: one more month is the same day of the next, or its last day."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.runtime.values.outcome import Failed


def days_of(year: int, month: int) -> int:
    """The number of days of a month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def moved(day: date, months: Fraction) -> date:
    """FM2168 outside the years 1 to 9999."""
    number = Fraction(day.year * 12 + day.month - 1) + months
    year, month = int(number // 12), int(number % 12) + 1
    if not 1 <= year <= 9999:
        raise Failed("FM2168", "this leads outside the years 1 to 9999")
    return date(year, month, min(day.day, days_of(year, month)))


def whole_months(earlier: date, later: date) -> int:
    """The largest number of months that does not lead beyond the later date."""
    if later < earlier:
        return -whole_months(later, earlier)
    months = 12 * (later.year - earlier.year) + (later.month - earlier.month)
    return months if moved(earlier, Fraction(months)) <= later else months - 1
