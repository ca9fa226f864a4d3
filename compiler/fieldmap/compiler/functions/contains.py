"""contains(text, part)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, bool_result


def evaluate(text: str, part: str) -> bool:
    return any(text[at : at + len(part)] == part for at in range(len(text) + 1))


FUNCTION = Function(
    name="contains",
    doc="Whether a text holds another anywhere; upper and lower case differ.",
    parameters=(
        Parameter("text", "text"),
        Parameter("part", "text"),
    ),
    result=bool_result,
    evaluate=evaluate,
    runtime="contains",
    examples=(
        Example('contains("Head of IT", "IT")', ("Head of IT", "IT"), True),
        Example('contains("ab", "B")', ("ab", "B"), False),
    ),
)
