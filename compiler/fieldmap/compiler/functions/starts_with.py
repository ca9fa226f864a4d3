"""starts_with(text, part)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, bool_result


def evaluate(text: str, part: str) -> bool:
    return text[: len(part)] == part


FUNCTION = Function(
    name="starts_with",
    doc="Whether a text begins with another.",
    parameters=(
        Parameter("text", "text"),
        Parameter("part", "text"),
    ),
    result=bool_result,
    evaluate=evaluate,
    runtime="starts_with",
    examples=(
        Example('starts_with("DE-21", "DE")', ("DE-21", "DE"), True),
        Example('starts_with("DE-21", "de")', ("DE-21", "de"), False),
    ),
)
