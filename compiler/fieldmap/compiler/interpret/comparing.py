"""When two values are equal, and which of them is greater."""

from __future__ import annotations

import operator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.compiler.interpret.fitting import JSON_DEPTH
from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.outcome import Duration, Failed

_ORDERS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compared(sign: str, left: Any, right: Any) -> bool:
    """Whether `left sign right` holds of two values that are there. FM2101, FM2158."""
    if sign in ("==", "!="):
        return equal(left, right) == (sign == "==")
    if isinstance(left, Duration) and isinstance(right, Duration):
        return bool(_ORDERS[sign](longer(left, right), 0))
    return bool(_ORDERS[sign](plain(left), plain(right)))


def plain(value: Any) -> Any:
    """A number that no conversion has touched yet, as a Fraction; all else as it is."""
    return Fraction(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def longer(left: Duration, right: Duration) -> int:
    """-1, 0 or 1 by the order of XML Schema: both are added to four dates, and all four sums must be in one order (FM2158)."""
    found = set()
    for year, month in ((1696, 9), (1697, 2), (1903, 3), (1903, 7)):
        ends = []
        for duration in (left, right):
            months = year * 12 + month - 1 + duration.months
            eras, within = divmod(months, 4_800)  # the calendar repeats after 400 years of 146,097 days
            first = date(within // 12 + 2000, within % 12 + 1, 1).toordinal()
            days = eras * 146_097 + first + duration.days
            ends.append(Fraction(days) + Fraction(duration.micros, 86_400_000_000))
        found.add((ends[0] > ends[1]) - (ends[0] < ends[1]))
    if len(found) > 1:
        raise Failed(
            "FM2158", f"which of {quote(left)} and {quote(right)} is longer depends on the months that are meant"
        )
    return found.pop()


def equal(left: Any, right: Any, depth: int = JSON_DEPTH) -> bool:
    """Equal in kind and value: true is not 1, and "1" is not 1. FM2101 for json nested deeper than 64 levels."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if not (isinstance(left, list | dict) and type(left) is type(right)):
        return bool(plain(left) == plain(right))
    if depth == 0:
        raise Failed("FM2101", f"json nested deeper than {JSON_DEPTH} levels cannot be compared")
    places: Any = range(len(left)) if isinstance(left, list) else left.keys()
    if len(left) != len(right) or (isinstance(right, dict) and right.keys() != places):
        return False
    return all(equal(left[place], right[place], depth - 1) for place in places)
