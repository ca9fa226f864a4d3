"""Tokens from a real OAuth2 server, shown to a source that checks their signature by the server's published keys.

JWT bearer is left out: the server answers that grant with invalid_grant (tests/runtime/acquire/test_grants.py has it)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.runtime.acquire.sources import Source, connector, page, source, text

from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.plan import Auth, ClientCredentials, EnvRef, RefreshToken, SecretRef

ENVIRON = {"CLIENT": "client-4711", "SECRET": "s3cr3t canary", "REFRESH": "refresh.canary~0"}


@pytest.fixture
def workday(tmp_path: Path) -> Iterator[Source]:
    with source(tmp_path) as made:
        made.ports = replace(made.ports, state=LocalState(tmp_path / "state"))
        yield made


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Guarded:
    """A source of three pages. revoked: tokens that it takes no more. claims: of each token that it took."""

    def __init__(self, issuer: str) -> None:
        (key,) = httpx.get(f"{issuer}/jwks", trust_env=False).json()["keys"]
        number = {name: int.from_bytes(_bytes(key[name])) for name in ("e", "n")}
        self._key = rsa.RSAPublicNumbers(number["e"], number["n"]).public_key()
        self.revoked: set[str] = set()
        self.claims: dict[str, dict[str, Any]] = {}

    def revoke(self) -> None:
        """Takes all tokens of until now no more. Two of the same second would be the same token."""
        self.revoked = set(self.claims)
        time.sleep(1.1)

    def __call__(self, asked: Asked) -> Reply:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        head, payload, signature = token.split(".")
        try:
            self._key.verify(_bytes(signature), f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return reply({}, 403)
        if kind != "Bearer" or token in self.revoked:
            return reply({}, 401)
        self.claims[token] = json.loads(_bytes(payload))
        at = int(asked.target.partition("cursor=")[2] or 1)
        return page(at, next=at + 1 if at < 3 else None)


def fetched(workday: Source, name: str, url: str, auth: Auth) -> int:
    """Pages of a run that has an archive of its own, and keeps what outlives it where the others do."""
    run = Source(workday.root / name, workday.ports.http)
    run.ports = workday.ports
    return len(run.fetch(connector(url, auth=auth), ENVIRON))


def refresh_tokens(root: Path) -> list[str]:
    """All that the state keeps."""
    found = []
    for path in (root / "state").iterdir():
        if path.is_file() and b"refresh_token" in (content := path.read_bytes()):
            found.append(json.loads(content)["refresh_token"])
    return found


def test_client_credentials(workday: Source, issuer: str) -> None:
    guarded = Guarded(issuer)
    auth = ClientCredentials(
        token_url=text(issuer + "/token"),
        client_id=text(EnvRef("CLIENT")),
        client_secret=text(SecretRef("SECRET")),
        scope=text("read"),
    )
    with FaultServer(guarded) as server:
        assert fetched(workday, "a", server.url, auth) == 3
        (claims,) = guarded.claims.values()
        assert claims["scope"] == "read"
        # One that is taken no more is replaced once, and the page is asked for again.
        guarded.revoke()
        assert fetched(workday, "b", server.url, auth) == 3
    assert len(guarded.claims) == 2
    for path in workday.root.rglob("*"):
        assert not path.is_file() or b"s3cr3t canary" not in path.read_bytes()


def test_refresh_tokens_that_are_rotated(workday: Source, issuer: str) -> None:
    guarded = Guarded(issuer)
    auth = RefreshToken(
        token_url=text(issuer + "/token"),
        refresh_token=text(SecretRef("REFRESH")),
        client_id=text(EnvRef("CLIENT")),
        client_secret=text(SecretRef("SECRET")),
    )
    with FaultServer(guarded) as server:
        assert fetched(workday, "a", server.url, auth) == 3
        (first,) = refresh_tokens(workday.root)
        assert first != ENVIRON["REFRESH"]
        # The next run takes the token that is still good.
        assert fetched(workday, "b", server.url, auth) == 3
        assert len(guarded.claims) == 1
        assert refresh_tokens(workday.root) == [first]
        guarded.revoke()
        assert fetched(workday, "c", server.url, auth) == 3
        (second,) = refresh_tokens(workday.root)
    assert second != first
    assert len(guarded.claims) == 2
