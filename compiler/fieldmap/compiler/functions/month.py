"""month(date)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(day: date) -> Fraction:
    return Fraction(int(day.isoformat()[5:7]))


FUNCTION = Function(
    name="month",
    doc="The month of a date, 1 to 12.",
    parameters=(Parameter("date", "date"),),
    result=int_result,
    evaluate=evaluate,
    runtime="month",
    examples=(
        Example("month($.day as date)", (date(2026, 3, 1),), Fraction(3), given='{"day": "2026-03-01"}'),
        Example("month($.day as date)", (date(1999, 12, 31),), Fraction(12), given='{"day": "1999-12-31"}'),
    ),
)
