"""all(list)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, bool_result


def evaluate(items: list[bool]) -> bool:
    return False not in items


FUNCTION = Function(
    name="all",
    doc="Whether every element is true; true for an empty list.",
    parameters=(Parameter("list", "bool list"),),
    result=bool_result,
    evaluate=evaluate,
    runtime="all_",
    examples=(
        Example("all($.list[*])", ([False, True],), False, given='{"list": [false, true]}'),
        Example("all($.list[*])", ([],), True, given='{"list": []}'),
    ),
)
