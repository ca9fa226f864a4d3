"""any(list)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, bool_result


def evaluate(items: list[bool]) -> bool:
    return True in items


FUNCTION = Function(
    name="any",
    doc="Whether some element is true; false for an empty list.",
    parameters=(Parameter("list", "bool list"),),
    result=bool_result,
    evaluate=evaluate,
    runtime="any_",
    examples=(
        Example("any($.list[*])", ([False, True],), True, given='{"list": [false, true]}'),
        Example("any($.list[*])", ([],), False, given='{"list": []}'),
    ),
)
