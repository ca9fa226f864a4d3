"""Texts, bools, codes, templates, money, json: read, kept or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.meaning.equal import exact
from tests.meaning.expressions import BOOL, DECIMAL, ENUM, INT, JSON, TEXT
from tests.meaning.one import converted, made, path, read

from fieldmap.compiler import ir
from fieldmap.runtime.values.failures import Unreadable
from fieldmap.runtime.values.outcome import Money

BAD = "\ud800"


@pytest.mark.parametrize("raw", [12, Decimal("1.5"), True, [], {}, ["a"]])
def test_M13_no_other_kind_becomes_a_text(raw: Any) -> None:
    assert read(raw, TEXT) == "FM2101"


@pytest.mark.parametrize("raw", ["007", "1e5", "(1,2)", " padded ", "a\nb\t", "e\u0301", "\u200b", "İ", ""])
def test_M10_M13_texts_stay_as_they_are(raw: str) -> None:
    assert read(raw, TEXT) == raw


def test_M8_M9_texts_that_no_database_holds() -> None:
    assert read("a\0b", TEXT) == "FM2113"
    assert read(BAD, TEXT) == "FM2113"
    assert read(f"a{BAD}", ir.TextType(max_length=80)) == "FM2113"
    assert made(path("a", None, declared=TEXT), ir.ListType(element=TEXT), {"a": ["x", BAD]}) == "FM2113"
    assert made(path("a", declared=TEXT), ENUM, {"a": BAD}) == "FM2113"
    assert read({"a": [{"b\0": 1}]}, JSON) == "FM2113"
    assert read([BAD], JSON) == "FM2113"


def test_lengths() -> None:
    assert read("é" * 8, ir.TextType(max_length=8)) == "é" * 8
    assert read("é" * 9, ir.TextType(max_length=8)) == "FM2116"
    key = ir.ReferenceType(entity="Worker", key=TEXT)
    assert made(path("a", declared=TEXT), key, {"a": "é" * 1000}) == "é" * 1000
    assert made(path("a", declared=TEXT), key, {"a": "é" * 1001}) == "FM2116"
    assert made(path("a", declared=TEXT), TEXT, {"a": "x" * 2001}, is_key=True) == "FM2116"


@pytest.mark.parametrize("raw", ["true", "false", "Y", 1, 0, []])
def test_M12_only_true_and_false_are_bools(raw: Any) -> None:
    assert read(raw, BOOL) == "FM2101"
    assert read(False, BOOL) is False


def test_the_two_words_of_a_bool() -> None:
    words = ir.BoolWords(yes="Y", no="N")
    assert [converted(raw, BOOL, words) for raw in ("Y", "N", "y", "", 1, None)] == [
        True,
        False,
        "FM2105",
        "FM2105",
        "FM2101",
        None,
    ]
    assert converted("", BOOL, ir.BoolWords(yes="X", no="")) is False


def test_codes() -> None:
    status = ir.Lookup(value=path("a", declared=TEXT), codes="status")
    target = ir.EnumType(values=("active", "leave"))
    assert [made(status, target, {"a": code}) for code in ("Active", "active", "", None)] == [
        "active",
        "FM2110",
        "FM2110",
        None,
    ]
    default = ir.Lookup(value=path("a", declared=TEXT), codes="any")
    assert [made(default, TEXT, {"a": code}) for code in ("", "?", "A")] == ["blank", "other", "FM2113"]
    assert made(status, ir.EnumType(values=("leave",)), {"a": "Active"}) == "FM2110"


def hole(name: str, absence: str = "", to: ir.Type = TEXT) -> ir.Hole:
    return ir.Hole(value=path(name, declared=to), absence=absence)


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"a": "x", "b": "y"}, "x y z"),
        ({"a": "x"}, "x z"),
        ({"b": "y"}, "y z"),
        ({}, "z"),
    ],
)
def test_an_absent_hole_takes_one_blank_with_it(record: Any, wanted: str) -> None:
    parts = (hole("a", "?"), " ", hole("b", "?"), " ", "z")
    assert made(ir.Template(parts=parts), TEXT, record) == wanted


def test_only_one_blank_goes() -> None:
    assert made(ir.Template(parts=("a  ", hole("a", "?"), "  b"))) == "a   b"
    assert made(ir.Template(parts=("a", hole("a", "?"), " b"))) == "ab"
    assert made(ir.Template(parts=("(", hole("a", "?"), hole("b", "?"), ")"))) == "()"


def test_a_hole_that_makes_the_whole_absent() -> None:
    template = ir.Template(parts=("BHR-", hole("a", "!", INT)))
    assert made(template) is None
    assert made(template, TEXT, {"a": 42}) == "BHR-42"
    assert made(template, TEXT, {"a": Decimal("42.0")}) == "BHR-42"
    assert made(ir.Template(parts=(hole("a", "!", DECIMAL),)), TEXT, {"a": Decimal("4.5")}) == "FM2101"
    assert made(ir.Template(parts=())) == ""


MONEY = ir.MoneyType(precision=8, scale=2, currency="USD")
PAY = ir.MakeMoney(amount=path("a", declared=DECIMAL), currency=path("b", declared=TEXT))


@pytest.mark.parametrize(
    ("amount", "currency", "wanted"),
    [
        ("12.345", "USD", Money(Decimal("12.35"), "USD")),
        (None, None, None),
        (None, 5, None),
        ("1", None, "FM2111"),
        ("1", "usd", "FM2111"),
        ("1", "XXY", "FM2111"),
        ("1", "EUR", "FM2111"),
        ("1", 5, "FM2101"),
        ("1000000", "USD", "FM2106"),
        ("n/a", "USD", "FM2104"),
    ],
)
def test_money(amount: Any, currency: Any, wanted: Any) -> None:
    assert exact(made(PAY, MONEY, {"a": amount, "b": currency})) == exact(wanted)


def test_money_in_any_currency() -> None:
    found = made(PAY, ir.MoneyType(), {"a": "12.50", "b": "EUR"})
    assert exact(found) == exact(Money(Decimal("12.5"), "EUR"))


def test_json_is_kept_as_it_came() -> None:
    value = {"b": [1, None, Decimal("2.50")], "a": {"x": True}}
    assert exact(read(value, JSON)) == exact(value)
    nested: Any = 1
    for _ in range(64):
        nested = [nested]
    assert read(nested, JSON) == nested
    assert read([nested], JSON) == "FM2101"
    assert read([10**400], JSON) == "FM2104"
    assert read({"a": Unreadable("FM2126", "twice")}, JSON) == "FM2126"


def test_lists_leave_out_nulls_and_fail_as_a_whole() -> None:
    numbers = ir.ListType(element=ir.DecimalType(precision=6, scale=1))
    assert exact(read([1, None, "2.25"], numbers)) == exact([Decimal("1.0"), Decimal("2.3")])
    assert read([1, "x"], numbers) == "FM2104"
    assert read("x", numbers) == "FM2101"
    assert read([], numbers) == []
    assert read(None, numbers) is None


def test_what_a_page_could_not_make_fails_where_it_is_read() -> None:
    twice = Unreadable("FM2126", "an object names a twice")
    assert read(twice, TEXT) == "FM2126"
    assert made(path("a", "b", declared=TEXT), TEXT, {"a": twice}) == "FM2126"
    assert made(path("a", None, declared=TEXT), ir.ListType(element=TEXT), {"a": twice}) == "FM2126"
    assert made(ir.TextConstant(value="x"), TEXT, {"a": twice}) == "x"
