"""An OAuth2 server (npm `oauth2-mock-server`): tokens are JWTs signed by a key that it publishes. Client credentials and refresh tokens, of which
it gives a new one with each use; an assertion (JWT bearer) it answers with invalid_grant, so that is not tried here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.processes import free_port, node, started


@pytest.fixture
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    command = node("oauth2-mock-server", "dist/oauth2-mock-server.mjs")
    port = free_port()
    log = Path(tmp_path_factory.mktemp("oauth")) / "log"
    with started([*command, "-a", "127.0.0.1", "-p", str(port)], port, log):
        yield f"http://127.0.0.1:{port}"
