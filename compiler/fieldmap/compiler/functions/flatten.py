"""flatten(list)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result
from fieldmap.runtime.values.failures import wrong


def evaluate(items: list[Any]) -> list[Any]:
    answer: list[Any] = []
    for item in items:
        if not isinstance(item, list):
            raise wrong(item, "a list", "")
        answer += [inner for inner in item if inner is not None]
    return answer


FUNCTION = Function(
    name="flatten",
    doc="The elements of all lists of a list, in one list.",
    parameters=(Parameter("list", "list list"),),
    result=element_result,
    evaluate=evaluate,
    runtime="flatten",
    fails=True,
    examples=(
        Example(
            "flatten($.list[*])", ([["a"], [], ["b", "c"]],), ["a", "b", "c"], given='{"list": [["a"], [], ["b", "c"]]}'
        ),
        Example("flatten($.list[*])", ([],), [], given='{"list": []}'),
    ),
)
