"""mod(number, divisor)"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from fieldmap.compiler.functions.signature import Example, Function, Parameter, number_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(number: Fraction, divisor: Fraction) -> Fraction:
    if divisor == 0:
        raise Failed("FM2115", "a division by zero")
    return number - divisor * floor(number / divisor)


FUNCTION = Function(
    name="mod",
    doc="What a division leaves over, with the sign of the divisor.",
    parameters=(
        Parameter("number", "plain number"),
        Parameter("divisor", "plain number"),
    ),
    result=number_result,
    evaluate=evaluate,
    runtime="remainder",
    fails=True,
    examples=(
        Example("mod(17, 5)", (Fraction(17), Fraction(5)), Fraction(2)),
        Example("mod(-7.5, 2)", (Fraction("-7.5"), Fraction(2)), Fraction("0.5")),
    ),
)
