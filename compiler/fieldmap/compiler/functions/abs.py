"""abs(number)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, number_result


def evaluate(number: Fraction) -> Fraction:
    return -number if number < 0 else number


FUNCTION = Function(
    name="abs",
    doc="The number without its sign.",
    parameters=(Parameter("number", "exact"),),
    result=number_result,
    evaluate=evaluate,
    runtime="absolute",
    examples=(
        Example("abs(-12.5)", (Fraction("-12.5"),), Fraction("12.5")),
        Example("abs(3)", (Fraction(3),), Fraction(3)),
    ),
)
