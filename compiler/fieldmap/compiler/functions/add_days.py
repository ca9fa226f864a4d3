"""add_days(date, days)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, date_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(day: date, days: Fraction) -> date:
    number = day.toordinal() + days
    if not 1 <= number <= date.max.toordinal():
        raise Failed("FM2168", "this leads outside the years 1 to 9999")
    return date.fromordinal(int(number))


FUNCTION = Function(
    name="add_days",
    doc="The day so many days later, or earlier for a negative number.",
    parameters=(
        Parameter("date", "date"),
        Parameter("days", "int"),
    ),
    result=date_result,
    evaluate=evaluate,
    runtime="add_days",
    fails=True,
    examples=(
        Example(
            "add_days($.day as date, -1)",
            (date(2026, 3, 1), Fraction(-1)),
            date(2026, 2, 28),
            given='{"day": "2026-03-01"}',
        ),
        Example(
            "add_days($.day as date, 31)",
            (date(2026, 3, 1), Fraction(31)),
            date(2026, 4, 1),
            given='{"day": "2026-03-01"}',
        ),
    ),
)
