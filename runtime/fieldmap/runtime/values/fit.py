"""The last step of every field: the value becomes exactly what its column holds, or fails.

Functions take the value (never None), what the target demands, and the path for a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.failures import Unreadable, quote, wrong
from fieldmap.runtime.values.numbers import EXACT, ROUND, ROUND_EVEN, decimal_of, to_float, too_long
from fieldmap.runtime.values.outcome import Failed, Money, Quantity
from fieldmap.runtime.values.texts import check_keepable, read_enum

KEY_BYTES = 2_000
DEPTH = 64
PLACES = 1_000
_BIGINT = 2**63
_ONE = Decimal(1)


def fit_text(value: Any, max_length: int | None, path: str) -> str:
    """FM2101, FM2113, FM2116 beyond max_length code points."""
    if type(value) is not str:
        raise wrong(value, "a text", path)
    check_keepable(value, path)
    if max_length is not None and len(value) > max_length:
        raise Failed("FM2116", f"{quote(value)} is longer than {max_length} characters", path)
    return value


def fit_key_text(value: Any, max_length: int | None, path: str) -> str:
    """As fit_text, and at most 2,000 bytes of UTF-8."""
    text = fit_text(value, max_length, path)
    if len(text) > KEY_BYTES // 4 and len(text.encode("utf-8")) > KEY_BYTES:
        raise Failed("FM2116", f"{quote(text)} is longer than the {KEY_BYTES} bytes of a key", path)
    return text


def fit_bool(value: Any, path: str) -> bool:
    """FM2101."""
    if type(value) is not bool:
        raise wrong(value, "true or false", path)
    return value


def fit_int(value: Any, path: str) -> int:
    """FM2101, FM2104 if not whole, FM2106 beyond bigint."""
    if type(value) is int:
        whole = value
    elif type(value) is Decimal and value == value.to_integral_value():
        whole = int(value)
    elif type(value) is Fraction and value.denominator == 1:
        whole = value.numerator
    elif type(value) is float and value.is_integer():
        whole = int(value)
    elif type(value) in (Decimal, Fraction, float):
        raise Failed("FM2104", f"{quote(value)} is not a whole number", path)
    else:
        raise wrong(value, "a whole number", path)
    if not -_BIGINT <= whole < _BIGINT:
        raise Failed("FM2106", f"{quote(value)} does not fit int", path)
    return whole


def fit_decimal(value: Any, step: Decimal, limit: Decimal, name: str, path: str, even: bool = False) -> Decimal:
    """Rounded once, half away from zero (or half to the even digit), to the places of `step` (0.01); then its magnitude must
    be below `limit`.

    FM2101, FM2106. name: "decimal(8, 1)".
    """
    kind, context = type(value), ROUND_EVEN if even else ROUND
    if kind is Decimal:
        rounded: Decimal = value.quantize(step, context=context)
    elif kind is int:
        rounded = Decimal(value).quantize(step, context=context)
    elif kind is Fraction:
        rounded = round_fraction(value, step, even)
    elif kind is float:
        rounded = Decimal(value).quantize(step, context=context)
    else:
        raise wrong(value, "a number", path)
    if not rounded:
        return rounded.copy_abs()  # -0.04 is 0.0
    if not -limit < rounded < limit:
        raise Failed("FM2106", f"{quote(value)} does not fit {name}", path)
    return rounded


def round_fraction(value: Fraction, step: Decimal, even: bool = False) -> Decimal:
    """By integers alone, so that it is exact whatever the size."""
    places = -int(step.as_tuple().exponent)
    doubled = 2 * abs(value.numerator) * 10**places + value.denominator
    units, rest = divmod(doubled, 2 * value.denominator)
    if even and rest == 0 and units % 2:
        units -= 1
    return Decimal(-units if value < 0 else units).scaleb(-places, EXACT)


def fit_number(value: Any, path: str) -> Decimal:
    """An exact decimal without needless zeros, of up to 1,000 digits on each side of the point. FM2101; FM2106 beyond that
    and for a fraction without end."""
    if type(value) not in (int, Decimal, Fraction, float):
        raise wrong(value, "a number", path)
    number = decimal_of(Decimal(value) if type(value) is float else value)
    if number is None:
        raise Failed("FM2106", f"{quote(value)} has no end as a decimal", path)
    number = plainest(number)
    if number.adjusted() >= PLACES or -int(number.as_tuple().exponent) > PLACES:
        raise Failed("FM2106", f"{quote(value)} has more than {PLACES} digits before or after the point", path)
    return number


def plainest(number: Decimal) -> Decimal:
    """The same number with no needless zeros and no positive exponent: one number, one representation."""
    if not number:
        return Decimal(0)
    number = number.normalize(EXACT)
    return number.quantize(_ONE, context=ROUND) if int(number.as_tuple().exponent) > 0 else number


def fit_float(value: Any, path: str) -> float:
    """FM2101, FM2106."""
    if type(value) not in (int, Decimal, Fraction, float):
        raise wrong(value, "a number", path)
    return to_float(value, path)


def fit_date(value: Any, path: str) -> date:
    """FM2101."""
    if type(value) is not date:
        raise wrong(value, "a date", path)
    return value


def fit_datetime(value: Any, path: str) -> datetime:
    """FM2101."""
    if type(value) is not datetime:
        raise wrong(value, "a timestamp", path)
    return value


def fit_time(value: Any, path: str) -> time:
    """FM2101."""
    if type(value) is not time:
        raise wrong(value, "a time of day", path)
    return value


def fit_enum(value: Any, values: frozenset[str], path: str) -> str:
    """FM2101, FM2110; FM2113 for a text that could be no value of an enum."""
    if type(value) is str:
        check_keepable(value, path)
    return read_enum(value, values, path)


def fit_money(value: Any, currency: str | None, amount: Callable[[Any, str], Decimal], path: str) -> Money:
    """FM2101, FM2111 for another currency than the field's, FM2106. amount: fits the amount."""
    if type(value) is not Money:
        raise wrong(value, "an amount of money", path)
    if currency is not None and value.currency != currency:
        raise Failed("FM2111", f"the currency {quote(value.currency)} is not {currency}", path)
    return Money(amount(value.amount, path), value.currency)


