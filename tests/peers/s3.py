"""S3 as the server of moto (PyPI `moto`) speaks it, in a process of its own on a port of this machine."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.peers.processes import free_port, started


@dataclass(frozen=True)
class S3Server:
    endpoint: str

    @property
    def environ(self) -> dict[str, str]:
        return {"S3_ENDPOINT": self.endpoint, "S3_KEY": "key-of-the-test", "S3_SECRET": "canary-of-the-test"}


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto is not installed: make test-peers")
    port = free_port()
    log = Path(tmp_path_factory.mktemp("moto")) / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with started(command, port, log, environ={**os.environ, "PYTHONWARNINGS": "ignore"}):
        yield S3Server(f"http://127.0.0.1:{port}")
