"""add_years(date, years)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.months import moved
from fieldmap.compiler.functions.signature import Example, Function, Parameter, date_result


def evaluate(day: date, years: Fraction) -> date:
    return moved(day, 12 * years)


FUNCTION = Function(
    name="add_years",
    doc="The same day so many years later or earlier; 28 February where there is no 29th.",
    parameters=(
        Parameter("date", "date"),
        Parameter("years", "int"),
    ),
    result=date_result,
    evaluate=evaluate,
    runtime="add_years",
    fails=True,
    examples=(
        Example(
            "add_years($.day as date, 1)",
            (date(2024, 2, 29), Fraction(1)),
            date(2025, 2, 28),
            given='{"day": "2024-02-29"}',
        ),
        Example(
            "add_years($.day as date, -1)",
            (date(2026, 3, 1), Fraction(-1)),
            date(2025, 3, 1),
            given='{"day": "2026-03-01"}',
        ),
    ),
)
