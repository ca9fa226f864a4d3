"""max(list)"""

from __future__ import annotations

import operator
from typing import Any

from fieldmap.compiler.functions.kinds import extreme
from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result


def evaluate(items: list[Any]) -> Any:
    return extreme(items, operator.gt)


FUNCTION = Function(
    name="max",
    doc="The largest element of a list, texts by code point; absent if the list is empty.",
    parameters=(Parameter("list", "ordered list"),),
    result=element_result,
    evaluate=evaluate,
    runtime="largest",
    fails=True,
    may_be_absent=True,
    examples=(
        Example('max(split("b;a", ";"))', (["b", "a"],), "b"),
        Example("max($.list[*])", ([],), None, given='{"list": []}'),
    ),
)
