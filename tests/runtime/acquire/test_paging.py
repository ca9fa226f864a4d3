"""From page to page: cursors, links, ends, and everything that would go round in circles."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.faults.points import Points, Watched
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.runtime.acquire.sources import CURSOR, LINK, RESOURCE, Source, connector, member, page, serving, text

from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.fetching import fetch_pages
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archive, Archived
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import (
    ClientCredentials,
    CursorPages,
    EnvRef,
    HttpConnector,
    HttpResource,
    NoPages,
    RateLimit,
)
from fieldmap.runtime.ports import Request, Response, TransportError


def test_cursor_pages(workday: Source) -> None:
    pages = CursorPages(next=member("next"), sent_as="cursor", size=2, size_sent_as="limit")
    with serving(page(1, 2, next="b"), page(3, 4, next="c&d=e"), page(5)) as server:
        query = (("expand", text("position")), ("tenant", text(EnvRef("TENANT"))))
        got = workday.fetch(connector(server.url, pages, query=query), {"TENANT": "acme"})
    assert server.targets == [
        "/v1/workers?expand=position&tenant=acme&limit=2",
        "/v1/workers?expand=position&tenant=acme&limit=2&cursor=b",
        "/v1/workers?expand=position&tenant=acme&limit=2&cursor=c%26d%3De",
    ]
    assert [item.page for item in got] == [1, 2, 3]
    assert [len(json.loads(item.content())["data"]) for item in got] == [2, 2, 1]
    assert len({item.sweep for item in got}) == 1
    assert len({item.request for item in got}) == 3
    assert got == workday.archived()
    assert workday.closed() == [3]
    # A cursor may be a token: its value is not kept. What the plan itself says is.
    assert got[1].url == f"{server.url}/v1/workers?expand=position&tenant=acme&limit=2&cursor=***"
    assert server.asked[0].headers["accept"] == "application/json"
    assert server.asked[0].headers["accept-encoding"] == "gzip, identity"


def test_who_may_stop_after_any_page_is_given_each_before_the_next_is_asked_for(workday: Source) -> None:
    with serving(page(1, next="b"), page(2)) as server, workday.archive.writer(RESOURCE) as writer:
        pages = workday.stepwise(connector(server.url), writer)
        assert next(pages) == workday.archived()[0]
        assert len(server.asked) == 1
        assert workday.closed() == []
        assert next(pages) == workday.archived()[1]
        assert workday.closed() == []
        assert list(pages) == list(workday.archive.closed_sweeps(RESOURCE))
        assert workday.closed() == [2]


@dataclass
class Order:
    """What was done through the ports, in its order."""

    source: Source
    points: Points = field(default_factory=Points)
    refused: int = 0  # the number of the request that comes to nothing before it is sent

    def send(self, request: Request, meanwhile: Callable[[], None]) -> Response:
        self.refused -= 1
        if self.refused == 0:
            raise TransportError("refused the connection", sent=False)
        return self.source.ports.http.send(request, meanwhile)

    def taken(self, plan: HttpConnector, *, wanted: Wanted = Wanted()) -> list[str]:  # noqa: B008
        """Told with what was given in between."""
        inner, points = self.source.ports, self.points
        ports = replace(
            inner,
            http=Watched(self, "http", points),
            storage=Watched(inner.storage, "archive", points),
            clock=Watched(inner.clock, "clock", points),
        )
        with Archive(self.source.root / "archive", ports).writer(RESOURCE) as writer:
            points.passed.clear()
            items = acquire(plan, RESOURCE, writer=writer, ports=ports, environ={}, wanted=wanted)
            told = list[str]()
            try:
                for item in items:
                    told += [*self._passed(), "page" if isinstance(item, Archived) else "mark"]
            except SourceError:
                told += [*self._passed(), "failed"]
        return told

    def _passed(self) -> list[str]:
        names = {
            "before http.send": "asks",
            "after http.send": "answered",
            "after archive.append": "written",
            "after archive.sync": "durable",
            "before clock.sleep": "waits",
        }
        found = [names[point.name] for point in self.points.passed if point.name in names]
        self.points.passed.clear()
        return found


def test_a_page_is_written_before_the_next_is_asked_for_and_durable_before_it_is_given(workday: Source) -> None:
    with serving(page(1, next="b"), page(2)) as server:
        told = Order(workday).taken(connector(server.url))
    opening = ["asks", "answered", "durable", "written", "durable"]  # the folder, and what a segment begins with
    first, second = (
        ["written", "asks", "durable", "answered", "written", "page"],
        ["written", "durable", "page", "mark"],
    )
    assert told == [*opening, *first, *second]


def test_a_page_is_given_also_where_the_next_does_not_come(workday: Source) -> None:
    with serving(page(1, next="b"), page(2, next="c"), reply({}, 403)) as server:
        told = Order(workday).taken(connector(server.url))
    assert told[-2:] == ["page", "failed"]
    assert told.count("page") == 2
    assert told[told.index("page") :].count("durable") >= 1


@pytest.mark.parametrize("limit", [None, RateLimit(requests=1, period_ms=60_000)])
def test_who_has_to_wait_before_asking_makes_the_page_durable_first(workday: Source, limit: RateLimit | None) -> None:
    """Its turn, or a pause after a request that was not even sent."""
    with serving(page(1, next="b"), page(2)) as server:
        told = Order(workday, refused=2).taken(replace(connector(server.url), limit=limit))
    waits = [place for place, what in enumerate(told) if what == "waits"]
    assert waits
    for place in waits:
        assert told[:place].count("durable") > told[:place].count("page")
        last = max(n for n, what in enumerate(told[:place]) if what in ("written", "durable"))
        assert told[last] == "durable"


def test_who_needs_a_token_makes_the_page_durable_before_it_asks_for_one(workday: Source) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.target == "/token":
            return reply({"access_token": "t", "expires_in": 100})
        workday.clock.pass_by(95)
        return page(1, next="b") if "cursor" not in asked.target else page(2)

    with FaultServer(answer) as server:
        auth = ClientCredentials(token_url=text(f"{server.url}/token"), client_id=text("c"), client_secret=text("s"))
        told = Order(workday).taken(connector(server.url, auth=auth))
        assert server.targets.count("/token") == 2
    between = told[: told.index("page")][-7:]  # of the first page, until it is given
    assert between == ["written", "durable", "asks", "answered", "asks", "answered", "written"]


def test_next_links_absolute_and_relative(workday: Source) -> None:
    answers: list[Reply] = []
    with FaultServer(answers) as server:
        answers += [
            page(1, next=f"{server.url}/v1/workers?$skiptoken=a%20b"),
            page(2, next="/v1/workers?$skiptoken=c"),
            page(3, next="?$skiptoken=d"),
            page(4),
        ]
        got = workday.fetch(connector(server.url + "/", LINK, query=(("top", text("5")),)))
    assert server.targets == [
        "/v1/workers?top=5",
        "/v1/workers?$skiptoken=a%20b",
        "/v1/workers?$skiptoken=c",
        "/v1/workers?$skiptoken=d",
    ]
    assert got[1].url == f"{server.url}/v1/workers?%24skiptoken=***"
    assert workday.closed() == [4]


@pytest.mark.parametrize("cursor", [0, "0", 17, Decimal("1.5"), "ä b"])
def test_S15_a_falsy_or_odd_cursor_is_a_cursor(workday: Source, cursor: object) -> None:
    value = str(cursor) if isinstance(cursor, Decimal) else json.dumps(cursor)
    with serving(reply(b'{"data":[1],"next":%s}' % value.encode()), page(2)) as server:
        workday.fetch(connector(server.url))
    assert parse_qs(urlsplit(server.targets[1]).query) == {"cursor": [str(cursor)]}


@pytest.mark.parametrize("end", [{}, {"next": None}, {"next": ""}])
def test_the_end(workday: Source, end: dict[str, object]) -> None:
    for pages in (CURSOR, LINK):
        with serving(reply({"data": [], **end})) as server:
            assert len(workday.fetch(connector(server.url, pages))) == 1
            assert len(server.asked) == 1


@pytest.mark.parametrize("cursor", [True, {"a": 1}, ["x"]])
def test_a_cursor_that_is_none(workday: Source, cursor: object) -> None:
    with (
        serving(page(1, next=cursor)) as server,
        pytest.raises(SourceError, match="where the cursor of the next page should be"),
    ):
        workday.fetch(connector(server.url))
    assert len(workday.archived()) == 1
    assert workday.closed() == []


def test_a_cursor_that_cannot_be_read_is_not_the_end(workday: Source) -> None:
    with (
        serving(reply(b'{"data":[1],"next":"\xff"}')) as server,
        pytest.raises(SourceError, match="not JSON throughout"),
    ):
        workday.fetch(connector(server.url))
    assert workday.closed() == []


# ------------------------------------------------------------------------------------------------------------- guards


def test_S01_the_same_cursor_again(workday: Source) -> None:
    answers = [page(1, next="a"), page(2, next="a"), page(3, next="a")]
    with (
        serving(*answers) as server,
        pytest.raises(SourceError, match="named a page as the next that was fetched before"),
    ):
        workday.fetch(connector(server.url))
    assert len(server.asked) == 2
    assert len(workday.archived()) == 2
    assert workday.closed() == []


def test_S01_a_cycle_of_cursors(workday: Source) -> None:
    answers = [page(1, next="a"), page(2, next="b"), page(3, next="a")]
    with serving(*answers) as server, pytest.raises(SourceError, match=r"after 3 pages of workday\.workers"):
        workday.fetch(connector(server.url))
    assert len(server.asked) == 3


def test_S01_a_link_to_the_first_page(workday: Source) -> None:
    with serving(page(1, next="/v1/workers")) as server, pytest.raises(SourceError, match="fetched before"):
        workday.fetch(connector(server.url, LINK))
    assert len(server.asked) == 1


def test_S03_the_cursor_is_ignored(workday: Source) -> None:
    counter = iter(range(100))
    body = {"data": [1, 2, 3]}
    pages = CursorPages(next=lambda _: next(counter), sent_as="cursor")
    with (
        serving(reply(body)) as server,
        pytest.raises(SourceError, match="gave the same page again for another cursor"),
    ):
        workday.fetch(connector(server.url, pages))
    assert len(server.asked) == 2
    assert len(workday.archived()) == 1


def test_S02_pages_without_end(workday: Source) -> None:
    def endless(asked: Asked) -> Reply:
        at = int(parse_qs(urlsplit(asked.target).query).get("cursor", ["0"])[0])
        return reply({"data": [], "next": at + 1})

    plan = connector("http://127.0.0.1")
    with FaultServer(endless) as server, workday.archive.writer(RESOURCE) as writer:
        plan = connector(server.url)
        pages = fetch_pages(
            plan, plan.resources[0], writer=writer, ports=workday.ports, environ={}, wanted=Wanted(most_pages=5)
        )
        with pytest.raises(SourceError, match="more than 5 pages"):
            list(pages)
    assert len(server.asked) == 5
    assert workday.closed() == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/workers?cursor=b",
        "//evil.example/v1/workers",
        "http://127.0.0.1:1/v1/workers",
        "https://127.0.0.1/v1/workers",
        "file:///etc/passwd",
        "http://user:pass@127.0.0.1:{port}/v1/workers",
        "http://127.0.0.1:{port}@evil.example/",
        "http://127.0.0.1:{port}.evil.example/",
        "http://[::1/",
        "http://127.0.0.1:99999/",
    ],
)
def test_N08_a_next_page_elsewhere(workday: Source, link: str) -> None:
    answers: list[Reply] = []
    with FaultServer(answers) as server:
        answers.append(page(1, next=link.replace("{port}", server.url.rpartition(":")[2])))
        with pytest.raises(SourceError, match=r"outside http://127\.0\.0\.1.*nothing is sent there"):
            workday.fetch(connector(server.url, LINK))
    assert len(server.asked) == 1
    assert len(workday.archived()) == 1


@pytest.mark.parametrize(
    "link", [5, "a b", "/x\r\nHost: evil", "\\\\evil.example\\x", {"href": "/x"}, "/" + "x" * 20_000]
)
def test_N08_a_next_page_that_is_no_address(workday: Source, link: object) -> None:
    with serving(page(1, next=link)) as server, pytest.raises(SourceError, match="no address"):
        workday.fetch(connector(server.url, LINK))
    assert len(server.asked) == 1


# ----------------------------------------------------------------------------------------------- contents and settings


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"<!DOCTYPE html><html>Sign in</html>", "text/html", "an HTML page instead of JSON"),
        (b"<html>", "application/json", "an HTML page"),
        (b"<?xml version='1.0'?><error/>", "text/xml", "markup, HTML or XML, instead"),
        (b"", "application/json", "an empty body"),
        (b" \n", "application/json", "an empty body"),
        (b'{"data":[1,2', "application/json", "a body that is not JSON"),
        (b"ok", "text/plain", "a body that is not JSON"),
        (b'{"a":1}{"a":2}', "application/json", "a body that is not JSON"),
        (b"[" * 100_000, "application/json", "a body that is not JSON"),
    ],
)
def test_S24_something_else_instead_of_json(workday: Source, body: bytes, content_type: str, said: str) -> None:
    for pages in (NoPages(), CURSOR):
        with serving(reply(body, content_type=content_type)) as server:
            with pytest.raises(SourceError, match=said):
                workday.fetch(connector(server.url, pages))
            assert len(server.asked) == 1
    assert workday.archived() == []


@pytest.mark.parametrize("body", [b'\xef\xbb\xbf{"next":null}', b"[]", b"5", b'{"a":"\\ud800"}', b'{"a":1e400}'])
def test_odd_json_is_json(workday: Source, body: bytes) -> None:
    with serving(reply(body)) as server:
        assert workday.fetch(connector(server.url))[0].body == body


def test_N03_a_gzip_file_must_be_whole(workday: Source) -> None:
    whole = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")
    resource = replace(connector("https://x").resources[0], pages=NoPages(), format="csv", packed="gzip")
    for body, said in (
        (whole[:-3], "a gzip file that ends in the middle of its gzip stream instead of a gzip file of CSV"),
        (whole[:-6] + b"\0\0" + whole[-4:], "is not the gzip stream"),
        (b"a,b\n1,2\n", "a body that is no gzip file"),
        (b"<!DOCTYPE html>", "an HTML page"),
    ):
        with serving(reply(body, content_type="application/gzip")) as server:
            with pytest.raises(SourceError, match=said):
                workday.fetch(replace(connector(server.url), resources=(resource,)))
            assert server.asked[0].headers["accept"] == "application/gzip"
    assert workday.archived() == []
    with serving(reply(whole, content_type="application/gzip")) as server:
        (kept,) = workday.fetch(replace(connector(server.url), resources=(resource,)))
    assert kept.body == kept.content() == whole


def test_lines_and_tables_are_kept_as_they_come(workday: Source) -> None:
    for format, body in (
        ("ndjson", b'{"a":1}\n{"a"'),
        ("csv", b"a,b\n<x>,2\n"),
        ("csv", b"<tag>\n1\n"),
        ("ndjson", b""),
    ):
        with serving(reply(body, content_type="text/plain")) as server:
            item = workday.fetch(connector(server.url, NoPages(), format=format))[0]
        assert (item.body, item.format) == (body, format)
    with (
        serving(reply(b"<html>", content_type="text/html")) as server,
        pytest.raises(SourceError, match="instead of CSV"),
    ):
        workday.fetch(connector(server.url, NoPages(), format="csv"))


def test_headers_are_sent_and_the_resource_has_the_last_word(workday: Source) -> None:
    plan = connector("http://x", headers=(("X-Tenant", text("a")), ("X-Kind", text("k"))))
    with serving(page(1)) as server:
        resource = HttpResource(
            name=RESOURCE,
            path=text("/v1/w orkers"),
            headers=(("x-tenant", text("b")), ("Accept", text("application/x"))),
        )
        plan = type(plan)(name="workday", base=text(server.url), headers=plan.headers, resources=(resource,))
        workday.fetch(plan)
    sent = server.asked[0].headers
    assert (sent["x-tenant"], sent["x-kind"], sent["accept"]) == ("b", "k", "application/x")
    assert "cookie" not in sent
    assert server.targets == ["/v1/w%20orkers"]


def test_cookies_are_not_sent_back(workday: Source) -> None:
    first = reply({"next": "b"}, headers={"Set-Cookie": "session=abc"})
    with serving(first, page(2)) as server:
        got = workday.fetch(connector(server.url))
    assert all("cookie" not in item.headers for item in server.asked)
    assert all("set-cookie" not in item.headers for item in got)


def test_missing_variables_are_told_together(workday: Source, tmp_path: Path) -> None:
    from fieldmap.runtime.plan import BearerAuth, SecretRef

    plan = connector("", auth=BearerAuth(token=text(SecretRef("TOKEN"))), query=(("t", text(EnvRef("URL"))),))
    plan = type(plan)(name="workday", base=text(EnvRef("URL")), auth=plan.auth, resources=plan.resources)
    with pytest.raises(UsageError) as caught:
        workday.fetch(plan, {"URL": ""})
    assert str(caught.value) == (
        "The connector workday needs the environment variables URL (base, query t) and TOKEN (auth token);"
        " set them and run again"
    )


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("workday.example", "not an address such as"),
        ("ftp://workday.example", "not an address such as"),
        ("https://", "not an address such as"),
        ("https://h.example/?a=b", "not an address such as"),
        ("https://h.example:port", "not an address such as"),
        ("https://h.ex ample", "not an address such as"),
        ("https://user:hunter2@h.example", "user or password in its base"),
    ],
)
def test_a_base_that_cannot_be_used(workday: Source, base: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        workday.fetch(connector(base))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["Host", "content-length", "Accept-Encoding"])
def test_reserved_headers(workday: Source, name: str) -> None:
    with pytest.raises(UsageError, match=f"sets the header {name}"):
        workday.fetch(connector("https://h.example", headers=((name, text("x")),)))
    with pytest.raises(UsageError, match="line break or control character in the header X-A"):
        workday.fetch(connector("https://h.example", headers=(("X-A", text(EnvRef("A"))),)), {"A": "x\r\nHost: evil"})


def test_a_resource_that_is_not_there(workday: Source) -> None:
    with pytest.raises(UsageError, match=r"has no resource workday.jobs; it has: workday.workers"):
        workday.fetch(connector("https://h.example"), resource="workday.jobs")
