"""pad(text, length, fill)"""

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
        text = fill + text
    return text


FUNCTION = Function(
    name="pad",
    doc="The text made so long with a character put at its front; a longer one stays as it is.",
    parameters=(
        Parameter("text", "text"),
        Parameter("length", "int"),
        Parameter("fill", "text"),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="pad",
    fails=True,
    examples=(
        Example('pad("421", 6, "0")', ("421", Fraction(6), "0"), "000421"),
        Example('pad("123456", 3, "0")', ("123456", Fraction(3), "0"), "123456"),
    ),
)
