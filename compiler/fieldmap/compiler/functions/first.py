"""first(list)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result


def evaluate(items: list[Any]) -> Any:
    for item in items:
        return item
    return None


FUNCTION = Function(
    name="first",
    doc="The first element of a list; absent if the list is empty.",
    parameters=(Parameter("list", "any list"),),
    result=element_result,
    evaluate=evaluate,
    runtime="first",
    may_be_absent=True,
    examples=(
        Example('first(split("a;b", ";"))', (["a", "b"],), "a"),
        Example("first($.list[*])", ([],), None, given='{"list": []}'),
    ),
)
