"""agreed(list)"""

from __future__ import annotations

from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(items: list[Any]) -> Any:
    if any(item != items[0] or isinstance(item, bool) is not isinstance(items[0], bool) for item in items):
        raise Failed("FM2151", "the values do not agree")
    return next(iter(items), None)


FUNCTION = Function(
    name="agreed",
    doc="The one value on which all elements agree; absent if the list is empty, and a failure if they differ (FM2151).",
    parameters=(Parameter("list", "any list"),),
    result=element_result,
    evaluate=evaluate,
    runtime="agreed",
    fails=True,
    may_be_absent=True,
    examples=(
        Example('agreed(split("a;a", ";"))', (["a", "a"],), "a"),
        Example("agreed($.list[*])", ([],), None, given='{"list": []}'),
    ),
)
