"""digits(text)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")


FUNCTION = Function(
    name="digits",
    doc="The digits 0 to 9 of a text, and nothing else of it.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="digits",
    examples=(
        Example('digits("+49 (30) 123-4")', ("+49 (30) 123-4",), "49301234"),
        Example('digits("none")', ("none",), ""),
    ),
)
