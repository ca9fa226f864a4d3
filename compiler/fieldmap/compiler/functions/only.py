"""only(list)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(items: list[Any]) -> Any:
    if len(items) > 1:
        raise Failed("FM2112", "only one value may be there, and there are several")
    return next(iter(items), None)


FUNCTION = Function(
    name="only",
    doc="The one element of a list; absent if the list is empty, and a failure if it has several (FM2112).",
    parameters=(Parameter("list", "any list"),),
    result=element_result,
    evaluate=evaluate,
    runtime="only",
    fails=True,
    may_be_absent=True,
    examples=(
        Example('only(split("a", ";"))', (["a"],), "a"),
        Example("only($.list[*])", ([],), None, given='{"list": []}'),
    ),
)
