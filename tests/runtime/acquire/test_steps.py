"""Reading what changed in steps of time: which windows are asked for, what a failure leaves, and where the next run goes on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.runtime.acquire.sources import Source
from tests.runtime.acquire.test_requests import RESOURCE, plan

from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.acquire.windows import floor, step_end
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import Delta

LINES = """
get "/people"
pages cursor at $.next sent as "cursor"
changed $.at sent as "from", until sent as "to", overlap 1 h, settles in 1 min, in steps of 1 day from "{}"
records $.items[*]
"""


def windows(server: FaultServer) -> list[tuple[str, str]]:
    """From and to of each request that is not for a later page."""
    found = [re.search(r"from=([^&]*)&to=([^&]*)$", target.replace("%3A", ":")) for target in server.targets]
    return [(match[1], match[2]) for match in found if match is not None]


def lines(workday: Source, days: float = 2.5) -> str:
    begins = (workday.clock.now() - timedelta(days=days)).replace(microsecond=0)
    return LINES.format(begins.isoformat())


def test_each_step_is_a_closed_sweep(workday: Source, tmp_path: Path) -> None:
    with FaultServer(lambda asked: reply({"items": []})) as server:
        made = plan(tmp_path, server.url, lines(workday))
        workday.fetch(made, resource=RESOURCE)
        first = windows(server)
        workday.clock.pass_by(3600)
        workday.fetch(made, resource=RESOURCE)
    assert len(first) == 3
    # Each begins where the last one ended, and the last ends where the source's settled time does.
    assert [a[1] for a in first[:-1]] == [b[0] for b in first[1:]]
    assert workday.closed(RESOURCE) == [1, 1, 1, 1]
    marks = list(workday.archive.closed_sweeps(RESOURCE))
    assert [mark.end.full for mark in marks] == [False] * 4
    throughs = [datetime.fromisoformat(mark.end.through) for mark in marks]
    assert throughs == sorted(throughs)
    # The next run reads the overlap again, and no more.
    again = windows(server)[3:]
    assert datetime.fromisoformat(again[0][0]) == throughs[2] - timedelta(hours=1)
    assert len(again) == 1


def test_a_step_that_fails_is_gone_on_with(workday: Source, tmp_path: Path) -> None:
    broken = [True]

    def answer(asked: Asked) -> Reply:
        if len(server.asked) == 4 and broken:
            broken.pop()
            return reply(status=400)
        return reply({"items": [{"id": len(server.asked)}], "next": None if "cursor" in asked.target else "c"})

    server = FaultServer(answer)
    with server:
        made = plan(tmp_path, server.url, lines(workday))
        with pytest.raises(SourceError):
            workday.fetch(made, resource=RESOURCE)
        assert workday.closed(RESOURCE) == [2]
        workday.clock.pass_by(60)
        workday.fetch(made, resource=RESOURCE)
    # The window of the second step is the one of the interrupted sweep, and its first page is not asked for again.
    assert server.targets[3] == server.targets[4]
    asked = [target for number, target in enumerate(server.targets) if number != 3]
    assert len(asked) == len(set(asked)) == 6
    assert workday.closed(RESOURCE) == [2, 2, 2]


def test_full_begins_at_the_beginning_and_bounds_of_an_operator_count(workday: Source, tmp_path: Path) -> None:
    now = workday.clock.now().replace(microsecond=0)
    with FaultServer(lambda asked: reply({"items": []})) as server:
        made = plan(tmp_path, server.url, lines(workday))
        workday.fetch(made, resource=RESOURCE)
        before = list(workday.archive.closed_sweeps(RESOURCE))[-1].end.through
        workday.fetch(made, resource=RESOURCE, wanted=Wanted(full=True))
        wanted = Wanted(since=now - timedelta(days=9), until=now - timedelta(days=7))
        workday.fetch(made, resource=RESOURCE, wanted=wanted)
    asked = windows(server)
    assert asked[3][0] == asked[0][0]
    assert len(asked) == 8
    assert asked[-2][0] == f"{now - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    assert asked[-1][1] == f"{now - timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
    assert list(workday.archive.closed_sweeps(RESOURCE))[-1].end.through == before


def test_a_beginning_that_lies_ahead(workday: Source, tmp_path: Path) -> None:
    with FaultServer(lambda asked: reply({"items": []})) as server:
        workday.fetch(plan(tmp_path, server.url, lines(workday, -3)), resource=RESOURCE)
        assert len(server.asked) == 1


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.sampled_from(["yyyy-MM-dd", "yyyy-MM-dd HH:mm", "yyyy-MM-dd'T'HH:mm:ss"]),
    st.integers(1, 40),
)
def test_steps_always_lead_on(moment: datetime, zone: str, written: str, days: int) -> None:
    delta = Delta(written=written, zone=zone, step_ms=days * 86_400_000)
    lower = floor(moment.replace(tzinfo=UTC), delta)
    end = step_end(lower, delta)
    assert timedelta(days=days - 1, hours=22) <= end - lower <= timedelta(days=days, hours=25)
    assert floor(end, delta) == end
    if written == "yyyy-MM-dd":
        assert end.astimezone(ZoneInfo(zone)).hour == 0
