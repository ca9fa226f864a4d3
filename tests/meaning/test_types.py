"""Times, durations, checked texts, numbers by sample: what is read, and what is refused."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.meaning.expressions import DATE, DATETIME, DECIMAL, DURATION, INT, TEXT, TIME
from tests.meaning.one import converted, made, path, read

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.comparing import longer
from fieldmap.runtime.values.durations import order, parse
from fieldmap.runtime.values.numbers import base64_number
from fieldmap.runtime.values.outcome import Duration, Failed
from fieldmap.runtime.values.patterns import fault, unreadable, write
from fieldmap.runtime.values.patterns import read as read_pattern


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("14:30", time(14, 30)),
        ("T14:30:05,25", time(14, 30, 5, 250000)),
        ("00:00", time(0, 0)),
        ("24:00", "FM2157"),
        ("23:59:60", "FM2157"),
        ("14:30:00Z", "FM2157"),
        ("9:30", "FM2157"),
        ("14:30:00.1234567", "FM2157"),
        ("14:30:00.123456000", time(14, 30, 0, 123456)),
        (1430, "FM2101"),
        (None, None),
    ],
)
def test_time(raw: Any, wanted: Any) -> None:
    assert read(raw, TIME) == wanted


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("P3Y6M4DT12H30M5S", (42, 4, 45_005_000_000)),
        ("P2W", (0, 14, 0)),
        ("P1Y2W3D", (12, 17, 0)),
        ("PT0S", (0, 0, 0)),
        ("PT36H", (0, 0, 129_600_000_000)),
        ("P1DT-2H", (0, 1, -7_200_000_000)),
        ("-P1Y2M", (-14, 0, 0)),
        ("-PT-1M", (0, 0, 60_000_000)),
        ("PT1.5H", (0, 0, 5_400_000_000)),
        ("PT0,5S", (0, 0, 500_000)),
        ("P0.5Y", (6, 0, 0)),
        ("P1.5D", (0, 1, 43_200_000_000)),
        ("P-1.5D", (0, -1, -43_200_000_000)),
        ("P0.1Y", "FM2157"),
        ("P0.5M", "FM2157"),
        ("PT1.5H30M", "FM2157"),
        ("PT0.0000001S", "FM2157"),
        ("P", "FM2157"),
        ("PT", "FM2157"),
        ("P1H", "FM2157"),
        ("P1D2M", "FM2157"),
        ("p1d", "FM2157"),
        ("12:30", "FM2157"),
        ("P99999999999Y", "FM2106"),
        (36, "FM2101"),
    ],
)
def test_duration(raw: Any, wanted: Any) -> None:
    found = read(raw, DURATION)
    if isinstance(wanted, str):
        assert found == wanted
    else:
        assert (found.months, found.days, found.micros) == wanted
        again = read(found.iso(), DURATION)
        assert (again.months, again.days, again.micros) == wanted


lengths = st.builds(
    Duration, st.integers(-60_000, 60_000), st.integers(-2_000_000, 2_000_000), st.integers(-(10**15), 10**15)
)


@given(lengths)
def test_a_duration_reads_its_own_spelling(value: Duration) -> None:
    again = parse(value.iso())
    assert again is not None
    assert (again.months, again.days, again.micros) == (value.months, value.days, value.micros)


@given(lengths, lengths)
def test_the_order_of_durations_is_that_of_the_reference(left: Duration, right: Duration) -> None:
    def judged(judge: Any) -> Any:
        try:
            return judge()
        except Failed as failed:
            return failed.code

    assert judged(lambda: order(left, right, "")) == judged(lambda: longer(left, right))


@pytest.mark.parametrize(
    ("left", "operator", "right", "wanted"),
    [
        ("P1D", "==", "PT24H", True),
        ("P1M", "==", "P30D", False),
        ("P1Y", "==", "P12M", True),
        ("P1M", "<", "P32D", True),
        ("P1M", "<", "P27D", False),
        ("P1M", "<", "P30D", "FM2158"),
        ("P5M", ">", "P149D", True),
        ("P5M", ">=", "P152D", "FM2158"),
        ("PT36H", ">", "P1D", True),
    ],
)
def test_order_of_durations(left: str, operator: str, right: str, wanted: Any) -> None:
    node = ir.Comparison(operator=operator, left=path("a", declared=DURATION), right=ir.DurationConstant(value=right))
    assert made(node, ir.BoolType(), {"a": left}) == wanted


@pytest.mark.parametrize(
    ("raw", "kind", "wanted"),
    [
        ("{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "uuid", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
        ("6f9619ff8b86-d011-b42d00cf4fc964ff", "uuid", "FM2155"),
        ("Ada.B@Example.COM", "email", "Ada.B@example.com"),
        ("ada@bücher.example", "email", "ada@bücher.example"),
        (" ada@example.com", "email", "FM2155"),
        ("ada@localhost", "email", "FM2155"),
        ("a@example.com; b@example.com", "email", "FM2155"),
        ("HTTP://User@Example.COM:8080/Path?Q", "url", "http://User@example.com:8080/Path?Q"),
        ("http://[2001:DB8::1]/", "url", "http://[2001:db8::1]/"),
        ("example.com", "url", "FM2155"),
        ("javascript:alert(1)", "url", "FM2155"),
        ("http://example.com:99999/", "url", "FM2155"),
        ("http://exa mple.com", "url", "FM2155"),
        ("de", "country", "DE"),
        ("UK", "country", "FM2155"),
        ("usd", "currency", "USD"),
        ("BTC", "currency", "FM2155"),
        ("ger", "language", "de"),
        ("ZH_hans-cn", "language", "zh-Hans-CN"),
        ("es-419", "language", "es-419"),
        ("xx", "language", "FM2155"),
        ("+49 (30) 901820", "phone", "+4930901820"),
        ("+49 30 901820 ext. 5", "phone", "FM2155"),
        ("+1-800-FLOWERS", "phone", "FM2155"),
        ("call +49 30 901820", "phone", "FM2155"),
        ("gb29 nwbk 6016 1331 9268 19", "iban", "GB29NWBK60161331926819"),
        ("GB28NWBK60161331926819", "iban", "FM2155"),
        ("213800kud8lajwsq9d15", "lei", "213800KUD8LAJWSQ9D15"),
        ("213800KUD8LAJWSQ9D16", "lei", "FM2155"),
        ("a\0b", "email", "FM2113"),
        (12, "country", "FM2101"),
    ],
)
def test_checked_texts(raw: Any, kind: str, wanted: Any) -> None:
    checked = ir.TextType(checked=kind)
    assert read(raw, checked) == wanted
    if not str(wanted).startswith("FM"):
        assert read(wanted, checked) == wanted
        assert made(path("a", declared=TEXT), checked, {"a": raw}) == wanted


@pytest.mark.parametrize(
    ("raw", "region", "wanted"),
    [
        ("030 901820", "DE", "+4930901820"),
        ("(650) 253-0000", "us", "+16502530000"),
        ("+49 30 901820", "US", "+4930901820"),
        ("+49 30 901820", None, "+4930901820"),
        ("030 901820", None, "FM2155"),
        ("030 901820", "Germany", "FM2155"),
        ("123", "DE", "FM2155"),
        (None, "DE", None),
    ],
)
def test_phones(raw: Any, region: Any, wanted: Any) -> None:
    node = ir.Phone(value=path("a", declared=TEXT), region=path("b", declared=TEXT))
    assert made(node, ir.TextType(checked="phone"), {"a": raw, "b": region}) == wanted


@pytest.mark.parametrize(
    ("raw", "by", "wanted"),
    [
        ("Germany", "name", "DE"),
        ("KOREA, REPUBLIC OF", "name", "KR"),
        ("Deutschland", "name", "FM2155"),
        ("Germani", "name", "FM2155"),
        ("deu", "alpha3", "DE"),
        ("276", "numeric", "DE"),
        ("76", "numeric", "FM2155"),
        ("de", "alpha2", "DE"),
    ],
)
def test_countries(raw: str, by: str, wanted: str) -> None:
    assert converted(raw, ir.TextType(checked="country"), ir.CountryBy(by=by)) == wanted


@pytest.mark.parametrize(
    ("raw", "pattern", "wanted"),
    [
        ("AB12", "[A-Z]+[0-9]+", "AB12"),
        ("xAB12", "[A-Z]+[0-9]+", "FM2156"),
        ("AB12\n", "[A-Z]+[0-9]+", "FM2156"),
        ("ab", "a|ab", "ab"),
    ],
)
def test_matching_is_of_the_whole_text(raw: str, pattern: str, wanted: str) -> None:
    assert made(path("a", declared=TEXT), ir.TextType(pattern=pattern), {"a": raw}) == wanted


@pytest.mark.parametrize(
    ("raw", "how", "wanted"),
    [
        ("12,34,567.89", ir.NumberFormat(point=".", group=",", pairs=True), "1234567.89"),
        ("1,234,567.89", ir.NumberFormat(point=".", group=",", pairs=True), "FM2104"),
        ("1,23,4567", ir.NumberFormat(point=".", group=",", pairs=True), "FM2104"),
        ("1\u2019234.5", ir.NumberFormat(point=".", group="'"), "1234.5"),
        ("1\u00a0234,5", ir.NumberFormat(point=",", group=" "), "1234.5"),
        ("1\u202f234,5", ir.NumberFormat(point=",", group=" "), "1234.5"),
        ("1.234,5-", ir.NumberFormat(point=",", group=".", minus="behind"), "-1234.5"),
        ("-1.234,5", ir.NumberFormat(point=",", group=".", minus="behind"), "FM2104"),
        ("(12.50)", ir.NumberFormat(point=".", group=",", minus="brackets"), "-12.5"),
        ("(12.50", ir.NumberFormat(point=".", group=",", minus="brackets"), "FM2104"),
        ("AN4=", ir.Base64(scale=2), "2.22"),
        ("/////w==", ir.Base64(scale=3), "-0.001"),
        ("", ir.Base64(scale=3), "FM2104"),
        ("AN4", ir.Base64(scale=3), "FM2104"),
    ],
)
def test_numbers(raw: str, how: ir.How, wanted: str) -> None:
    found = converted(raw, DECIMAL, how)
    assert found == (wanted if wanted.startswith("FM") else Decimal(wanted))


@given(st.integers(-(2**200), 2**200), st.integers(0, 30))
def test_base64_numbers(unscaled: int, scale: int) -> None:
    import base64

    data = unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)
    found = base64_number(base64.b64encode(data).decode(), scale)
    assert found is not None
    assert Fraction(found) == Fraction(unscaled, 10**scale)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("12", "12"),
        (12, "12"),
        (Decimal("12.0"), "12"),
        (Decimal("12.5"), "FM2104"),
        (True, "FM2101"),
        (10**30, str(10**30)),
    ],
)
def test_as_text(raw: Any, wanted: str) -> None:
    assert converted(raw, TEXT, ir.AsText()) == wanted


@pytest.mark.parametrize("even", ["", "half even"])
@pytest.mark.parametrize(
    "number", ["0.125", "0.135", "-0.125", "-0.135", "0.1250000001", "2.5", "0.005", "-0.005", "0.015"]
)
def test_rounding(number: str, even: str) -> None:
    for value in (Decimal(number), number):
        for target in (
            ir.DecimalType(precision=9, scale=2, rounding=even),
            ir.DecimalType(precision=9, scale=0, rounding=even),
        ):
            found = made(path("a", declared=DECIMAL), target, {"a": value})
            exact = Fraction(number) * 10 ** (target.scale or 0)
            whole = round(exact) if even else int(abs(exact) + Fraction(1, 2)) * (-1 if exact < 0 else 1)
            assert found == Decimal(whole).scaleb(-(target.scale or 0))


def test_sentinels_of_a_type_and_of_a_spelling() -> None:
    day = path("a", declared=DATE, sentinels=(ir.TextConstant(value="0000-00-00"), ir.DateConstant(value="1900-01-01")))
    assert [made(day, DATE, {"a": raw}) for raw in ("0000-00-00", "1900-01-01", "2026-03-01", "x")] == [
        None, None, date(2026, 3, 1), "FM2103",
    ]  # fmt: skip
    counted = path("a", declared=DATETIME, how=ir.Epoch(unit="ms"), sentinels=(ir.TextConstant(value=""),))
    assert made(counted, DATETIME, {"a": ""}) is None
    assert made(counted, DATETIME, {"a": 1_000}) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_text_beside_attributes() -> None:
    node = path("a", declared=TEXT, beside=True)
    assert made(node, TEXT, {"a": {"@name": "x", "#text": "Acme"}}) == "Acme"
    assert made(node, TEXT, {"a": "Acme"}) == "Acme"
    assert made(node, TEXT, {"a": {"@name": "x"}}) is None


@pytest.mark.parametrize(
    ("day", "clock", "choice", "wanted"),
    [
        ("2026-03-01", "12:00", "", datetime(2026, 3, 1, 11, tzinfo=UTC)),
        ("2026-03-29", "02:30", "", "FM2107"),
        ("2026-03-29", "02:30", "earlier", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
        (None, "02:30", "", None),
        ("2026-03-01", None, "", None),
        ("2026-03-32", "12:00", "", "FM2103"),
        ("2026-03-01", "25:00", "", "FM2157"),
    ],
)
def test_date_and_time(day: Any, clock: Any, choice: str, wanted: Any) -> None:
    node = ir.LocalTime(
        date=path("d", declared=DATE), time=path("t", declared=TIME), zone="Europe/Berlin", choice=choice
    )
    assert made(node, DATETIME, {"d": day, "t": clock}) == wanted


LETTERS = (
    ("yyyy", "yy", "YYYY"),
    ("MM", "M", "MMM", "MMMM", "", "ww"),
    ("dd", "d", "DDD", "e", "EEE"),
    ("HH", "H", "kk", "hh", "KK"),
    ("", "a"),
    ("mm", "m"),
    ("", "ss"),
    ("", "XXX", "xx"),
)


@given(
    st.tuples(*[st.sampled_from(letters) for letters in LETTERS]),
    st.sampled_from(("-", " ", "", "/", "'T'")),
    st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31)),
)
def test_a_pattern_that_stands_reads_what_it_writes(letters: tuple[str, ...], mark: str, moment: datetime) -> None:
    pattern = mark.join(part for part in letters if part)
    if fault(pattern, "datetime") is not None or unreadable(pattern, "datetime") is not None:
        return
    moment = moment.replace(microsecond=0, second=moment.second if "ss" in letters else 0, tzinfo=UTC)
    local = read_pattern(write(moment, pattern), pattern)
    assert local is not None
    assert local.moment == moment.replace(tzinfo=None)


def test_most_combinations_of_day_letters_can_be_used() -> None:
    patterns = ["-".join(part for part in letters if part) for letters in itertools.product(*LETTERS[:3])]
    usable = [pattern for pattern in patterns if fault(pattern, "date") is None]
    assert len(usable) == 20
    assert all(unreadable(pattern, "date") is None for pattern in usable)


@pytest.mark.parametrize(
    ("raw", "unit", "any_year", "wanted"),
    [
        (-80_000, "days", True, date(1750, 12, 20)),
        (-80_000, "days", False, "FM2108"),
        (10**7, "days", True, "FM2108"),
        ("0", "days", False, date(1970, 1, 1)),
    ],
)
def test_epochs(raw: Any, unit: str, any_year: bool, wanted: Any) -> None:
    assert converted(raw, DATE, ir.Epoch(unit=unit, any_year=any_year)) == wanted


def test_groups_of_a_whole_number() -> None:
    assert converted("1.234.567", INT, ir.NumberFormat(point="", group=".")) == 1_234_567
