"""min(list)"""

from __future__ import annotations

import operator
from typing import Any

from fieldmap.compiler.functions.kinds import extreme
from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result


def evaluate(items: list[Any]) -> Any:
    return extreme(items, operator.lt)


FUNCTION = Function(
    name="min",
    doc="The smallest element of a list, texts by code point; absent if the list is empty.",
    parameters=(Parameter("list", "ordered list"),),
    result=element_result,
    evaluate=evaluate,
    runtime="smallest",
    fails=True,
    may_be_absent=True,
    examples=(
        Example('min(split("b;a", ";"))', (["b", "a"],), "a"),
        Example("min($.list[*])", ([],), None, given='{"list": []}'),
    ),
)
