"""length(text)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(text: str) -> Fraction:
    return Fraction(len(text))


FUNCTION = Function(
    name="length",
    doc="The number of characters (Unicode code points) of a text.",
    parameters=(Parameter("text", "text"),),
    result=int_result,
    evaluate=evaluate,
    runtime="length",
    examples=(
        Example('length("Grüße")', ("Grüße",), Fraction(5)),
        Example('length("")', ("",), Fraction(0)),
    ),
)
