"""Dates and instants: what is read, and what is refused rather than guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.meaning.expressions import DATE, DATETIME
from tests.meaning.one import converted, made, path, read

from fieldmap.compiler import ir


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def patterns(*tried: str, zone: str | None = None) -> ir.Patterns:
    return ir.Patterns(patterns=tried, zone=zone)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("0001-01-01", date(1, 1, 1)),
        ("9999-12-31", date(9999, 12, 31)),
        ("0000-01-01", "FM2103"),
        ("10000-01-01", "FM2103"),
        ("2026-02-29", "FM2103"),
        ("2026-3-1", "FM2103"),
        ("20260301", "FM2103"),
        ("2026-W10-1", "FM2103"),
        ("2026-03-01T00:00:00Z", "FM2103"),
        ("２０２６-03-01", "FM2103"),
        ("2026-03-01\n", "FM2103"),
        ("", "FM2103"),
        (20260301, "FM2101"),
        (None, None),
    ],
)
def test_M15_date(raw: Any, wanted: Any) -> None:
    assert read(raw, DATE) == wanted


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("2026-03-01T12:30:00Z", utc(2026, 3, 1, 12, 30)),
        ("2026-03-01T12:30Z", utc(2026, 3, 1, 12, 30)),
        ("2026-03-01 12:30:00+01:00", utc(2026, 3, 1, 11, 30)),
        ("2026-03-01T00:30:00.25-0530", utc(2026, 3, 1, 6, 0, 0, 250000)),
        ("2026-03-01T12:30:00,123456+01", utc(2026, 3, 1, 11, 30, 0, 123456)),
        ("2026-03-01T12:30:00.123456000Z", utc(2026, 3, 1, 12, 30, 0, 123456)),
        ("2026-03-01T12:30:00.1234567Z", "FM2103"),
        ("2016-12-31T23:59:60Z", "FM2103"),
        ("2016-12-31T24:00:00Z", "FM2103"),
        ("2026-02-30T00:00:00Z", "FM2103"),
        ("2026-03-01T12:30:00+24:00", "FM2103"),
        ("2026-03-01T12:30:00+01:60", "FM2103"),
        ("0000-01-01T00:00:00Z", "FM2103"),
        ("0001-01-01T00:00:00+00:01", "FM2103"),
        ("9999-12-31T23:59:59-00:01", "FM2103"),
        ("2026-03-01", "FM2103"),
        ("2026-03-01T12", "FM2103"),
        ("2026-03-01T12:30:00", "FM2107"),
        (1772366400, "FM2101"),
    ],
)
def test_M15_datetime(raw: Any, wanted: Any) -> None:
    assert read(raw, DATETIME) == wanted


@pytest.mark.parametrize(
    ("raw", "tried", "wanted"),
    [
        ("03/01/2021", ("MM/dd/yyyy",), date(2021, 3, 1)),
        ("3/1/2021", ("MM/dd/yyyy",), "FM2103"),
        ("3/1/2021", ("M/d/yyyy",), date(2021, 3, 1)),
        ("13/01/2021", ("MM/dd/yyyy", "dd/MM/yyyy"), date(2021, 1, 13)),
        ("20210301", ("yyyyMMdd",), date(2021, 3, 1)),
        ("01 mar 2021", ("dd MMM yyyy",), date(2021, 3, 1)),
        ("01 Mär 2021", ("dd MMM yyyy",), "FM2103"),
        ("1.3.68", ("d.M.yy",), date(2068, 3, 1)),
        ("1.3.69", ("d.M.yy",), date(1969, 3, 1)),
        ("day 1 of 3'2021", ("'day' d 'of' M''yyyy",), date(2021, 3, 1)),
        ("03/01/2021 ", ("MM/dd/yyyy",), "FM2103"),
        ("03/01/2021\n", ("MM/dd/yyyy",), "FM2103"),
        ("٠3/01/2021", ("MM/dd/yyyy",), "FM2103"),
        ("02/30/2021", ("MM/dd/yyyy",), "FM2103"),
        ("Bad Date", ("yyyy-MM-dd",), "FM2103"),
        (20210301, ("yyyyMMdd",), "FM2101"),
    ],
)
def test_date_by_pattern(raw: Any, tried: tuple[str, ...], wanted: Any) -> None:
    assert converted(raw, DATE, patterns(*tried)) == wanted


@pytest.mark.parametrize(
    ("raw", "how", "wanted"),
    [
        ("2026-03-01 12:30", patterns("yyyy-MM-dd HH:mm", zone="America/Los_Angeles"), utc(2026, 3, 1, 20, 30)),
        ("2026-03-01 12:30", patterns("yyyy-MM-dd HH:mm"), "FM2107"),
        ("2026-03-01 12:30 -02:00", patterns("yyyy-MM-dd HH:mm XXX", zone="Europe/Berlin"), utc(2026, 3, 1, 14, 30)),
        ("2026-03-01 12:30 Z", patterns("yyyy-MM-dd HH:mm XXX"), utc(2026, 3, 1, 12, 30)),
        ("03/01/2026 12:05 AM", patterns("MM/dd/yyyy hh:mm a", zone="UTC"), utc(2026, 3, 1, 0, 5)),
        ("03/01/2026 12:05 pm", patterns("MM/dd/yyyy hh:mm a", zone="UTC"), utc(2026, 3, 1, 12, 5)),
        ("03/01/2026 13:05 PM", patterns("MM/dd/yyyy hh:mm a", zone="UTC"), "FM2103"),
        ("2026-03-01 1:02:03.5", patterns("yyyy-MM-dd H:mm:ss.SSS", zone="UTC"), utc(2026, 3, 1, 1, 2, 3, 500000)),
        ("2026-03-01 1:02:03.1234567", patterns("yyyy-MM-dd H:mm:ss.SSS", zone="UTC"), "FM2103"),
        ("2026-03-01 24:00", patterns("yyyy-MM-dd HH:mm", zone="UTC"), "FM2103"),
    ],
)
def test_datetime_by_pattern(raw: Any, how: ir.Patterns, wanted: Any) -> None:
    assert converted(raw, DATETIME, how) == wanted


@pytest.mark.parametrize(
    ("local", "wanted"),
    [
        ("2024-03-31T01:59:59", utc(2024, 3, 31, 0, 59, 59)),
        ("2024-03-31T02:00:00", "FM2107"),
        ("2024-03-31T02:59:59.999999", "FM2107"),
        ("2024-03-31T03:00:00", utc(2024, 3, 31, 1)),
        ("2024-10-27T01:59:59", utc(2024, 10, 26, 23, 59, 59)),
        ("2024-10-27T02:00:00", "FM2107"),
        ("2024-10-27T02:59:59", "FM2107"),
        ("2024-10-27T03:00:00", utc(2024, 10, 27, 2)),
    ],
)
def test_M14_skipped_and_repeated_local_times_are_refused(local: str, wanted: Any) -> None:
    assert converted(local, DATETIME, ir.Iso(zone="Europe/Berlin")) == wanted


def test_M14_a_zone_that_left_out_a_day() -> None:
    assert converted("2011-12-30T12:00:00", DATETIME, ir.Iso(zone="Pacific/Apia")) == "FM2107"


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("2026-03-01T23:30:00-05:00", date(2026, 3, 1)),
        ("2026-03-01T23:30:00", date(2026, 3, 1)),
        ("2026-03-01", date(2026, 3, 1)),
        ("2026-03-01T25:30:00", "FM2103"),
        ("2026-03-01 and more", "FM2103"),
        (1, "FM2101"),
    ],
)
def test_the_date_as_written(raw: Any, wanted: Any) -> None:
    assert converted(raw, DATE, ir.AsWritten()) == wanted


def test_the_day_in_a_zone() -> None:
    how = ir.InZone(zone="America/New_York")
    assert converted("2026-03-02T04:59:59Z", DATE, how) == date(2026, 3, 1)
    assert converted("2026-03-02T05:00:00Z", DATE, how) == date(2026, 3, 2)
    assert converted("2026-03-02T05:00:00", DATE, how) == "FM2107"
    assert converted("0001-01-01T00:00:00Z", DATE, how) == "FM2103"
    stamp = ir.Convert(value=path("a"), to=DATETIME, how=ir.Epoch(unit="s"))
    assert made(ir.Convert(value=stamp, to=DATE, how=how), DATE, {"a": 0}) == date(1969, 12, 31)


@pytest.mark.parametrize(
    ("raw", "unit", "wanted"),
    [
        (1518393600, "s", utc(2018, 2, 12)),
        ("1518393600", "s", utc(2018, 2, 12)),
        (Decimal("1518393600.000001"), "s", utc(2018, 2, 12, 0, 0, 0, 1)),
        (Decimal("1518393600.0000001"), "s", "FM2103"),
        (1518393600123, "ms", utc(2018, 2, 12, 0, 0, 0, 123000)),
        (1518393600123456, "us", utc(2018, 2, 12, 0, 0, 0, 123456)),
        (1518393600123456000, "ns", utc(2018, 2, 12, 0, 0, 0, 123456)),
        (1518393600123456789, "ns", "FM2103"),
        (-1, "s", utc(1969, 12, 31, 23, 59, 59)),
        (1518393600123, "s", "FM2108"),
        (10**399, "s", "FM2108"),
        (-2208988800, "s", utc(1900, 1, 1)),
        (-2208988801, "s", "FM2108"),
        (4133980799, "s", utc(2100, 12, 31, 23, 59, 59)),
        (4133980800, "s", "FM2108"),
        ("1e9", "s", "FM2103"),
        (True, "s", "FM2101"),
    ],
)
def test_epoch(raw: Any, unit: str, wanted: Any) -> None:
    assert converted(raw, DATETIME, ir.Epoch(unit=unit)) == wanted


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (19000, date(2022, 1, 8)),
        ("-1", date(1969, 12, 31)),
        (Decimal("1.5"), "FM2103"),
        (50000, "FM2108"),
        ([], "FM2101"),
    ],
)
def test_epoch_days(raw: Any, wanted: Any) -> None:
    assert converted(raw, DATE, ir.Epoch(unit="days")) == wanted


@pytest.mark.parametrize(
    ("raw", "day", "instant"),
    [
        ("/Date(1518393600000)/", date(2018, 2, 12), utc(2018, 2, 12)),
        ("/Date(1518393600000+0060)/", date(2018, 2, 12), utc(2018, 2, 12)),
        ("/Date(1518393600001)/", "FM2103", utc(2018, 2, 12, 0, 0, 0, 1000)),
        ("/Date(-62135596800000)/", date(1, 1, 1), utc(1, 1, 1)),
        ("/Date(-62135596800001)/", "FM2103", "FM2103"),
        ("/Date(999999999999999999)/", "FM2103", "FM2103"),
        ("Date(1518393600000)", "FM2103", "FM2103"),
        (1518393600000, "FM2101", "FM2101"),
    ],
)
def test_M15_odata(raw: Any, day: Any, instant: Any) -> None:
    assert converted(raw, DATE, ir.OData()) == day
    assert converted(raw, DATETIME, ir.OData()) == instant
