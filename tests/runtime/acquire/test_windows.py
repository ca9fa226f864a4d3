"""Reading only what changed: bounds, the position that a sweep leaves, and going on with one that was interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, strategies
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import CURSOR, LINK, RESOURCE, Source, connector, member, page, serving, text

from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.acquire.windows import Window, floor, opened, written
from fieldmap.runtime.archive import ClosedSweep, SweepEnd
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import (
    ApiKey,
    Composed,
    Delta,
    Ends,
    HttpConnector,
    LinkHeaderPages,
    NoPages,
    OffsetPages,
    Pages,
    RetryPolicy,
    SecretRef,
    SweepRef,
)
from fieldmap.runtime.ports import Request, Response, nothing

DELTA = Delta(since="since", settles_ms=120_000, overlap_ms=300_000)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def plan(base: str, delta: Delta | None = DELTA, pages: Pages = NoPages(), **other: Any) -> HttpConnector:  # noqa: B008
    made = connector(base, pages, retry=RetryPolicy(times=0), **other)
    return replace(made, resources=(replace(made.resources[0], delta=delta),))


def asked(server: FaultServer) -> list[dict[str, str]]:
    return [{name: values[0] for name, values in parse_qs(urlsplit(target).query).items()} for target in server.targets]


def through(workday: Source) -> str:
    return list(workday.archive.closed_sweeps(RESOURCE))[-1].end.through


def dated(body: object, date: datetime) -> Reply:
    return reply(body, headers={"Date": format_datetime(date, usegmt=True)})


def test_the_first_sweep_reads_all_and_the_next_what_changed(workday: Source) -> None:
    with serving(page(1), page(2), page(3)) as server:
        for _ in range(3):
            workday.fetch(plan(server.url))
            workday.clock.pass_by(3600)
    # Two minutes behind the clock, and five more read again.
    assert asked(server) == [{}, {"since": "2026-03-01T11:53:00Z"}, {"since": "2026-03-01T12:53:00Z"}]
    marks = [mark.end for mark in workday.archive.closed_sweeps(RESOURCE)]
    assert [mark.full for mark in marks] == [True, False, False]
    assert [mark.through for mark in marks] == [
        "2026-03-01T11:58:00+00:00",
        "2026-03-01T12:58:00+00:00",
        "2026-03-01T13:58:00+00:00",
    ]
    assert workday.archived()[1].url.endswith("?since=2026-03-01T11%3A53%3A00Z")


def test_an_upper_bound_is_sent_where_the_source_takes_one(workday: Source) -> None:
    with serving(page(1), page(2)) as server:
        made = plan(server.url, replace(DELTA, until="before"))
        workday.fetch(made)
        workday.fetch(made)
    assert asked(server) == [
        {"before": "2026-03-01T11:58:00Z"},
        {"since": "2026-03-01T11:53:00Z", "before": "2026-03-01T11:58:00Z"},
    ]


def test_bounds_within_a_query(workday: Source) -> None:
    query = (("$filter", text("at ge ", SweepRef("since"))), ("$orderby", text("at")))
    with serving(page(1, next="b"), page(2), page(3)) as server:
        made = plan(server.url, Delta(), CURSOR, query=query)
        workday.fetch(made)
        got = workday.fetch(made)
    assert asked(server) == [
        {"$orderby": "at"},
        {"$orderby": "at", "cursor": "b"},
        {"$filter": "at ge 2026-03-01T11:58:00Z", "$orderby": "at"},
    ]
    assert "%24filter=at+ge+2026-03-01T11%3A58%3A00Z" in got[0].url


def test_the_window_stays_the_same_from_page_to_page(workday: Source) -> None:
    answers = [page(1), page(2, next="b"), page(3, next="c"), page(4)]

    def slow(request: Asked) -> Reply:
        workday.clock.pass_by(600)
        return answers.pop(0)

    with FaultServer(slow) as server:
        made = plan(server.url, pages=CURSOR)
        workday.fetch(made)
        first = through(workday)
        workday.fetch(made)
    assert first == "2026-03-01T11:58:00+00:00"
    assert {item["since"] for item in asked(server)[1:]} == {"2026-03-01T11:53:00Z"}
    # Fixed when the sweep began, ten minutes after the first.
    assert through(workday) == "2026-03-01T12:08:00+00:00"


def test_S09_S11_equal_and_late_times_are_read_again(workday: Source) -> None:
    """Rows of one instant on both sides of the bound, and one that is committed late with an older time: none is lost."""
    rows = dict.fromkeys(range(1, 4), "2026-03-01T11:57:59Z")

    def answer(request: Asked) -> Reply:
        since = parse_qs(urlsplit(request.target).query).get("since", [""])[0]
        return reply({"data": [{"id": key, "at": at} for key, at in rows.items() if at >= since]})

    with FaultServer(answer) as server:
        seen: set[int] = set()
        for _ in range(3):
            for item in workday.fetch(plan(server.url)):
                seen |= {row["id"] for row in json.loads(item.content())["data"]}
            rows[len(rows) + 1] = "2026-03-01T11:57:59Z" if len(rows) == 3 else "2026-03-01T11:54:00Z"
            workday.clock.pass_by(60)
    assert seen == {1, 2, 3, 4, 5}


def test_S12_S13_neither_a_future_record_nor_our_clock_moves_the_position(workday: Source) -> None:
    body = {"data": [{"id": 1, "at": "2036-01-01T00:00:00Z"}, {"id": 2, "at": None}]}
    source_says = NOON - timedelta(hours=2)
    with serving(dated(body, source_says), dated({"data": [2]}, source_says + timedelta(hours=1))) as server:
        workday.fetch(plan(server.url))
        assert through(workday) == "2026-03-01T09:57:59+00:00"
        # Our own clock is set back by a day: what is sent comes from the position.
        workday.clock.at -= timedelta(days=1)
        workday.fetch(plan(server.url))
    assert asked(server)[1] == {"since": "2026-03-01T09:52:59Z"}
    assert through(workday) >= "2026-03-01T09:57:59"


def test_a_source_whose_clock_is_ahead_moves_nothing(workday: Source) -> None:
    with serving(dated({"data": [1]}, NOON + timedelta(days=1))) as server:
        workday.fetch(plan(server.url))
    assert through(workday) == "2026-03-01T11:58:00+00:00"


def test_S16_a_sweep_that_fails_moves_nothing(workday: Source) -> None:
    with serving(page(1), page(2, next="b"), reply({}, 400), page(3)) as server:
        made = plan(server.url, pages=CURSOR)
        workday.fetch(made)
        before = through(workday)
        workday.clock.pass_by(7200)
        with pytest.raises(SourceError):
            workday.fetch(made)
        assert through(workday) == before
        workday.clock.pass_by(7200)
        workday.fetch(made)
    assert asked(server)[3] == asked(server)[1] == {"since": "2026-03-01T11:53:00Z"}


def test_operators_bounds(workday: Source) -> None:
    with serving(*[page(number) for number in range(9)]) as server:
        made = plan(server.url)
        workday.fetch(made)
        workday.fetch(made, wanted=Wanted(since=NOON - timedelta(days=9)))
        assert through(workday) == "2026-03-01T11:58:00+00:00"
        workday.clock.pass_by(86_400)
        # A gap: what changed between the position and this bound was not read, so the position stays.
        workday.fetch(made, wanted=Wanted(since=NOON + timedelta(hours=20)))
        assert through(workday) == "2026-03-01T11:58:00+00:00"
        workday.fetch(made, wanted=Wanted(until=NOON + timedelta(hours=1)))
        assert through(workday) == "2026-03-01T13:00:00+00:00"
        workday.fetch(made, wanted=Wanted(full=True))
        assert through(workday) == "2026-03-02T11:58:00+00:00"
    assert asked(server) == [
        {},
        {"since": "2026-02-20T12:00:00Z"},
        {"since": "2026-03-02T08:00:00Z"},
        {"since": "2026-03-01T11:53:00Z"},
        {},
    ]


def test_S22_a_source_that_knows_no_more_what_changed(workday: Source) -> None:
    notes: list[str] = []
    with serving(page(1), reply({}, 410), page(2), page(3)) as server:
        made = plan(server.url)
        workday.fetch(made)
        workday.clock.pass_by(60)
        workday.fetch(made, wanted=Wanted(note=notes.append))
        workday.fetch(made)
    assert asked(server)[1:] == [{"since": "2026-03-01T11:53:00Z"}, {}, {"since": "2026-03-01T11:54:00Z"}]
    assert [mark.end.full for mark in workday.archive.closed_sweeps(RESOURCE)] == [True, True, False]
    assert notes == ["reads all: the source answered 410, it knows no more what changed since the last sweep"]


def test_S22_a_410_without_a_bound_is_a_refusal(workday: Source) -> None:
    with serving(reply({}, 410)) as server, pytest.raises(SourceError, match="there is nothing"):
        workday.fetch(plan(server.url))
    assert len(server.asked) == 1


# --------------------------------------------------------------------------------------------------- writing of bounds


@pytest.mark.parametrize(
    ("form", "zone", "sent"),
    [
        ("iso", None, "2026-03-01T12:34:56Z"),
        ("epoch s", None, "1772368496"),
        ("epoch ms", None, "1772368496789"),
        ("yyyy-MM-dd HH:mm:ss", "Europe/Berlin", "2026-03-01 13:34:56"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "America/St_Johns", "2026-03-01T09:04:56.789-03:30"),
        ("yyyy-MM-dd", "Asia/Kolkata", "2026-03-01"),
        ("yyyyMMddHH", None, "2026030112"),
    ],
)
def test_S14_bounds_as_the_source_writes_them(form: str, zone: str | None, sent: str) -> None:
    delta = Delta(since="s", written=form, zone=zone)
    moment = datetime(2026, 3, 1, 12, 34, 56, 789_000, tzinfo=UTC)
    assert written(floor(moment, delta), delta) == sent


@given(
    moment=strategies.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),
    form=strategies.sampled_from(
        ["iso", "epoch s", "epoch ms", "yyyy-MM-dd", "yyyy-MM-dd HH:mm", "dd.MM.yyyy HH:mm:ss.SSSSSS", "yyyyMMddHH"]
    ),
    zone=strategies.sampled_from([None, "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "America/Havana"]),
)
def test_S14_what_is_sent_is_never_later_than_meant_and_says_what_is_kept(
    moment: datetime, form: str, zone: str | None
) -> None:
    delta = Delta(since="s", written=form, zone=zone)
    aware = moment.replace(tzinfo=UTC)
    cut = floor(aware, delta)
    assert cut <= aware
    assert aware - cut < timedelta(days=2)
    assert floor(cut, delta) == cut
    # Between the bound as kept and the bound as sent there is no moment that only one of them takes in.
    later = cut + timedelta(hours=1) - timedelta(microseconds=1)
    if form == "yyyyMMddHH" and floor(later, delta) == cut:
        assert written(cut, delta) == written(later, delta)


def test_a_window_is_read_as_it_was_written() -> None:
    for since in (None, NOON - timedelta(microseconds=1)):
        window = Window(since, NOON, NOON - timedelta(seconds=1))
        assert Window.parse(str(window)) == window
    with pytest.raises(ValueError):
        Window.parse("2026-03-01T12:00:00//")


@given(
    position=strategies.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    now=strategies.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    date=strategies.none() | strategies.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
)
def test_S13_no_clock_moves_a_position_back(position: datetime, now: datetime, date: datetime | None) -> None:
    before = position.replace(tzinfo=UTC)
    window = opened(DELTA, before, now.replace(tzinfo=UTC))
    seen = window.seen_by(DELTA, date.replace(tzinfo=UTC) if date else None, 1.0)
    after = seen.closed(before)
    assert after is not None
    assert after >= before
    assert window.since is not None
    assert window.since <= before


# ---------------------------------------------------------------------------------------------------------- going on


def interrupted(
    workday: Source, server: FaultServer, made: HttpConnector, pages: int, environ: dict[str, str] | None = None
) -> None:
    """A run that ends without a word after so many pages, as by a kill: where it would ask for another, or mark the end."""
    from fieldmap.runtime.acquire import acquire

    class Killed(BaseException):
        pass

    class Killing:
        def send(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Response:
            if len(server.asked) == ends:
                raise Killed
            return workday.ports.http.send(request, meanwhile)

        def close(self) -> None: ...

    def mark(sweep: str, pages: int, end: SweepEnd) -> ClosedSweep:
        raise Killed

    ends = len(server.asked) + pages
    ports = replace(workday.ports, http=Killing())
    with workday.archive.writer(RESOURCE) as writer:
        writer.close_sweep = mark  # type: ignore[method-assign]
        items = acquire(made, RESOURCE, writer=writer, ports=ports, environ=environ or {})
        with pytest.raises(Killed):
            list(items)
    assert len(server.asked) == ends


def rows(body: Any) -> Any:
    return body.get("data", False)


def numbered(pages: int, kind: str) -> FaultServer:
    def answer(request: Asked) -> Reply:
        query = parse_qs(urlsplit(request.target).query)
        at = int(query.get("cursor", query.get("skip", ["0"]))[0])
        following = at + 1 if at + 1 < pages else None
        link = f"?cursor={following}" if following is not None else None
        if kind == "header":
            return reply([at], headers={"Link": f"<{link}>; rel=next"} if link else {})
        return reply({"data": [at] if at < pages else [], "next": link if kind == "link" else following})

    return FaultServer(answer)


KINDS: dict[str, Pages] = {
    "cursor": CURSOR,
    "link": LINK,
    "offset": OffsetPages(sent_as="skip", ends=Ends(rows=rows)),
    "header": LinkHeaderPages(),
}


@pytest.mark.parametrize("delta", [None, DELTA])
@pytest.mark.parametrize("kind", ["cursor", "link", "offset", "header"])
@pytest.mark.parametrize("after", [1, 3, 5])
def test_P13_an_interrupted_sweep_is_gone_on_with(
    workday: Source, tmp_path: Path, kind: str, after: int, delta: Delta | None
) -> None:
    """No page is asked for twice, wherever it stopped: also after the last page and before the mark."""
    notes: list[str] = []
    keeps(workday, tmp_path)
    with numbered(5, kind) as server:
        made = plan(server.url, delta, KINDS[kind])
        interrupted(workday, server, made, after)
        workday.clock.pass_by(60)
        workday.fetch(made, wanted=Wanted(note=notes.append))
        total = 6 if kind == "offset" else 5
        assert len(server.asked) == len(set(server.targets)) == total
        assert workday.closed() == [total]
        assert [item.page for item in workday.archived()] == list(range(1, total + 1))
        assert len({item.sweep for item in workday.archived()}) == 1
        assert notes == [f"goes on with the sweep that was interrupted after page {after}"]
        # The next sweep is one of its own.
        workday.fetch(made)
        assert len(server.asked) == 2 * total


def keeps(source: Source, folder: Path) -> None:
    """From now on the source is read with a place for what is kept beside the archive."""
    source.ports = replace(source.ports, state=LocalState(folder / "state"))


@pytest.mark.parametrize("why", ["no place", "no space", "damaged", "another answer", "another sweep"])
def test_a_link_header_that_is_not_known_any_more_is_not_guessed(
    workday: Source, tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the sweep begins anew."""
    if why != "no place":
        keeps(workday, tmp_path)
    if why == "no space":
        (tmp_path / "state").write_text("a file where the folder should be")
    with numbered(4, "header") as server:
        made = plan(server.url, None, KINDS["header"])
        interrupted(workday, server, made, 2)
        if why not in ("no place", "no space"):
            (kept,) = (tmp_path / "state").glob("next*")
            old, new = {
                "damaged": (b"{", b""),
                "another answer": (b'"digest":"', b'"digest":"0'),
                "another sweep": (b'"sweep":"', b'"sweep":"0'),
            }[why]
            assert old in kept.read_bytes()
            kept.write_bytes(kept.read_bytes().replace(old, new))
        workday.fetch(made)
        assert workday.closed() == [4]
        assert len(server.asked) == 2 + 4


