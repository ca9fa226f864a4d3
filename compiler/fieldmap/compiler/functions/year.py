"""year(date)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(day: date) -> Fraction:
    return Fraction(int(day.isoformat()[:4]))


FUNCTION = Function(
    name="year",
    doc="The year of a date.",
    parameters=(Parameter("date", "date"),),
    result=int_result,
    evaluate=evaluate,
    runtime="year",
    examples=(
        Example("year($.day as date)", (date(2026, 3, 1),), Fraction(2026), given='{"day": "2026-03-01"}'),
        Example("year($.day as date)", (date(1999, 12, 31),), Fraction(1999), given='{"day": "1999-12-31"}'),
    ),
)
