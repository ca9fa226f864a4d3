"""split(text, separator)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, texts_result


def evaluate(text: str, separator: str) -> list[str]:
    parts: list[str] = []
    while separator and (at := text.find(separator)) >= 0:
        parts.append(text[:at])
        text = text[at + len(separator) :]
    return [*parts, text]


FUNCTION = Function(
    name="split",
    doc="The parts of a text between a separator, empty ones among them; an empty separator gives the text alone.",
    parameters=(Parameter("text", "text"), Parameter("separator", "text")),
    result=texts_result,
    evaluate=evaluate,
    runtime="split",
    examples=(
        Example('split("SQL;Excel;SAP", ";")', ("SQL;Excel;SAP", ";"), ["SQL", "Excel", "SAP"]),
        Example('split("a,,b", ",")', ("a,,b", ","), ["a", "", "b"]),
        Example('split("ab", "")', ("ab", ""), ["ab"]),
    ),
)
