"""round(number, places?)"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from fieldmap.compiler.functions.signature import Example, Function, Parameter, number_result
from fieldmap.runtime.values.outcome import Failed

PLACES = 100


def evaluate(number: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    if abs(places) > PLACES:
        raise Failed("FM2168", f"the number of places is between {-PLACES} and {PLACES}")
    step = Fraction(1, 10) ** int(places)
    steps = floor(abs(number) / step + Fraction(1, 2))
    return steps * step if number >= 0 else -steps * step


FUNCTION = Function(
    name="round",
    doc="The number rounded half away from zero, to whole ones or to so many places behind the point.",
    parameters=(
        Parameter("number", "exact"),
        Parameter("places", "int", optional=True),
    ),
    result=number_result,
    evaluate=evaluate,
    runtime="rounded",
    fails=True,
    examples=(
        Example("round(2.5)", (Fraction("2.5"),), Fraction(3)),
        Example("round(-1.005, 2)", (Fraction("-1.005"), Fraction(2)), Fraction("-1.01")),
        Example("round(1250, -2)", (Fraction(1250), Fraction(-2)), Fraction(1300)),
    ),
)
