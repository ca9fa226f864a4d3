"""Credentials: what is sent, when a token is renewed, how a refusal is told, and that no secret is ever seen elsewhere."""

from __future__ import annotations

import base64
import html
import json
import os
import pickle
import traceback
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus

import msgspec
import pytest
import zstandard
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import CURSOR, LINK, RESOURCE, Source, connector, page, serving, text

from fieldmap.runtime.acquire.preflight import check_settings
from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import (
    Auth,
    BasicAuth,
    BearerAuth,
    ClientCredentials,
    EnvRef,
    NoAuth,
    RetryPolicy,
    SecretRef,
    TextBody,
)
from fieldmap.runtime.secrets import Secret, resolve

ID, SECRET, TOKEN = "client-4711", "s3cr3t canary/+&=%", "token.canary~1"
ENVIRON = {"CLIENT_ID": ID, "CLIENT_SECRET": SECRET, "TOKEN": TOKEN}
NAMED = "check secret.CLIENT_ID and secret.CLIENT_SECRET and run again"


def oauth(base: str, scope: str | None = None) -> ClientCredentials:
    return ClientCredentials(
        token_url=text(base + "/oauth2/token"),
        client_id=text(SecretRef("CLIENT_ID")),
        client_secret=text(SecretRef("CLIENT_SECRET")),
        scope=None if scope is None else text(scope),
    )


class Workday:
    """Gives tokens, and pages to who shows the last one. lasts: expires_in. revoked: pages before which the token is withdrawn."""

    def __init__(self, pages: int = 3, lasts: object = 3600, revoked: tuple[int, ...] = ()) -> None:
        self.pages = pages
        self.lasts = lasts
        self.revoked = set(revoked)
        self.tokens = 0
        self.server = FaultServer(self.answer)

    def answer(self, asked: Asked) -> Reply:
        if asked.target == "/oauth2/token":
            self.tokens += 1
            return reply({"access_token": f"{TOKEN}{self.tokens}", "token_type": "Bearer", "expires_in": self.lasts})
        at = int(asked.target.partition("cursor=")[2] or 1)
        if at in self.revoked:
            self.revoked.discard(at)
            return reply({"error": "invalid_token"}, 401)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}{self.tokens}":
            return reply({"error": "invalid_token"}, 401)
        return page(at, next=at + 1 if at < self.pages else None)

    @property
    def paths(self) -> list[str]:
        return [item.target.partition("?")[0] for item in self.server.asked]


def test_basic_and_bearer(workday: Source) -> None:
    basic = BasicAuth(user=text(SecretRef("CLIENT_ID")), password=text(SecretRef("CLIENT_SECRET")))
    bearer = BearerAuth(token=text(SecretRef("TOKEN")))
    for auth, sent in (
        (basic, "Basic " + base64.b64encode(f"{ID}:{SECRET}".encode()).decode()),
        (bearer, f"Bearer {TOKEN}"),
    ):
        with serving(page(1, next="b"), page(2)) as server:
            workday.fetch(connector(server.url, auth=auth), ENVIRON)
            assert [item.headers["authorization"] for item in server.asked] == [sent, sent]


def test_one_token_serves_all_pages(workday: Source) -> None:
    source = Workday()
    with source.server as server:
        workday.fetch(connector(server.url, auth=oauth(server.url, "read write")), ENVIRON)
    asked = source.server.asked[0]
    assert source.paths == ["/oauth2/token"] + ["/v1/workers"] * 3
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["read write"]}
    proof = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert proof == f"{quote_plus(ID)}:{quote_plus(SECRET)}"


def test_a_token_is_renewed_once_after_a_401(workday: Source) -> None:
    source = Workday(pages=4, revoked=(2, 4))
    with source.server as server:
        assert len(workday.fetch(connector(server.url, auth=oauth(server.url)), ENVIRON)) == 4
    assert source.tokens == 3
    assert len(server.asked) == 3 + 4 + 2
    assert workday.clock.slept == []


