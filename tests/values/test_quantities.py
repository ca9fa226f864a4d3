"""Quantities written as text: the corpus of product attributes, money, rates, and time that is bounded whatever comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import project

from fieldmap.compiler import ir, spellings, units
from fieldmap.compiler.interpret import quantities as reference
from fieldmap.runtime.values.money import Rates, exchange, per_period, read_money
from fieldmap.runtime.values.outcome import Failed, Money
from fieldmap.runtime.values.quantities import LONGEST, Bare, read_quantity
from fieldmap.runtime.values.spellings import Spellings

CORPUS = Path(__file__).parent / "corpus" / "dimensions.txt"


def corpus() -> Iterator[tuple[str, str, str, str]]:
    """unit, settings, expected, text"""
    for line in CORPUS.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            unit, settings, wanted, texts = (part.strip() for part in line.split(" ; ", 3))
            for text in texts.split("  | "):
                yield unit, settings, wanted, text.strip()


def node(unit: str, *, bare: bool = False, ends: str | None = None) -> tuple[ir.ReadQuantity, ir.Spellings]:
    found = units.parse(unit)
    table = spellings.table(found)
    read = ir.ReadQuantity(
        value=ir.AbsentConstant(), spellings=table.name, unit=found, bare=found if bare else None, ends=ends
    )
    return read, table


def both(text: Any, read: ir.ReadQuantity, table: ir.Spellings) -> Any:
    """What the runtime makes of a text, after the reference said the same; the code of a failure."""
    unit = Bare(Fraction(read.unit.factor), Fraction(read.unit.offset))
    made = Spellings(table.needed, table.own, table.foreign)
    try:
        found: Any = read_quantity(text, made, unit, unit if read.bare else None, read.ends, "")
    except Failed as failed:
        found = failed.code
    try:
        wanted = reference.read(text, read, table)
    except Failed as failed:
        wanted = failed.code
    assert found == wanted, text
    return found


@pytest.mark.parametrize(("unit", "said", "wanted", "text"), list(corpus()), ids=lambda value: str(value))
def test_corpus(unit: str, said: str, wanted: str, text: str) -> None:
    ends = next((word for word in said.split() if word in ("lower", "upper", "both")), None)
    read, table = node(unit, bare="bare" in said, ends=ends)
    found = both(text, read, table)
    if wanted.startswith("FM"):
        assert found == wanted
    elif ends == "both":
        assert found == [Fraction(end) for end in wanted.split(",")]
    else:
        assert found == Fraction(wanted)


def test_the_corpus_is_large() -> None:
    assert len(list(corpus())) > 900


PIECES = [
    *[
        "0",
        "1",
        "2",
        "3",
        "12",
        ".5",
        "1.5",
        "1,200",
        "12,5",
        "10.",
        "1e3",
        "1/2",
        "3/4",
        "5/8",
        "7/64",
        "½",
        "⅝",
        "²",
        "³",
        "^2",
        "٣",
    ],
    *[
        "in",
        "in.",
        "inches",
        '"',
        "''",
        "'",
        "ft",
        "ft.",
        "feet",
        "yd",
        "mm",
        "Mm",
        "MM",
        "m",
        "cm",
        "lb",
        "lb.",
        "lbs",
        "oz",
        "kg",
        "st",
        "ft2",
        "m3",
        "°F",
        "C",
        "%",
        "GB",
        "gb",
        "min",
        "h",
        "sq",
        "cu",
    ],
    *[
        "-",
        "–",
        "−",
        "+",
        "±",
        "+/-",
        "~",
        "<",
        ">=",
        "..",
        "…",
        "to",
        "thru",
        "up_to",
        "approx.",
        "max",
        "min",
        "at_least",
        "or_more",
        "x",
        "×",
        "by",
        "*",
        "·",
        "and",
        "or",
        "&",
        ",",
        ";",
        "/",
        ":",
        "(",
        ")",
        "#",
        "wide",
        "W",
        "per",
    ],
    *[" "] * 12,
    "\u00a0",
    "\u200b",
]
SETTINGS = [
    (unit, bare, ends)
    for unit in ("inch", "lb", "degF", "ft^2", "kg/m^3", "GB", "min", "m^3/hour", "mm")
    for bare in (False, True)
    for ends in (None, "lower", "upper", "both")
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), st.sampled_from(SETTINGS))
@settings(max_examples=1_500, deadline=None)
def test_runtime_and_reference_agree_on_whatever_is_put_together(
    pieces: list[str], setting: tuple[str, bool, str | None]
) -> None:
    unit, bare, ends = setting
    both("".join(pieces).replace("_", " "), *node(unit, bare=bare, ends=ends))


def test_each_field_reads_its_own_unit_beside_others_of_its_dimension(tmp_path: Path) -> None:
    """`lb/gal` is in no list of spellings: only the field's own table has it."""
    source = """
    entity W { key no : text; a : decimal(9, 3) in kg/m^3?; b : decimal(9, 3) in lb/gal?; c : decimal(9, 3) in g/l? }
    connector x { base "https://x.example.com"; resource r { get "/r"; id $.id; shape { id: text, a: text?, b: text?, c: text? } } }
    map x.r to W { no = $.id; a = $.a as quantity; b = $.b as quantity; c = $.c as quantity }
    example "each in its own" {
      given x.r { "id": "1", "a": "5 kg/m^3", "b": "5 lb/gal", "c": "5 g/l" }
      expect W { a = 5 kg/m^3, b = 5 lb/gal, c = 5 g/l }
    }
    """
    assert [item.message for item in project(tmp_path, all=source).diagnostics] == []


def test_every_unit_of_the_spellings_is_known() -> None:
    assert spellings.missing() == []


