"""Every failure has a registered code, and a reason that is safe to print."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fieldmap.compiler import ir
from fieldmap.runtime import values
from fieldmap.runtime.values import fit
from fieldmap.runtime.values.failures import TITLES, Unreadable, describe, quote, shorten, wrong
from fieldmap.runtime.values.outcome import Failed, Money

SOURCES = [*Path(values.__path__[0]).glob("*.py"), *(Path(ir.__file__).parent / "interpret").glob("*.py")]


def test_codes_in_the_source_are_registered() -> None:
    named = {code for source in SOURCES for code in re.findall(r"FM2\d{3}", source.read_text("utf-8"))}
    assert named == set(TITLES)


def test_titles_are_one_line_without_a_stop() -> None:
    for code, title in TITLES.items():
        assert re.fullmatch(r"FM21\d\d", code)
        assert "\n" not in title
        assert not title.endswith(".")


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("Bad Date", '"Bad Date"'),
        ("\x1b[31m\n\0\u202e\ud800", r'"\x1b[31m\n\x00\u202e\ud800"'),
        ("x" * 61, '"' + "x" * 59 + '…"'),
        (12345678901234567890, "12345678901234567890"),
        (Decimal("0.10"), "0.10"),
        (Fraction(1, 3), "0.333333333333"),
        pytest.param(10**4400, "a number of thousands of digits", id="thousands"),
        pytest.param(Fraction(10**400), "a number of hundreds of digits", id="hundreds"),
        (True, "true"),
        (None, "null"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00+00:00"),
        (Money(Decimal("1.5"), "USD"), "1.5 USD"),
        ([1], "a list"),
        ({}, "an object"),
        (Unreadable("FM2104", ""), "something unreadable"),
    ],
)
def test_values_are_quoted_short_and_clean(value: Any, quoted: str) -> None:
    assert quote(value) == quoted
    assert quote(value).isprintable()


def test_reasons_are_clauses() -> None:
    assert wrong(12, "a text", "$.a").reason == "a text is needed, and the source sent the number 12"
    assert wrong("x", "a number", "").reason == 'a number is needed, and the source sent the text "x"'
    assert describe(None) == "null"
    with pytest.raises(Failed) as failure:
        fit.fit_decimal(Decimal("12345678.9"), Decimal("0.1"), Decimal("1E7"), "decimal(8, 1)", "$.a")
    assert failure.value.reason == "12345678.9 does not fit decimal(8, 1)"
    assert failure.value.path == "$.a"


@pytest.mark.parametrize("length", [0, 1, 59, 60, 61, 1000])
def test_no_quotation_is_longer_than_sixty(length: int) -> None:
    assert len(shorten("y" * length)) <= 60
