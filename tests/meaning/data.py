"""Strategies: records that conform, that nearly do, and that are meant to harm."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from fieldmap.runtime.values.failures import Unreadable

# Members by what a conforming record holds there: objects, lists of objects, and leaves of a kind.
OBJECTS = ("a", "*")
LISTS = ("items", "it's\n\"")
LEAVES = (
    "text",
    "code",
    "ünï",
    "int",
    "number",
    "bool",
    "date",
    "stamp",
    "written",
    "clock",
    "length",
    "checked",
    "texts",
)
MEMBERS = (*OBJECTS, *LISTS, *LEAVES)

CLOCKS = (
    "14:30",
    "T23:59:59.123456",
    "00:00:00,5",
    "24:00",
    "14:30Z",
    "PT14H30M00S",
    "PT0H0M60S",
    "02:30 PM",
    "2:05 am",
    "0930",
    "2024-03-31 02:30",
)
LENGTHS = (
    "P3Y6M4DT12H30M5S",
    "P1M",
    "P30D",
    "P1D",
    "PT24H",
    "P2W",
    "-P1DT2H",
    "P1DT-0.5S",
    "P0.5Y",
    "P0.5M",
    "PT",
    "P99999999999D",
    "P1.5D",
)
CHECKED = (
    "Ada@Example.COM",
    "ada@localhost",
    "HTTPS://Example.com/A",
    "de",
    "DEU",
    "Germany",
    "276",
    "usd",
    "pt_br",
    "+49 30 901820",
    "030 901820",
    "DE89 3704 0044 0532 0130 00",
    "213800KUD8LAJWSQ9D15",
    "6F9619FF8B86D011B42D00CF4FC964FF",
    "AB12",
    "AN4=",
    "12,34,567.8",
    "1 234,5",
    "(12.5)",
    "a\0b",
    "\ud800",
)
TEXTS = (
    "",
    " ",
    "N/A",
    "Active",
    "On Leave",
    "A",
    "USD",
    "EUR",
    "XXY",
    "12",
    "-3",
    "+3",
    "12.0",
    "12.50",
    "007",
    "1e5",
    "1_000",
    "１２",
    " 12",
    "1.234,56",
    "1,234.56",
    "12.34,5",
    "nan",
    "9" * 401,
    "9" * 30,
    "true",
    "2026-03-01",
    "2026-02-30",
    "03/01/2021",
    "1.3.21",
    "01 Mar 2021",
    "01 mAR 2021",
    "20210301",
    "on 2021/3/1",
    "0000-01-01",
    "2026-03-01T12:30:00Z",
    "2026-03-01 12:30:00.123456+01:00",
    "2026-03-01T12:30:00.1234567Z",
    "2026-03-01T12:30:00.123456000Z",
    "2026-03-01T23:30-0500",
    "2026-03-01T12:30",
    "2024-03-31T02:30:00",
    "2024-10-27T02:30:00",
    "2024-03-31 02:30",
    "2024-10-27 02:30",
    "2011-12-30 12:00",
    "2021-06-01 12:00:01.5",
    "2026-W31-5",
    "2026-214",
    "Mon 06.03.50",
    "March 1, 2021",
    "0000-00-00",
    "03/01/2021 12:05 AM",
    "1.3.2021 7:08:09",
    "2016-12-31T23:59:60Z",
    "2016-12-31T24:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-10:00",
    "0001-01-01T01:00:00",
    "9999-12-31T23:30:00Z",
    "2026-03-01T12:30:00+25:00",
    "/Date(1518393600000)/",
    "/Date(1518393600001+0060)/",
    "/Date(-62135596800000)/",
    "/Date(999999999999999999)/",
    "19000",
    "1518393600.5",
    "Straße İ ﬁ",
    "a\0b",
    "\ud800",
    "x\udc00y",
    "e\u0301",
    "\u200b",
    "line\nbreak\ttab",
    "x" * 81,
    "é" * 1001,
)
NUMBERS = (
    0,
    1,
    -1,
    12,
    19000,
    1518393600,
    1518393600123,
    2**53 + 1,
    2**63,
    -(2**63),
    2**64 + 1,
    10**30,
    10**400,
    Decimal("0.1"),
    Decimal("-0.0"),
    Decimal("0.05"),
    Decimal("-2.5"),
    Decimal("2.45"),
    Decimal("12.00"),
    Decimal("1E+2"),
    Decimal("1E+400"),
    Decimal("1E-400"),
    Decimal("12345678901234567.89"),
    Decimal("123456789012345678901234567890.123456789"),
    Decimal("1518393600.1234567"),
)

scalars = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000),
    st.text(max_size=6),
    st.sampled_from(
        (Unreadable("FM2104", "a number of many digits"), Unreadable("FM2126", "an object names one member twice"))
    ),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(objects(inner), st.lists(inner, max_size=3))


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5)


def _deep() -> Any:
    value: Any = "deep"
    for _ in range(70):
        value = [value]
    return value


values = st.one_of(st.recursive(scalars, _nested, max_leaves=12), st.just(_deep()))

_DATES = ("2026-03-01", "1999-12-31", "0001-01-01", "2026-02-30")
_STAMPS = tuple(text for text in TEXTS if "T" in text and text[:1] in "0129")
_BY_LEAF: dict[str, Sequence[Any]] = {
    "text": ("Ada", "Byron", "", "N/A", " padded ", "Straße İ ﬁ", "x" * 81, "line\nbreak"),
    "code": ("Active", "On Leave", "A", "", "USD", "EUR", "Dormant"),
    "ünï": TEXTS,
    "int": tuple(number for number in NUMBERS if isinstance(number, int)),
    "number": (*NUMBERS, "12.50", "-3"),
    "bool": (True, False),
    "date": _DATES,
    "stamp": _STAMPS,
    "clock": CLOCKS,
    "length": LENGTHS,
    "checked": CHECKED,
    "written": tuple(text for text in TEXTS if text[:1].isdigit() or text.startswith(("/", "on"))),
}


def conforming(seed: int, spoilt: float) -> dict[str, Any]:
    """A record with every member at two levels; `spoilt` of its places are missing, null or of any kind."""
    return _object(Random(seed), spoilt, 2)  # noqa: S311


def _object(random: Random, spoilt: float, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in MEMBERS:
        if random.random() < spoilt:
            if random.random() < 0.6:
                made[name] = random.choice((None, True, *TEXTS, *NUMBERS, [], {}, [None], _deep()))
        elif name in OBJECTS and depth:
            made[name] = _object(random, spoilt, depth - 1)
        elif name in LISTS and depth:
            made[name] = [_object(random, spoilt, depth - 1) for _ in range(random.randrange(4))]
        elif name == "texts":
            made[name] = [random.choice(_BY_LEAF["text"]) for _ in range(random.randrange(4))]
        elif name in LEAVES:
            made[name] = random.choice(_BY_LEAF[name])
    return made


likely = st.builds(conforming, st.integers(0, 2**32), st.sampled_from((0, 0, 0.02, 0.1)))
# Chosen by number: one_of would give each branch of `values` the weight of all conforming records.
records = st.integers(0, 11).flatmap(lambda n: values if n == 0 else objects(values) if n == 1 else likely)
