"""The four openings through which acquiring and archiving reach the world: HTTP, storage, clock and randomness.

Everything in `fieldmap.runtime.archive` and `fieldmap.runtime.acquire` goes through these, so that a test can end the
process at each write, count requests, and let an hour pass in no time. The database has its own opening in
`fieldmap.runtime.store`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from fieldmap.runtime.errors import StoppedError
from fieldmap.runtime.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of one connector's TLS: the client's certificate and key, and the only roots to trust."""

    certificate: str = ""
    key: str = ""
    password: Secret | None = None
    roots: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. Its address, header values and body may be secrets, so none of them is part of its repr."""

    method: str
    url: Secret
    headers: tuple[tuple[str, str | Secret], ...] = field(default=(), repr=False)
    body: Secret | None = None
    tls: TlsFiles | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer taken whole. headers: names in lower case, as they came. body: as on the wire, content codings included.

    framed: false if only the end of the connection marked the end of the body, so that a cut cannot be seen.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    framed: bool = True

    def header(self, name: str) -> str | None:
        """All values of a header, joined as RFC 9110 section 5.3 allows."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


class TransportError(Exception):
    """No whole answer came. The text goes on from the name of the source: "refused the connection".

    again: whether the same request may fare better later. sent: whether the source may have got it. large: whether the answer is longer
    than one may be. advice: what to do where the same request would fare no better.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool = True,
        sent: bool = True,
        large: bool = False,
        advice: str = "see whether the address is right",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.sent = sent
        self.large = large
        self.advice = advice


def nothing() -> None:
    """Where there is nothing to do meanwhile."""


class Http(Protocol):
    def send(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Response:
        """Sends once, follows nothing, and takes the whole body within a deadline. Raises TransportError.

        meanwhile: done once the request is out, before its answer is waited for; what it raises ends the exchange, and is raised. It is
        not done where no request could be sent."""
        ...

    def close(self) -> None: ...


class Segment(Protocol):
    """A file open for appending. Every method raises OSError; after one did, nothing is known of the file's end."""

    def size(self) -> int:
        """In bytes, whoever wrote them."""
        ...

    def append(self, data: bytes) -> None:
        """Hands all of data to the file in one write, or raises."""
        ...

    def sync(self) -> None:
        """Returns when everything appended is durable."""
        ...

    def close(self) -> None: ...


class Lock(Protocol):
    def held(self) -> bool:
        """Whether this is still the folder's lock: its file may have been removed or replaced, and another may hold that."""
        ...

    def release(self) -> None: ...


class LockedError(Exception):
    """Another process holds the lock; the text is what it wrote about itself."""


class Folder(Protocol):
    """An open folder of plain files; no name leads out of it, be it through `..` or a link. Every method may raise OSError."""

    def names(self) -> list[str]:
        """All that is in the folder, sorted; what is no plain file cannot be opened."""
        ...

    def size(self, name: str) -> int: ...

    def read(self, name: str, offset: int, size: int) -> bytes:
        """At most size bytes: fewer only where the file ends."""
        ...

    def create(self, name: str) -> Segment:
        """A new file; FileExistsError if there is one."""
        ...

    def open(self, name: str) -> Segment: ...

    def settle(self, name: str) -> int:
        """Makes durable what the file holds, whoever wrote it; gives how many bytes that is."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cuts the file and makes that durable."""
        ...

    def sync(self) -> None:
        """Makes the creation of files durable."""
        ...

    def lock(self, holder: str) -> Lock:
        """The folder's one lock; the system releases it with the process. holder: told to others. Raises LockedError."""
        ...

    def close(self) -> None: ...


class Storage(Protocol):
    def folders(self, root: Path) -> list[str]:
        """The folders directly in root, sorted; none if there is no root."""
        ...

    def folder(self, root: Path, name: str, *, create: bool = False) -> Folder:
        """Opens root/name. create: makes it, and root, durably. FileNotFoundError if it is not there."""
        ...


class State(Protocol):
    """Small private things that outlive a process and belong to no archive: rotated tokens, circuit breakers. May raise OSError."""

    def locked(self, name: str, clock: Clock) -> AbstractContextManager[None]:
        """Waits for the one lock of that name, which the system releases with the process."""
        ...

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, data: bytes) -> None:
        """Replaces the whole, durably, readable by its owner only."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """The time of day, aware and in UTC: for records only, never for decisions."""
        ...

    def monotonic(self) -> float:
        """Seconds from some moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Randomness(Protocol):
    def between(self, low: float, high: float) -> float: ...

    def hex(self, length: int) -> str:
        """length random digits 0-9a-f."""
        ...


class SystemClock:
    """stop: once it is set, every sleep ends with StoppedError."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop or threading.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise StoppedError("The run was told to end")


class SystemRandomness:
    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def between(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def hex(self, length: int) -> str:
        return f"{self._random.getrandbits(4 * length):0{length}x}"


class Waits(Protocol):
    def __call__(self, resource: str, reason: str, seconds: float | None = None, /) -> None: ...


def nobody_listens(resource: str, reason: str, seconds: float | None = None, /) -> None:
    """Where nobody looks on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """stop: set when the run is to end; what sleeps or waits for a source then ends with StoppedError. waits: told what is waited for,
    as `Progress.waits`. All but a file or a lock that was opened may be used by several threads."""

    http: Http
    storage: Storage
    clock: Clock
    random: Randomness
    state: State | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    waits: Waits = nobody_listens

    @staticmethod
    def real(state: Path | None = None) -> Ports:
        """The ports to the real world. HTTP is loaded with the first request only. state: the folder of what outlives the process."""
        from fieldmap.runtime.acquire.lazy import LazyHttp
        from fieldmap.runtime.acquire.state import LocalState
        from fieldmap.runtime.archive.storage import LocalStorage

        stop = threading.Event()
        return Ports(
            http=LazyHttp(stop),
            storage=LocalStorage(),
            clock=SystemClock(stop),
            random=SystemRandomness(),
            state=LocalState(state) if state is not None else None,
            stop=stop,
        )
