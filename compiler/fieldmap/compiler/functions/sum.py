"""sum(list)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.arithmetic import combine
from fieldmap.compiler.functions.signature import Example, Function, Parameter, sum_result


def evaluate(items: list[Fraction | float]) -> Fraction | float:
    total: Fraction | float = Fraction(0)
    for item in items:
        total = combine("+", total, item)
    return total


FUNCTION = Function(
    name="sum",
    doc="The exact sum of a list of numbers; 0 for an empty list.",
    parameters=(Parameter("list", "number list"),),
    result=sum_result,
    evaluate=evaluate,
    runtime="total",
    fails=True,
    examples=(
        Example(
            "sum($.list[*])",
            ([Fraction("0.1"), Fraction("0.2"), Fraction("0.3")],),
            Fraction("0.6"),
            given='{"list": [0.1, 0.2, 0.3]}',
        ),
        Example("sum($.list[*])", ([],), Fraction(0), given='{"list": []}'),
    ),
)
