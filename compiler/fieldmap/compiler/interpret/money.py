"""The reference meaning of money: amounts out of texts, periods and rates. Failures carry no path."""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.conversions import is_exact
from fieldmap.runtime.values.currencies import CURRENCIES
from fieldmap.runtime.values.failures import quote, wrong
from fieldmap.runtime.values.numbers import DIGITS
from fieldmap.runtime.values.outcome import Failed, Money
from fieldmap.runtime.values.quantities import LONGEST, normal

_DIGIT_RUN = re.compile(r"-?[0-9][0-9,]*(?:\.[0-9]+)?")


def read(value: Any, node: ir.ReadMoney) -> Money:
    """`68000 CAD`"""
    if is_exact(value):
        if abs(Fraction(value)) >= 10**DIGITS:
            raise Failed("FM2104", f"{quote(value)} has more digits than a number may have")
        return Money(Fraction(value), _bare(value, node))
    if not isinstance(value, str):
        raise wrong(value, "a text with an amount", "")
    written = normal(value)
    minus = re.match(r"-(?! )", written) is not None
    if minus:
        written = written[1:]
    runs = _DIGIT_RUN.findall(written)
    if len(value) > LONGEST or len(runs) != 1 or (minus and runs[0].startswith("-")) or not _grouped(runs[0]):
        raise Failed("FM2104", f"{quote(value)} is not an amount such as 68,000.00 CAD")
    before, after = (part.strip(" ") for part in written.split(runs[0]))
    if re.search(r"[0-9.,-]", before + after):
        raise Failed("FM2104", f"{quote(value)} is not an amount such as 68,000.00 CAD")
    amount = Fraction(runs[0].replace(",", ""))
    return Money(-amount if minus else amount, _currency([name for name in (before, after) if name], value, node))


def _grouped(digits: str) -> bool:
    head, *groups = digits.lstrip("-").partition(".")[0].split(",")
    return not groups or (1 <= len(head) <= 3 and all(len(group) == 3 for group in groups))


def _bare(value: Any, node: ir.ReadMoney) -> str:
    if node.bare is None:
        raise Failed("FM2146", f"{quote(value)} has no currency")
    return node.bare


def _currency(names: list[str], value: Any, node: ir.ReadMoney) -> str:
    if not names:
        return _bare(value, node)
    meanings = {"€": "EUR"} | dict(node.signs)
    found = {meanings.get(name, name if name in CURRENCIES else "") for name in names}
    codes = [name for name in names if name in CURRENCIES and name not in dict(node.signs)]
    if len(names) == 2 and not (
        codes and len(found) == 1 and all(name in codes or name in dict(node.signs) for name in names)
    ):
        raise Failed("FM2111", f"{quote(value)} has more than one currency")
    if found == {""}:
        raise Failed(
            "FM2111",
            f"{quote(value)} has {quote(names[0])}, which is no currency code of ISO 4217, and no sign that is said here",
        )
    return found.pop()


def per_period(value: Any, period: Any, node: ir.PerPeriod) -> tuple[Money, str]:
    """The amount per the wanted period, and the factor that made it."""
    if not isinstance(value, Money):
        raise wrong(value, "an amount of money", "")
    if period is None:
        raise Failed("FM2153", f"nothing says per what {quote(value)} is paid")
    for name, factor in node.factors:
        if name == period:
            return Money(Fraction(value.amount) * Fraction(factor), value.currency), factor
    raise Failed("FM2153", f"{quote(value)} is paid per {period}, and nothing says how much that is per {node.wanted}")


def exchange(value: Any, day: Any, node: ir.Exchange, table: ir.Table) -> tuple[Money, str]:
    """The amount in the wanted currency, and by which rates, in words."""
    if not isinstance(table, ir.Rates):
        raise TypeError(f"{node.rates} is no rate table")
    if not isinstance(value, Money):
        raise wrong(value, "an amount of money", "")
    if value.currency == node.currency:
        return value, "is in that currency already"
    if day is None:
        raise Failed("FM2152", f"the day of the rate for {quote(value)} is absent")
    chain = _chain(table, value.currency, node.currency, day)
    if chain is None and table.across is not None and table.across not in (value.currency, node.currency):
        first, second = (
            _chain(table, *pair, day) for pair in ((value.currency, table.across), (table.across, node.currency))
        )
        chain = first + second if first is not None and second is not None else None
    if chain is None:
        raise Failed(
            "FM2152",
            f"{table.name.partition(' ')[2]} has no rate from {value.currency} to {node.currency} for {day.isoformat()}",
        )
    amount = Fraction(value.amount)
    for rate, backwards in chain:
        amount = amount / Fraction(rate.value) if backwards else amount * Fraction(rate.value)
    shown = " ".join(
        f"{'÷' if back else '×'} {rate.value} of {rate.day} ({table.file}:{rate.line})" for rate, back in chain
    )
    return Money(amount, node.currency), shown


def _chain(table: ir.Rates, source: str, target: str, day: date) -> list[tuple[ir.Rate, bool]] | None:
    """The rate that counts, and whether it is read backwards."""
    for one, other, backwards in ((source, target, False), (target, source, True)):
        oldest = day - timedelta(days=min(table.valid, day.toordinal() - 1))
        counting = [
            rate
            for rate in table.rates
            if (rate.source, rate.target) == (one, other) and oldest <= date.fromisoformat(rate.day) <= day
        ]
        if counting and (table.inverse or not backwards):
            return [(max(counting, key=lambda rate: rate.day), backwards)]
    return None
