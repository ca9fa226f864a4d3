"""quarter(date)"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(day: date) -> Fraction:
    return Fraction(-(-day.month // 3))


FUNCTION = Function(
    name="quarter",
    doc="The quarter of the year, 1 to 4.",
    parameters=(Parameter("date", "date"),),
    result=int_result,
    evaluate=evaluate,
    runtime="quarter",
    examples=(
        Example("quarter($.day as date)", (date(2026, 3, 1),), Fraction(1), given='{"day": "2026-03-01"}'),
        Example("quarter($.day as date)", (date(1999, 12, 31),), Fraction(4), given='{"day": "1999-12-31"}'),
    ),
)
