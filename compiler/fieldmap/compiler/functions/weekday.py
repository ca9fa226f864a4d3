"""weekday(date)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(day: date) -> Fraction:
    return Fraction((day.toordinal() - 1) % 7 + 1)


FUNCTION = Function(
    name="weekday",
    doc="The day of the week, 1 for Monday to 7 for Sunday (ISO 8601).",
    parameters=(Parameter("date", "date"),),
    result=int_result,
    evaluate=evaluate,
    runtime="weekday",
    examples=(
        Example("weekday($.day as date)", (date(2026, 3, 1),), Fraction(7), given='{"day": "2026-03-01"}'),
        Example("weekday($.day as date)", (date(2026, 3, 2),), Fraction(1), given='{"day": "2026-03-02"}'),
    ),
)
