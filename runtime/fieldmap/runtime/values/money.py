"""Money: amounts written as text, pay per one period as pay per another, and the rate of a day. Exact; rounded where it is kept."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.currencies import CURRENCIES
from fieldmap.runtime.values.failures import Unreadable, quote, wrong
from fieldmap.runtime.values.numbers import Exact, multiply, too_long
from fieldmap.runtime.values.outcome import Failed, Money
from fieldmap.runtime.values.quantities import LONGEST, normal

_AMOUNT = re.compile(
    r"(?P<before>[^0-9.,-]*)(?P<amount>-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?P<after>[^0-9.,-]*)"
)


def read_money(value: Any, signs: dict[str, str], bare: str | None, path: str, noted: list[str] | None = None) -> Money:
    """`68000 CAD`, `CAD 68,000.00`, and with signs {"$": "USD"} `$1,234.50`. FM2101, FM2104, FM2111, FM2146.

    noted: gets the path of an amount without a currency, so that the run can count them."""
    if type(value) in (int, Decimal, Fraction):
        if too_long(int(value)):
            raise Failed("FM2104", f"{quote(value)} has more digits than a number may have", path)
        return Money(value, _bare(value, bare, path, noted))
    if isinstance(value, Unreadable) or type(value) is not str:
        raise wrong(value, "a text with an amount", path)
    text = normal(value) if len(value) <= LONGEST else ""
    negative = text.startswith("-") and not text.startswith("- ")
    match = _AMOUNT.fullmatch(text[1:] if negative else text)
    if match is None or (negative and match["amount"].startswith("-")):
        raise Failed("FM2104", f"{quote(value)} is not an amount such as 68,000.00 CAD", path)
    before, after = match["before"].strip(), match["after"].strip()
    digits = match["amount"].replace(",", "")
    amount: Exact = Decimal(digits) if "." in digits else int(digits)
    names = [name for name in (before, after) if name]
    if len(names) == 2:
        # `$5 USD`: the code says which dollars.
        currency = _currency(names[1] if names[1] in CURRENCIES else names[0], signs, value, path)
        other = names[0] if names[1] in CURRENCIES else names[1]
        if signs.get(other, currency if other in CURRENCIES and other == currency else None) != currency:
            raise Failed("FM2111", f"{quote(value)} has more than one currency", path)
    else:
        currency = _currency(names[0], signs, value, path) if names else _bare(value, bare, path, noted)
    return Money(-amount if negative else amount, currency)


def _bare(value: Any, bare: str | None, path: str, noted: list[str] | None) -> str:
    if bare is None:
        raise Failed("FM2146", f"{quote(value)} has no currency", path)
    if noted is not None:
        noted.append(path)
    return bare


def _currency(name: str, signs: dict[str, str], value: Any, path: str) -> str:
    found = signs.get(name)
    if found is not None:
        return found
    if name in CURRENCIES:
        return name
    if name == "€":
        return "EUR"
    raise Failed(
        "FM2111",
        f"{quote(value)} has {quote(name)}, which is no currency code of ISO 4217, and no sign that is said here",
        path,
    )


def per_period(value: Any, period: Any, wanted: str, factors: Mapping[str, Exact], path: str) -> Money:
    """The amount per `wanted`. FM2101, FM2153."""
    if type(value) is not Money:
        raise wrong(value, "an amount of money", path)
    if period is None:
        raise Failed("FM2153", f"nothing says per what {quote(value)} is paid", path)
    factor = factors.get(period)
    if factor is None:
        raise Failed(
            "FM2153", f"{quote(value)} is paid per {period}, and nothing says how much that is per {wanted}", path
        )
    return Money(multiply(value.amount, factor, path), value.currency)


class Rates:
    """Dated rates. valid: for how many days after its own a rate counts. inverse: whether a pair may be read backwards. across: the
    currency through which a missing pair is reckoned. pairs: (from, to, "2026-03-01 1.0842 2026-03-02 …") in order of the days."""

    __slots__ = ("_across", "_inverse", "_pairs", "_valid", "name")

    def __init__(
        self, name: str, valid: int, inverse: bool, across: str | None, pairs: tuple[tuple[str, str, str], ...]
    ) -> None:
        self.name = name
        self._valid = valid
        self._inverse = inverse
        self._across = across
        self._pairs: dict[tuple[str, str], tuple[list[int], list[str]]] = {}
        for source, target, written in pairs:
            words = written.split()
            days = [date.fromisoformat(day).toordinal() for day in words[::2]]
            self._pairs[source, target] = (days, words[1::2])

    def rate(self, source: str, target: str, day: date) -> Fraction | None:
        """What one unit of `source` is worth in `target` on the day."""
        found = self._pair(source, target, day)
        if found is None and self._across is not None and self._across not in (source, target):
            first, second = self._pair(source, self._across, day), self._pair(self._across, target, day)
            return first * second if first is not None and second is not None else None
        return found

    def _pair(self, source: str, target: str, day: date) -> Fraction | None:
        found = self._latest(source, target, day)
        if found is None and self._inverse:
            other = self._latest(target, source, day)
            return 1 / other if other is not None else None
        return found

    def _latest(self, source: str, target: str, day: date) -> Fraction | None:
        days, values = self._pairs.get((source, target), ([], []))
        at = bisect_right(days, day.toordinal()) - 1
        if at < 0 or day.toordinal() - days[at] > self._valid:
            return None
        return Fraction(values[at])


def exchange(value: Any, day: Any, rates: Rates, currency: str, path: str) -> Money:
    """The amount in the currency, by the rate of the day. FM2101, FM2152."""
    if type(value) is not Money:
        raise wrong(value, "an amount of money", path)
    if value.currency == currency:
        return value
    if day is None:
        raise Failed("FM2152", f"the day of the rate for {quote(value)} is absent", path)
    rate = rates.rate(value.currency, currency, day)
    if rate is None:
        raise Failed(
            "FM2152", f"{rates.name} has no rate from {value.currency} to {currency} for {day.isoformat()}", path
        )
    return Money(multiply(value.amount, rate, path), currency)
