"""seconds_between(earlier, later)"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, plain_result


def evaluate(earlier: datetime, later: datetime) -> Fraction:
    return Fraction((later - earlier) // timedelta(microseconds=1), 1_000_000)


FUNCTION = Function(
    name="seconds_between",
    doc="The seconds from one instant to another, with their fraction; negative if the second is earlier.",
    parameters=(
        Parameter("earlier", "datetime"),
        Parameter("later", "datetime"),
    ),
    result=plain_result,
    evaluate=evaluate,
    runtime="seconds_between",
    examples=(
        Example(
            "seconds_between($.a as datetime, $.b as datetime)",
            (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 1, tzinfo=UTC)),
            Fraction(3600),
            given='{"a": "2026-03-01T00:00:00Z", "b": "2026-03-01T01:00:00Z"}',
        ),
        Example(
            "seconds_between($.a as datetime, $.b as datetime)",
            (datetime(2026, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
            Fraction("-0.5"),
            given='{"a": "2026-03-01T00:00:00.5Z", "b": "2026-03-01T00:00:00Z"}',
        ),
    ),
)