def test_S27_a_second_401_is_a_refusal(workday: Source) -> None:
    def refusing(asked: Asked) -> Reply:
        return reply({"access_token": TOKEN}) if asked.target == "/oauth2/token" else reply({}, 401)

    with FaultServer(refusing) as server:
        with pytest.raises(SourceError, match=r"refused the credentials \(it answered 401\); " + NAMED):
            workday.fetch(connector(server.url, auth=oauth(server.url)), ENVIRON)
        assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("lasts", "tokens"), [(100, 3), ("100", 3), (100000, 1), (None, 1), ("soon", 1), (-5, 1), (True, 1)]
)
def test_a_token_is_renewed_before_it_ends(workday: Source, lasts: object, tokens: int) -> None:
    source = Workday(lasts=lasts)
    answer = source.answer

    def slow(asked: Asked) -> Reply:
        workday.clock.pass_by(95 if asked.target != "/oauth2/token" else 0)
        return answer(asked)

    source.server.answer = slow
    with source.server as server:
        workday.fetch(connector(server.url, auth=oauth(server.url)), ENVIRON)
        assert source.tokens == tokens
        assert all(item.headers["authorization"] != "Bearer " for item in server.asked)


def test_a_server_that_wants_the_client_in_the_body(workday: Source) -> None:
    source = Workday(revoked=(2,))
    answer = source.answer

    def picky(asked: Asked) -> Reply:
        if asked.target == "/oauth2/token" and b"client_secret=" not in asked.body:
            return reply({"error": "invalid_client"}, 401)
        return answer(asked)

    source.server.answer = picky
    with source.server as server:
        workday.fetch(connector(server.url, auth=oauth(server.url)), ENVIRON)
    assert parse_qs(server.asked[1].body.decode())["client_secret"] == [SECRET]
    assert source.paths.count("/oauth2/token") == 3


@pytest.mark.parametrize(
    ("answer", "said", "requests"),
    [
        (
            reply({"error": "invalid_client"}, 401),
            rf"refused the credentials \(answered 401, invalid_client\); {NAMED}",
            2,
        ),
        (reply({"error": "<b>"}, 400), rf"refused the credentials \(answered 400\); {NAMED}", 2),
        (reply({"error": "invalid_scope"}, 400), r"\(answered 400, invalid_scope\)", 1),
        (reply(b"", 302, {"Location": "http://evil/"}), "answered 302; check the connector's token_url", 1),
        (reply(b"", 404), "answered 404; check the connector's token_url", 1),
        (reply({"token": "x"}), "answered without an access token", 1),
        (reply({"access_token": "a\r\nb"}), "answered without an access token", 1),
        (reply({"access_token": 5}), "answered without an access token", 1),
        (reply(b"<html>"), "answered without an access token", 1),
        (reply({}, 503), "answered 503 3 times", 3),
    ],
)
def test_no_token(workday: Source, answer: Reply, said: str, requests: int) -> None:
    with serving(answer) as server:
        with pytest.raises(SourceError, match=f"workday's token address {server.url}/oauth2/token .*{said}"):
            workday.fetch(connector(server.url, auth=oauth(server.url), retry=RetryPolicy(times=2)), ENVIRON)
        assert len(server.asked) == requests


@pytest.mark.parametrize("status", [401, 403])
def test_refusals_name_the_variables(workday: Source, status: int) -> None:
    bearer = BearerAuth(token=text("x-", EnvRef("USER_PART"), SecretRef("TOKEN")))
    with serving(reply({}, status)) as server:
        with pytest.raises(
            SourceError, match=r"refused the credentials \(it answered \d+\); check env.USER_PART and secret.TOKEN"
        ):
            workday.fetch(connector(server.url, auth=bearer), ENVIRON | {"USER_PART": "u"})
        with pytest.raises(
            SourceError, match=f"asks for credentials \\(it answered {status}\\); give the connector an auth"
        ):
            workday.fetch(connector(server.url))
        assert len(server.asked) == 2


def test_credentials_are_not_sent_unencrypted(workday: Source) -> None:
    bearer = BearerAuth(token=text(SecretRef("TOKEN")))
    plan = connector("http://api.example.com", auth=bearer, retry=RetryPolicy(times=0))
    with pytest.raises(UsageError, match=r"unencrypted to api\.example\.com \(base\); use https"):
        workday.fetch(plan, ENVIRON)
    with pytest.raises(UsageError, match=r"unencrypted to login\.example\.com \(token_url\)"):
        workday.fetch(connector("https://api.example.com", auth=oauth("http://login.example.com")), ENVIRON)
    with serving(page(1)) as server:
        named = connector(server.url.replace("127.0.0.1", "localhost"), auth=bearer)
        workday.fetch(named, ENVIRON)


# ------------------------------------------------------------------------------------------------------------- secrecy


def canaries() -> list[bytes]:
    found = []
    for value in (SECRET, TOKEN):
        found += [value.encode(), quote(value, safe="").encode(), quote_plus(value).encode()]
        found += [value.encode().hex().encode(), base64.b64encode(value.encode()).rstrip(b"=")]
        found += [base64.b64encode(f"{ID}:{value}".encode()).rstrip(b"="), json.dumps(value).encode()[1:-1]]
    return found


