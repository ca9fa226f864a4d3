"""floor(number)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, number_result


def evaluate(number: Fraction) -> Fraction:
    return number - number % 1


FUNCTION = Function(
    name="floor",
    doc="The next whole number below.",
    parameters=(Parameter("number", "exact"),),
    result=number_result,
    evaluate=evaluate,
    runtime="floor",
    examples=(
        Example("floor(2.7)", (Fraction("2.7"),), Fraction(2)),
        Example("floor(-2.1)", (Fraction("-2.1"),), Fraction(-3)),
    ),
)
