"""Functions of exact numbers: an int, a Decimal or a Fraction."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.numbers import EXACT, Exact, decimal_of
from fieldmap.runtime.values.outcome import Failed

# A number with more digits than this, above or below the line of its fraction, is not raised to a power.
_LARGEST = 10**1000
_EXPONENT = 100
_PLACES = 100


def absolute(value: Exact) -> Exact:
    if isinstance(value, Decimal):
        return value.copy_abs()  # abs() would round to the precision of the process
    return -value if value < 0 else value


def _whole(value: Exact, what: str, most: int, path: str) -> int:
    if not -most <= value <= most:
        raise Failed("FM2168", f"{what} is between {-most} and {most}, and this is {quote(value)}", path)
    return int(value)


def rounded(path: str, value: Exact, places: Exact = 0) -> Exact:
    """FM2168."""
    count = _whole(places, "the number of places", _PLACES, path)
    parts = Fraction(value) * Fraction(10) ** count
    whole, rest = divmod(abs(parts.numerator), parts.denominator)
    if 2 * rest >= parts.denominator:
        whole += 1
    whole = whole if parts >= 0 else -whole
    return whole * 10**-count if count <= 0 else Decimal(whole).scaleb(-count, EXACT)


def floor(value: Exact) -> int:
    number = Fraction(value)
    return number.numerator // number.denominator


def ceil(value: Exact) -> int:
    number = Fraction(value)
    return -(-number.numerator // number.denominator)


def remainder(path: str, value: Exact, divisor: Exact) -> Exact:
    """FM2115."""
    if divisor == 0:
        raise Failed("FM2115", "a division by zero", path)
    if type(value) is int and type(divisor) is int:
        return value % divisor
    return _plain(Fraction(value) % Fraction(divisor))


def power(path: str, value: Exact, exponent: Exact) -> Exact:
    """FM2106, FM2115, FM2168."""
    count = _whole(exponent, "an exponent", _EXPONENT, path)
    number = Fraction(value)
    if abs(number.numerator) > _LARGEST or number.denominator > _LARGEST:
        raise Failed("FM2106", f"{quote(value)} has too many digits to be raised to a power", path)
    if count < 0 and number == 0:
        raise Failed("FM2115", "a division by zero", path)
    return _plain(number**count)


def _plain(number: Fraction) -> Exact:
    """A Decimal where one says it."""
    decimal = decimal_of(number)
    return number if decimal is None else decimal
