"""after(text, separator)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str, separator: str) -> str | None:
    for at in range(len(text) if separator else 0):
        if text[at : at + len(separator)] == separator:
            return text[at + len(separator) :]
    return None


FUNCTION = Function(
    name="after",
    doc="The text behind the first occurrence of another; absent if that is not in it.",
    parameters=(
        Parameter("text", "text"),
        Parameter("separator", "text"),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="after",
    may_be_absent=True,
    examples=(
        Example('after("ada@example.com", "@")', ("ada@example.com", "@"), "example.com"),
        Example('after("ada", "@")', ("ada", "@"), None),
    ),
)
