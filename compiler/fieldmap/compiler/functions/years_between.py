"""years_between(earlier, later)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.months import whole_months
from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(earlier: date, later: date) -> Fraction:
    months = whole_months(earlier, later)
    return Fraction(months // 12 if months > 0 else -(-months // 12))


FUNCTION = Function(
    name="years_between",
    doc="The whole years from one date to another (an age, from the day of birth); negative if the second is earlier.",
    parameters=(
        Parameter("earlier", "date"),
        Parameter("later", "date"),
    ),
    result=int_result,
    evaluate=evaluate,
    runtime="years_between",
    examples=(
        Example(
            "years_between($.a as date, $.b as date)",
            (date(2000, 3, 2), date(2026, 3, 1)),
            Fraction(25),
            given='{"a": "2000-03-02", "b": "2026-03-01"}',
        ),
        Example(
            "years_between($.a as date, $.b as date)",
            (date(2026, 3, 1), date(2025, 3, 1)),
            Fraction(-1),
            given='{"a": "2026-03-01", "b": "2025-03-01"}',
        ),
    ),
)
