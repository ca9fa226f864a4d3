"""extract(text, pattern)"""

from __future__ import annotations

from fieldmap.compiler.functions import literals
from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(text: str, pattern: str) -> str | None:
    import re2

    try:
        text.encode()
    except UnicodeEncodeError:
        raise Failed("FM2113", "half of a surrogate pair is no character") from None
    for found in re2.finditer(pattern, text):
        groups = found.groups()
        return str(groups[-1]) if groups and groups[-1] is not None else None if groups else str(found.group())
    return None


FUNCTION = Function(
    name="extract",
    doc="The first part of a text that a regular expression (of RE2) finds, or of its group if it has one; absent if there is none.",
    parameters=(
        Parameter("text", "text"),
        Parameter("pattern", "text", literal=literals.extracting),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="extract",
    fails=True,
    may_be_absent=True,
    examples=(
        Example("extract(\"Invoice 4711 of May\", '[0-9]+')", ("Invoice 4711 of May", "[0-9]+"), "4711"),
        Example("extract(\"cost centre: 12\", 'centre: ([0-9]+)')", ("cost centre: 12", "centre: ([0-9]+)"), "12"),
        Example("extract(\"none\", '[0-9]+')", ("none", "[0-9]+"), None),
    ),
)
