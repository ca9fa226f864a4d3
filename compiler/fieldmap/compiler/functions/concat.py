"""concat(list, …)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, like_lists


def evaluate(*lists: list[Any]) -> list[Any]:
    answer: list[Any] = []
    for items in lists:
        answer += items
    return answer


FUNCTION = Function(
    name="concat",
    doc="Several lists as one, in their order.",
    parameters=(Parameter("list", "any list"),),
    result=like_lists,
    evaluate=evaluate,
    runtime="concat",
    variadic=True,
    examples=(
        Example('concat(split("a;b", ";"), split("c", ";"))', (["a", "b"], ["c"]), ["a", "b", "c"]),
        Example("concat($.list[*])", ([],), [], given='{"list": []}'),
    ),
)
