"""The tables of faults tell the truth: each test that they name exists, and each row has one or a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "faults-sources.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if re.match(r"\| [SNA]\d", line)
]
TESTS = set(
    re.findall(r"^def (test_\w+)", "\n".join(path.read_text("utf-8") for path in ROOT.glob("tests/**/test_*.py")), re.M)
)


def test_every_fault_has_its_row() -> None:
    wanted = [f"{group}{n}" for group, most in (("S", 30), ("N", 15), ("A", 15)) for n in range(1, most + 1)]
    assert [row[0].strip("| ") for row in ROWS] == wanted


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip("| ") for row in ROWS])
def test_the_tests_of_a_row_exist(row: list[str]) -> None:
    assert len(row) == 4
    named = re.findall(r"`([^`]+)`", row[3])
    for name in named:
        assert (ROOT / name).is_file() if "/" in name else name in TESTS, name
    # Without a test the outcome is the reason.
    assert named or len(row[2]) > 60


DATABASE = (ROOT / "docs" / "faults.md").read_text("utf-8").split("## The database")[1]


@pytest.mark.parametrize("number", range(1, 27))
def test_the_tests_of_a_fault_of_the_database_exist(number: int) -> None:
    """They carry its number, or the row names the file in which they are."""
    (row,) = (line for line in DATABASE.splitlines() if line.startswith(f"| D{number} |"))
    named = re.findall(r"`([\w/]+\.(?:py|map))`", row.rsplit(" | ", 1)[1])
    for name in named:
        assert (ROOT / (name if "/" in name else f"tests/store/{name}")).is_file(), name
    assert named or [name for name in TESTS if name.startswith(f"test_D{number}_")]
