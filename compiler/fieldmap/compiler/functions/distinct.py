"""distinct(list)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.kinds import kind
from fieldmap.compiler.functions.signature import Example, Function, Parameter, same_result


def evaluate(items: list[Any]) -> list[Any]:
    answer: list[Any] = []
    for item in items:
        kind(item)
        if not any(kind(item) == kind(other) and item == other for other in answer):
            answer.append(item)
    return answer


FUNCTION = Function(
    name="distinct",
    doc="The list without repetitions, in the order of first occurrence.",
    parameters=(Parameter("list", "ordered list"),),
    result=same_result,
    evaluate=evaluate,
    runtime="distinct",
    fails=True,
    examples=(
        Example('distinct(split("b;a;b", ";"))', (["b", "a", "b"],), ["b", "a"]),
        Example("distinct($.list[*])", ([],), [], given='{"list": []}'),
    ),
)
