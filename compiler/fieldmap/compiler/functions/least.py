"""least(value, …)"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from fieldmap.compiler.functions.signature import Example, Function, Parameter, like_result


def evaluate(*values: Any) -> Any:
    answer = values[0]
    for value in values[1:]:
        answer = value if value < answer else answer
    return answer


FUNCTION = Function(
    name="least",
    doc="The smallest of several values of one type, texts by code point.",
    parameters=(Parameter("value", "ordered"),),
    result=like_result,
    evaluate=evaluate,
    runtime="least",
    variadic=True,
    examples=(
        Example("least(1, 2.5, 2)", (Fraction(1), Fraction("2.5"), Fraction(2)), Fraction(1)),
        Example('least("a", "b")', ("a", "b"), "a"),
    ),
)
