"""has(list, text)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, bool_result


def evaluate(items: list[str], text: str) -> bool:
    return any(item == text for item in items)


FUNCTION = Function(
    name="has",
    doc="Whether a list of texts has a text among its elements.",
    parameters=(
        Parameter("list", "text list"),
        Parameter("text", "text"),
    ),
    result=bool_result,
    evaluate=evaluate,
    runtime="has",
    examples=(
        Example('has(split("SQL;SAP", ";"), "SAP")', (["SQL", "SAP"], "SAP"), True),
        Example('has($.list[*], "SAP")', ([], "SAP"), False, given='{"list": []}'),
    ),
)
