"""day(date)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(day: date) -> Fraction:
    return Fraction(int(day.isoformat()[8:]))


FUNCTION = Function(
    name="day",
    doc="The day of the month of a date.",
    parameters=(Parameter("date", "date"),),
    result=int_result,
    evaluate=evaluate,
    runtime="day_of_month",
    examples=(
        Example("day($.day as date)", (date(2026, 3, 1),), Fraction(1), given='{"day": "2026-03-01"}'),
        Example("day($.day as date)", (date(1999, 12, 31),), Fraction(31), given='{"day": "1999-12-31"}'),
    ),
)
