"""months_between(earlier, later)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.months import whole_months
from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(earlier: date, later: date) -> Fraction:
    return Fraction(whole_months(earlier, later))


FUNCTION = Function(
    name="months_between",
    doc="The whole months from one date to another, as add_months counts them; negative if the second is earlier.",
    parameters=(
        Parameter("earlier", "date"),
        Parameter("later", "date"),
    ),
    result=int_result,
    evaluate=evaluate,
    runtime="months_between",
    examples=(
        Example(
            "months_between($.a as date, $.b as date)",
            (date(2026, 1, 31), date(2026, 2, 28)),
            Fraction(1),
            given='{"a": "2026-01-31", "b": "2026-02-28"}',
        ),
        Example(
            "months_between($.a as date, $.b as date)",
            (date(2026, 3, 1), date(2026, 1, 2)),
            Fraction(-1),
            given='{"a": "2026-03-01", "b": "2026-01-02"}',
        ),
    ),
)
