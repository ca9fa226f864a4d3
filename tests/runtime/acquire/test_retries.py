"""Retries and their limits: one owner, jitter, and what a source asks for by Retry-After. No test waits: the clock is virtual."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import Source, connector, page, serving
from tests.runtime.archive.fakes import START

from fieldmap.runtime.acquire.sending import retry_after
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import RetryPolicy


def failing(status: int, **headers: str) -> Reply:
    return reply({"error": "x"}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def test_S29_requests_are_bounded_and_the_cause_is_told(workday: Source) -> None:
    with serving(failing(503)) as server:
        with pytest.raises(SourceError) as caught:
            workday.fetch(connector(server.url, retry=RetryPolicy(times=5)))
        assert len(server.asked) == 6
        assert str(caught.value) == (
            f"workday.workers at {server.url}/v1/workers answered 503 6 times;"
            " see whether the source is in order, and run again"
        )
    assert workday.archived() == []


def test_S29_each_page_has_its_own_attempts(workday: Source) -> None:
    def flaky(asked: Asked) -> Reply:
        number = sum(item.target == asked.target for item in server.asked)
        if number < 3:
            return failing(500)
        at = int(asked.target.partition("cursor=")[2] or 0)
        return page(at, next=at + 1 if at < 4 else None)

    with FaultServer(flaky) as server:
        assert len(workday.fetch(connector(server.url))) == 5
        assert len(server.asked) == 5 * 3


def test_waits_double_up_to_the_longest(workday: Source) -> None:
    with serving(failing(500)) as server, pytest.raises(SourceError):
        workday.fetch(connector(server.url, retry=RetryPolicy(times=6, first_ms=500, longest_ms=5000)))
    assert workday.clock.slept == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_several_causes(workday: Source) -> None:
    answers = [failing(500), raw(b""), failing(502)]
    with serving(*answers) as server, pytest.raises(SourceError, match="failed 3 times; the last time it answered 502"):
        workday.fetch(connector(server.url, retry=RetryPolicy(times=2)))


@pytest.mark.parametrize("status", [400, 404, 409, 410, 418, 422])
def test_other_refusals_are_not_repeated(workday: Source, status: int) -> None:
    with serving(failing(status)) as server:
        with pytest.raises(SourceError, match=f"answered {status}"):
            workday.fetch(connector(server.url))
        assert len(server.asked) == 1
    assert workday.clock.slept == []


def test_a_policy_is_kept_to_the_letter(workday: Source) -> None:
    policy = RetryPolicy(times=3, statuses=(418,), server_errors=False, timeouts=False)
    for answer, requests in ((failing(418), 4), (failing(503), 1), (failing(429), 1), (raw(b""), 1)):
        with serving(answer) as server:
            with pytest.raises(SourceError):
                workday.fetch(connector(server.url, retry=policy))
            assert len(server.asked) == requests


# -------------------------------------------------------------------------------------------------------- Retry-After


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "waits"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (" 3 ", 3.0),
        (format_datetime(START + timedelta(seconds=30), usegmt=False), 29.875),
        (format_datetime(START.replace(microsecond=0) + timedelta(seconds=30), usegmt=True), 29.875),
        ("Sunday, 01-Mar-26 12:00:10 GMT", 9.875),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("86400", 300.0),
        ("9" * 5000, 300.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300.0),
        ("-5", 0.5),
        ("soon", 0.5),
        ("1.5", 0.5),
        ("١٢", 0.5),
        ("Sun, 99 Mar 2026 99:00:00 GMT", 0.5),
        ("", 0.5),
    ],
)
def test_S28_retry_after(workday: Source, status: int, value: str, waits: float) -> None:
    answer = reply(b"", status, {"Retry-After": value.encode().decode("latin-1")})
    with serving(answer, page(1)) as server:
        workday.fetch(connector(server.url))
        assert len(server.asked) == 2
    assert workday.clock.slept == [pytest.approx(waits, abs=0.001)]


def test_S28_a_date_is_read_by_the_clock_of_the_source(workday: Source) -> None:
    """Ours is two hours off."""
    theirs = (START + timedelta(hours=2)).replace(microsecond=0)
    answer = failing(
        429,
        Date=format_datetime(theirs, usegmt=True),
        Retry_After=format_datetime(theirs + timedelta(seconds=20), usegmt=True),
    )
    with serving(answer, page(1)) as server:
        workday.fetch(connector(server.url))
    assert workday.clock.slept == [20.0]


@given(
    st.one_of(
        st.text(max_size=60), st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{2,5} \d\d:\d\d:\d\d .{0,6}")
    )
)
def test_S28_any_text_is_a_wait_or_none(value: str) -> None:
    waits = retry_after(value, START)
    assert waits is None or waits >= 0
