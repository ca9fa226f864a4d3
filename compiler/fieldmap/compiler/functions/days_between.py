"""days_between(earlier, later)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(earlier: date, later: date) -> Fraction:
    return Fraction(later.toordinal() - earlier.toordinal())


FUNCTION = Function(
    name="days_between",
    doc="The days from one date to another; negative if the second is earlier.",
    parameters=(
        Parameter("earlier", "date"),
        Parameter("later", "date"),
    ),
    result=int_result,
    evaluate=evaluate,
    runtime="days_between",
    examples=(
        Example(
            "days_between($.a as date, $.b as date)",
            (date(2026, 2, 1), date(2026, 3, 1)),
            Fraction(28),
            given='{"a": "2026-02-01", "b": "2026-03-01"}',
        ),
        Example(
            "days_between($.a as date, $.b as date)",
            (date(2026, 3, 1), date(2026, 2, 1)),
            Fraction(-28),
            given='{"a": "2026-03-01", "b": "2026-02-01"}',
        ),
    ),
)