def clean(data: bytes) -> None:
    for canary in canaries():
        assert canary not in data


def everything(workday: Source) -> bytes:
    """All bytes of the archive, frames opened."""
    data = b""
    for file in (workday.root / "archive").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            data += content
            if file.suffix == ".zst":
                reader = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
                data += reader.read()
    return data


AUTHS: list[Auth] = [
    NoAuth(),
    BasicAuth(user=text(SecretRef("CLIENT_ID")), password=text(SecretRef("CLIENT_SECRET"))),
    BearerAuth(token=text(SecretRef("TOKEN"))),
]


@pytest.mark.parametrize("auth", AUTHS)
def test_I20_no_secret_reaches_the_archive(workday: Source, auth: Auth) -> None:
    """Also if the source repeats it in its links and headers."""
    echo = {"ETag": f'"{TOKEN}"', "X-Echo": SECRET, "Set-Cookie": f"t={TOKEN}"}
    answers: list[Reply] = []
    with FaultServer(answers) as server:
        link = f"/v1/{quote(TOKEN)}/workers?api_key={quote_plus(SECRET)}&{quote_plus(TOKEN)}=1&page=2"
        first = reply(b'{"next":"\\u002f%s"}' % link[1:].replace("t", "\\u0074").encode(), headers=echo)
        answers += [first, page(2)]
        query = (("api_key", text(SecretRef("CLIENT_SECRET"))), ("view", text("all")))
        plan = connector(server.url, LINK, auth=auth, query=query, headers=(("X-Key", text(SecretRef("TOKEN"))),))
        got = workday.fetch(plan, ENVIRON)
        assert server.targets == [f"/v1/workers?api_key={quote(SECRET, safe='')}&view=all", link]
        assert server.asked[1].headers["x-key"] == TOKEN
    assert got[0].url == f"{server.url}/v1/workers?api_key=***&view=all"
    assert got[1].url == f"{server.url}/v1/***/workers?api_key=***&***=***&page=***"
    clean(everything(workday) + repr(got).encode())


def test_a_link_gets_the_secret_of_the_query_that_it_does_not_carry(workday: Source) -> None:
    query = (("api_key", text(SecretRef("TOKEN"))), ("view", text("all")))
    with serving(page(1, next="?page=2"), page(2, next="?page=3&api_key=theirs"), page(3)) as server:
        workday.fetch(connector(server.url, LINK, query=query), ENVIRON)
    assert server.targets[1:] == [f"/v1/workers?page=2&api_key={TOKEN}", "/v1/workers?page=3&api_key=theirs"]


FAULTS = [
    reply({}, 401),
    reply({}, 500),
    reply({}, 302, {"Location": "http://x/"}),
    reply(b"<html>"),
    raw(b""),
    raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    raw(b"garbage " + SECRET.encode() + b"\r\n\r\n"),
    raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
    page(1, next={"x": 1}),
    page(1, next=f"https://evil.example/?{quote_plus(SECRET)}"),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["basic", "bearer", "oauth", "token request"])
def test_I20_no_secret_reaches_an_error(
    workday: Source, fault: Reply, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(asked: Asked) -> Reply:
        if kind == "oauth" and asked.target == "/oauth2/token":
            return reply({"access_token": TOKEN})
        return fault

    with caplog.at_level("DEBUG"), FaultServer(answer) as server:
        auth: Auth = {"basic": AUTHS[1], "bearer": AUTHS[2]}.get(kind) or oauth(server.url)
        query = (("api_key", text(SecretRef("CLIENT_SECRET"))),)
        pages = LINK if fault is FAULTS[-1] else CURSOR
        with pytest.raises(SourceError) as caught:
            workday.fetch(connector(server.url, pages, auth=auth, query=query, retry=RetryPolicy(times=1)), ENVIRON)
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        said += repr(error) + str(vars(error))
        error = error.__cause__ or error.__context__
    clean(said.encode() + caplog.text.encode())
    if fault is not FAULTS[-1]:  # a body is kept as received, also where the source repeats a secret in it
        clean(everything(workday))


def test_I20_a_secret_is_no_text() -> None:
    secret = resolve(text("Bearer ", SecretRef("TOKEN")), ENVIRON)
    assert isinstance(secret, Secret)
    assert secret.reveal() == f"Bearer {TOKEN}"
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret:>40}", "%s" % secret, f"{[secret]!r}"):  # noqa: UP031
        clean(shown.encode())
        assert "***" in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    with pytest.raises(TypeError):
        bytes(secret)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        vars(secret)
    assert secret == Secret(f"Bearer {TOKEN}")
    assert secret != f"Bearer {TOKEN}"
    assert len({secret, Secret(f"Bearer {TOKEN}")}) == 1


