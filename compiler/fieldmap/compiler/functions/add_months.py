"""add_months(date, months)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.months import moved
from fieldmap.compiler.functions.signature import Example, Function, Parameter, date_result


def evaluate(day: date, months: Fraction) -> date:
    return moved(day, months)


FUNCTION = Function(
    name="add_months",
    doc="The same day so many months later or earlier; the last day of that month where it has no such day.",
    parameters=(
        Parameter("date", "date"),
        Parameter("months", "int"),
    ),
    result=date_result,
    evaluate=evaluate,
    runtime="add_months",
    fails=True,
    examples=(
        Example(
            "add_months($.day as date, 1)",
            (date(2026, 1, 31), Fraction(1)),
            date(2026, 2, 28),
            given='{"day": "2026-01-31"}',
        ),
        Example(
            "add_months($.day as date, -12)",
            (date(2026, 3, 1), Fraction(-12)),
            date(2025, 3, 1),
            given='{"day": "2026-03-01"}',
        ),
    ),
)
