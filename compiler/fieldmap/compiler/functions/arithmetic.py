"""The arithmetic of the reference meaning: Fractions for everything exact, floats only where the type says float."""

from __future__ import annotations

import operator
from decimal import Decimal
from fractions import Fraction

from fieldmap.runtime.values.outcome import Failed

_OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def combine(sign: str, left: Fraction | float, right: Fraction | float) -> Fraction | float:
    """FM2115; FM2106 where a float outgrows its range."""
    if isinstance(left, float) or isinstance(right, float):
        left, right = nearest_float(left), nearest_float(right)
    if sign == "/" and right == 0:
        raise Failed("FM2115", "a division by zero")
    result: Fraction | float = _OPERATORS[sign](left, right)
    return nearest_float(result) if isinstance(result, float) else result


def nearest_float(value: Fraction | float) -> float:
    """FM2106 beyond the range of floats; zero has no sign."""
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number in (float("inf"), float("-inf")):
        raise Failed("FM2106", "a number that does not fit a float")
    return number if number else 0.0


def plain_digits(value: Fraction) -> str:
    """Decimal digits without needless zeros, by long division. FM2104 for a fraction without end."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        raise Failed("FM2104", "a fraction that has no end as a decimal")
    whole, remainder = divmod(abs(value.numerator), value.denominator)
    digits = []
    while remainder:
        digit, remainder = divmod(remainder * 10, value.denominator)
        digits.append(str(digit))
    return f"{'-' if value < 0 else ''}{Decimal(whole):f}{'.' if digits else ''}{''.join(digits)}"
