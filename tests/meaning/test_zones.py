"""Local times of zones with strange clocks: half an hour of summer time, a day that never was, Ramadan, offsets with seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.meaning.expressions import DATETIME
from tests.meaning.one import converted

from fieldmap.compiler import ir


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


# zone, local time, the instant or FM2107, the earlier and the later reading.
TABLE: list[tuple[str, str, Any, datetime, datetime]] = [
    # Lord Howe sets its clocks by half an hour.
    (
        "Australia/Lord_Howe",
        "2024-04-07 01:15",
        utc(2024, 4, 6, 14, 15),
        utc(2024, 4, 6, 14, 15),
        utc(2024, 4, 6, 14, 15),
    ),
    ("Australia/Lord_Howe", "2024-04-07 01:45", "FM2107", utc(2024, 4, 6, 14, 45), utc(2024, 4, 6, 15, 15)),
    ("Australia/Lord_Howe", "2024-10-06 02:15", "FM2107", utc(2024, 10, 5, 15, 15), utc(2024, 10, 5, 15, 45)),
    (
        "Australia/Lord_Howe",
        "2024-10-06 02:30",
        utc(2024, 10, 5, 15, 30),
        utc(2024, 10, 5, 15, 30),
        utc(2024, 10, 5, 15, 30),
    ),
    # Samoa went from the 29th to the 31st of December 2011.
    ("Pacific/Apia", "2011-12-29 23:59", utc(2011, 12, 30, 9, 59), utc(2011, 12, 30, 9, 59), utc(2011, 12, 30, 9, 59)),
    ("Pacific/Apia", "2011-12-30 12:00", "FM2107", utc(2011, 12, 29, 22), utc(2011, 12, 30, 22)),
    ("Pacific/Apia", "2011-12-31 00:00", utc(2011, 12, 30, 10), utc(2011, 12, 30, 10), utc(2011, 12, 30, 10)),
    # Morocco goes back for Ramadan.
    ("Africa/Casablanca", "2023-03-19 02:30", "FM2107", utc(2023, 3, 19, 1, 30), utc(2023, 3, 19, 2, 30)),
    ("Africa/Casablanca", "2023-04-23 02:30", "FM2107", utc(2023, 4, 23, 1, 30), utc(2023, 4, 23, 2, 30)),
    ("Africa/Casablanca", "2023-04-23 03:00", utc(2023, 4, 23, 2), utc(2023, 4, 23, 2), utc(2023, 4, 23, 2)),
    # Before time zones: local mean time, with seconds.
    (
        "Africa/Monrovia",
        "1930-01-01 12:00",
        utc(1930, 1, 1, 12, 44, 30),
        utc(1930, 1, 1, 12, 44, 30),
        utc(1930, 1, 1, 12, 44, 30),
    ),
    (
        "America/New_York",
        "1883-11-18 11:00",
        utc(1883, 11, 18, 15, 56, 2),
        utc(1883, 11, 18, 15, 56, 2),
        utc(1883, 11, 18, 15, 56, 2),
    ),
    ("Africa/Monrovia", "1972-01-07 00:30", "FM2107", utc(1972, 1, 7, 0, 30), utc(1972, 1, 7, 1, 14, 30)),
    ("Europe/Dublin", "2024-03-31 01:30", "FM2107", utc(2024, 3, 31, 0, 30), utc(2024, 3, 31, 1, 30)),
    ("America/Sao_Paulo", "2018-11-04 00:15", "FM2107", utc(2018, 11, 4, 2, 15), utc(2018, 11, 4, 3, 15)),
    ("Asia/Kathmandu", "2024-01-01 05:45", utc(2024, 1, 1), utc(2024, 1, 1), utc(2024, 1, 1)),
    ("America/St_Johns", "2010-11-07 00:00:30", "FM2107", utc(2010, 11, 7, 2, 30, 30), utc(2010, 11, 7, 3, 30, 30)),
    ("Antarctica/Troll", "2024-10-27 02:30", "FM2107", utc(2024, 10, 27, 0, 30), utc(2024, 10, 27, 2, 30)),
    ("UTC", "2016-12-31 23:59", utc(2016, 12, 31, 23, 59), utc(2016, 12, 31, 23, 59), utc(2016, 12, 31, 23, 59)),
]


@pytest.mark.parametrize(("zone", "local", "wanted", "earlier", "later"), TABLE)
def test_local_times(zone: str, local: str, wanted: Any, earlier: datetime, later: datetime) -> None:
    found = [converted(local, DATETIME, ir.Iso(zone=zone, choice=choice)) for choice in ("", "earlier", "later")]
    assert found == [wanted, earlier, later]


@pytest.mark.parametrize(("zone", "local", "wanted", "earlier", "later"), TABLE)
def test_counts_of_local_columns(zone: str, local: str, wanted: Any, earlier: datetime, later: datetime) -> None:
    seconds = (datetime.fromisoformat(local).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    for choice, result in (("", wanted), ("earlier", earlier), ("later", later)):
        assert converted(int(seconds), DATETIME, ir.Epoch(unit="s", zone=zone, choice=choice, any_year=True)) == result
