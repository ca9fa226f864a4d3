"""date(year, month, day)"""

from __future__ import annotations

from calendar import monthrange
from datetime import date as calendar_date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, date_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(year: Fraction, month: Fraction, day: Fraction) -> calendar_date:
    if 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(int(year), int(month))[1]:
        return calendar_date(int(year), int(month), int(day))
    raise Failed("FM2168", "there is no such day in the calendar")


FUNCTION = Function(
    name="date",
    doc="The day of a year, month and day given as numbers; fails if there is none (FM2168).",
    parameters=(
        Parameter("year", "int"),
        Parameter("month", "int"),
        Parameter("day", "int"),
    ),
    result=date_result,
    evaluate=evaluate,
    runtime="make_date",
    fails=True,
    examples=(
        Example("date(2026, 3, 1)", (Fraction(2026), Fraction(3), Fraction(1)), calendar_date(2026, 3, 1)),
        Example("date(1999, 12, 31)", (Fraction(1999), Fraction(12), Fraction(31)), calendar_date(1999, 12, 31)),
    ),
)
