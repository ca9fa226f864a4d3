"""OAuth2 beyond client credentials: refresh tokens that are rotated, and assertions."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import Source, connector, page, text

from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import Auth, BearerAuth, EnvRef, JwtBearer, RefreshToken, RetryPolicy, SamlBearer, SecretRef
from fieldmap.runtime.ports import Ports

FIRST = "refresh.canary~0"
ENVIRON = {"CLIENT": "client-4711", "SECRET": "s3cr3t canary", "REFRESH": FIRST}


class Issuer:
    """An authorisation server that rotates: a refresh token is good for one use, and the one before it for none."""

    def __init__(self, *, lasts: object = 3600, rotates: bool = True) -> None:
        self.lasts = lasts
        self.rotates = rotates
        self.good = FIRST
        self.given = 0
        self.used: list[str] = []
        self.broken = False
        self.revoked = False
        self.server = FaultServer(self.answer)
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Reply:
        if asked.target == "/token":
            with self._lock:
                return self.token(parse_qs(asked.body.decode())["refresh_token"][0])
        at = int(asked.target.partition("cursor=")[2] or 1)
        if self.revoked or asked.headers.get("authorization") != f"Bearer access.canary~{self.given}":
            return reply({}, 401)
        return page(at, next=at + 1 if at < 3 else None)

    def token(self, shown: str) -> Reply:
        self.used.append(shown)
        if shown != self.good:
            return reply({"error": "invalid_grant"}, 400)
        self.given += 1
        self.revoked = False
        body: dict[str, Any] = {"access_token": f"access.canary~{self.given}", "expires_in": self.lasts}
        if self.rotates:
            self.good = body["refresh_token"] = f"refresh.canary~{self.given}"
        return raw(b"") if self.broken else reply(body)


def refreshing(base: str, **other: Any) -> RefreshToken:
    return RefreshToken(
        token_url=text(base + "/token"),
        refresh_token=text(SecretRef("REFRESH")),
        client_id=text(EnvRef("CLIENT")),
        **other,
    )


def fetcher(workday: Source, name: str = "") -> Source:
    """A source with a folder for what outlives it; of another name an archive of its own, and the same folder."""
    made = Source(workday.root / name, workday.ports.http)
    made.ports = Ports(
        http=made.ports.http,
        storage=made.ports.storage,
        clock=made.ports.clock,
        random=made.ports.random,
        state=LocalState(workday.root / "state"),
    )
    return made


def test_S27_a_rotated_token_is_kept_before_it_is_used(workday: Source) -> None:
    issuer = Issuer()
    answer = issuer.answer
    kept: list[bool] = []

    def looking(asked: Asked) -> Reply:
        if asked.target != "/token" and not issuer.revoked:
            state = b"".join(path.read_bytes() for path in (workday.root / "state").iterdir())
            kept.append(f'"refresh_token":"refresh.canary~{issuer.given}"'.encode() in state)
        return answer(asked)

    issuer.server.answer = looking
    with issuer.server as server:
        auth = refreshing(server.url, client_secret=text(SecretRef("SECRET")))
        assert len(fetcher(workday).fetch(connector(server.url, auth=auth), ENVIRON)) == 3
        # The next run takes the access token that is still good, and asks for none.
        assert len(fetcher(workday, "b").fetch(connector(server.url, auth=auth), ENVIRON)) == 3
        assert issuer.used == [FIRST]
        # One that ended is renewed with the token of now, not with the one that the environment still names.
        issuer.revoked = True
        assert len(fetcher(workday, "c").fetch(connector(server.url, auth=auth), ENVIRON)) == 3
    assert issuer.used == [FIRST, "refresh.canary~1"]
    assert kept == [True] * 9
    proof = base64.b64encode(b"client-4711:s3cr3t+canary").decode()
    assert server.asked[0].headers["authorization"] == f"Basic {proof}"
    for path in (workday.root / "state").iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_a_client_without_a_secret_names_itself_in_the_body(workday: Source) -> None:
    issuer = Issuer(rotates=False)
    with issuer.server as server:
        fetcher(workday).fetch(connector(server.url, auth=refreshing(server.url, scope=text("read"))), ENVIRON)
    assert "authorization" not in server.asked[0].headers
    form = parse_qs(server.asked[0].body.decode())
    assert form == {
        "grant_type": ["refresh_token"],
        "refresh_token": [FIRST],
        "client_id": ["client-4711"],
        "scope": ["read"],
    }


def test_S27_an_answer_without_a_new_token_keeps_the_old(workday: Source) -> None:
    issuer = Issuer(rotates=False, lasts=None)
    with issuer.server as server:
        for name in ("a", "b"):
            fetcher(workday, name).fetch(connector(server.url, auth=refreshing(server.url)), ENVIRON)
    assert issuer.used == [FIRST, FIRST]


def test_S27_a_token_whose_successor_was_lost_is_told_and_not_tried_again(workday: Source) -> None:
    issuer = Issuer()
    with issuer.server as server:
        auth = refreshing(server.url)
        issuer.broken = True
        plan = connector(server.url, auth=auth, retry=RetryPolicy(times=0))
        with pytest.raises(SourceError, match="broke off"):
            fetcher(workday).fetch(plan, ENVIRON)
        issuer.broken = False
        with pytest.raises(
            SourceError,
            match=r"takes the refresh token no more \(invalid_grant\), probably because an earlier run was stopped"
            r" before it had kept its successor; authorise again, set secret.REFRESH and env.CLIENT to the new token",
        ):
            fetcher(workday).fetch(plan, ENVIRON)
        asked = len(server.asked)
        for _ in range(3):
            with pytest.raises(SourceError, match="takes the refresh token no more"):
                fetcher(workday).fetch(plan, ENVIRON)
        assert len(server.asked) == asked
        # A new consent is another token, and is tried.
        issuer.good = "refresh.canary~new"
        fetcher(workday).fetch(plan, ENVIRON | {"REFRESH": "refresh.canary~new"})


def test_N14_a_refresh_is_not_repeated_when_its_answer_was_lost(workday: Source) -> None:
    """A used token that is shown twice ends the whole consent on many servers; a connection that was refused used nothing."""
    issuer = Issuer()
    issuer.broken = True
    with issuer.server as server:
        plan = connector(server.url, auth=refreshing(server.url), retry=RetryPolicy(times=5))
        with pytest.raises(SourceError, match="broke off"):
            fetcher(workday).fetch(plan, ENVIRON)
        assert issuer.used == [FIRST]
    made = fetcher(workday, "b")
    with pytest.raises(SourceError, match="refused the connection 6 times"):
        made.fetch(plan, ENVIRON)


def test_S27_a_token_is_not_used_where_its_successor_could_not_be_kept(workday: Source) -> None:
    issuer = Issuer()
    (workday.root / "state").write_text("a file where the folder should be")
    with issuer.server as server:
        with pytest.raises(SourceError, match=r"cannot keep a new refresh token .* so the one it has was not used"):
            fetcher(workday).fetch(connector(server.url, auth=refreshing(server.url)), ENVIRON)
        with pytest.raises(SourceError, match="no folder to keep a new token in"):
            workday.fetch(connector(server.url, auth=refreshing(server.url)), ENVIRON)
    assert issuer.used == []


_RUN = """
import os, sys
from pathlib import Path
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.plan import *
from fieldmap.runtime.ports import Ports

