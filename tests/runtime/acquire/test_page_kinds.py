"""Kinds of paging beside cursors and links in the body, each over a socket: what is asked, and what ends it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.runtime.acquire.sources import Source, connector, member, page, serving

from fieldmap.runtime.acquire.following import next_link
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import (
    CursorPages,
    Ends,
    KeysetPages,
    LinkHeaderPages,
    NextLinkPages,
    NumberPages,
    OffsetPages,
    Pages,
)


def rows(body: Any) -> Any:
    """As the compiler writes it for `records $.data[*]`."""
    found = body.get("data", False) if isinstance(body, dict) else False
    return [] if found is None else found


ENDS = Ends(rows=rows)
TOTAL = Ends(rows=rows, total=member("total"))
MORE = Ends(rows=rows, more=member("more"))


def table(count: int, size: int, told: str = "", cap: int = 0) -> FaultServer:
    """A table of so many rows, asked by offset, page or key; pages of `size`, rows after `cap` are never given."""

    def answer(asked: Asked) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}
        first = int(query.get("skip", 0))
        first = (int(query["page"]) - 1) * size if "page" in query else first
        first = int(query["after"]) if "after" in query else first
        last = min(first + size, cap or count)
        body: dict[str, Any] = {"data": [{"id": number} for number in range(first + 1, last + 1)], "at": first}
        body |= {"total": count} if told == "total" else {"more": last < count} if told == "more" else {}
        return reply(body)

    return FaultServer(answer)


def queries(server: FaultServer) -> list[str]:
    return [target.partition("?")[2] for target in server.targets]


def test_offset(workday: Source) -> None:
    pages = OffsetPages(sent_as="skip", size=2, size_sent_as="top", ends=ENDS)
    with table(5, 2) as server:
        got = workday.fetch(connector(server.url, pages))
    # A short page may be the source's own doing; only an empty one is the end.
    assert queries(server) == ["top=2&skip=0", "top=2&skip=2", "top=2&skip=4", "top=2&skip=5"]
    assert [item.url.partition("?")[2] for item in got] == queries(server)


def test_an_offset_that_is_counted_from_one(workday: Source) -> None:
    """As SCIM does: asked from 0 its first page would be cut by a record, and the last record never asked for."""
    ones = OffsetPages(sent_as="skip", first=1, ends=ENDS)

    def answer(asked: Asked) -> Reply:
        first = max(1, int(parse_qs(urlsplit(asked.target).query)["skip"][0]))
        return reply({"data": [{"id": number} for number in range(first, min(first + 2, 6))]})

    with FaultServer(answer) as server:
        workday.fetch(connector(server.url, ones))
        assert queries(server) == ["skip=1", "skip=3", "skip=5", "skip=6"]


def test_no_list_where_the_total_is_none(workday: Source) -> None:
    pages = OffsetPages(sent_as="skip", ends=TOTAL)
    with serving(reply({"total": 0})) as server:
        assert len(workday.fetch(connector(server.url, pages))) == 1
    with serving(reply({"total": 3})) as server, pytest.raises(SourceError, match="without a list where the records"):
        workday.fetch(connector(server.url, pages))


def test_offset_counts_what_came_not_what_was_asked_for(workday: Source) -> None:
    pages = OffsetPages(sent_as="skip", size=1000, size_sent_as="top", ends=ENDS)
    with table(5, 2) as server:
        workday.fetch(connector(server.url, pages))
    assert queries(server)[1:] == ["top=1000&skip=2", "top=1000&skip=4", "top=1000&skip=5"]


@pytest.mark.parametrize(("ends", "told"), [(TOTAL, "total"), (MORE, "more")])
def test_a_total_or_a_flag_saves_the_last_request(workday: Source, ends: Ends, told: str) -> None:
    kinds: list[tuple[Pages, list[str]]] = [
        (OffsetPages(sent_as="skip", ends=ends), ["skip=0", "skip=2"]),
        (NumberPages(sent_as="page", ends=ends), ["page=1", "page=2"]),
        (KeysetPages(key=member("id"), sent_as="after", ends=ends), ["", "after=2"]),
    ]
    for pages, asked in kinds:
        with table(4, 2, told) as server:
            workday.fetch(connector(server.url, pages))
            assert queries(server) == asked


def test_page_numbers_from_where_the_source_counts(workday: Source) -> None:
    with serving(page(1), page(2), page()) as server:
        workday.fetch(connector(server.url, NumberPages(sent_as="p", first=0, ends=ENDS)))
        assert queries(server) == ["p=0", "p=1", "p=2"]


def test_keyset_goes_on_behind_the_last_raw_record(workday: Source) -> None:
    with table(5, 2) as server:
        got = workday.fetch(connector(server.url, KeysetPages(key=member("id"), sent_as="after", ends=ENDS)))
        assert queries(server) == ["", "after=2", "after=4", "after=5"]
    # A key is data and may be somebody's number.
    assert got[1].url.endswith("?after=***")


def test_keyset_without_a_key_is_said(workday: Source) -> None:
    with (
        serving(reply({"data": [{"name": "x"}]})) as server,
        pytest.raises(SourceError, match="where the cursor of the next page should be"),
    ):
        workday.fetch(connector(server.url, KeysetPages(key=member("id"), sent_as="after", ends=ENDS)))


def test_link_header(workday: Source) -> None:
    answers: list[Reply] = []
    with FaultServer(answers) as server:
        link = (
            f'<{server.url}/v1/workers?c=1>; rel="prev", <{server.url}/v1/workers?c=3>; title="a, b"; rel="next last"'
        )
        answers += [
            reply([{"id": 1}], headers={"Link": "</v1/workers?c=2>; rel=next"}),
            reply([{"id": 2}], headers={"Link": link}),
            reply([{"id": 3}], headers={"Link": '</v1/workers>; rel="first"'}),
        ]
        got = workday.fetch(connector(server.url, LinkHeaderPages()))
        assert server.targets == ["/v1/workers", "/v1/workers?c=2", "/v1/workers?c=3"]
    assert all("link" not in item.headers for item in got)


def test_link_header_of_lines_and_tables(workday: Source) -> None:
    answers = [reply(b"a\n1\n", headers={"Link": "<?c=2>; rel=next"}, content_type="text/csv"), reply(b"a\n2\n")]
    with FaultServer(answers) as server:
        assert len(workday.fetch(connector(server.url, LinkHeaderPages(), format="csv"))) == 2


def test_N08_a_link_header_that_leads_elsewhere(workday: Source) -> None:
    with (
        serving(reply([1], headers={"Link": "<https://evil.example/>; rel=next"})) as server,
        pytest.raises(SourceError, match="nothing is sent there"),
    ):
        workday.fetch(connector(server.url, LinkHeaderPages()))


@pytest.mark.parametrize(
    ("header", "link"),
    [
        (None, None),
        ("", None),
        ("garbage", None),
        ("<a>", None),
        ("<a>; rel=next", "a"),
        ("<a>;REL=NEXT", "a"),
        ("<a>; rel=prev, <b>; rel=next", "b"),
        ('<a>; title="; rel=next", <b>; rel="last"', None),
        ("<a>; rel=nextish", None),
        (", <a>; rel=next", None),
        ("<" * 10_000, None),
        ("<a>; " + "x=y; " * 5_000 + "rel=next", "a"),
    ],
)
def test_link_headers_of_any_kind(header: str | None, link: str | None) -> None:
    assert next_link(header) == link


# ---------------------------------------------------------------------------------------------------------- the guards


def test_S04_more_is_decided_on_raw_records(workday: Source) -> None:
    """A filter of `records` or a map would leave one page empty; the raw page is full."""
    from tests.support import project

    from fieldmap.compiler.emit.fetch import emit

    checked = project(
        workday.root / "p",
        hr="""connector hr {
          base "http://x.example"
          resource people {
            get "/v1/workers"
            pages offset sent as "skip"
            records $.data[?@.id > 4]
            id $.id
          }
        }""",
    )
    assert checked.ok, checked.diagnostics
    module: dict[str, Any] = {}
    exec(emit(checked.connectors["hr"]), module)  # noqa: S102
    with table(6, 2) as server:
        workday.fetch(connector(server.url, module["CONNECTOR"].resources[0].pages))
        assert queries(server) == ["skip=0", "skip=2", "skip=4", "skip=6"]


def test_S02_empty_pages_that_go_on(workday: Source) -> None:
    pages = CursorPages(next=member("next"), sent_as="cursor", ends=ENDS)

    def endless(asked: Asked) -> Reply:
        at = int(parse_qs(urlsplit(asked.target).query).get("cursor", ["0"])[0])
        return reply({"data": [], "next": at + 1})

    with FaultServer(endless) as server:
        with pytest.raises(SourceError, match="21 pages behind each other hold no record"):
            workday.fetch(connector(server.url, pages))
        assert len(server.asked) == 21


def test_a_few_empty_pages_are_passed(workday: Source) -> None:
    """Some sources filter after they have cut their pages, and equal empty pages are no circle."""
    pages = NumberPages(sent_as="page", ends=MORE)
    answers = [
        reply({"data": [{"id": 1}], "more": True}),
        *[reply({"data": [], "more": True})] * 3,
        reply({"data": [{"id": 2}], "more": False}),
    ]
    with serving(*answers) as server:
        workday.fetch(connector(server.url, pages))
        assert len(workday.archived()) == 5


def test_S03_a_page_number_that_is_ignored(workday: Source) -> None:
    with serving(page(1, 2)) as server:
        with pytest.raises(SourceError, match="the same page again"):
            workday.fetch(connector(server.url, NumberPages(sent_as="page", ends=ENDS)))
        assert len(server.asked) == 2


@pytest.mark.parametrize("body", [{}, {"data": {"a": 1}}, {"data": 5}, [1]])
def test_S08_a_missing_list_is_no_end(workday: Source, body: object) -> None:
    with serving(reply(body)) as server, pytest.raises(SourceError, match="without a list where the records"):
        workday.fetch(connector(server.url, OffsetPages(sent_as="skip", ends=ENDS)))
    assert workday.closed() == []


def test_S08_a_null_is_an_empty_list(workday: Source) -> None:
    with serving(page(1), reply({"data": None})) as server:
        workday.fetch(connector(server.url, OffsetPages(sent_as="skip", ends=ENDS)))
        assert workday.closed() == [2]


def test_S06_fewer_records_than_the_source_says(workday: Source) -> None:
    with table(9, 2, "total", cap=4) as server:
        with pytest.raises(SourceError, match=r"ended workday\.workers after 4 of 9 records"):
            workday.fetch(connector(server.url, OffsetPages(sent_as="skip", ends=TOTAL)))
        assert len(server.asked) == 3
    link = NextLinkPages(next=member("next"), ends=TOTAL)
    with (
        serving(reply({"data": [1], "total": "2"})) as server,
        pytest.raises(SourceError, match="after 1 of 2 records"),
    ):
        workday.fetch(connector(server.url, link))
    assert workday.closed() == []


@pytest.mark.parametrize(("count", "capped"), [(5000, True), (10_000, True), (4999, False), (100, False)])
def test_S06_a_round_number_is_marked(workday: Source, count: int, capped: bool) -> None:
    with table(count, 5000) as server:
        workday.fetch(connector(server.url, OffsetPages(sent_as="skip", ends=ENDS)))
        told = list(workday.archive.closed_sweeps("workday.workers"))[-1].end
        assert (told.records, told.capped, told.full) == (count, capped, True)


@pytest.mark.parametrize("more", [{}, {"more": None}, {"more": "yes"}])
def test_a_flag_that_is_none(workday: Source, more: dict[str, object]) -> None:
    with serving(reply({"data": [1], **more})) as server, pytest.raises(SourceError, match="without true or false"):
        workday.fetch(connector(server.url, NumberPages(sent_as="page", ends=MORE)))


def test_the_cap_of_pages_holds_for_all_kinds(workday: Source) -> None:
    with table(100, 2) as server:
        with pytest.raises(SourceError, match="more than 3 pages"):
            workday.fetch(connector(server.url, OffsetPages(sent_as="skip", ends=ENDS)), wanted=Wanted(most_pages=3))
        assert len(server.asked) == 3
