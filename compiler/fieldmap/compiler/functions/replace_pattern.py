"""replace_pattern(text, pattern, new)"""

from __future__ import annotations

from fieldmap.compiler.functions import literals
from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(text: str, pattern: str, new: str) -> str:
    import re2

    try:
        text.encode()
        new.encode()
    except UnicodeEncodeError:
        raise Failed("FM2113", "half of a surrogate pair is no character") from None
    return str(re2.sub(pattern, lambda _: new, text))


FUNCTION = Function(
    name="replace_pattern",
    doc="Each part of a text that a regular expression (of RE2) finds, replaced by another text.",
    parameters=(
        Parameter("text", "text"),
        Parameter("pattern", "text", literal=literals.expression),
        Parameter("new", "text"),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="replace_pattern",
    fails=True,
    examples=(
        Example('replace_pattern("12 / 34", \'[^0-9]+\', "-")', ("12 / 34", "[^0-9]+", "-"), "12-34"),
        Example('replace_pattern("abc", \'x\', "y")', ("abc", "x", "y"), "abc"),
    ),
)
