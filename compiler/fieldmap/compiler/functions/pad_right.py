"""pad_right(text, length, fill)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result
from fieldmap.runtime.values.outcome import Failed

LONGEST = 10_000


def evaluate(text: str, length: Fraction, fill: str) -> str:
    if len(fill) != 1:
        raise Failed("FM2168", "a text is filled up with one character")
    if length > LONGEST:
        raise Failed("FM2168", f"a text is filled up to at most {LONGEST} characters")
    while len(text) < length:
        text = text + fill
    return text


FUNCTION = Function(
    name="pad_right",
    doc="The text made so long with a character put at its end; a longer one stays as it is.",
    parameters=(
        Parameter("text", "text"),
        Parameter("length", "int"),
        Parameter("fill", "text"),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="pad_right",
    fails=True,
    examples=(
        Example('pad_right("AB", 4, ".")', ("AB", Fraction(4), "."), "AB.."),
        Example('pad_right("ABC", 2, ".")', ("ABC", Fraction(2), "."), "ABC"),
    ),
)
