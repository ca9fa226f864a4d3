"""last(list)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result


def evaluate(items: list[Any]) -> Any:
    answer = None
    for item in items:
        answer = item
    return answer


FUNCTION = Function(
    name="last",
    doc="The last element of a list; absent if the list is empty.",
    parameters=(Parameter("list", "any list"),),
    result=element_result,
    evaluate=evaluate,
    runtime="last",
    may_be_absent=True,
    examples=(
        Example('last(split("a;b", ";"))', (["a", "b"],), "b"),
        Example("last($.list[*])", ([],), None, given='{"list": []}'),
    ),
)
