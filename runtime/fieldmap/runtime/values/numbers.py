"""Exact numbers: reading, arithmetic and units. An exact number is an int, a Decimal or a Fraction, never rounded here.

Decimals meet only in a context of our own in which an inexact result is an error; then fractions take over.
"""

from __future__ import annotations

import base64
import math
import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Any

from fieldmap.runtime.values.failures import quote, wrong
from fieldmap.runtime.values.outcome import Failed

Exact = int | Decimal | Fraction
Number = int | Decimal | Fraction | float

# More digits than this, or a larger exponent, and a number costs more than it can mean: 1e1000000 is nine bytes.
DIGITS = 400
_LOW, _HIGH = -(10**DIGITS), 10**DIGITS
_DECIMAL_LOW, _DECIMAL_HIGH = Decimal(_LOW), Decimal(_HIGH)

# Wide enough for every result of bounded numbers (digits cost memory only where they are); what does not fit becomes a
# Fraction. Nothing here depends on the ambient context of the process.
EXACT = Context(prec=900_000, Emin=-900_000, Emax=900_000, traps=[Inexact, InvalidOperation])
ROUND = Context(prec=900_000, Emin=-900_000, Emax=900_000, rounding=ROUND_HALF_UP, traps=[InvalidOperation])
ROUND_EVEN = Context(prec=900_000, Emin=-900_000, Emax=900_000, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DIGITS = re.compile(r"-?[0-9]+")


def too_long(value: int) -> bool:
    return not _LOW < value < _HIGH


def plain(text: str) -> int | Decimal | None:
    """A number written plainly, `-12.50`; None if it is not, or has too many digits."""
    if len(text) > DIGITS or not _PLAIN.fullmatch(text):
        return None
    return Decimal(text) if "." in text else int(text)


# A blank in a sample stands for every blank that keeps a number together, an apostrophe for the typographic one too.
_ALIKE = {" ": " \u00a0\u202f\u2009", "'": "'\u2019"}


@lru_cache(maxsize=256)
def _grouped(point: str, group: str, pairs: bool, minus: str) -> re.Pattern[str]:
    whole = "[0-9]+"
    if group:
        mark = f"[{re.escape(_ALIKE.get(group, group))}]"
        groups = f"[0-9]{{1,2}}(?:{mark}[0-9]{{2}})*{mark}[0-9]{{3}}" if pairs else f"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+"
        whole = f"(?:{groups}|[0-9]+)"
    fraction = f"(?:{re.escape(point)}[0-9]+)?" if point else ""
    number = f"(?P<number>{whole}{fraction})"
    match minus:
        case "behind":
            return re.compile(f"{number}(?P<minus>-)?")
        case "brackets":
            return re.compile(f"(?P<minus>\\()?{number}(?(minus)\\))")
        case _:
            return re.compile(f"(?P<minus>-)?{number}")


def grouped(text: str, point: str, group: str, pairs: bool = False, minus: str = "") -> int | Decimal | None:
    """A number with the marks of a sample, `1.234,56`; groups, where there are any, are of three digits. None if it is not.

    pairs: all groups but the last are of two digits, `12,34,567`. minus: "" before the digits, "behind", or "brackets" round
    a negative number."""
    match = _grouped(point, group, pairs, minus).fullmatch(text)
    if match is None:
        return None
    digits = match["number"]
    for mark in _ALIKE.get(group, group):
        digits = digits.replace(mark, "")
    digits = digits.replace(point, ".") if point else digits
    return plain(f"-{digits}" if match["minus"] else digits)


def plain_text(value: Exact) -> str | None:
    """Plain decimal digits without needless zeros, `12.5`; None for a fraction without end, such as 1/3."""
    number = decimal_of(value)
    if number is None:
        return None
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def decimal_of(value: Exact) -> Decimal | None:
    """The same number as a Decimal; None for a fraction without end."""
    if isinstance(value, Fraction):
        return _terminating(value.numerator, value.denominator)
    return value if isinstance(value, Decimal) else Decimal(value)


def _terminating(numerator: int, denominator: int) -> Decimal | None:
    twos = (denominator & -denominator).bit_length() - 1
    rest, fives = denominator >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    places = max(twos, fives)
    return Decimal(numerator * 10**places // denominator).scaleb(-places, EXACT)


def read_int(value: Any, path: str) -> int:
    """A whole number of JSON, or plain digits as text. FM2101, FM2104."""
    if type(value) is int:
        number: int | None = value
    elif type(value) is Decimal:
        number = int(value) if value == value.to_integral_value() else None
    elif type(value) is str:
        number = int(value) if len(value) <= DIGITS and _DIGITS.fullmatch(value) else None
    elif type(value) is Fraction:
        number = value.numerator if value.denominator == 1 else None
    else:
        raise wrong(value, "a whole number", path)
    if number is None or too_long(number):
        raise Failed("FM2104", f"{quote(value)} is not a whole number", path)
    return number


def read_decimal(value: Any, path: str) -> Exact:
    """A number of JSON, or a plain decimal as text. FM2101, FM2104."""
    if type(value) is Decimal:
        if _DECIMAL_LOW < value < _DECIMAL_HIGH:
            return value
    elif type(value) is int or type(value) is Fraction:
        if _LOW < value < _HIGH:
            return value
    elif type(value) is str:
        number = plain(value)
        if number is not None:
            return number
        raise Failed("FM2104", f"{quote(value)} is not a number", path)
    else:
        raise wrong(value, "a number", path)
    raise Failed("FM2104", f"{quote(value)} has more digits than a number may have", path)


def read_float(value: Any, path: str) -> float:
    """The nearest binary float. FM2101, FM2104, and FM2106 beyond its range."""
    return value if type(value) is float else to_float(read_decimal(value, path), path)


def number_sample(point: str, group: str, pairs: bool = False, minus: str = "") -> str:
    """A number as these marks have it."""
    digits = f"12{group}34{group}567{point}8" if pairs else f"1{group}234{point}{'5' if point else ''}"
    return {"behind": f"{digits}-", "brackets": f"({digits})"}.get(minus, digits)


def read_grouped(value: Any, point: str, group: str, pairs: bool, minus: str, path: str) -> Exact:
    """A number as text with marks of its own. FM2101, FM2104."""
    if type(value) is not str:
        raise wrong(value, "a text", path)
    number = grouped(value, point, group, pairs, minus)
    if number is None:
        sample = number_sample(point, group, pairs, minus)
        raise Failed("FM2104", f'{quote(value)} is not a number written like "{sample}"', path)
    return number


_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def base64_number(text: str, scale: int) -> Decimal | None:
    """The number whose unscaled value is base64 of a big-endian two's complement, as Kafka Connect and Debezium send decimals.
    None for a text that is no base64, for no byte at all, and for more than 160 bytes."""
    try:
        data = base64.b64decode(text, validate=True) if _BASE64.fullmatch(text) else b""
    except ValueError:
        return None
    if not data or len(data) > 160:
        return None
    return Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-scale, EXACT)


def read_unscaled(value: Any, scale: int, path: str) -> Decimal:
    """FM2101, FM2104."""
    if type(value) is not str:
        raise wrong(value, "a text", path)
    number = base64_number(value, scale)
    if number is None:
        raise Failed("FM2104", f"{quote(value)} is not a number in base64", path)
    return number


def to_float(value: Number, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise Failed("FM2106", f"{quote(value)} does not fit a float", path)
    return number + 0.0  # minus zero becomes zero


def _floats(left: Number, right: Number, operator: str, path: str) -> float:
    a, b = to_float(left, path), to_float(right, path)
    if operator == "/":
        if b == 0:
            raise _by_zero(path)
        return to_float(a / b, path)
    return to_float(a + b if operator == "+" else a - b if operator == "-" else a * b, path)


def _by_zero(path: str) -> Failed:
    return Failed("FM2115", "a division by zero", path)


def _fraction(value: Number) -> Fraction:
    return value if type(value) is Fraction else Fraction(value)


def add(left: Number, right: Number, path: str) -> Number:
    """FM2106 only where floats are added."""
    if type(left) is int and type(right) is int:
        return left + right
    if type(left) is float or type(right) is float:
        return _floats(left, right, "+", path)
    if type(left) is not Fraction and type(right) is not Fraction:
        try:
            return EXACT.add(left, right)  # type: ignore[arg-type]
        except Inexact:
            pass
    return _fraction(left) + _fraction(right)


def subtract(left: Number, right: Number, path: str) -> Number:
    """FM2106 only where floats are subtracted."""
    if type(right) is float or type(left) is float:
        return _floats(left, right, "-", path)
    return add(left, negate(right), path)


def multiply(left: Number, right: Number, path: str) -> Number:
    """FM2106 only where floats are multiplied."""
    if type(left) is int and type(right) is int:
        return left * right
    if type(left) is float or type(right) is float:
        return _floats(left, right, "*", path)
    if type(left) is not Fraction and type(right) is not Fraction:
        try:
            return EXACT.multiply(left, right)  # type: ignore[arg-type]
        except Inexact:
            pass
    return _fraction(left) * _fraction(right)


def divide(left: Number, right: Number, path: str) -> Number:
    """A Fraction, or a float where floats are divided. FM2115."""
    if type(left) is float or type(right) is float:
        return _floats(left, right, "/", path)
    if right == 0:
        raise _by_zero(path)
    return _fraction(left) / _fraction(right)


def negate(value: Number) -> Number:
    if type(value) is Decimal:
        return EXACT.minus(value)  # the operator itself would round to the precision of the process
    return 0.0 - value if type(value) is float else -value


def scale(value: Number, factor: Exact, offset: Exact, path: str) -> Number:
    """value * factor + offset, exactly: a unit into another."""
    return add(multiply(value, factor, path), offset, path)
