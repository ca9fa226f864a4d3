"""How fast and whether a source is asked: rate limits, a shared number of repetitions, a circuit breaker that outlives the run."""

from __future__ import annotations

from dataclasses import replace
from email.utils import format_datetime
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import FaultServer, raw, reply
from tests.runtime.acquire.sources import RESOURCE, Source, connector, page, serving

from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.flow import Flows
from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import BreakerPolicy, HttpConnector, RateLimit, RetryPolicy


def limited(base: str, requests: int, period_ms: int = 1000) -> HttpConnector:
    return replace(connector(base), limit=RateLimit(requests=requests, period_ms=period_ms))


def test_requests_are_spread_over_the_time(workday: Source) -> None:
    with serving(page(1, next="b"), page(2, next="c"), page(3)) as server:
        workday.fetch(limited(server.url, 4))
    assert workday.clock.slept == [0.25, 0.25]


def test_the_time_that_answers_take_counts(workday: Source) -> None:
    answers = [page(1, next="b"), page(2, next="c"), page(3)]

    def slow(asked: object) -> Any:
        workday.clock.pass_by(0.2)
        return answers.pop(0)

    with FaultServer(slow) as server:
        workday.fetch(limited(server.url, 4))
    assert workday.clock.slept == pytest.approx([0.05, 0.05])


def test_repetitions_are_limited_too(workday: Source) -> None:
    with serving(reply({}, 503, {"Retry-After": "0"}), page(1)) as server:
        workday.fetch(limited(server.url, 1, 60_000))
    assert workday.clock.slept == [0.0, 60.0]


def test_resources_of_a_connector_share_the_limit(workday: Source) -> None:
    flows = Flows()
    with serving(page(1), page(2)) as server, workday.archive.writer(RESOURCE) as writer:
        for _ in range(2):
            list(acquire(limited(server.url, 2), RESOURCE, writer=writer, ports=workday.ports, environ={}, flows=flows))
    assert workday.clock.slept == [0.5]


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, 7),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "7"}, 7),
        ({"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "7"}, 7),
        ({"RateLimit": "limit=100, remaining=0, reset=7"}, 7),
        ({"RateLimit": '"default";r=0;t=7'}, 7),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772366407"}, 7),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999"}, 300),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "7"}, 0),
        ({"X-RateLimit-Remaining": "0"}, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "-5"}, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, 1),
        ({"RateLimit": "=;,=="}, 0),
    ],
)
def test_what_the_source_says_is_left(workday: Source, headers: dict[str, str], waits: float) -> None:
    told = {"Date": format_datetime(workday.clock.now().replace(microsecond=0), usegmt=True), **headers}
    with serving(reply({"next": "b"}, headers=told), page(2)) as server:
        workday.fetch(connector(server.url))
    assert workday.clock.slept == ([waits] if waits else [])


def test_S29_the_repetitions_of_a_run_are_bounded_over_all_pages(workday: Source) -> None:
    """Each page fails three times and would be given; without a common bound this would be asked four times for ever."""
    count = [0]

    def failing(asked: Any) -> Any:
        count[0] += 1
        if count[0] % 4:
            return reply({}, 500)
        return page(count[0], next=count[0])

    with FaultServer(failing) as server:
        with pytest.raises(SourceError, match="the repetitions of this run are used up"):
            workday.fetch(connector(server.url, retry=RetryPolicy(times=5)))
        pages = len(workday.archived())
        assert pages >= 10
        assert len(server.asked) <= pages + 30 + pages * 0.2 + 1


# ------------------------------------------------------------------------------------------------- the breaker


class Guarded:
    """A source whose breaker opens after four failed attempts, with a folder for what outlives a run."""

    def __init__(self, workday: Source, base: str, **other: Any) -> None:
        self.source = workday
        workday.ports = replace(workday.ports, state=LocalState(workday.root / "state"))
        made = connector(base, retry=other.pop("retry", RetryPolicy(times=1)), **other)
        self.plan = replace(made, breaker=BreakerPolicy(failures=4, probe_ms=30_000))

    def fetch(self) -> str:
        """One run, and what it said."""
        try:
            self.source.fetch(self.plan)
        except SourceError as error:
            return str(error)
        return ""


def test_S29_an_open_breaker_asks_nothing_until_it_probes(workday: Source) -> None:
    with serving(reply({}, 503)) as server:
        guarded = Guarded(workday, server.url)
        for _ in range(2):
            assert "answered 503 2 times" in guarded.fetch()
        assert len(server.asked) == 4
        for _ in range(3):
            assert guarded.fetch() == (
                "The connector workday failed 4 times in a row (the last time it answered 503) and is left alone; it is asked again in 30 s"
            )
        workday.clock.pass_by(25)
        assert "asked again in 5 s" in guarded.fetch()
        assert len(server.asked) == 4
        # The probe is one request, and fails: it is left alone once more.
        workday.clock.pass_by(6)
        assert "failed 5 times in a row" in guarded.fetch()
        assert len(server.asked) == 5
        assert "left alone" in guarded.fetch()
        workday.clock.pass_by(31)
        server.answer = [page(1)]
        assert guarded.fetch() == ""
        assert guarded.fetch() == ""
    assert len(server.asked) == 7


def test_S30_refusals_for_good_reasons_do_not_open_it(workday: Source) -> None:
    with serving(reply({}, 404)) as server:
        guarded = Guarded(workday, server.url)
        for _ in range(6):
            assert "there is nothing" in guarded.fetch()
        assert len(server.asked) == 6


def test_S30_an_answer_in_between_starts_the_count_anew(workday: Source) -> None:
    answers = [reply({}, 500)] * 3 + [page(1)] + [reply({}, 500)] * 3 + [page(2)]
    with serving(*answers) as server:
        guarded = Guarded(workday, server.url, retry=RetryPolicy(times=3))
        assert (guarded.fetch(), guarded.fetch()) == ("", "")


def test_S30_one_probe_at_a_time(workday: Source) -> None:
    """While one run waits for the answer to its probe, another of the same connector is turned away."""
    said: list[str] = []
    with serving(reply({}, 500)) as server:
        guarded = Guarded(workday, server.url, retry=RetryPolicy(times=3))
        guarded.fetch()
        workday.clock.pass_by(31)
        other = Source(workday.root / "other", workday.ports.http)
        other.clock.at = workday.clock.at

        def answer(asked: Any) -> Any:
            if not said:
                said.append("")
                said[0] = Guarded(other, server.url).fetch()
            return page(1)

        other.root = workday.root
        server.answer = answer
        assert guarded.fetch() == ""
        assert len(server.asked) == 5
    assert "it is asked again when another run has heard from it" in said[0]


def test_connections_that_break_count(workday: Source) -> None:
    with serving(raw(b"")) as server:
        guarded = Guarded(workday, server.url, retry=RetryPolicy(times=3))
        guarded.fetch()
        assert "left alone" in guarded.fetch()
        assert len(server.asked) == 4


def test_a_clock_that_was_set_back_keeps_no_breaker_open(workday: Source) -> None:
    with serving(*[reply({}, 500)] * 4, page(1)) as server:
        guarded = Guarded(workday, server.url, retry=RetryPolicy(times=3))
        guarded.fetch()
        workday.clock.pass_by(-7200)
        assert guarded.fetch() == ""


def test_a_state_that_does_not_read_is_none(workday: Source) -> None:
    with serving(page(1)) as server:
        guarded = Guarded(workday, server.url)
        LocalState(workday.root / "state").write("breaker workday", b"\xff{")
        assert guarded.fetch() == ""
