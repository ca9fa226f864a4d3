"""week(date)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(day: date) -> Fraction:
    thursday = day.toordinal() - (day.toordinal() - 1) % 7 + 3
    first = date(1, 1, 1) if thursday > date.max.toordinal() else date.fromordinal(thursday).replace(month=1, day=1)
    return Fraction(53 if thursday > date.max.toordinal() else (thursday - first.toordinal()) // 7 + 1)


FUNCTION = Function(
    name="week",
    doc="The week of the year, 1 to 53: the first is that with the first Thursday (ISO 8601).",
    parameters=(Parameter("date", "date"),),
    result=int_result,
    evaluate=evaluate,
    runtime="week",
    examples=(
        Example("week($.day as date)", (date(2026, 3, 1),), Fraction(9), given='{"day": "2026-03-01"}'),
        Example("week($.day as date)", (date(2021, 1, 1),), Fraction(53), given='{"day": "2021-01-01"}'),
    ),
)
