"""The reference meaning of conversions. Exact numbers are Fractions; failures carry no path, the caller knows it.

Shared with the runtime are only the parsers of texts (which text is a date, which a number); the rest is written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar, assert_never
from zoneinfo import ZoneInfo

from fieldmap.compiler import ir
from fieldmap.compiler.functions.arithmetic import nearest_float, plain_digits
from fieldmap.runtime.values import checked, dates, durations, numbers, patterns
from fieldmap.runtime.values.failures import quote, wrong
from fieldmap.runtime.values.outcome import Duration, Failed, Money, Quantity

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
        case ir.TextType(checked=str() as kind):
            return _checked(value, kind)
        case ir.TextType():
            return text(value)
        case ir.TimeType():
            return value if isinstance(value, time) else _iso_time(value)
        case ir.DurationType():
            return value if isinstance(value, Duration) else _duration(value)
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
        case ir.RecordType():
            if not isinstance(value, dict):
                raise wrong(value, "an object", "")
            return record((m.name, not m.optional, implicit(value.get(m.name), m.type)) for m in to.members)
        case ir.MoneyType():
            if not isinstance(value, Money):
                raise wrong(value, "an amount of money", "")
            return value
        case ir.QuantityType():
            if not isinstance(value, Quantity):
                raise wrong(value, "a quantity", "")
            return value
        case ir.ObjectType():
            if not isinstance(value, dict):
                raise wrong(value, "an object", "")
            return value
        case ir.JsonType() | ir.UnknownType():
            return value
        case _:
            assert_never(to)


def record(parts: Iterable[tuple[str, bool, Any]]) -> dict[str, Any] | None:
    """A record of parts, each a name, whether it is required, and its value; None if no part has one."""
    parts = list(parts)
    found = {name: value for name, _, value in parts if value is not None}
    lacking = [name for name, required, _ in parts if required and name not in found]
    if found and lacking:
        raise Failed("FM2137", f"the record has no {lacking[0]}")
    return found or None


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(value, "a text", "")
    return value


def _checked(value: Any, kind: str) -> str:
    found = checked.canonical(_kept(value), kind)
    if found is None:
        raise Failed("FM2155", f"{quote(value)} is not {checked.NEEDED[kind]}")
    return found


def _kept(value: Any) -> str:
    """A text that a database holds."""
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text(value)):
        raise Failed("FM2113", f"{quote(value)} holds a character that no database keeps")
    return text(value)


def _iso_time(value: Any) -> time:
    clock = dates.iso_clock(text(value))
    if clock is None:
        raise Failed("FM2157", f"{quote(value)} is not a time of day written HH:mm or HH:mm:ss")
    return clock


def _duration(value: Any) -> Duration:
    duration = durations.parse(text(value))
    if duration is None:
        raise Failed("FM2157", f"{quote(value)} is not a duration written as in P3Y6M4DT12H30M5S")
    return duration


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


def _iso_instant(value: Any, zone: str | None, choice: str = "") -> datetime:
    local = dates.iso_stamp(text(value))
    if local is None:
        raise Failed("FM2103", f"{quote(value)} is not a timestamp written yyyy-MM-ddTHH:mm:ss and an offset")
    return _instant(local, zone, choice, value)


# ------------------------------------------------------------------------------------------------- spelled out


def convert(value: Any, to: ir.Type, how: ir.How) -> Any:
    """`as …`; absent stays absent."""
    if value is None:
        return None
    if isinstance(to, ir.TimeType):
        return _to_time(value, how)
    to_date = isinstance(to, ir.DateType)
    match how:
        case ir.Patterns():
            local = _by_patterns(text(value), how)
            return local.moment.date() if to_date else _instant(local, how.zone, how.choice, value)
        case ir.Iso():
            if isinstance(to, ir.DatetimeType) and not isinstance(value, datetime):
                return _iso_instant(value, how.zone, how.choice)
            return implicit(value, to)
        case ir.AsWritten():
            local_stamp = dates.iso_stamp(text(value))
            day = local_stamp.moment.date() if local_stamp else dates.iso_date(value)
            if day is None:
                raise Failed("FM2103", f"{quote(value)} does not begin with a date written yyyy-MM-dd")
            return day
        case ir.InZone():
            return _shown_in(value, how.zone).date()
        case ir.Epoch():
            return _epoch(value, how)
        case ir.OData():
            return _odata(value, to_date)
        case ir.NumberFormat():
            return _by_marks(value, to, how)
        case ir.Base64():
            return _unscaled(value, how.scale)
        case ir.BoolWords():
            if text(value) not in (how.yes, how.no):
                raise Failed("FM2105", f'{quote(value)} is neither "{how.yes}" nor "{how.no}"')
            return bool(value == how.yes)
        case ir.AsText():
            return _as_text(value)
        case ir.CountryBy():
            country = checked.country_by(_kept(value), how.by)
            if country is None:
                raise Failed("FM2155", f"{quote(value)} is not {checked.COUNTRY_WORDS[how.by]}")
            return country
        case _:
            assert_never(how)


def read_declared(value: Any, to: ir.Type, how: ir.How | None) -> Any:
    """A value as its shape says: by the stated format, which is that of the elements of a list."""
    if how is None or value is None:
        return implicit(value, to)
    if isinstance(to, ir.ListType):
        if not isinstance(value, list):
            raise wrong(value, "a list", "")
        read = [read_declared(item, to.element, how) for item in value]
        return [item for item in read if item is not None]
    return convert(value, to, how)


def _to_time(value: Any, how: ir.How) -> time:
    match how:
        case ir.Patterns():
            for pattern in how.patterns:
                clock = patterns.read_clock(text(value), pattern)
                if clock is not None:
                    return clock
            raise Failed("FM2157", f"{quote(value)} is not a time written {' or '.join(how.patterns)}")
        case ir.OData():
            clock = dates.odata_clock(text(value))
            if clock is None:
                raise Failed("FM2157", f"{quote(value)} is not a time written PT14H30M00S")
            return clock
        case ir.AsWritten():
            local = dates.iso_stamp(text(value))
            clock = local.moment.time() if local else dates.iso_clock(value)
            if clock is None:
                raise Failed("FM2157", f"{quote(value)} is not a timestamp or a time of day")
            return clock
        case ir.InZone():
            return _shown_in(value, how.zone).time()
        case ir.Epoch():
            moment = _counted(value, how.unit, any_year=True)
            if not timedelta(0) <= moment - EPOCH < timedelta(days=1):
                raise Failed("FM2108", f"{quote(value)} leads outside one day")
            return moment.time()
        case _:
            found: time = implicit(value, ir.TimeType())
            return found


def _shown_in(value: Any, zone: str) -> datetime:
    instant = value if isinstance(value, datetime) else _iso_instant(value, None)
    return _within_years(lambda: instant.astimezone(dates.zone(zone)), value)


def local_time(day: Any, clock: Any, zone: str, choice: str) -> datetime | None:
    """The instant at which the clocks of a zone show a date and a time."""
    if day is None or clock is None:
        return None
    if type(day) is not date:
        raise wrong(day, "a date", "")
    if not isinstance(clock, time):
        raise wrong(clock, "a time of day", "")
    moment = datetime.combine(day, clock)
    return _instant(patterns.Local(moment, None), zone, choice, moment)


def phone(value: Any, region: Any) -> str:
    """E.164 of a number that may be written as in a region."""
    number = _kept(value)
    code = None if region is None else checked.canonical(text(region), "country")
    if region is not None and code is None:
        raise Failed("FM2155", f"{quote(region)} is not {checked.NEEDED['country']}, so {quote(value)} is no one's")
    found = checked.phone_in(number, code)
    if found is None:
        raise Failed("FM2155", f"{quote(value)} is not a phone number{f' in {code}' if code else ''}")
    return found


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not is_exact(value):
        raise wrong(value, "a text or a whole number", "")
    if Fraction(value).denominator != 1:
        raise Failed("FM2104", f"{quote(value)} is not a whole number, so it has more than one spelling")
    return plain_digits(Fraction(value))


def _unscaled(value: Any, scale: int) -> Fraction:
    number = numbers.base64_number(text(value), scale)
    if number is None:
        raise Failed("FM2104", f"{quote(value)} is not a number in base64")
    return Fraction(number)


def _within_years(make: Callable[[], _T], value: Any) -> _T:
    try:
        return make()
    except (OverflowError, ValueError):
        raise Failed("FM2103", f"{quote(value)} lies outside the years 1 to 9999") from None


def _by_patterns(value: str, how: ir.Patterns) -> patterns.Local:
    for pattern in how.patterns:
        local = patterns.read(value, pattern, how.since)
        if local is not None:
            return local
    raise Failed("FM2103", f"{quote(value)} is not a date written {' or '.join(how.patterns)}")


def _instant(local: patterns.Local, zone: str | None, choice: str, value: Any) -> datetime:
    offset = local.offset
    if offset is not None:
        return _within_years(lambda: (local.moment - offset).replace(tzinfo=UTC), value)
    if zone is None:
        raise Failed("FM2107", f"{quote(value)} names neither an offset nor a zone, so it is no instant")
    instants = _readings(local.moment, dates.zone(zone))
    if len(instants) != 1 and choice:
        instants = instants or _beside_gap(local.moment, dates.zone(zone))
        if len(instants) == 2:
            return min(instants) if choice == "earlier" else max(instants)
    if len(instants) != 1:
        raise Failed("FM2107", f"{quote(value)} is skipped or repeated by the clocks of {zone}")
    return instants.pop()


def _beside_gap(wall: datetime, zone: ZoneInfo) -> set[datetime]:
    """The instants that a skipped time would be by the offsets before and behind the gap."""
    found = set()
    for nearby in (timedelta(days=-1), timedelta(days=1)):
        try:
            offset = (wall + nearby).replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta(0)
            found.add((wall - offset).replace(tzinfo=UTC))
        except (OverflowError, ValueError):
            continue
    return found


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


def _epoch(value: Any, how: ir.Epoch) -> date | datetime:
    moment = _counted(value, how.unit, how.any_year)
    if how.unit != "days":
        if how.zone is None:
            return moment
        local = moment.replace(tzinfo=None)
        return _instant(patterns.Local(local, None), how.zone, how.choice, local)
    if (moment - EPOCH) % timedelta(days=1):
        raise Failed("FM2103", f"{quote(value)} is not a whole number of days")
    return moment.date()


def _counted(value: Any, unit: str, any_year: bool) -> datetime:
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
    if not (1 if any_year else 1900) <= _year_of(seconds) <= (9999 if any_year else 2100):
        raise Failed("FM2108", f"{quote(value)} leads outside the years that are taken")
    micros = seconds * 1_000_000
    if micros.denominator != 1:
        raise Failed("FM2103", f"{quote(value)} is finer than a microsecond")
    return EPOCH + MICROSECOND * micros.numerator


def _year_of(seconds: Fraction) -> int:
    """The year that a count of seconds since 1970 leads to; 0 before the first, 10000 after the last."""
    day = date(1970, 1, 1).toordinal() + seconds // 86_400
    return 0 if day < 1 else 10_000 if day > date.max.toordinal() else date.fromordinal(int(day)).year


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
    number = numbers.grouped(text(value), how.point, how.group, how.pairs, how.minus)
    if number is None:
        sample = numbers.number_sample(how.point, how.group, how.pairs, how.minus)
        raise Failed("FM2104", f'{quote(value)} is not a number written like "{sample}"')
    fraction = Fraction(number)
    if isinstance(to, ir.IntType) and fraction.denominator != 1:
        raise Failed("FM2104", f"{quote(value)} is not a whole number")
    return nearest_float(fraction) if isinstance(to, ir.FloatType) else fraction
