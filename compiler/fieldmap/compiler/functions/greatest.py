"""greatest(value, …)"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, like_result


def evaluate(*values: Any) -> Any:
    answer = values[0]
    for value in values[1:]:
        answer = value if value > answer else answer
    return answer


FUNCTION = Function(
    name="greatest",
    doc="The largest of several values of one type, texts by code point.",
    parameters=(Parameter("value", "ordered"),),
    result=like_result,
    evaluate=evaluate,
    runtime="greatest",
    variadic=True,
    examples=(
        Example("greatest(1, 2.5, 2)", (Fraction(1), Fraction("2.5"), Fraction(2)), Fraction("2.5")),
        Example('greatest("a", "b")', ("a", "b"), "b"),
    ),
)