def test_a_link_header_that_repeats_a_secret_is_kept_nowhere(workday: Source, tmp_path: Path) -> None:
    keeps(workday, tmp_path)
    auth = ApiKey(place="query", name="key", key=Composed((SecretRef("KEY"),)))
    links = iter(["</workers?cursor=1&key=correct-horse>; rel=next", "</workers?cursor=2>; rel=next"])
    replies = [reply([n], headers={"Link": link} if (link := next(links, "")) else {}) for n in range(3)]
    with FaultServer([replies[0], replies[0]]) as server:
        made = replace(plan(server.url, None, KINDS["header"]), auth=auth)
        interrupted(workday, server, made, 1, {"KEY": "correct-horse"})
        assert not list((tmp_path / "state").glob("next*"))
        server.answer = replies
        workday.fetch(made, {"KEY": "correct-horse"})
        assert workday.closed() == [3]
        assert server.targets[-1] == "/workers?cursor=2&key=correct-horse"
        (kept,) = (tmp_path / "state").glob("next*")
        assert b"correct-horse" not in kept.read_bytes()
        assert b"/workers?cursor=2" in kept.read_bytes()


@pytest.mark.parametrize("change", ["query", "time", "full", "since"])
def test_what_would_not_be_asked_for_now_is_not_gone_on_with(workday: Source, change: str) -> None:
    with numbered(3, "cursor") as server:
        made = plan(server.url, pages=CURSOR)
        workday.fetch(made)
        interrupted(workday, server, made, 1)
        wanted = Wanted()
        if change == "query":
            made = plan(server.url, pages=CURSOR, query=(("active", text("true")),))
        elif change == "time":
            workday.clock.pass_by(3700)
        elif change == "full":
            wanted = Wanted(full=True)
        else:
            wanted = Wanted(since=NOON - timedelta(days=1))
        workday.fetch(made, wanted=wanted)
        assert workday.closed() == [3, 3]
        assert len(server.asked) == 3 + 1 + 3


