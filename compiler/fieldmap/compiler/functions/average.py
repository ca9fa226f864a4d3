"""average(list)"""

from __future__ import annotations

from fractions import Fraction

from fieldmap.compiler.functions.signature import Example, Function, Parameter, number_result


def evaluate(items: list[Fraction]) -> Fraction | None:
    return sum(map(Fraction, items), Fraction(0)) / len(items) if items else None


FUNCTION = Function(
    name="average",
    doc="The sum of a list divided by the number of its elements; absent if the list is empty.",
    parameters=(Parameter("list", "exact list"),),
    result=number_result,
    evaluate=evaluate,
    runtime="average",
    fails=True,
    may_be_absent=True,
    examples=(
        Example("average($.list[*])", ([Fraction(1), Fraction("2.5")],), Fraction("1.75"), given='{"list": [1, 2.5]}'),
        Example("average($.list[*])", ([],), None, given='{"list": []}'),
    ),
)
