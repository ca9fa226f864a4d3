"""squeeze(text)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str) -> str:
    answer = ""
    for character in text:
        if not character.isspace():
            answer += character
        elif answer and not answer.endswith(" "):
            answer += " "
    return answer.removesuffix(" ")


FUNCTION = Function(
    name="squeeze",
    doc="White space at both ends taken away, and each run of it within made one blank.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="squeeze",
    examples=(
        Example('squeeze("  Ada   Byron ")', ("  Ada   Byron ",), "Ada Byron"),
        Example('squeeze(" ")', (" ",), ""),
    ),
)
