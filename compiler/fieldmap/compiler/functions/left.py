"""left(text, length)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str, length: Fraction) -> str:
    return "".join(character for index, character in enumerate(text) if index < length)


FUNCTION = Function(
    name="left",
    doc="The first characters of a text, all of it if there are fewer; none for a length below 1.",
    parameters=(Parameter("text", "text"), Parameter("length", "int")),
    result=text_result,
    evaluate=evaluate,
    runtime="left",
    examples=(
        Example('left("21001-A", 5)', ("21001-A", Fraction(5)), "21001"),
        Example('left("ab", 5)', ("ab", Fraction(5)), "ab"),
        Example('left("ab", -1)', ("ab", Fraction(-1)), ""),
    ),
)
