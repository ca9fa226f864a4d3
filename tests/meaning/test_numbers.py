"""Numbers: read, reckoned with, scaled and rounded exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from tests.meaning.equal import exact
from tests.meaning.expressions import DECIMAL, FLOAT, INT, UNITS
from tests.meaning.one import assign, converted, made, map_of, outcome, path, read

from fieldmap.compiler import interpret, ir
from fieldmap.runtime.values.failures import Unreadable
from fieldmap.runtime.values.outcome import Claimed

MONEY = ir.DecimalType(precision=8, scale=2)


def number(text: str) -> ir.NumberConstant:
    return ir.NumberConstant(value=text)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (12, 12),
        (Decimal("12.0"), 12),
        (Decimal("1E+2"), 100),
        ("12", 12),
        ("-3", -3),
        ("007", 7),
        (-(2**63), -(2**63)),
        (2**63, "FM2106"),
        (2**64 + 1, "FM2106"),
        ("9" * 30, "FM2106"),
        ("9" * 401, "FM2104"),
        (10**400, "FM2104"),
        (Decimal("12.5"), "FM2104"),
        ("12.0", "FM2104"),
        ("+3", "FM2104"),
        ("1_000", "FM2104"),
        ("１２", "FM2104"),
        (" 12", "FM2104"),
        ("", "FM2104"),
        (True, "FM2101"),
        ([1], "FM2101"),
        ({}, "FM2101"),
        (Unreadable("FM2104", "too long"), "FM2104"),
        (None, None),
    ],
)
def test_M1_M11_int(raw: Any, wanted: Any) -> None:
    assert exact(read(raw, INT)) == exact(wanted)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (Decimal("0.1"), "0.1"),
        ("12345678901234567.89", "12345678901234567.89"),
        (Decimal("123456789012345678901234567890.123456789"), "123456789012345678901234567890.123456789"),
        ("12.50", "12.5"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.0"), "0"),
        (2**64 + 1, "18446744073709551617"),
    ],
)
def test_M2_number_without_bounds_is_exact(raw: Any, wanted: str) -> None:
    assert exact(read(raw, DECIMAL)) == exact(Decimal(wanted))


@pytest.mark.parametrize("raw", ["1e5", "nan", " nan ", "Infinity", ".5", "5.", "1,5", "0x10", "١", "--1", "9" * 401])
def test_M11_M13_text_that_is_no_plain_number(raw: str) -> None:
    assert read(raw, DECIMAL) == "FM2104"


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [(Decimal("0.1"), 0.1), ("0.5", 0.5), (3, 3.0), (Decimal("-0.0"), 0.0), (Decimal("1E+400"), "FM2104")],
)
def test_float(raw: Any, wanted: Any) -> None:
    assert exact(read(raw, FLOAT)) == exact(wanted)


def test_float_beyond_its_range() -> None:
    assert read(Decimal("1E+309"), FLOAT) == "FM2106"
    product = ir.Arithmetic(operator="*", left=path("a", declared=FLOAT), right=path("a", declared=FLOAT))
    assert made(product, FLOAT, {"a": Decimal("1E+200")}) == "FM2106"


# ------------------------------------------------------------------------------------------------------- rounding


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("2.345", "2.35"),
        ("-2.345", "-2.35"),
        ("2.344999999999999999999999999999999999999", "2.34"),
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("-0.004", "0.00"),
        ("7", "7.00"),
        ("999999.994", "999999.99"),
        ("-999999.995", "FM2106"),
        ("999999.995", "FM2106"),
        ("1000000", "FM2106"),
    ],
)
def test_rounding_is_half_away_from_zero_and_once(raw: str, wanted: str) -> None:
    for form in (raw, Decimal(raw)):
        assert exact(read(form, MONEY)) == exact(wanted if wanted.startswith("FM") else Decimal(wanted))


def test_a_fraction_is_rounded_once() -> None:
    third = ir.Arithmetic(operator="/", left=path("a", declared=DECIMAL), right=number("3"))
    assert exact(made(third, MONEY, {"a": 1})) == exact(Decimal("0.33"))
    assert exact(made(third, MONEY, {"a": -2})) == exact(Decimal("-0.67"))
    assert made(third, DECIMAL, {"a": 1}) == "FM2106"
    assert exact(made(third, DECIMAL, {"a": 3})) == exact(Decimal(1))
    assert made(third, INT, {"a": 1}) == "FM2104"


# ------------------------------------------------------------------------------------------------------ reckoning


def test_M3_sums_do_not_round() -> None:
    left, right = path("a", declared=DECIMAL), path("b", declared=DECIMAL)
    record = {"a": Decimal("12345678901234567890123456789"), "b": Decimal("0.001")}
    total = made(ir.Arithmetic(operator="+", left=left, right=right), DECIMAL, record)
    assert exact(total) == exact(Decimal("12345678901234567890123456789.001"))


def test_M26_sums_are_exact_in_any_order() -> None:
    call = ir.Call(function="sum", arguments=(path("a", None, declared=DECIMAL),))
    values = [Decimal("0.1"), Decimal("0.2"), Decimal("0.3"), Decimal("1E+30"), Decimal("-1E+30")]
    assert exact(made(call, DECIMAL, {"a": values})) == exact(Decimal("0.6"))
    assert exact(made(call, DECIMAL, {"a": values[::-1]})) == exact(Decimal("0.6"))
    assert exact(made(call, DECIMAL, {"a": []})) == exact(Decimal(0))


@pytest.mark.parametrize("divisor", [0, Decimal("0.0"), "0", "-0.00"])
def test_division_by_zero(divisor: Any) -> None:
    quotient = ir.Arithmetic(operator="/", left=number("1"), right=path("a", declared=DECIMAL))
    assert made(quotient, DECIMAL, {"a": divisor}) == "FM2115"
    floats = ir.Arithmetic(operator="/", left=path("a", declared=FLOAT), right=path("a", declared=FLOAT))
    assert made(floats, FLOAT, {"a": divisor}) == "FM2115"


def test_absence_passes_through() -> None:
    for operator in "+-*/":
        assert made(ir.Arithmetic(operator=operator, left=path("a", declared=INT), right=number("0")), INT) is None
    assert made(ir.Negate(value=path("a", declared=INT)), INT) is None


# ---------------------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("value", "factor", "offset", "wanted"),
    [
        ("1", "45359237/100000000", "0", "0.45359237"),  # lb in kg
        ("1", "254/10000", "0", "0.0254"),  # in in m
        ("12", "1609344/1000000", "0", "19.312128"),  # mi in km
        ("212", "5/9", "-160/9", "100"),  # degF in degC
        ("-40", "5/9", "-160/9", "-40"),
        ("98.6", "5/9", "-160/9", "37"),
        ("0.1", "9/5", "32", "32.18"),  # degC in degF
    ],
)
def test_M17_M19_units_are_exact(value: str, factor: str, offset: str, wanted: str) -> None:
    scaled = ir.Scale(
        value=path("a", declared=DECIMAL), factor=factor, offset=offset, from_unit="here", to_unit="there"
    )
    for raw in (value, Decimal(value)):
        assert exact(made(scaled, DECIMAL, {"a": raw})) == exact(Decimal(wanted))
    assert interpret.evaluate(scaled, {}, {"$": {"a": value}}) == Fraction(wanted)
    assert made(scaled, DECIMAL, {}) is None


def test_M19_there_and_back_is_the_same() -> None:
    there = ir.Scale(value=path("a", declared=DECIMAL), factor="5/9", offset="-160/9", from_unit="degF", to_unit="degC")
    back = ir.Scale(value=there, factor="9/5", offset="32", from_unit="degC", to_unit="degF")
    assert exact(made(back, DECIMAL, {"a": "77.77"})) == exact(Decimal("77.77"))


# ------------------------------------------------------------------------------------------ units named by the data


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"a": 10, "u": "Active"}, "4535.9237"),  # a pound, in g
        ({"a": "0.5", "u": "A"}, "500"),
        ({"a": 3, "u": "LB"}, "1000"),
        ({"u": "nonsense"}, None),
        ({"a": 1}, "FM2142"),
        ({"a": 1, "u": None}, "FM2142"),
        ({"a": 1, "u": "Lb"}, "FM2140"),
        ({"a": 1, "u": "On Leave"}, "FM2141"),
        ({"a": 1, "u": ""}, "FM2143"),
        ({"a": 1, "u": 7}, "FM2101"),
    ],
)
def test_a_unit_that_the_data_names(record: dict[str, Any], wanted: str | None) -> None:
    value = ir.ScaleByCode(value=path("a", declared=DECIMAL), code=path("u"), system="units", into=UNITS[0])
    found = made(value, DECIMAL, record)
    assert found == wanted if wanted is None or wanted.startswith("FM") else exact(found) == exact(Decimal(wanted))


def test_a_temperature_that_the_data_names() -> None:
    value = ir.ScaleByCode(value=path("a", declared=DECIMAL), code=path("u"), system="units", into=UNITS[1])
    assert exact(made(value, DECIMAL, {"a": 212, "u": "A"})) == exact(Decimal(100))


def test_the_reason_says_what_the_code_is() -> None:
    value = ir.ScaleByCode(value=path("a", declared=DECIMAL), code=path("u"), system="units", into=UNITS[0])
    reasons = []
    for code in ("On Leave", "", "Lb", None):
        found = outcome(map_of(assign(value, DECIMAL)), {"a": 1, "u": code})
        assert isinstance(found, Claimed)
        reasons += [held.reason for held in found.held]
    assert reasons == [
        '"On Leave" is litre, a volume; a mass is needed',
        '"" is group, which has no size of its own; a mass is needed',
        '"Lb" is no unit code of the plant',
        "the unit of 1 is absent",
    ]


# ---------------------------------------------------------------------------------------------------- other marks

GERMAN = ir.NumberFormat(point=",", group=".")


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("1.234,56", "1234.56"),
        ("-1.234.567,5", "-1234567.5"),
        ("1234,5", "1234.5"),
        ("1.234", "1234"),
        ("12", "12"),
        ("12.34,5", "FM2104"),
        ("1.2345", "FM2104"),
        (".234", "FM2104"),
        ("1,", "FM2104"),
        ("1,234.56", "FM2104"),
        ("", "FM2104"),
        (12, "FM2101"),
        (True, "FM2101"),
    ],
)
def test_numbers_with_marks_of_their_own(raw: Any, wanted: str) -> None:
    found = converted(raw, DECIMAL, GERMAN)
    assert exact(found) == exact(wanted if wanted.startswith("FM") else Decimal(wanted))


def test_marks_may_be_any_characters() -> None:
    assert converted("1 234.5", DECIMAL, ir.NumberFormat(point=".", group=" ")) == Decimal("1234.5")
    assert converted("1'234'567", INT, ir.NumberFormat(point=".", group="'")) == 1234567
    assert converted("1'234.5", INT, ir.NumberFormat(point=".", group="'")) == "FM2104"
    assert converted("1.5", FLOAT, ir.NumberFormat(point=".", group="")) == 1.5