@pytest.mark.parametrize("status", [400, 404, 410])
def test_S22_a_cursor_that_the_source_forgot(workday: Source, status: int) -> None:
    notes: list[str] = []
    with numbered(3, "cursor") as server:
        made = plan(server.url, None, CURSOR)
        interrupted(workday, server, made, 2)
        answer = server.answer
        forgotten = [True]

        def forgetful(request: Asked) -> Reply:
            if forgotten and "cursor=2" in request.target:
                forgotten.clear()
                return reply({}, status)
            return answer(request)  # type: ignore[operator]

        server.answer = forgetful
        workday.fetch(made, wanted=Wanted(note=notes.append))
        assert workday.closed() == [3]
        assert len(server.asked) == 2 + 1 + 3
    assert notes[-1] == f"begins anew: the source answered {status} to the next page of the interrupted sweep"


def test_S17_an_interrupted_sweep_moves_no_position(workday: Source) -> None:
    with numbered(3, "cursor") as server:
        made = plan(server.url, pages=CURSOR)
        interrupted(workday, server, made, 2)
        workday.clock.pass_by(4000)
        workday.fetch(made)
        assert [sorted(item) for item in asked(server)] == [[], ["cursor"], [], ["cursor"], ["cursor"]]


def test_N11_a_page_that_always_breaks_off_keeps_what_came_before(workday: Source) -> None:
    with serving(page(1, next="b"), page(2, next="c"), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")) as server:
        made = plan(server.url, None, CURSOR)
        for _ in range(3):
            with pytest.raises(SourceError, match="broke off"):
                workday.fetch(made)
        assert len(server.asked) == 2 + 3
        server.answer = [page(3)]
        workday.fetch(made)
    assert [item.page for item in workday.archived()] == [1, 2, 3]
    assert member("x")({}) is None
