"""lower(text)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str) -> str:
    return text.lower()


FUNCTION = Function(
    name="lower",
    doc="The text in lower case, in every alphabet, and the same in every country.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="lower",
    unicode=True,
    examples=(
        Example('lower("Ada@Example.COM")', ("Ada@Example.COM",), "ada@example.com"),
        Example('lower("STRAßE")', ("STRAßE",), "straße"),
    ),
)
