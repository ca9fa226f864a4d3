from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runtime.acquire.sources import Source, source


@pytest.fixture
def workday(tmp_path: Path) -> Iterator[Source]:
    """A source to fetch from, with short limits and a clock that does not wait."""
    with source(tmp_path) as made:
        yield made
