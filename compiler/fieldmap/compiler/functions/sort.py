"""sort(list)"""

from __future__ import annotations

import operator
from typing import Any

from fieldmap.compiler.functions.kinds import extreme
from fieldmap.compiler.functions.signature import Example, Function, Parameter, same_result


def evaluate(items: list[Any]) -> list[Any]:
    answer: list[Any] = []
    for item in items:
        extreme([*answer, item], operator.lt)
        place = next((index for index, other in enumerate(answer) if item < other), len(answer))
        answer.insert(place, item)
    return answer


FUNCTION = Function(
    name="sort",
    doc="The list in ascending order, texts by code point.",
    parameters=(Parameter("list", "ordered list"),),
    result=same_result,
    evaluate=evaluate,
    runtime="ordered",
    fails=True,
    examples=(
        Example('sort(split("b;a;c", ";"))', (["b", "a", "c"],), ["a", "b", "c"]),
        Example("sort($.list[*])", ([],), [], given='{"list": []}'),
    ),
)
