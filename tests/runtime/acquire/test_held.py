"""One access token for all resources of a connector in a run: asked for once, renewed once, and once told where there is none."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.runtime.acquire.sources import CURSOR, Source, page, text
from tests.runtime.acquire.test_grants import key, pem  # noqa: F401  (key: a fixture)

from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.flow import Flows
from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.archive import Archive, Archived
from fieldmap.runtime.errors import FieldmapError, SourceError, StoppedError
from fieldmap.runtime.plan import (
    Auth,
    ClientCredentials,
    EnvRef,
    HttpConnector,
    HttpResource,
    JwtBearer,
    RefreshToken,
    RetryPolicy,
    SamlBearer,
    SecretRef,
)
from fieldmap.runtime.ports import Ports

NAMES = ("a", "b", "c", "d")
ENVIRON = {"CLIENT": "client-4711", "SECRET": "s3cr3t.canary", "REFRESH": "refresh.canary~0", "SAML": "PHNhbWw+canary"}
ACCESS = "access.canary~"


class Issuer:
    """Gives a token after the other, of which the newest is good, and three pages of each resource. slow: seconds that a token takes.
    revokes: withdraws the token, once, when all four resources have asked for this page; late: this resource hears of it only when
    another has used the next token."""

    def __init__(self, *, slow: float = 0.0, revokes: int = 0, late: str = "") -> None:
        self.slow, self.revokes, self.late = slow, revokes, late
        self.given = 0
        self.refused = 0
        self.refresh = ENVIRON["REFRESH"]
        self.together = threading.Barrier(len(NAMES))
        self.used_next = threading.Event()
        self.server = FaultServer(self.answer)

    def answer(self, asked: Asked) -> Reply:
        if asked.target == "/token":
            return self.token(parse_qs(asked.body.decode()))
        shown = asked.headers.get("authorization", "").removeprefix(f"Bearer {ACCESS}")
        path, _, query = asked.target.partition("?")
        at = int(query.partition("cursor=")[2] or 1)
        if at == self.revokes and shown == "1":
            self.together.wait(10)
            if path == f"/{self.late}":
                self.used_next.wait(10)
        bad = at >= self.revokes and shown == "1" if self.revokes else shown != str(self.given)
        if bad:
            self.refused += 1
            return reply({}, 401)
        if shown == "2":
            self.used_next.set()
        return page(at, next=at + 1 if at < 3 else None)

    def token(self, form: dict[str, list[str]]) -> Reply:
        if "refresh_token" in form and form["refresh_token"] != [self.refresh]:
            return reply({"error": "invalid_grant"}, 400)
        self.given += 1
        self.refresh = f"refresh.canary~{self.given}"
        whole = reply({"access_token": f"{ACCESS}{self.given}", "refresh_token": self.refresh, "expires_in": 3600})
        return Reply([self.slow, *whole.pieces])


def auth(grant: str, base: str) -> Auth:
    url = text(f"{base}/token")
    client, secret = text(EnvRef("CLIENT")), text(SecretRef("SECRET"))
    made: dict[str, Auth] = {
        "client credentials": ClientCredentials(token_url=url, client_id=client, client_secret=secret),
        "jwt": JwtBearer(token_url=url, issuer=client, private_key=text(SecretRef("KEY"))),
        "saml": SamlBearer(token_url=url, assertion=text(SecretRef("SAML")), client_id=client),
        "refresh token": RefreshToken(token_url=url, refresh_token=text(SecretRef("REFRESH")), client_id=client),
    }
    return made[grant]


GRANTS = ("client credentials", "jwt", "saml", "refresh token")


class Course:
    """Fetches the four resources of a connector in threads, as a run does."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self.ports = Ports.real(root / "state")
        self.archive = Archive(root / "archive", self.ports)
        self.environ = environ
        self.flows = Flows()
        self.failed: dict[str, FieldmapError] = {}
        self.waited: list[tuple[str, str]] = []
        self.ports = replace(self.ports, waits=self._waits)

    def run(self, plan: HttpConnector) -> int:
        """The pages that came, of all resources."""
        pages: list[Archived] = []
        threads = [threading.Thread(target=self._one, args=(plan, name, pages)) for name in NAMES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        return len(pages)

    def _waits(self, name: str, reason: str, seconds: float | None = None, /) -> None:
        self.waited.append((name, reason))

    def _one(self, plan: HttpConnector, name: str, pages: list[Archived]) -> None:
        try:
            with self.archive.writer(f"hr.{name}") as writer:
                items = acquire(
                    plan, f"hr.{name}", writer=writer, ports=self.ports, environ=self.environ, flows=self.flows
                )
                pages.extend(item for item in items if isinstance(item, Archived))
        except FieldmapError as error:
            self.failed[name] = error


def plan(grant: str, base: str, times: int = 1) -> HttpConnector:
    resources = tuple(HttpResource(name=f"hr.{name}", path=text(f"/{name}"), pages=CURSOR) for name in NAMES)
    retry = RetryPolicy(times=times, first_ms=1, longest_ms=2)
    return HttpConnector(name="hr", base=text(base), auth=auth(grant, base), retry=retry, resources=resources)


@pytest.fixture
def course(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Course]:
    made = Course(tmp_path, ENVIRON | {"KEY": pem(request.getfixturevalue("key"))})
    yield made
    made.ports.http.close()


@pytest.mark.parametrize("grant", GRANTS)
def test_four_resources_at_once_ask_for_one_token(course: Course, grant: str) -> None:
    issuer = Issuer(slow=0.2)
    with issuer.server as server:
        assert course.run(plan(grant, server.url)) == 12
        # Neither does what the next of a run that goes on for ever asks.
        assert course.run(plan(grant, server.url)) == 12
    assert (course.failed, issuer.given, issuer.refused) == ({}, 1, 0)
    assert server.targets.count("/token") == 1


@pytest.mark.parametrize("late", ["", "c"])
@pytest.mark.parametrize("grant", GRANTS)
def test_one_renewal_serves_all_whose_token_ended(course: Course, grant: str, late: str) -> None:
    """Also one that hears of it when the others have gone on with the new one."""
    issuer = Issuer(revokes=2, late=late)
    with issuer.server as server:
        assert course.run(plan(grant, server.url)) == 12
    assert (course.failed, issuer.given, issuer.refused) == ({}, 2, 4)
    assert len(server.asked) == 12 + 4 + 2


@pytest.mark.parametrize(
    ("answer", "requests", "said"),
    [
        (reply({}, 503), 3, r"answered 503 3 times; see whether the source is in order, and run again"),
        (
            reply({"error": "invalid_client"}, 401),
            2,
            r"refused the credentials \(answered 401, invalid_client\); check",
        ),
        (reply({"no": "token"}), 1, r"answered without an access token; check the connector's token_url"),
    ],
)
@pytest.mark.parametrize("grant", ["client credentials", "refresh token"])
def test_S29_a_token_that_cannot_be_had_is_asked_for_once_and_told_to_each(
    course: Course, grant: str, answer: Reply, requests: int, said: str
) -> None:
    with FaultServer([answer]) as server:
        made = plan(grant, server.url, times=2)
        assert course.run(made) == 0
        told = {name: str(error) for name, error in course.failed.items()}
        assert set(told) == set(NAMES)
        assert len(set(told.values())) == 1
        assert re.match(rf"hr's token address {server.url}/token {said}", told["a"])
        # Who comes a little later hears the same.
        assert course.run(made) == 0
        assert server.targets == ["/token"] * requests
    assert "canary" not in str(told)


def test_S29_a_minute_later_it_is_asked_for_again(workday: Source) -> None:
    workday.ports = replace(workday.ports, state=LocalState(workday.root / "state"))
    flows, answers = Flows(), [reply({"error": "invalid_client"}, 401)] * 2

    def fetch(name: str) -> None:
        with workday.archive.writer(name) as writer:
            list(acquire(made, name, writer=writer, ports=workday.ports, environ=ENVIRON, flows=flows))

    def answer(asked: Asked) -> Reply:
        if asked.target != "/token":
            return page(1)
        return answers.pop() if answers else reply({"access_token": ACCESS})

    with FaultServer(answer) as server:
        made = plan("client credentials", server.url)
        for name in NAMES:
            with pytest.raises(SourceError, match="refused the credentials"):
                fetch(f"hr.{name}")
            workday.clock.pass_by(14)
        assert len(server.asked) == 2
        workday.clock.pass_by(4)
        fetch("hr.a")
    assert server.targets == ["/token"] * 3 + ["/a"]


def test_what_the_source_repeats_of_a_token_that_another_asked_for_is_not_kept(course: Course, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.target == "/token":
            return reply({"access_token": f"{ACCESS}1"})
        return reply({"said": asked.headers["authorization"]}, 403)

    with FaultServer(answer) as server:
        course.run(plan("client credentials", server.url))
    assert len(server.asked) == 5
    for name in NAMES:
        (kept,) = course.archive.read(f"hr.{name}", None, rejected=True)
        assert kept.content() == b'{"said": "Bearer ***"}'


def test_who_waits_for_a_token_says_so_and_hears_that_the_run_ends(course: Course) -> None:
    held = threading.Event()

    def answer(asked: Asked) -> Reply:
        if asked.target != "/token":
            return page(1)
        held.set()
        return Reply([1.6, lambda: course.ports.stop.set(), 1.6, *reply({"access_token": ACCESS}).pieces])

    with FaultServer(answer) as server:
        course.run(plan("client credentials", server.url))
        assert server.targets.count("/token") == 1
    assert held.is_set()
    waits = {name for name, reason in course.waited if reason == "another asks for a token"}
    assert len(waits) == 3
    assert all(isinstance(error, StoppedError) for error in course.failed.values())
    assert len(course.failed) == 4
