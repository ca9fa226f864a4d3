"""power(number, exponent)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, number_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(number: Fraction, exponent: Fraction) -> Fraction:
    if abs(exponent) > 100:
        raise Failed("FM2168", "an exponent is between -100 and 100")
    if max(abs(number.numerator), number.denominator) > 10**1000:
        raise Failed("FM2106", "a number with too many digits to be raised to a power")
    if exponent < 0 and number == 0:
        raise Failed("FM2115", "a division by zero")
    answer = Fraction(1)
    for _ in range(int(abs(exponent))):
        answer *= number
    return answer if exponent >= 0 else 1 / answer


FUNCTION = Function(
    name="power",
    doc="The number multiplied by itself so many times, exactly; the exponent is whole, from -100 to 100.",
    parameters=(
        Parameter("number", "plain number"),
        Parameter("exponent", "int"),
    ),
    result=number_result,
    evaluate=evaluate,
    runtime="power",
    fails=True,
    examples=(
        Example("power(1.1, 2)", (Fraction("1.1"), Fraction(2)), Fraction("1.21")),
        Example("power(2, -1)", (Fraction(2), Fraction(-1)), Fraction("0.5")),
    ),
)
