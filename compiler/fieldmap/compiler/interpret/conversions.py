"""The reference meaning of conversions. Exact numbers are Fractions; failures carry no path, the caller knows it.

Shared with the runtime are only the parsers of texts (which text is a date, which a number); the rest is written anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar, assert_never
from zoneinfo import ZoneInfo

from fieldmap.compiler import ir
from fieldmap.compiler.functions.arithmetic import nearest_float
from fieldmap.runtime.values import dates, numbers, patterns
from fieldmap.runtime.values.failures import quote, wrong
from fieldmap.runtime.values.outcome import Failed, Money

UTC = UTC
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")
MICROSECOND = timedelta(microseconds=1)
_SECONDS = {
    "days": Fraction(86_400),
    "s": Fraction(1),
    "ms": Fraction(1, 1_000),
    "us": Fraction(1, 1_000_000),
    "ns": Fraction(1, 1_000_000_000),
}


def is_exact(value: Any) -> bool:
    return isinstance(value, int | Decimal | Fraction) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return is_exact(value) or isinstance(value, float)


# ------------------------------------------------------------------------------------------------------- implicit


def implicit(value: Any, to: ir.Type) -> Any:
    """The lossless conversion to a type; absent stays absent."""
    if value is None:
        return None
    match to:
        case ir.TextType():
            return text(value)
        case ir.BoolType():
            if not isinstance(value, bool):
                raise wrong(value, "true or false", "")
            return value
        case ir.IntType():
            return _whole(value)
        case ir.DecimalType():
            return _exact(value)
        case ir.FloatType():
            return value if isinstance(value, float) else nearest_float(_exact(value))
        case ir.DateType():
            return value if type(value) is date else _iso_date(value)
        case ir.DatetimeType():
            return value if isinstance(value, datetime) else _iso_instant(value, None)
        case ir.EnumType():
            if text(value) not in to.values:
                raise Failed("FM2110", f"{quote(value)} is none of {', '.join(to.values)}")
            return value
        case ir.ReferenceType():
            return implicit(value, to.key)
        case ir.ListType():
            if not isinstance(value, list):
                raise wrong(value, "a list", "")
            converted = [implicit(item, to.element) for item in value]
            return [item for item in converted if item is not None]
        case ir.MoneyType():
            if not isinstance(value, Money):
                raise wrong(value, "an amount of money", "")
            return value
        case ir.ObjectType():
            if not isinstance(value, dict):
                raise wrong(value, "an object", "")
            return value
        case ir.JsonType() | ir.UnknownType():
            return value
        case _:
            assert_never(to)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(value, "a text", "")
    return value


def _bounded(value: Any) -> Fraction:
    number = Fraction(value)
    if abs(number) >= 10**numbers.DIGITS:
        raise Failed("FM2104", f"{quote(value)} has more digits than a number may have")
    return number


def _exact(value: Any) -> Fraction:
    if is_exact(value):
        return _bounded(value)
    if not isinstance(value, str):
        raise wrong(value, "a number", "")
    number = numbers.plain(value)
    if number is None:
        raise Failed("FM2104", f"{quote(value)} is not a number")
    return Fraction(number)


def _whole(value: Any) -> Fraction:
    if isinstance(value, str):
        number = numbers.plain(value)
        if not isinstance(number, int):
            raise Failed("FM2104", f"{quote(value)} is not a whole number")
        return Fraction(number)
    if not is_exact(value):
        raise wrong(value, "a whole number", "")
    fraction = Fraction(value)
    if fraction.denominator != 1 or abs(fraction) >= 10**numbers.DIGITS:
        raise Failed("FM2104", f"{quote(value)} is not a whole number")
    return fraction


def _iso_date(value: Any) -> date:
    day = dates.iso_date(text(value))
    if day is None:
        raise Failed("FM2103", f"{quote(value)} is not a date written yyyy-MM-dd")
    return day


def _iso_instant(value: Any, zone: str | None) -> datetime:
    local = dates.iso_stamp(text(value))
    if local is None:
        raise Failed("FM2103", f"{quote(value)} is not a timestamp written yyyy-MM-ddTHH:mm:ss and an offset")
    return _instant(local, zone, value)


# ------------------------------------------------------------------------------------------------- spelled out


def convert(value: Any, to: ir.Type, how: ir.How) -> Any:
    """`as …`; absent stays absent."""
    if value is None:
        return None
    to_date = isinstance(to, ir.DateType)
    match how:
        case ir.Patterns():
            local = _by_patterns(text(value), how.patterns)
            return local.moment.date() if to_date else _instant(local, how.zone, value)
        case ir.Iso():
            if isinstance(to, ir.DatetimeType) and not isinstance(value, datetime):
                return _iso_instant(value, how.zone)
            return implicit(value, to)
        case ir.AsWritten():
            local_stamp = dates.iso_stamp(text(value))
            day = local_stamp.moment.date() if local_stamp else dates.iso_date(value)
            if day is None:
                raise Failed("FM2103", f"{quote(value)} does not begin with a date written yyyy-MM-dd")
            return day
        case ir.InZone():
            instant = value if isinstance(value, datetime) else _iso_instant(value, None)
            return _within_years(lambda: instant.astimezone(dates.zone(how.zone)).date(), value)
        case ir.Epoch():
            return _epoch(value, how.unit)
        case ir.OData():
            return _odata(value, to_date)
        case ir.NumberFormat():
            return _by_marks(value, to, how)
        case ir.BoolWords():
            if text(value) not in (how.yes, how.no):
                raise Failed("FM2105", f'{quote(value)} is neither "{how.yes}" nor "{how.no}"')
            return bool(value == how.yes)
        case _:
            assert_never(how)


def _within_years(make: Callable[[], _T], value: Any) -> _T:
    try:
        return make()
    except (OverflowError, ValueError):
        raise Failed("FM2103", f"{quote(value)} lies outside the years 1 to 9999") from None


def _by_patterns(value: str, tried: tuple[str, ...]) -> patterns.Local:
    for pattern in tried:
        local = patterns.read(value, pattern)
        if local is not None:
            return local
    raise Failed("FM2103", f"{quote(value)} is not a date written {' or '.join(tried)}")


def _instant(local: patterns.Local, zone: str | None, value: Any) -> datetime:
    offset = local.offset
    if offset is not None:
        return _within_years(lambda: (local.moment - offset).replace(tzinfo=UTC), value)
    if zone is None:
        raise Failed("FM2107", f"{quote(value)} names neither an offset nor a zone, so it is no instant")
    instants = _readings(local.moment, dates.zone(zone))
    if len(instants) != 1:
        raise Failed("FM2107", f"{quote(value)} is skipped or repeated by the clocks of {zone}")
    return instants.pop()


def _readings(wall: datetime, zone: ZoneInfo) -> set[datetime]:
    """All instants at which the clocks of the zone show this time."""
    found = set()
    for nearby in (timedelta(days=-1), timedelta(0), timedelta(days=1)):
        try:
            offset = (wall + nearby).replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta(0)
            instant = (wall - offset).replace(tzinfo=UTC)
            if instant.astimezone(zone).replace(tzinfo=None) == wall:
                found.add(instant)
        except (OverflowError, ValueError):
            continue
    return found


def _epoch(value: Any, unit: str) -> date | datetime:
    if isinstance(value, str):
        read = numbers.plain(value)
        if read is None:
            raise Failed("FM2103", f"{quote(value)} is not a count of days or seconds")
        count = Fraction(read)
    elif is_exact(value):
        count = Fraction(value)
    else:
        raise wrong(value, "a number", "")
    seconds = count * _SECONDS[unit]
    first, last = _seconds(datetime(1900, 1, 1, tzinfo=UTC)), _seconds(datetime(2101, 1, 1, tzinfo=UTC))
    if not first <= seconds < last:
        raise Failed("FM2108", f"{quote(value)} leads outside the years 1900 to 2100")
    micros = seconds * 1_000_000
    if micros.denominator != 1:
        raise Failed("FM2103", f"{quote(value)} is finer than a microsecond")
    moment = EPOCH + MICROSECOND * micros.numerator
    if unit != "days":
        return moment
    if count.denominator != 1:
        raise Failed("FM2103", f"{quote(value)} is not a whole number of days")
    return moment.date()


def _seconds(moment: datetime) -> Fraction:
    return Fraction((moment - EPOCH) // timedelta(seconds=1))


def _odata(value: Any, to_date: bool) -> date | datetime:
    millis = dates.odata_millis(text(value))
    if millis is None:
        raise Failed("FM2103", f"{quote(value)} is not a date written /Date(…)/")
    moment = _within_years(
        lambda: EPOCH + timedelta(days=millis // 86_400_000, milliseconds=millis % 86_400_000), value
    )
    if not to_date:
        return moment
    if millis % 86_400_000:
        raise Failed("FM2103", f"{quote(value)} has a time of day, so it is no date")
    return moment.date()


def _by_marks(value: Any, to: ir.Type, how: ir.NumberFormat) -> Fraction | float:
    number = numbers.grouped(text(value), how.point, how.group)
    if number is None:
        raise Failed("FM2104", f'{quote(value)} is not a number written like "1{how.group}234{how.point}5"')
    fraction = Fraction(number)
    if isinstance(to, ir.IntType) and fraction.denominator != 1:
        raise Failed("FM2104", f"{quote(value)} is not a whole number")
    return nearest_float(fraction) if isinstance(to, ir.FloatType) else fraction
