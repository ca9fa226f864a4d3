"""A host is asked as fast as its tightest limit says and not before it wants to be, whichever connector, resource or process asks."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import FaultServer, reply
from tests.runtime.acquire.sources import Source, connector, page, serving

from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.flow import Flows
from fieldmap.runtime.acquire.hosts import host_of
from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.acquire.transport import BoundedHttp
from fieldmap.runtime.archive import Archive, Archived
from fieldmap.runtime.errors import SourceError, StoppedError
from fieldmap.runtime.plan import HttpConnector, RateLimit, RetryPolicy
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.secrets import Secret

PER_MINUTE = {number: RateLimit(requests=number, period_ms=60_000) for number in (1, 2, 30)}


def named(name: str, base: str, limit: RateLimit | None = None, **other: Any) -> HttpConnector:
    made = connector(base, **other)
    resource = replace(made.resources[0], name=f"{name}.workers")
    return replace(made, name=name, limit=limit, resources=(resource,))


def fetch(source: Source, plan: HttpConnector, flows: Flows, waits: Any = None) -> list[Archived]:
    ports = replace(source.ports, waits=waits) if waits is not None else source.ports
    resource = f"{plan.name}.workers"
    with source.archive.writer(resource) as writer:
        items = acquire(plan, resource, writer=writer, ports=ports, environ={}, flows=flows)
        return [item for item in items if isinstance(item, Archived)]


def test_connectors_share_the_limit_of_a_host(workday: Source) -> None:
    flows = Flows()
    with serving(page(1)) as server:
        fetch(workday, named("hr", server.url, PER_MINUTE[2]), flows)
        fetch(workday, named("payroll", f"{server.url}/payroll"), flows)
        fetch(workday, named("time", server.url, PER_MINUTE[30]), flows)
    # The tightest counts, also for those that state another one or none.
    assert workday.clock.slept == [30.0, 30.0]


def test_other_hosts_are_not_kept_waiting(workday: Source) -> None:
    flows = Flows()
    with serving(page(1)) as one, serving(page(1)) as other:
        fetch(workday, named("hr", one.url, PER_MINUTE[1]), flows)
        fetch(workday, named("payroll", other.url), flows)
    assert workday.clock.slept == []


def test_all_hosts_share_the_limit_of_the_project(workday: Source) -> None:
    flows = Flows(a_second=4)
    with serving(page(1)) as one, serving(page(1)) as other:
        fetch(workday, named("hr", one.url), flows)
        fetch(workday, named("payroll", other.url), flows)
        fetch(workday, named("hr", one.url), flows)
    assert workday.clock.slept == [0.25, 0.25]


@pytest.mark.parametrize(
    ("status", "headers", "waits"),
    [
        (429, {"Retry-After": "12"}, 12),
        (503, {"Retry-After": "12"}, 12),
        (429, {"Retry-After": "86400"}, 300),
        (500, {"Retry-After": "12"}, 0),
        (429, {}, 0),
    ],
)
def test_S28_what_one_connector_was_told_counts_for_all(
    workday: Source, status: int, headers: dict[str, str], waits: float
) -> None:
    flows, told = Flows(), list[tuple[str, str, float | None]]()
    with serving(reply({}, status, headers), page(1)) as server:
        with pytest.raises(SourceError, match=f"answered {status}"):
            fetch(workday, named("hr", server.url, retry=RetryPolicy(times=0)), flows)
        fetch(workday, named("payroll", server.url), flows, lambda *said: told.append(said))
    assert workday.clock.slept == ([waits] if waits else [])
    first = ("payroll.workers", f"{status}, again in", waits)
    assert told == ([first, ("payroll.workers", "", None)] if waits else [])


def test_what_is_left_counts_for_all(workday: Source) -> None:
    flows = Flows()
    with serving(reply({}, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}), page(1)) as server:
        fetch(workday, named("hr", server.url), flows)
        fetch(workday, named("payroll", server.url), flows)
    assert workday.clock.slept == [7.0]


def test_another_process_waits_too(workday: Source) -> None:
    state = LocalState(workday.root / "state")
    workday.ports = replace(workday.ports, state=state)
    with serving(reply({}, 429, {"Retry-After": "20"}), page(1)) as server:
        with pytest.raises(SourceError, match="answered 429"):
            fetch(workday, named("hr", server.url, retry=RetryPolicy(times=0)), Flows())
        workday.clock.pass_by(5)
        fetch(workday, named("payroll", server.url), Flows())
        assert workday.clock.slept == [15.0]
        fetch(workday, named("payroll", server.url), Flows())
        assert workday.clock.slept == [15.0]


def test_a_run_that_is_under_way_hears_of_it(workday: Source) -> None:
    """What another process is told between two pages is waited for before the second."""
    workday.ports = replace(workday.ports, state=LocalState(workday.root / "state"))
    answers = [page(1, next="b"), page(2)]

    def answer(asked: Any) -> Any:
        if asked.target.startswith("/other"):
            return reply({}, 429, {"Retry-After": "9"})
        if len(answers) == 2:
            workday.clock.pass_by(1.5)
            with pytest.raises(SourceError):
                fetch(workday, named("other", f"{server.url}/other", retry=RetryPolicy(times=0)), Flows())
        return answers.pop(0)

    with FaultServer(answer) as server:
        assert len(fetch(workday, named("hr", server.url), Flows())) == 2
    assert workday.clock.slept == [9.0]


@pytest.mark.parametrize("kept", [b"\xff{", b'{"until": 99999999999, "reason": "429, again in"}', b"[]"])
def test_a_state_of_another_clock_or_none_keeps_nobody_waiting(workday: Source, kept: bytes) -> None:
    state = LocalState(workday.root / "state")
    workday.ports = replace(workday.ports, state=state)
    with serving(page(1)) as server:
        state.write(f"host {host_of(server.url)}", kept)
        fetch(workday, named("hr", server.url), Flows())
    assert workday.clock.slept == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://API.example.com/v1", "api.example.com:443"),
        ("https://api.example.com:443", "api.example.com:443"),
        ("http://api.example.com", "api.example.com:80"),
        ("https://[::1]:8443/x", "::1:8443"),
        ("https://host:99999/", ""),
    ],
)
def test_what_counts_as_one_host(url: str, host: str) -> None:
    assert host_of(url) == host


def test_connectors_share_the_places_of_a_host(workday: Source) -> None:
    """Of three connectors one says that two may ask at a time: never more are under way, and all come to their end."""
    running, most, lock = 0, 0, threading.Lock()

    def slow(asked: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.1)
        with lock:
            running -= 1
        return page(1)

    flows, ports = Flows(), Ports.real()
    http, done = BoundedHttp(), list[str]()
    ports = replace(ports, http=http)
    with FaultServer(slow) as server:
        plans = [named(f"c{n}", server.url, RateLimit(at_once=2) if n == 0 else None) for n in range(6)]

        def one(plan: HttpConnector) -> None:
            archive = Archive(workday.root / plan.name, ports)
            with archive.writer(f"{plan.name}.workers") as writer:
                list(acquire(plan, f"{plan.name}.workers", writer=writer, ports=ports, environ={}, flows=flows))
            done.append(plan.name)

        one(plans[0])
        threads = [threading.Thread(target=one, args=(plan,)) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    http.close()
    assert len(done) == 7
    assert most == 2


def test_who_waits_for_a_place_is_told_that_the_run_ends(workday: Source) -> None:
    flows = Flows()
    plan = named("hr", "http://localhost:1", RateLimit(at_once=1))
    flow = flows.of(plan, workday.ports)
    flow.reaches("http://localhost:1")
    host = flow.host(Secret("http://localhost:1/x"))
    said: list[str] = []
    with host.turn(lambda *_: None):
        workday.ports.stop.set()
        with pytest.raises(StoppedError), host.turn(lambda reason, _: said.append(reason)):
            pass
    assert said == []


def test_nobody_goes_before_a_wait_that_came_while_waiting(workday: Source) -> None:
    """One who already waits for a turn waits on when the host is put off meanwhile."""
    flows = Flows()
    plan = named("hr", "http://localhost:1", PER_MINUTE[2])
    flow = flows.of(plan, workday.ports)
    flow.reaches("http://localhost:1")
    host = flow.host(Secret("http://localhost:1/x"))
    with host.turn(lambda *_: None):
        pass

    def told(reason: str, seconds: float | None) -> None:
        if reason and not waited:
            host.put_off(100, "429, again in")
        if reason:
            waited.append((reason, seconds))

    waited: list[tuple[str, float | None]] = []
    with host.turn(told):
        pass
    assert waited == [("limit, again in", 30.0), ("429, again in", 70.0)]
