"""right(text, length)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str, length: Fraction) -> str:
    return "".join(character for index, character in enumerate(text) if len(text) - index <= length)


FUNCTION = Function(
    name="right",
    doc="The last characters of a text, all of it if there are fewer; none for a length below 1.",
    parameters=(Parameter("text", "text"), Parameter("length", "int")),
    result=text_result,
    evaluate=evaluate,
    runtime="right",
    examples=(
        Example('right("21001-A", 1)', ("21001-A", Fraction(1)), "A"),
        Example('right("ab", 5)', ("ab", Fraction(5)), "ab"),
        Example('right("ab", 0)', ("ab", Fraction(0)), ""),
    ),
)