url, root, kill = sys.argv[1:4]
auth = RefreshToken(token_url=Composed((url + "/token",)), refresh_token=Composed((SecretRef("REFRESH"),)), client_id=Composed(("c",)))
resource = HttpResource(name="workday.workers", path=Composed(("/v1/workers",)))
plan = HttpConnector(name="workday", base=Composed((url,)), auth=auth, retry=RetryPolicy(times=0), resources=(resource,))
ports = Ports.real(Path(root).parent / "state")
write, calls = ports.state.write, [0]

def dying(name, data):
    calls[0] += 1
    if kill == f"before {calls[0]}":
        os.kill(os.getpid(), 9)
    write(name, data)
    if kill == f"after {calls[0]}":
        os.kill(os.getpid(), 9)

ports.state.write = dying
with Archive(Path(root), ports).writer("workday.workers") as writer:
    print(sum(hasattr(one, "url") for one in acquire(plan, "workday.workers", writer=writer, ports=ports, environ=os.environ)))
"""


def run(url: str, root: Path, kill: str = "") -> subprocess.Popen[str]:
    environ = {**os.environ, "REFRESH": FIRST}
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, url, str(root), kill], stdout=subprocess.PIPE, env=environ, text=True
    )


@pytest.mark.parametrize("kill", ["before 1", "after 1", "before 2", "after 2"])
def test_S27_killed_at_each_write_of_the_token(tmp_path: Path, kill: str) -> None:
    """Only between the server's answer and the write of it is a token lost, and then it is said; nowhere else."""
    issuer = Issuer()
    answer = issuer.answer
    issuer.server.answer = lambda asked: answer(asked) if asked.target == "/token" else reply({"data": []})
    with issuer.server as server:
        killed = run(server.url, tmp_path / "a", kill)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        again = run(server.url, tmp_path / "a")
        out, _ = again.communicate(timeout=60)
    if kill == "before 2":
        assert again.returncode != 0
        assert issuer.used == [FIRST, FIRST]
    else:
        assert (again.returncode, out.strip()) == (0, "1")
        assert issuer.used == [FIRST]


