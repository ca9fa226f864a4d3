"""How fast, and whether at all, a connector is asked: its rate limit, the retries left to it, its circuit breaker; and its access token.

One Flow a connector and run, shared by its resources, which may ask at the same time. How fast a host is asked is shared by all
connectors that reach it (`hosts`).
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from fieldmap.runtime.acquire.held import Held
from fieldmap.runtime.acquire.hosts import Host, Hosts, Waiting
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import BreakerPolicy, HttpConnector
from fieldmap.runtime.ports import Ports, State
from fieldmap.runtime.secrets import Secret

# A run may repeat this often, however many pages fail once each; every answer earns a part of a repetition more.
_REPEATS: Final = 30
_EARNED: Final = 0.2
_PROBE_LASTS: Final = 300.0  # seconds after which the probe of another process counts as lost


class Flow:
    def __init__(self, connector: HttpConnector, ports: Ports, hosts: Hosts | None = None) -> None:
        """hosts: what is shared with other connectors."""
        self._limit = connector.limit
        self._ports = ports
        self._hosts = hosts or Hosts()
        self.budget = Budget()
        self.held = Held()
        self.breaker: Breaker | None = None
        if connector.breaker is not None:
            self.breaker = Breaker(connector.name, connector.breaker, ports)

    def reaches(self, base: str) -> None:
        """The connector's limit counts for the host of its base, whoever asks that."""
        if self._limit is not None:
            self._hosts.at(base, self._ports).limited(self._limit)

    def host(self, url: Secret) -> Host:
        """Of a request."""
        return self._hosts.at(url.reveal(), self._ports)


class Flows:
    """Of a run: by connector what its resources share, and what all connectors share of a host. a_second: requests to all
    hosts together; 0 for any number."""

    def __init__(self, a_second: int = 0) -> None:
        self._hosts = Hosts(a_second)
        self._flows: dict[str, Flow] = {}
        self._lock = threading.Lock()

    def of(self, connector: HttpConnector, ports: Ports) -> Flow:
        with self._lock:
            if connector.name not in self._flows:
                self._flows[connector.name] = Flow(connector, ports, self._hosts)
            return self._flows[connector.name]


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
    """failures: in a row, reason: how the last one was told. opened: when it opened, in seconds since 1970, 0 if it is closed.
    probing: when a probe was let through."""

    failures: int = 0
    opened: float = 0.0
    probing: float = 0.0
    reason: str = ""


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

    def failed(self, reason: str = "") -> None:
        with self._lock:
            kept = self._kept
            kept.reason = reason
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
            last = f" (the last time it {kept.reason})" if kept.reason else ""
            raise SourceError(
                f"The connector {self._connector} failed {kept.failures} times in a row{last} and is left alone; it is asked again {left}"
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
