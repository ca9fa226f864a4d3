"""Which patterns can be used, and why others cannot."""

from __future__ import annotations

import pytest

from fieldmap.runtime.values.patterns import PatternError, compile_pattern, fault


@pytest.mark.parametrize(
    "pattern", ["MM/dd/yyyy", "d.M.yy", "yyyyMMdd", "dd MMM yyyy", "'week of' yyyy-MM-dd", "d 'o''clock' M yyyy"]
)
def test_patterns_of_dates(pattern: str) -> None:
    assert fault(pattern, "date") is None


@pytest.mark.parametrize(
    "pattern", ["yyyy-MM-dd HH:mm", "M/d/yy h:mm a", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS", "yyyyMMddHHmmssS", "yyyy-MM-dd HH"]
)
def test_patterns_of_instants(pattern: str) -> None:
    assert fault(pattern, "datetime") is None
    assert fault(f"{pattern} XXX", "datetime") is None


@pytest.mark.parametrize(
    ("pattern", "with_time", "problem"),
    [
        ("MM/DD/YYYY", False, "the day of the month is dd"),
        ("mm/dd/yyyy", False, "names no month"),
        ("MM/yyyy", False, "names no day"),
        ("dd.MM", False, "names no year"),
        ("dd.MM.yyyy HH:mm", False, "names a time of day"),
        ("dd.MM.yyyy", True, "names no hour"),
        ("dd.MM.yyyy hh:mm", True, "needs both"),
        ("dd.MM.yyyy HH:mm a", True, "needs both"),
        ("dd.MM.yyyy HH:ss", True, "names a part of an hour"),
        ("dd.MM.yyyy yy", False, "names the year twice"),
        ("dd.MM.yyyy MMM", False, "names the month twice"),
        ("dd.MM.MM.yyyy", False, "again"),
        ("dMyyyy", False, "does not tell where"),
        ("'day dd.MM.yyyy", False, "does not close a single quote"),
        ("", False, "names no year"),
    ],
)
def test_patterns_that_cannot_be_used(pattern: str, with_time: bool, problem: str) -> None:
    assert problem in (fault(pattern, "datetime" if with_time else "date") or "")


def test_a_pattern_that_cannot_be_compiled() -> None:
    with pytest.raises(PatternError):
        compile_pattern("QQQ")
