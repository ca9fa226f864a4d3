"""text(value)"""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from fieldmap.compiler.functions.arithmetic import plain_digits
from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(value: str | bool | Fraction | date) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return plain_digits(value)


FUNCTION = Function(
    name="text",
    doc="A number in plain digits (12.50 is 12.5), a date or datetime in ISO 8601 (UTC, Z), a bool as true or false.",
    parameters=(Parameter("value", "scalar"),),
    result=text_result,
    evaluate=evaluate,
    runtime="text",
    fails=True,
    examples=(
        Example("text(12.50)", (Fraction("12.5"),), "12.5"),
        Example("text(-3)", (Fraction(-3),), "-3"),
        Example("text(true)", (True,), "true"),
    ),
)
