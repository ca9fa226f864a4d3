"""The reference meaning of fitting: what becomes of a value when it is assigned to a field. Failures carry no path."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any, assert_never

from fieldmap.compiler import ir
from fieldmap.compiler.functions.arithmetic import nearest_float, plain_digits
from fieldmap.compiler.interpret.conversions import implicit, is_number
from fieldmap.runtime.values.checked import matches
from fieldmap.runtime.values.failures import quote, wrong
from fieldmap.runtime.values.outcome import Duration, Failed, Money, Quantity

KEY_BYTES = 2_000
JSON_DEPTH = 64
PLACES = 1_000


def fit(value: Any, target: ir.Type, *, key: bool = False) -> Any:
    """The value exactly as the column holds it; absent stays absent. key: the text is a key, or names one."""
    if value is None:
        return None
    match target:
        case ir.TextType():
            return _matching(_text(value, target.max_length, key), target)
        case ir.BoolType():
            return implicit(value, target)
        case ir.IntType():
            return _int(value)
        case ir.DecimalType():
            return _decimal(value, target.precision, target.scale, target.rounding)
        case ir.FloatType():
            return nearest_float(_number(value))
        case ir.DateType():
            if type(value) is not date:
                raise wrong(value, "a date", "")
            return value
        case ir.DatetimeType():
            if not isinstance(value, datetime):
                raise wrong(value, "a timestamp", "")
            return value
        case ir.TimeType():
            if not isinstance(value, time):
                raise wrong(value, "a time of day", "")
            return value
        case ir.DurationType():
            return _duration(value)
        case ir.EnumType():
            return implicit(_text(value, None, False) if isinstance(value, str) else value, target)
        case ir.MoneyType():
            return _money(value, target)
        case ir.QuantityType():
            return _quantity(value, target)
        case ir.ListType():
            if not isinstance(value, list):
                raise wrong(value, "a list", "")
            return [fit(item, target.element, key=key) for item in value if item is not None]
        case ir.RecordType():
            if not isinstance(value, dict):
                raise wrong(value, "a record", "")
            return {m.name: fit(value[m.name], m.type) for m in target.members if m.name in value}
        case ir.ReferenceType():
            return fit(value, target.key, key=True)
        case ir.JsonType():
            _check_json(value, JSON_DEPTH)
            return value
        case ir.ObjectType() | ir.UnknownType():
            raise TypeError("a field has a type of its own")
        case _:
            assert_never(target)


def _text(value: Any, max_length: int | None, key: bool) -> str:
    if not isinstance(value, str):
        raise wrong(value, "a text", "")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise Failed("FM2113", f"{quote(value)} holds a character that no database keeps")
    if max_length is not None and len(value) > max_length:
        raise Failed("FM2116", f"{quote(value)} is longer than {max_length} characters")
    if key and len(value.encode()) > KEY_BYTES:
        raise Failed("FM2116", f"{quote(value)} is longer than the {KEY_BYTES} bytes of a key")
    return value


def _matching(value: str, target: ir.TextType) -> str:
    if target.pattern is not None and not matches(value, target.pattern):
        raise Failed("FM2156", f"{quote(value)} does not match {target.pattern}")
    return value if target.checked is None else str(implicit(value, ir.TextType(checked=target.checked)))


def _duration(value: Any) -> Duration:
    if not isinstance(value, Duration):
        raise wrong(value, "a duration", "")
    limits = ((value.months, 2**31 - 1), (value.days, 2**31 - 1), (value.micros, 2**63 - 1))
    if any(not -most < part < most for part, most in limits):
        raise Failed("FM2106", f"{quote(value)} does not fit duration")
    return value


def _number(value: Any) -> Fraction | float:
    if not is_number(value):
        raise wrong(value, "a number", "")
    return value if isinstance(value, float) else Fraction(value)


def _int(value: Any) -> int:
    if not is_number(value):
        raise wrong(value, "a whole number", "")
    number = Fraction(value)
    if number.denominator != 1:
        raise Failed("FM2104", f"{quote(value)} is not a whole number")
    if not -(2**63) <= number < 2**63:
        raise Failed("FM2106", f"{quote(value)} does not fit int")
    return int(number)


def _decimal(value: Any, precision: int | None, scale: int | None, rounding: str) -> Decimal:
    number = Fraction(_number(value))
    if precision is None:
        return _unbounded(number)
    units = abs(number) * 10 ** (scale or 0)
    # Half away from zero, for the sign is put back after; Python's own round goes to the even digit.
    whole = round(units) if rounding == "half even" else (units + Fraction(1, 2)).__floor__()
    if whole >= 10**precision:
        raise Failed("FM2106", f"{quote(value)} does not fit decimal({precision}, {scale or 0})")
    return Decimal(f"{'-' if number < 0 and whole else ''}{whole}E-{scale or 0}")


def _unbounded(number: Fraction) -> Decimal:
    try:
        digits = plain_digits(number)
    except Failed:
        raise Failed("FM2106", f"{quote(number)} has no end as a decimal") from None
    whole, _, fraction = digits.lstrip("-").partition(".")
    if len(whole) > PLACES or len(fraction) > PLACES:
        raise Failed("FM2106", f"{quote(number)} has more than {PLACES} digits before or after the point")
    return Decimal(digits)


def _money(value: Any, target: ir.MoneyType) -> Money:
    if not isinstance(value, Money):
        raise wrong(value, "an amount of money", "")
    if target.currency is not None and value.currency != target.currency:
        raise Failed("FM2111", f"the currency {quote(value.currency)} is not {target.currency}")
    return Money(_decimal(value.amount, target.precision, target.scale, target.rounding), value.currency)


def _quantity(value: Any, target: ir.QuantityType) -> Quantity:
    if not isinstance(value, Quantity):
        raise wrong(value, "a quantity", "")
    if all(value.unit != unit.text for unit in target.units):
        raise Failed("FM2147", f"the unit {value.unit} is none of the field's")
    return Quantity(_decimal(value.amount, target.precision, target.scale, target.rounding), value.unit)


def _check_json(value: Any, depth: int) -> None:
    match value:
        case None | bool():
            pass
        case str():
            _text(value, None, False)
        case int():
            if abs(value) >= 10**400:
                raise Failed("FM2104", f"{quote(value)} has more digits than a number may have")
        case Decimal():
            pass
        case list() | dict():
            if depth == 0:
                raise Failed("FM2101", f"json nested deeper than {JSON_DEPTH} levels")
            for name in value if isinstance(value, dict) else ():
                _text(name, None, False)
            for item in value.values() if isinstance(value, dict) else value:
                _check_json(item, depth - 1)
        case _:
            raise wrong(value, "json", "")
