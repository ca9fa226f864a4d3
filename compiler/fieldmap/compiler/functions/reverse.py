"""reverse(list)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, same_result


def evaluate(items: list[Any]) -> list[Any]:
    answer: list[Any] = []
    for item in items:
        answer.insert(0, item)
    return answer


FUNCTION = Function(
    name="reverse",
    doc="The list from its end to its beginning.",
    parameters=(Parameter("list", "any list"),),
    result=same_result,
    evaluate=evaluate,
    runtime="backwards",
    examples=(
        Example('reverse(split("a;b", ";"))', (["a", "b"],), ["b", "a"]),
        Example("reverse($.list[*])", ([],), [], given='{"list": []}'),
    ),
)
