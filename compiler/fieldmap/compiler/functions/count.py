"""count(list)"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, int_result


def evaluate(items: list[Any]) -> Fraction:
    return Fraction(len(items))


FUNCTION = Function(
    name="count",
    doc="The number of elements of a list.",
    parameters=(Parameter("list", "any list"),),
    result=int_result,
    evaluate=evaluate,
    runtime="count",
    examples=(
        Example('count(split("a;b", ";"))', (["a", "b"],), Fraction(2)),
        Example("count($.list[*])", ([],), Fraction(0), given='{"list": []}'),
    ),
)
