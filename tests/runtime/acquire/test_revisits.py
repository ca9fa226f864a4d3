"""Asking only for what was modified: a 304 stands for the archived page, and for nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import RESOURCE, Source, connector, text

from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive.position import offset_of
from fieldmap.runtime.errors import ArchiveError, SourceError
from fieldmap.runtime.plan import (
    AnswerRule,
    ApiKey,
    EnvRef,
    HttpConnector,
    LinkHeaderPages,
    NoPages,
    RetryPolicy,
    SecretRef,
)

DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
EARLIER = "Sun, 01 Mar 2026 11:00:00 GMT"


def body(*ids: int, next: str | None = None) -> bytes:
    return json.dumps({"data": [{"id": number} for number in ids], "next": next}).encode()


class Pages304:
    """A source whose pages have ETags, and which knows what a condition is. pages: by target."""

    def __init__(self, pages: dict[str, bytes], weak: bool = False) -> None:
        self.pages = pages
        self.weak = weak
        self.statuses: list[int] = []

    def __call__(self, asked: Asked) -> Reply:
        content = self.pages[asked.target]
        etag = f'{"W/" * self.weak}"{hashlib.sha256(content).hexdigest()[:12]}"'
        if asked.headers.get("if-none-match") == etag:
            self.statuses.append(304)
            return raw(f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\nDate: {DATE}\r\n\r\n".encode(), close=False)
        self.statuses.append(200)
        return reply(content, headers={"ETag": etag})


def three() -> dict[str, bytes]:
    return {
        "/v1/workers": body(1, 2, next="b"),
        "/v1/workers?cursor=b": body(3, next="c"),
        "/v1/workers?cursor=c": body(4),
    }


@pytest.mark.parametrize("weak", [False, True])
def test_N15_a_page_that_was_not_modified_is_that_of_the_archive(workday: Source, weak: bool) -> None:
    source = Pages304(three(), weak)
    told: list[str] = []
    with FaultServer(source) as server:
        first = workday.fetch(connector(server.url))
        source.pages["/v1/workers?cursor=b"] = body(3, 5, next="c")
        second = workday.fetch(connector(server.url), wanted=Wanted(note=told.append))
        third = workday.fetch(connector(server.url))
    assert source.statuses == [200, 200, 200, 304, 200, 304, 304, 304, 304]
    assert [item.body for item in second] == [body(1, 2, next="b"), body(3, 5, next="c"), body(4)]
    assert [item.revisited is None for item in second] == [False, True, False]
    assert [(item.digest, item.status, item.format) for item in second[::2]] == [
        (item.digest, item.status, item.format) for item in first[::2]
    ]
    # Of what was revisited twice the record refers to the response, and not to the record between.
    assert [item.revisited.position for item in third if item.revisited] == [
        first[0].position,
        second[1].position,
        first[2].position,
    ]
    assert first + second + third == workday.archived()
    assert [workday.archive.read_one(RESOURCE, item.position) for item in third] == third
    marks = list(workday.archive.closed_sweeps(RESOURCE))
    assert list(workday.archive.sweep(marks[-1])) == third
    assert workday.closed() == [3, 3, 3]
    assert workday.archive.verify(RESOURCE).records == 9
    assert workday.archive.end(RESOURCE) == third[-1].position
    assert third[0].length < first[0].length + 400
    assert told == ["2 of 3 pages were not modified: taken from the archive"]


def test_N15_full_asks_for_every_page_itself(workday: Source) -> None:
    source = Pages304(three())
    with FaultServer(source) as server:
        workday.fetch(connector(server.url))
        workday.fetch(connector(server.url), wanted=Wanted(full=True))
    assert source.statuses == [200] * 6


def test_fastwarc_reads_a_revisit_record(workday: Source) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType  # pyright: ignore[reportMissingModuleSource]

    with FaultServer(Pages304({"/v1/workers": body(1)})) as server:
        (first,) = workday.fetch(connector(server.url))
        (again,) = workday.fetch(connector(server.url))
    segment = workday.root / "archive" / RESOURCE / "000001.warc.zst"
    found = {}
    for record in ArchiveIterator(str(segment), parse_http=True):
        if record.record_type == WarcRecordType.revisit:
            found = dict(record.headers)
            assert record.http_headers.status_code == 304
            assert record.reader.read() == b""
            assert record.stream_pos == offset_of(again.position)
    assert found["WARC-Profile"] == "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
    assert found["WARC-Refers-To-Target-URI"] == first.url
    assert found["WARC-Refers-To-Date"] == first.fetched_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert found["WARC-Payload-Digest"] == f"sha256:{first.digest}"
    assert found["Fieldmap-Refers-To"] == str(first.position)
    for record in ArchiveIterator(str(segment), parse_http=False):
        assert record.verify_block_digest()


# ------------------------------------------------------------------------------------------------------- when it is asked


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"ETag": '"a"', "Last-Modified": EARLIER, "Date": DATE}, {"if-none-match": '"a"'}),
        ({"Last-Modified": EARLIER, "Date": DATE}, {"if-modified-since": EARLIER}),
        # It may have been modified again in the second in which it was sent.
        ({"Last-Modified": DATE, "Date": DATE}, {}),
        ({"Last-Modified": EARLIER}, {}),
        ({"Last-Modified": "yesterday", "Date": DATE}, {}),
        ({"ETag": "a"}, {}),
        ({"ETag": '"a", "b"'}, {}),
        ({"ETag": '""'}, {}),
        ({"ETag": '"s3cret-token"'}, {}),
    ],
)
def test_what_a_page_is_asked_by(
    workday: Source, tmp_path: Path, headers: dict[str, str], sent: dict[str, str]
) -> None:
    workday.ports = replace(workday.ports, state=LocalState(tmp_path / "state"))
    plan = (("X-Key", text(SecretRef("KEY"))),)
    with FaultServer([reply(body(1), headers=headers)]) as server:
        for _ in range(2):
            workday.fetch(connector(server.url, headers=plan), {"KEY": "s3cret-token"})
    names = ("if-none-match", "if-modified-since")
    assert {name: value for name, value in server.asked[1].headers.items() if name in names} == sent
    assert not any(name in server.asked[0].headers for name in names)


def _linked(plan: HttpConnector) -> HttpConnector:
    return _with(plan, pages=LinkHeaderPages())


def _posted(plan: HttpConnector) -> HttpConnector:
    return _with(plan, method="POST")


def _stated(plan: HttpConnector) -> HttpConnector:
    return replace(plan, headers=(("If-Match", text('"x"')),))


def _with(plan: HttpConnector, **other: object) -> HttpConnector:
    return replace(plan, resources=(replace(plan.resources[0], **other),))  # type: ignore[arg-type]


@pytest.mark.parametrize("made", [_linked, _posted, _stated])
def test_where_the_archive_could_not_stand_for_the_answer(
    workday: Source, made: Callable[[HttpConnector], HttpConnector]
) -> None:
    with FaultServer([reply(body(1), headers={"ETag": '"a"'})]) as server:
        for _ in range(2):
            workday.fetch(made(connector(server.url)))
    assert len(server.asked) == 2
    assert "if-none-match" not in server.asked[1].headers


def test_a_sweep_that_was_not_closed_and_another_format_say_nothing(workday: Source) -> None:
    with FaultServer([reply(body(1, next="b"), headers={"ETag": '"a"'}), reply(b"", status=400)]) as server:
        with pytest.raises(SourceError):
            workday.fetch(connector(server.url))
        workday.clock.sleep(7200)
        server.answer = [reply(body(1), headers={"ETag": '"a"'})]
        workday.fetch(connector(server.url))
        workday.fetch(_with(connector(server.url), format="ndjson", pages=NoPages()))
    assert ["if-none-match" in asked.headers for asked in server.asked] == [False] * 4


def test_a_body_that_may_have_been_cut_is_asked_for_again(workday: Source) -> None:
    cut = raw(b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Type: application/json\r\n\r\n' + body(1))
    with FaultServer([cut]) as server:
        for _ in range(2):
            workday.fetch(connector(server.url))
    assert "if-none-match" not in server.asked[1].headers


# ------------------------------------------------------------------------------------------------------- what a 304 is


def test_N15_a_304_whose_page_cannot_be_read_is_asked_again(workday: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Pages304({"/v1/workers": body(1)})
    told: list[str] = []
    with FaultServer(source) as server:
        (first,) = workday.fetch(connector(server.url))
        segment = workday.root / "archive" / RESOURCE / "000001.warc.zst"

        def answer(asked: Asked) -> Reply:
            # The disk loses the page while the source answers.
            if "if-none-match" in asked.headers:
                content = bytearray(segment.read_bytes())
                content[offset_of(first.position) + first.length // 2] ^= 0xFF
                segment.write_bytes(content)
            return source(asked)

        server.answer = answer
        (again,) = workday.fetch(connector(server.url), wanted=Wanted(note=told.append))
    assert source.statuses == [200, 304, 200]
    assert again.revisited is None
    assert again.body == body(1)
    assert told == [
        "asks for a page in full that was not modified: the archived one cannot be read; see: fieldmap archive verify"
    ]


def test_N15_a_304_that_nobody_asked_for_is_a_refusal(workday: Source) -> None:
    unasked = raw(b"HTTP/1.1 304 Not Modified\r\n\r\n", close=False)
    with FaultServer([reply(body(1)), unasked]) as server:
        workday.fetch(connector(server.url))
        with pytest.raises(SourceError, match="answered 304"):
            workday.fetch(connector(server.url))
    assert workday.closed() == [1]


def test_a_source_that_takes_no_condition_is_asked_without(workday: Source) -> None:
    answers = [reply(body(1), headers={"ETag": '"a"'}), reply(b"", status=412), reply(body(2))]
    with FaultServer(answers) as server:
        workday.fetch(connector(server.url))
        (again,) = workday.fetch(connector(server.url))
    assert again.body == body(2)
    assert ["if-none-match" in asked.headers for asked in server.asked] == [False, True, False]


def test_a_bare_304_keeps_what_is_known_of_the_page(workday: Source) -> None:
    """Without an ETag of its own, with the coding of a body that it does not have, and where the plan has rules for 3xx."""
    bare = raw(b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n", close=False)
    first = reply(body(1), headers={"ETag": '"a"'})
    with FaultServer([first, bare]) as server:
        plan = _with(connector(server.url), rules=(AnswerRule(status="3xx", action="empty"),))
        plan = replace(plan, retry=RetryPolicy(times=2, statuses=(304,)))
        page = [workday.fetch(plan) for _ in range(3)][-1][0]
    assert page.body == body(1)
    assert page.headers["etag"] == '"a"'
    assert "content-encoding" not in page.headers
    assert len(server.asked) == 3
    assert server.asked[2].headers["if-none-match"] == '"a"'


def test_a_run_that_ended_after_a_304_goes_on(workday: Source) -> None:
    """The revisited page is walked through as any other, and asked for no second time."""
    source = Pages304(three())
    with FaultServer(source) as server:
        workday.fetch(connector(server.url))
        with workday.archive.writer(RESOURCE) as writer:
            pages = workday.stepwise(connector(server.url), writer)
            kept = next(pages)
            pages.close()  # type: ignore[attr-defined]
        rest = workday.fetch(connector(server.url))
    assert source.statuses == [200] * 3 + [304] * 3
    assert [item.sweep for item in rest] == [kept.sweep] * 2
    assert workday.closed() == [3, 3]


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_N15_a_record_of_a_304_is_whole_or_not_there(workday: Source, cut: int) -> None:
    source = Pages304({"/v1/workers": body(1)})
    with FaultServer(source) as server:
        workday.fetch(connector(server.url))
        with workday.archive.writer(RESOURCE) as writer:
            pages = workday.stepwise(connector(server.url), writer)
            next(pages)
            pages.close()  # type: ignore[attr-defined]
        segment: Path = workday.root / "archive" / RESOURCE / "000001.warc.zst"
        segment.write_bytes(segment.read_bytes()[:-cut])
        assert len(workday.archived()) == 1
        (again,) = workday.fetch(connector(server.url))
    assert again.body == body(1)
    assert source.statuses == [200, 304, 304]
    assert workday.closed() == [1, 1]


def test_a_record_that_refers_to_what_is_lost_is_damage(workday: Source) -> None:
    with FaultServer(Pages304({"/v1/workers": body(1)})) as server:
        (first,) = workday.fetch(connector(server.url))
        (again,) = workday.fetch(connector(server.url))
    segment = workday.root / "archive" / RESOURCE / "000001.warc.zst"
    content = bytearray(segment.read_bytes())
    content[offset_of(first.position) + first.length // 2] ^= 0xFF
    segment.write_bytes(content)
    with pytest.raises(ArchiveError, match="is damaged at"):
        workday.archive.read_one(RESOURCE, again.position)


# --------------------------------------------------------------------------------------------------------- who asks


class Accounts(Pages304):
    """One tag for what every account sees, and other records for each."""

    def __call__(self, asked: Asked) -> Reply:
        mine = body(7 if asked.headers.get("x-api-key") == "5ecret-of-b" else 1)
        self.statuses.append(304 if asked.headers.get("if-none-match") == '"same"' else 200)
        if self.statuses[-1] == 304:
            return raw(b'HTTP/1.1 304 Not Modified\r\nETag: "same"\r\n\r\n', close=False)
        return reply(mine, headers={"ETag": '"same"'})


KEYED = ApiKey(name="X-Api-Key", key=text(SecretRef("KEY")), place="header")


def test_N15_other_credentials_ask_in_full(workday: Source, tmp_path: Path) -> None:
    workday.ports = replace(workday.ports, state=LocalState(tmp_path / "state"))
    source = Accounts({})
    with FaultServer(source) as server:
        plan = connector(server.url, NoPages(), auth=KEYED)
        one, two = {"KEY": "5ecret-of-a"}, {"KEY": "5ecret-of-b"}
        pages = [workday.fetch(plan, environ)[0] for environ in (one, one, two, two, one)]
        assert [page.content() for page in pages] == [body(1), body(1), body(7), body(7), body(1)]
        assert source.statuses == [200, 304, 200, 304, 200]
        # A lost key means that nobody knows who asked.
        (tmp_path / "state").rename(tmp_path / "lost")
        workday.fetch(plan, one)
        workday.fetch(plan, one)
        assert source.statuses[5:] == [200, 304]
        # Without a connector's credentials the same tag is another question again.
        workday.fetch(connector(server.url, NoPages()))
        assert source.statuses[7:] == [200]
    # What tells them apart is no secret, and made by a key that the archive has not.
    askers = [page.asker for page in pages]
    assert len(set(askers)) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in askers)
    for value in ("5ecret-of-a", "5ecret-of-b"):
        assert hashlib.sha256(value.encode()).hexdigest()[:32] not in askers


def test_N15_a_header_that_says_for_whom_is_a_part_of_who_asks(workday: Source, tmp_path: Path) -> None:
    workday.ports = replace(workday.ports, state=LocalState(tmp_path / "state"))
    source = Pages304({"/v1/workers": body(1)})
    with FaultServer(source) as server:
        plan = connector(server.url, NoPages(), headers=(("X-Tenant", text(EnvRef("TENANT"))),))
        for tenant in ("acme", "acme", "other"):
            workday.fetch(plan, {"TENANT": tenant})
    assert source.statuses == [200, 304, 200]


def test_N15_where_nothing_can_be_kept_those_with_credentials_ask_in_full(workday: Source) -> None:
    source = Accounts({})
    with FaultServer(source) as server:
        plan = connector(server.url, NoPages(), auth=KEYED)
        for _ in range(2):
            workday.fetch(plan, {"KEY": "5ecret-of-a"})
    assert source.statuses == [200, 200]