def fit_quantity(value: Any, units: frozenset[str], amount: Callable[[Any, str], Decimal], path: str) -> Quantity:
    """FM2101, FM2147 for a unit that is none of the field's, FM2106. amount: fits the amount."""
    if type(value) is not Quantity:
        raise wrong(value, "a quantity", path)
    if value.unit not in units:
        raise Failed("FM2147", f"the unit {value.unit} is none of the field's", path)
    return Quantity(amount(value.amount, path), value.unit)


def fit_list(value: Any, element: Callable[[Any, str], Any], path: str) -> list[Any]:
    """FM2101, and what `element` says."""
    if type(value) is not list:
        raise wrong(value, "a list", path)
    return [element(item, path) for item in value if item is not None]


def fit_json(value: Any, path: str, depth: int = DEPTH) -> Any:
    """The value itself, if jsonb can hold it. FM2113 for NUL and unpaired surrogates, FM2101 beyond 64 levels and for what
    is no JSON, FM2104 for a number of too many digits."""
    if type(value) is str:
        check_keepable(value, path)
    elif type(value) is list or type(value) is dict:
        if not depth:
            raise Failed("FM2101", f"json nested deeper than {DEPTH} levels", path)
        if isinstance(value, dict):
            for name in value:
                check_keepable(name, path)
            value_items = list(value.values())
        else:
            value_items = value
        for item in value_items:
            fit_json(item, path, depth - 1)
    elif type(value) is int:
        if too_long(value):
            raise Failed("FM2104", f"{quote(value)} has more digits than a number may have", path)
    elif isinstance(value, Unreadable) or type(value) not in (Decimal, bool, type(None)):
        raise wrong(value, "json", path)
    return value
