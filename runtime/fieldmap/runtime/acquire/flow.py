"""How fast, and whether at all, a connector is asked: its rate limit, the retries left to it, and its circuit breaker.

One Flow a connector and run, shared by its resources, which may ask at the same time.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from fieldmap.runtime.errors import SourceError, StoppedError
from fieldmap.runtime.plan import BreakerPolicy, HttpConnector, RateLimit
from fieldmap.runtime.ports import Ports, Response, State

# A run may repeat this often, however many pages fail once each; every answer earns a part of a repetition more.
_REPEATS: Final = 30
_EARNED: Final = 0.2
# What a source may ask for by its headers, in seconds. It would be waited for in vain if it were a mistake.
_LONGEST_WAIT: Final = 300.0
_PROBE_LASTS: Final = 300.0  # seconds after which the probe of another process counts as lost
_LOOKS: Final = 1.0  # seconds after which who waits for a place looks whether the run is to end
_SECONDS: Final = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
# Told what a resource waits for, and how many seconds if that is known; "" when that is over.
Waiting = Callable[[str, float | None], None]
# Shorter waits than this, in seconds, are not told.
_TOLD: Final = 1.0


@contextlib.contextmanager
def waiting(waits: Waiting, reason: str, seconds: float) -> Iterator[None]:
    """Tells of a wait while it lasts, unless it is short."""
    if seconds < _TOLD:
        yield
        return
    waits(reason, seconds)
    try:
        yield
    finally:
        waits("", None)


class Flow:
    """title: what the connector is called in messages."""

    def __init__(self, connector: HttpConnector, ports: Ports) -> None:
        self.pace = Pace(connector.limit, ports)
        self.places = Places(connector.limit.at_once if connector.limit is not None else 0, ports)
        self.budget = Budget()
        self.breaker: Breaker | None = None
        if connector.breaker is not None:
            self.breaker = Breaker(connector.name, connector.breaker, ports)


class Pace:
    """Lets a request through when its turn has come."""

    def __init__(self, limit: RateLimit | None, ports: Ports) -> None:
        self._gap = limit.period_ms / 1000 / limit.requests if limit is not None and limit.requests else 0.0
        self._clock = ports.clock
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, waits: Waiting) -> None:
        with self._lock:
            now = self._clock.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._gap
        if turn > now:
            with waiting(waits, "limit, again in", turn - now):
                self._clock.sleep(turn - now)

    def told(self, response: Response) -> None:
        """Takes note of what the answer says is left: `RateLimit-Remaining`, `X-RateLimit-Remaining`, `RateLimit`, and their resets."""
        left, reset = _told(response)
        if left == 0 and reset is not None:
            wait = reset
            if reset > 1_000_000_000:
                # An instant, in seconds since 1970: by the source's own clock, where it tells the time.
                from fieldmap.runtime.acquire.sending import http_date

                now = http_date(response.header("date")) or self._clock.now()
                wait = (datetime.fromtimestamp(min(reset, 99_999_999_999), UTC) - now).total_seconds()
            with self._lock:
                self._next = max(self._next, self._clock.monotonic() + min(max(wait, 0.0), _LONGEST_WAIT))


def _told(response: Response) -> tuple[float | None, float | None]:
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"):
        left, reset = (_number(response.header(f"{prefix}-{name}")) for name in ("remaining", "reset"))
        if left is not None:
            return left, reset
    parts = dict(
        part.strip().split("=", 1) for part in re.split("[,;]", response.header("ratelimit") or "") if "=" in part
    )
    return _number(parts.get("remaining", parts.get("r"))), _number(parts.get("reset", parts.get("t")))


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if _SECONDS.fullmatch(text) else None


class Places:
    """Lets so many requests be under way at once; 0 for any number."""

    def __init__(self, number: int, ports: Ports) -> None:
        self._free = threading.Semaphore(number) if number else None
        self._stop = ports.stop

    @contextlib.contextmanager
    def taken(self, waits: Waiting) -> Iterator[None]:
        """Raises StoppedError if the run is to end while it waits."""
        if self._free is None:
            yield
            return
        waited = False
        while not self._free.acquire(timeout=_LOOKS):
            if self._stop.is_set():
                raise StoppedError("The run was told to end")
            if not waited:
                waits("limit, others ask", None)
            waited = True
        if waited:
            waits("", None)
        try:
            yield
        finally:
            self._free.release()


class Budget:
    """The repetitions that a run has for a connector, so that a source that fails at every page is not asked twice as much."""

    def __init__(self) -> None:
        self._left = float(_REPEATS)
        self._lock = threading.Lock()

    def earn(self) -> None:
        with self._lock:
            self._left = min(self._left + _EARNED, float(_REPEATS))

    def spend(self) -> bool:
        """Whether there is one left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


class _Kept(msgspec.Struct):
    """failures: in a row. opened: when it opened, in seconds since 1970, 0 if it is closed. probing: when a probe was let through."""

    failures: int = 0
    opened: float = 0.0
    probing: float = 0.0


class Breaker:
    """Opens after failures in a row, lets one probe through after a while, closes when a probe is answered.

    A failure is a broken connection, a timeout or a status that is repeated; what the source refuses for good reasons is none. The
    state is kept beside the archive, so that a run that is started again by a scheduler does not ask a source that is down.
    """

    def __init__(self, connector: str, policy: BreakerPolicy, ports: Ports) -> None:
        self._connector = connector
        self._policy = policy
        self._clock = ports.clock
        self._state: State | None = ports.state
        self._name = f"breaker {connector}"
        self._kept = _Kept()
        # Of the resources of this run; `State.locked` is for other processes.
        self._lock = threading.Lock()

    def before(self, waits: Waiting) -> None:
        """Raises SourceError if nothing is to be asked now."""
        with self._lock:
            if not self._read().opened:
                return
            if self._state is None:
                self._admit(waits)
                return
            with self._state.locked(self._name, self._clock):
                self._read()
                self._admit(waits)
                self._write()

    def answered(self) -> None:
        with self._lock:
            if self._kept.failures or self._kept.opened:
                self._kept = _Kept()
                self._write()

    def failed(self) -> None:
        with self._lock:
            kept = self._kept
            kept.failures += 1
            kept.probing = 0.0
            if kept.failures >= self._policy.failures or kept.opened:
                kept.opened = self._now()
            self._write()

    # ------------------------------------------------------------------------------------------------- parts

    def _admit(self, waits: Waiting) -> None:
        """Lets a probe through, or says when the next one is."""
        kept, now = self._kept, self._now()
        if not kept.opened:
            return
        since, rest = now - kept.opened, self._policy.probe_ms / 1000
        # A clock that was set back would keep it open for ever.
        waits_for = 0 <= since < rest
        probed = 0 <= now - kept.probing < _PROBE_LASTS and kept.probing
        if waits_for or probed:
            # The run goes on without it; so this stays to be seen.
            waits("breaker open for" if waits_for else "breaker open", rest - since if waits_for else None)
            left = f"in {max(1, round(rest - since))} s" if waits_for else "when another run has heard from it"
            raise SourceError(
                f"The connector {self._connector} failed {kept.failures} times in a row and is left alone; it is asked again {left}"
            )
        kept.probing = now

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read(self) -> _Kept:
        data = self._state.read(self._name) if self._state is not None else None
        if data is not None:
            try:
                self._kept = msgspec.json.decode(data, type=_Kept)
            except msgspec.DecodeError:
                self._kept = _Kept()
        return self._kept

    def _write(self) -> None:
        if self._state is not None:
            self._state.write(self._name, msgspec.json.encode(self._kept))
