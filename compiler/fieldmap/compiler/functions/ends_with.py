"""ends_with(text, part)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, bool_result


def evaluate(text: str, part: str) -> bool:
    return text[len(text) - len(part) :] == part and len(part) <= len(text)


FUNCTION = Function(
    name="ends_with",
    doc="Whether a text ends with another.",
    parameters=(
        Parameter("text", "text"),
        Parameter("part", "text"),
    ),
    result=bool_result,
    evaluate=evaluate,
    runtime="ends_with",
    examples=(
        Example('ends_with("a.pdf", ".pdf")', ("a.pdf", ".pdf"), True),
        Example('ends_with("a", "ba")', ("a", "ba"), False),
    ),
)
