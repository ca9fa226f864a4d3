"""nth(list, place)"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, element_result


def evaluate(items: list[Any], place: Fraction) -> Any:
    return next((item for number, item in enumerate(items, 1) if number == place), None)


FUNCTION = Function(
    name="nth",
    doc="The element at a place, counted from 1; absent if there is none.",
    parameters=(
        Parameter("list", "any list"),
        Parameter("place", "int"),
    ),
    result=element_result,
    evaluate=evaluate,
    runtime="nth",
    may_be_absent=True,
    examples=(
        Example('nth(split("a;b", ";"), 2)', (["a", "b"], Fraction(2)), "b"),
        Example('nth(split("a;b", ";"), 3)', (["a", "b"], Fraction(3)), None),
    ),
)
