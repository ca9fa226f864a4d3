"""part(text, start, length?)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str, start: Fraction, length: Fraction | None = None) -> str:
    end = len(text) + 1 if length is None else start + max(length, Fraction(0))
    return "".join(character for place, character in enumerate(text, 1) if start <= place < end)


FUNCTION = Function(
    name="part",
    doc="The characters from a place on, counted from 1; so many, or all that follow.",
    parameters=(
        Parameter("text", "text"),
        Parameter("start", "int"),
        Parameter("length", "int", optional=True),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="part",
    examples=(
        Example('part("21001-A", 3, 3)', ("21001-A", Fraction(3), Fraction(3)), "001"),
        Example('part("21001-A", 7)', ("21001-A", Fraction(7)), "A"),
        Example('part("ab", 0, 2)', ("ab", Fraction(0), Fraction(2)), "a"),
        Example('part("ab", 5)', ("ab", Fraction(5)), ""),
    ),
)
