"""The shipped mappings, each against a scripted server with the quirks of its vendor."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mappings.shipped import Shipped

from fieldmap.runtime.store.database import Server


@pytest.fixture
def shipped(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shipped:
    return Shipped(tmp_path, database, monkeypatch, capsys)
