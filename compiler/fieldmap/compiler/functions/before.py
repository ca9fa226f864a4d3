"""before(text, separator)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str, separator: str) -> str | None:
    for at in range(len(text) if separator else 0):
        if text[at : at + len(separator)] == separator:
            return text[:at]
    return None


FUNCTION = Function(
    name="before",
    doc="The text before the first occurrence of another; absent if that is not in it.",
    parameters=(
        Parameter("text", "text"),
        Parameter("separator", "text"),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="before",
    may_be_absent=True,
    examples=(
        Example('before("ada@example.com", "@")', ("ada@example.com", "@"), "ada"),
        Example('before("ada", "@")', ("ada", "@"), None),
    ),
)