def test_what_holds_no_secret_is_plain() -> None:
    assert resolve(text("a", EnvRef("CLIENT_ID"), "/b"), ENVIRON) == f"a{ID}/b"
    with pytest.raises(UsageError, match="The environment variable MISSING is not set; set it and run again"):
        resolve(text(EnvRef("MISSING")), {})


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:pass@h.example:8443/a b?x=1&view=all#frag", "https://h.example:8443/a%20b?x=***&view=all"),
        ("https://h.example/?token", "https://h.example/?token=***"),
        ("https://[::1]:80/?a=&view=other", "https://[::1]:80/?a=***&view=***"),
        ("https://h.example/canary-value/x?y=canary-value", "https://h.example/***/x?y=***"),
    ],
)
def test_A11_addresses_as_they_are_kept(address: str, shown: str) -> None:
    redaction = Redaction([Secret("canary-value")], [("view", "all")])
    assert redaction.address(Secret(address)) == shown


def test_a_path_or_base_holds_no_secret(workday: Source, tmp_path: Path) -> None:
    plan = connector("https://h.example")
    plan = type(plan)(name="workday", base=text("https://", SecretRef("TOKEN")), resources=plan.resources)
    with pytest.raises(UsageError, match="has a secret in its base"):
        workday.fetch(plan, ENVIRON)


SPOKEN = 'pässwört"<canary>'


@pytest.mark.parametrize(
    "repeated",
    [
        SPOKEN,
        json.dumps({"sent": SPOKEN}),
        json.dumps({"sent": SPOKEN}, ensure_ascii=False),
        f"<p>{html.escape(SPOKEN)}",
        "x" * ((16 << 10) - 5) + SPOKEN,
    ],
)
def test_A11_a_rejected_page_that_repeats_a_secret(repeated: str, workday: Source) -> None:
    auth = BearerAuth(token=text(SecretRef("TOKEN")))
    answer = reply(f"<html>{repeated}".encode(), content_type="text/html", headers={"ETag": '"pässwört"'})
    with serving(answer) as server, pytest.raises(SourceError):
        workday.fetch(connector(server.url, auth=auth), {"TOKEN": SPOKEN})
    (kept,) = workday.archive.read(RESOURCE, None, rejected=True)
    for part in ("pässw", "p\\u00e4ssw", "canary"):
        assert part.encode() not in kept.content()
    assert len(kept.content()) <= 16 << 10


@pytest.mark.parametrize(("name", "wrong"), [("X-Wörd", "no name of one"), ("X A", "no name of one")])
def test_a_header_that_is_none(name: str, wrong: str, workday: Source) -> None:
    with pytest.raises(UsageError, match=wrong):
        workday.fetch(connector("https://h.example", headers=((name, text("x")),)))


def test_a_variable_that_is_no_text(workday: Source) -> None:
    auth = BearerAuth(token=text(SecretRef("TOKEN")))
    with pytest.raises(UsageError, match="TOKEN holds bytes that are no text in UTF-8"):
        workday.fetch(connector("https://h.example", auth=auth), {"TOKEN": os.fsdecode(b"caf\xe9")})


@pytest.mark.parametrize("pasted", ["canary\n", "canary\r\nX-Evil: 1", "can\0ary"])
def test_a_secret_with_a_line_break_is_named_by_its_header(pasted: str, workday: Source) -> None:
    auth = BearerAuth(token=text(SecretRef("TOKEN")))
    with serving(page(1)) as server:
        with pytest.raises(SourceError, match="the value of its header Authorization holds a line break") as told:
            workday.fetch(connector(server.url, auth=auth), {"TOKEN": pasted})
        assert "canary" not in str(told.value)
        assert server.asked == []


def test_every_missing_variable_of_bodies_is_named_by_its_body() -> None:
    """Of two resources with a body of text, which are written under the same word."""
    bodies = [TextBody(lines=(text("<a/>"), text(SecretRef(name))), xml=True) for name in ("ONE", "TWO")]
    plan = connector("https://h.example")
    resources = tuple(replace(plan.resources[0], name=f"hr.r{n}", body=body) for n, body in enumerate(bodies))
    with pytest.raises(UsageError, match=r"needs the environment variables ONE \(body\) and TWO \(body\); set them"):
        check_settings(replace(plan, resources=resources), {})
