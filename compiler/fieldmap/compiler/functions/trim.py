"""trim(text)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str) -> str:
    while text and text[0].isspace():
        text = text[1:]
    while text and text[-1].isspace():
        text = text[:-1]
    return text


FUNCTION = Function(
    name="trim",
    doc="Takes away white space (all that Unicode calls so) at both ends.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="trim",
    examples=(
        Example('trim("  Ada ")', ("  Ada ",), "Ada"),
        Example('trim("   ")', ("   ",), ""),
    ),
)
