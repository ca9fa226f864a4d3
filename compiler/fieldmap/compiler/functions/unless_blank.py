"""unless_blank(text)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str) -> str | None:
    return text if any(not character.isspace() for character in text) else None


FUNCTION = Function(
    name="unless_blank",
    doc="The text, and absent if it is empty or nothing but white space.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="unless_blank",
    may_be_absent=True,
    examples=(
        Example('unless_blank("Ada")', ("Ada",), "Ada"),
        Example('unless_blank("  ")', ("  ",), None),
    ),
)
