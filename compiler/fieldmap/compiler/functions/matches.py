"""matches(text, pattern)"""

from __future__ import annotations

from fieldmap.compiler.functions import literals
from fieldmap.compiler.functions.signature import Example, Function, Parameter, bool_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(text: str, pattern: str) -> bool:
    import re2

    try:
        text.encode()
    except UnicodeEncodeError:
        raise Failed("FM2113", "half of a surrogate pair is no character") from None
    return re2.search(rf"\A(?:{pattern})\z", text) is not None


FUNCTION = Function(
    name="matches",
    doc="Whether the whole text is as a regular expression (of RE2) says.",
    parameters=(
        Parameter("text", "text"),
        Parameter("pattern", "text", literal=literals.expression),
    ),
    result=bool_result,
    evaluate=evaluate,
    runtime="matches",
    fails=True,
    examples=(
        Example("matches(\"DE21\", '[A-Z]{2}[0-9]+')", ("DE21", "[A-Z]{2}[0-9]+"), True),
        Example("matches(\"DE21x\", '[A-Z]{2}[0-9]+')", ("DE21x", "[A-Z]{2}[0-9]+"), False),
    ),
)