def test_one_of_several_processes_renews(tmp_path: Path) -> None:
    issuer = Issuer()
    answer = issuer.answer
    issuer.server.answer = lambda asked: answer(asked) if asked.target == "/token" else reply({"data": []})
    with issuer.server as server:
        running = [run(server.url, tmp_path / str(number)) for number in range(4)]
        for one in running:
            out, _ = one.communicate(timeout=60)
            assert (one.returncode, out.strip()) == (0, "1")
    assert issuer.used == [FIRST]


# --------------------------------------------------------------------------------------------------------- assertions


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def granting(forms: list[dict[str, list[str]]]) -> FaultServer:
    def answer(asked: Asked) -> Reply:
        if asked.target == "/token":
            forms.append(parse_qs(asked.body.decode()))
            return reply({"access_token": "access.canary", "expires_in": 3600})
        return page(1) if asked.headers.get("authorization") == "Bearer access.canary" else reply({}, 401)

    return FaultServer(answer)


def unpacked(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.mark.parametrize("written", ["as it is", "in one line"])
def test_jwt_bearer(workday: Source, key: rsa.RSAPrivateKey, written: str) -> None:
    forms: list[dict[str, list[str]]] = []
    with granting(forms) as server:
        auth = JwtBearer(
            token_url=text(server.url + "/token"),
            issuer=text("fieldmap@example"),
            subject=text("ada@example.com"),
            key_id=text("k1"),
            private_key=text(SecretRef("KEY")),
            scope=text("read"),
        )
        value = pem(key) if written == "as it is" else pem(key).replace("\n", "\\n")
        workday.fetch(connector(server.url, auth=auth), {"KEY": value})
        (form,) = forms
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        head, claims, signature = form["assertion"][0].split(".")
        signed = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        key.public_key().verify(signed, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        assert unpacked(head) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
        now = int(workday.clock.now().timestamp())
        got = unpacked(claims)
        assert got.pop("jti")
        assert got == {
            "iss": "fieldmap@example",
            "sub": "ada@example.com",
            "aud": server.url + "/token",
            "scope": "read",
            "iat": now,
            "exp": now + 300,
        }


@pytest.mark.parametrize("value", ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none(workday: Source, value: str) -> None:
    auth: Auth = JwtBearer(
        token_url=text("http://127.0.0.1:1/token"), issuer=text("i"), private_key=text(SecretRef("KEY"))
    )
    with pytest.raises(UsageError, match="is not an RSA key in PEM") as caught:
        workday.fetch(connector("http://127.0.0.1:1", auth=auth), {"KEY": value})
    assert "AAAA" not in str(caught.value)


def test_saml_bearer(workday: Source) -> None:
    forms: list[dict[str, list[str]]] = []
    with granting(forms) as server:
        auth = SamlBearer(
            token_url=text(server.url + "/token"),
            assertion=text(SecretRef("SAML")),
            client_id=text("c"),
            company_id=text("acme"),
        )
        workday.fetch(connector(server.url, auth=auth), {"SAML": "PHNhbWw+"})
    assert forms == [
        {
            "grant_type": ["urn:ietf:params:oauth:grant-type:saml2-bearer"],
            "assertion": ["PHNhbWw+"],
            "client_id": ["c"],
            "company_id": ["acme"],
        }
    ]


# ------------------------------------------------------------------------------------------------- secrets from files


def test_a_secret_from_a_file(workday: Source, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from.a.file\n")
    auth = BearerAuth(token=text(SecretRef("TOKEN")))
    with FaultServer([page(1)]) as server:
        workday.fetch(connector(server.url, auth=auth), {"TOKEN_FILE": str(tmp_path / "token")})
        workday.fetch(connector(server.url, auth=auth), {"TOKEN": "direct", "TOKEN_FILE": "/nowhere"})
        assert [item.headers["authorization"] for item in server.asked] == ["Bearer from.a.file", "Bearer direct"]
        with pytest.raises(UsageError, match=r"file of the secret TOKEN cannot be read \(No such file.*TOKEN_FILE"):
            workday.fetch(connector(server.url, auth=auth), {"TOKEN_FILE": "/nowhere"})
        with pytest.raises(UsageError, match="needs the environment variable URL"):
            workday.fetch(connector(server.url, query=(("a", text(EnvRef("URL"))),)), {"URL_FILE": "x"})
