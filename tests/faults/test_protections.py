"""Each protection that the mutants take away is where `protections` says, and so is the test that must notice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.protections import PROTECTIONS, Protection

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("protection", PROTECTIONS, ids=[one.name for one in PROTECTIONS])
def test_what_protects_is_found_once(protection: Protection) -> None:
    for file, old, new in protection.changes:
        assert old != new
        assert (ROOT / file).read_text("utf-8").count(old) == 1, f"{file}: {old}"
    file, _, name = protection.test.partition("::")
    assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text("utf-8")
