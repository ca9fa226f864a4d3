"""How fast a host is asked: the limits that its connectors state, and what it said of itself, shared by all who reach it.

What a host said outlives the process: another run, or the next one, does not ask a host that wanted to be left alone.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from fieldmap.runtime.errors import StoppedError
from fieldmap.runtime.plan import RateLimit
from fieldmap.runtime.ports import Clock, Ports, Response

# What a source may ask for by its headers, in seconds. It would be waited for in vain if it were a mistake.
LONGEST_WAIT: Final = 300.0
_LOOKS: Final = 1.0  # seconds after which one looks whether the run is to end, and what another process was told
_SECONDS: Final = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
_PORTS: Final = {"http": 80, "https": 443}
# Shorter waits than this, in seconds, are not told, and nothing that another process should know.
_TOLD: Final = 1.0

# Told what a resource waits for, and how many seconds if that is known; "" when that is over.
Waiting = Callable[[str, float | None], None]


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


class Hosts:
    """Of a run. a_second: requests to all hosts together; 0 for any number."""

    def __init__(self, a_second: int = 0) -> None:
        self._every = RateLimit(requests=a_second) if a_second else None
        self._all: Pace | None = None
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def at(self, url: str, ports: Ports) -> Host:
        """The host that an address leads to."""
        name = host_of(url)
        with self._lock:
            if self._every is not None and self._all is None:
                self._all = Pace(ports.clock)
                self._all.limited(self._every)
            if name not in self._hosts:
                self._hosts[name] = Host(name, ports, self._all)
            return self._hosts[name]


def host_of(url: str) -> str:
    """What answers at an address: its host and port."""
    try:
        parts = urlsplit(url)
        return f"{(parts.hostname or '').lower()}:{parts.port or _PORTS.get(parts.scheme, 0)}"
    except ValueError:
        # Nobody can be asked there; the transport says so.
        return ""


class Host:
    """name: host and port. everywhere: the pace of all hosts together."""

    def __init__(self, name: str, ports: Ports, everywhere: Pace | None) -> None:
        self._name = f"host {name}"
        self._clock = ports.clock
        self._state = ports.state
        self._pace = Pace(ports.clock)
        self._everywhere = everywhere
        self._places = Places(ports)
        self._lock = threading.Lock()
        self._looked: float | None = None

    def limited(self, limit: RateLimit) -> None:
        """Of several limits the tightest counts."""
        self._pace.limited(limit)
        self._places.limited(limit.at_once)

    def is_free(self) -> bool:
        """Whether a request could be sent at once, as far as that can be known."""
        paces = [self._pace] if self._everywhere is None else [self._pace, self._everywhere]
        return self._places.is_free() and all(pace.is_free() for pace in paces)

    @contextlib.contextmanager
    def turn(self, waits: Waiting) -> Iterator[None]:
        """Waits until a request may be sent, and holds its place while it is under way. Raises StoppedError if the run is to end."""
        with self._places.taken(waits):
            self._look()
            self._pace.wait(waits)
            if self._everywhere is not None:
                self._everywhere.wait(waits)
            yield

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
            self.put_off(wait, "limit, again in")

    def put_off(self, seconds: float, reason: str) -> None:
        """Nobody asks for so long, five minutes at most. reason: what is told of such a wait."""
        seconds = min(max(seconds, 0.0), LONGEST_WAIT)
        if self._pace.put_off(self._clock.monotonic() + seconds, reason) and seconds >= _TOLD:
            self._keep(_Kept(until=self._clock.now().timestamp() + seconds, reason=reason))

    # ------------------------------------------------------------------------------------------------- parts

    def _look(self) -> None:
        """What another process was told, at most once a second."""
        if self._state is None:
            return
        with self._lock:
            now = self._clock.monotonic()
            if self._looked is not None and now - self._looked < _LOOKS:
                return
            self._looked = now
        try:
            data = self._state.read(self._name)
            kept = msgspec.json.decode(data, type=_Kept) if data is not None else _Kept()
        except (msgspec.DecodeError, OSError):
            # It only tells what others were told: where nothing can be kept, each finds out by itself.
            kept = _Kept()
        left = kept.until - self._clock.now().timestamp()
        # One of more than five minutes was written by another clock.
        if 0 < left <= LONGEST_WAIT:
            self._pace.put_off(now + left, kept.reason)

    def _keep(self, kept: _Kept) -> None:
        # Of two processes that write at once either is right enough: both were told to wait.
        if self._state is not None:
            with contextlib.suppress(OSError):
                self._state.write(self._name, msgspec.json.encode(kept))


class _Kept(msgspec.Struct):
    """until: when the host may be asked again, in seconds since 1970."""

    until: float = 0.0
    reason: str = "limit, again in"


class Pace:
    """Lets a request through when its turn has come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gap = 0.0
        self._next = 0.0
        self._until = 0.0
        self._reason = ""
        self._lock = threading.Lock()

    def limited(self, limit: RateLimit) -> None:
        if limit.requests:
            with self._lock:
                self._gap = max(self._gap, limit.period_ms / 1000 / limit.requests)

    def put_off(self, until: float, reason: str) -> bool:
        """Lets nothing through before a moment of the monotonic clock. Whether that is later than before."""
        with self._lock:
            later = until > self._until
            if later:
                self._until, self._reason = until, reason
            return later

    def is_free(self) -> bool:
        with self._lock:
            return max(self._next, self._until) <= self._clock.monotonic()

    def wait(self, waits: Waiting) -> None:
        while True:
            with self._lock:
                now = self._clock.monotonic()
                turn = max(self._next, self._until, now)
                told = self._until >= max(self._next, now)
                self._next = turn + self._gap
            if turn > now:
                with waiting(waits, self._reason if told else "limit, again in", turn - now):
                    self._clock.sleep(turn - now)
            with self._lock:
                # Another may have been told to wait meanwhile.
                if self._until <= turn:
                    return


class Places:
    """Lets so many requests be under way at once; any number until it is limited."""

    def __init__(self, ports: Ports) -> None:
        self._number = 0
        self._taken = 0
        self._freed = threading.Condition()
        self._stop = ports.stop

    def limited(self, number: int) -> None:
        """0 for any number."""
        with self._freed:
            self._number = min(filter(None, (self._number, number)), default=0)

    def is_free(self) -> bool:
        with self._freed:
            return not self._number or self._taken < self._number

    @contextlib.contextmanager
    def taken(self, waits: Waiting) -> Iterator[None]:
        """Raises StoppedError if the run is to end while it waits."""
        waited = False
        with self._freed:
            while self._number and self._taken >= self._number:
                if self._freed.wait(_LOOKS):
                    continue
                if self._stop.is_set():
                    raise StoppedError("The run was told to end")
                if not waited:
                    waits("limit, others ask", None)
                waited = True
            self._taken += 1
        try:
            if waited:
                waits("", None)
            yield
        finally:
            with self._freed:
                self._taken -= 1
                self._freed.notify()


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
