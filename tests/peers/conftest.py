"""Tests against real servers that nobody here wrote. `make test-peers` installs them and runs these; elsewhere they are skipped.

Each peer is a fixture in a module of its own, which skips with a reason where its server is not installed.
"""

from __future__ import annotations

import os

import pytest
from tests.peers.cap import cap
from tests.peers.oauth import issuer
from tests.peers.prism import prism
from tests.peers.s3 import s3

__all__ = ["cap", "issuer", "prism", "s3"]


@pytest.fixture(autouse=True)
def asked_for() -> None:
    if os.environ.get("FIELDMAP_PEERS") != "1":
        pytest.skip("real servers are started by: make test-peers")
