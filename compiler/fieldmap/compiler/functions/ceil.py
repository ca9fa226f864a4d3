"""ceil(number)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, number_result


def evaluate(number: Fraction) -> Fraction:
    return number + -number % 1


FUNCTION = Function(
    name="ceil",
    doc="The next whole number above.",
    parameters=(Parameter("number", "exact"),),
    result=number_result,
    evaluate=evaluate,
    runtime="ceil",
    examples=(
        Example("ceil(2.1)", (Fraction("2.1"),), Fraction(3)),
        Example("ceil(-2.7)", (Fraction("-2.7"),), Fraction(-2)),
    ),
)