@pytest.mark.parametrize(
    "text",
    [
        "9" * LONGEST,
        "1/2 " * 50,
        "1-" * 100,
        "in " * 66 + "1",
        "1 " * 100,
        "½" * 66,
        "''" * 99 + "1",
        "- " * 100,
        "1 - " * 49 + "1 in",
        "+" * 200,
        "1+" * 100,
        "up to " * 33,
        "1 in, " * 33,
        "a" * 200,
        "1" + "a " * 99,
        "1 " + "per " * 49,
        "1." * 100,
        "1,111" * 40,
        "1/2-" * 50,
        "± " * 100,
        "1in2" * 50,
        "(" * 200,
        "°" * 199 + "1",
        "1 " + "sq. " * 49,
    ],
)
def test_hostile_texts_are_refused_in_bounded_time(text: str) -> None:
    read, table = node("inch", bare=True, ends="both")
    started = time.perf_counter()
    both(text, read, table)
    assert time.perf_counter() - started < 1
    assert both(text * 1_000_000 if len(text) > LONGEST else "1" * 5_000_000, read, table) == "FM2145"


@pytest.mark.parametrize(
    ("raw", "wanted"), [(12, 12), (Decimal("3.5"), Decimal("3.5")), (True, "FM2101"), ([], "FM2101")]
)
def test_a_json_number_has_no_unit(raw: Any, wanted: Any) -> None:
    assert both(raw, *node("inch", bare=True)) == wanted
    assert both(raw, *node("inch")) == ("FM2146" if wanted != "FM2101" else wanted)


# -------------------------------------------------------------------------------------------------------------- money


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("68000 CAD", Money(68000, "CAD")),
        ("CAD 68,000.00", Money(Decimal("68000.00"), "CAD")),
        ("68,000CAD", Money(68000, "CAD")),
        ("$1,234.50", Money(Decimal("1234.50"), "USD")),
        ("-$5", Money(-5, "USD")),
        ("$-5", Money(-5, "USD")),
        ("$5 USD", Money(5, "USD")),
        ("$5 CAD", "FM2111"),
        ("5 €", Money(5, "EUR")),
        ("£5", "FM2111"),
        ("5 usd", "FM2111"),
        ("5", Money(5, "USD")),
        ("5-6 USD", "FM2104"),
        ("1.234,50 EUR", "FM2104"),
        ("1,23 EUR", "FM2104"),
        ("five USD", "FM2104"),
        ("", "FM2104"),
    ],
)
def test_money(text: str, wanted: Any) -> None:
    from fieldmap.compiler.interpret import money

    read = ir.ReadMoney(value=ir.AbsentConstant(), signs=(("$", "USD"),), bare="USD")
    try:
        found: Any = read_money(text, {"$": "USD"}, "USD", "")
    except Failed as failed:
        found = failed.code
    try:
        reckoned: Any = money.read(text, read)
    except Failed as failed:
        reckoned = failed.code
    assert reckoned == found
    assert found == wanted


def test_a_sign_alone_says_no_currency() -> None:
    with pytest.raises(Failed) as raised:
        read_money("$5", {}, None, "")
    assert raised.value.code == "FM2111"


def test_pay_per_one_period_as_pay_per_another() -> None:
    factors = {"year": 1, "hour": 2080}
    assert per_period(Money(25, "USD"), "hour", "year", factors, "") == Money(52000, "USD")
    for period in ("day", None):
        with pytest.raises(Failed) as raised:
            per_period(Money(25, "USD"), period, "year", factors, "")
        assert raised.value.code == "FM2153"


def rates(**more: Any) -> Rates:
    pairs = (("EUR", "USD", "2026-03-01 1.08 2026-03-05 1.10"), ("EUR", "CAD", "2026-03-01 1.5"))
    settings: dict[str, Any] = {"valid": 3, "inverse": False, "across": None} | more
    return Rates("fx", settings["valid"], settings["inverse"], settings["across"], pairs)


@pytest.mark.parametrize(
    ("day", "pair", "more", "wanted"),
    [
        ("2026-03-01", "EUR USD", {}, Fraction("1.08")),
        ("2026-03-04", "EUR USD", {}, Fraction("1.08")),
        ("2026-03-05", "EUR USD", {}, Fraction("1.10")),
        ("2026-02-28", "EUR USD", {}, None),
        ("2026-03-09", "EUR USD", {}, None),
        ("2026-03-05", "EUR USD", {"valid": 0}, Fraction("1.10")),
        ("2026-03-06", "EUR USD", {"valid": 0}, None),
        ("2026-03-01", "USD EUR", {}, None),
        ("2026-03-01", "USD EUR", {"inverse": True}, 1 / Fraction("1.08")),
        ("2026-03-01", "CAD USD", {"inverse": True}, None),
        ("2026-03-01", "CAD USD", {"across": "EUR"}, None),
        ("2026-03-01", "CAD USD", {"inverse": True, "across": "EUR"}, Fraction("1.08") / Fraction("1.5")),
        ("2026-03-09", "CAD USD", {"inverse": True, "across": "EUR"}, None),
    ],
)
def test_rates(day: str, pair: str, more: dict[str, Any], wanted: Fraction | None) -> None:
    source, target = pair.split()
    assert rates(**more).rate(source, target, date.fromisoformat(day)) == wanted


def test_exchange_is_exact_and_leaves_the_own_currency_alone() -> None:
    assert exchange(Money(Decimal("0.1"), "EUR"), date(2026, 3, 1), rates(), "USD", "").amount == Fraction("0.108")
    assert exchange(Money(5, "USD"), None, rates(), "USD", "") == Money(5, "USD")
    for day in (None, date(2020, 1, 1)):
        with pytest.raises(Failed) as raised:
            exchange(Money(5, "EUR"), day, rates(), "USD", "")
        assert raised.value.code == "FM2152"
