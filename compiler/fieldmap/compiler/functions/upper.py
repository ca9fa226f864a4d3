"""upper(text)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str) -> str:
    return text.upper()


FUNCTION = Function(
    name="upper",
    doc="The text in upper case, in every alphabet, and the same in every country; ß becomes SS.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="upper",
    unicode=True,
    examples=(
        Example('upper("de")', ("de",), "DE"),
        Example('upper("straße")', ("straße",), "STRASSE"),
    ),
)
