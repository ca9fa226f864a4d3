"""Which patterns can be used, and why others cannot."""

from __future__ import annotations

import pytest

from fieldmap.runtime.values.dates import pattern_problem
from fieldmap.runtime.values.patterns import PatternError, compile_pattern


@pytest.mark.parametrize(
    "pattern", ["MM/dd/yyyy", "d.M.yy", "yyyyMMdd", "dd MMM yyyy", "'week of' yyyy-MM-dd", "d 'o''clock' M yyyy"]
)
def test_patterns_of_dates(pattern: str) -> None:
    assert pattern_problem(pattern, with_time=False, with_zone=False) is None


@pytest.mark.parametrize(
    "pattern", ["yyyy-MM-dd HH:mm", "M/d/yy h:mm a", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS", "yyyyMMddHHmmssS", "yyyy-MM-dd HH"]
)
def test_patterns_of_instants_need_a_zone(pattern: str) -> None:
    assert pattern_problem(pattern, with_time=True, with_zone=True) is None
    assert "zone" in (pattern_problem(pattern, with_time=True, with_zone=False) or "")
    assert pattern_problem(f"{pattern} XXX", with_time=True, with_zone=False) is None


@pytest.mark.parametrize(
    ("pattern", "with_time", "problem"),
    [
        ("MM/DD/YYYY", False, 'holds "DD", which has no meaning'),
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
    assert problem in (pattern_problem(pattern, with_time=with_time, with_zone=True) or "")


def test_a_pattern_that_cannot_be_compiled() -> None:
    with pytest.raises(PatternError):
        compile_pattern("QQQ")
