"""The recorder: numbers every call through the ports, before and after it, and ends the process at one of them.

The loader's writer is a thread of its own, so the calls of the two threads have no order between them; within each they have one.
A point is therefore named by its thread ("main" or "writer") and its number there, which is the same in every run of a scenario.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from fieldmap.runtime.acquire import state
from fieldmap.runtime.ports import Clock, Ports
from fieldmap.runtime.store.database import Connection, Server

# Calls that only look: the world after them is the world before them.
LOOKS = frozenset(
    {"folders", "names", "size", "read", "now", "monotonic", "between", "hex", "connect", "close", "held"}
)

# What Python tells its audit hooks of, and only a port may do. (Statements go through libpq, which it does not see.)
_TOUCHES = frozenset(
    (
        *(
            "os.mkdir",
            "os.rename",
            "os.remove",
            "os.rmdir",
            "os.truncate",
            "os.link",
            "os.symlink",
            "os.chmod",
            "os.utime",
        ),
        *(
            "socket.connect",
            "socket.bind",
            "socket.sendto",
            "socket.getaddrinfo",
            "subprocess.Popen",
            "os.system",
            "os.fork",
        ),
    )
)


@dataclass(frozen=True)
class Point:
    """thread, number: which it is; of the thread "source" it is the number of the answer in the middle of which death comes. name: `after
    archive.append`. telling: whether the world differs from that at the point before."""

    thread: str
    number: int
    name: str
    telling: bool


@dataclass
class Points:
    """at: (thread, number) of the point at which the process sends itself `signal`. passed: all points so far. strays: what touched
    the world beside the ports, once `watch` was called."""

    at: tuple[str, int] | None = None
    signal: int = signal.SIGKILL
    passed: list[Point] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    _inside: threading.local = field(default_factory=threading.local)
    _counts: Counter[str] = field(default_factory=Counter)

    def point(self, name: str, *, telling: bool) -> None:
        thread = "writer" if threading.current_thread().name.startswith("fieldmap-writer") else "main"
        self._counts[thread] += 1
        here = (thread, self._counts[thread])
        self.passed.append(Point(*here, name, telling))
        if here == self.at:
            os.kill(os.getpid(), self.signal)

    @contextmanager
    def around(self, name: str, *, changes: bool) -> Iterator[None]:
        """A call through a port. changes: whether it may alter the world."""
        self.point(f"before {name}", telling=changes)
        self._inside.calls = getattr(self._inside, "calls", 0) + 1
        try:
            yield
        finally:
            self._inside.calls -= 1
        self.point(f"after {name}", telling=changes)

    def watch(self) -> None:
        """From now on, to the end of the process: notes whatever Python itself can see of files and sockets outside the ports."""
        sys.addaudithook(self._seen)

    def _seen(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _TOUCHES and not getattr(self._inside, "calls", 0):
            self.strays.append(f"{event} {arguments}")
        elif event == "open" and not getattr(self._inside, "calls", 0):
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.strays.append(f"open {path} for writing")


class Watched:
    """A port, or what one returned: each of its calls is two points."""

    def __init__(self, inner: Any, name: str, points: Points) -> None:
        self._inner, self._name, self._points = inner, name, points

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            with self._points.around(f"{self._name}.{name}", changes=name not in LOOKS):
                result = found(*arguments, **options)
            return Watched(result, self._name, self._points) if name in _OPENED else result

        return call


_OPENED = ("folder", "create", "open", "lock")


class WatchedState(Watched):
    """What is kept beside the archive. Its lock is taken when the caller enters it, and that is when it is a point."""

    @contextmanager
    def locked(self, name: str, clock: Clock) -> Iterator[None]:
        with ExitStack() as held:
            with self._points.around("state.lock", changes=False):
                held.enter_context(self._inner.locked(name, clock))
            yield


class WatchedSystem:
    """The module `os` as one module sees it: the calls by which a file comes to stand in the place of another are points too."""

    def __init__(self, points: Points) -> None:
        self._points = points

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name not in ("fsync", "replace"):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            with self._points.around(f"state.{name}", changes=name == "replace"):
                return found(*arguments, **options)

        return call


def watched_ports(points: Points, folder: Path) -> Ports:
    """folder: of what is kept beside the archive."""
    real = Ports.real(folder)
    parts = {"http": "http", "storage": "archive", "clock": "clock", "random": "random"}
    watched: dict[str, Any] = {port: Watched(getattr(real, port), name, points) for port, name in parts.items()}
    state.__dict__["os"] = WatchedSystem(points)
    return replace(real, **watched, state=WatchedState(real.state, "state", points))


@dataclass
class WatchedServer:
    """Connections whose every statement, COPY and answer is a point."""

    server: Server
    points: Points

    def connect(self) -> Connection:
        with self.points.around("database.connect", changes=False):
            connection = self.server.connect()
        connection.cursor_factory = cursors(self.points.around)
        return connection


def cursors(around: Callable[..., Any]) -> type[psycopg.Cursor[Any]]:
    """A class of cursors; `Connection.execute` makes one of these too."""

    class WatchedCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
            with around(f"database.{_word(query)}", changes=_changes(self.connection, query)):
                return super().execute(query, *arguments, **options)

        def executemany(self, query: Any, *arguments: Any, **options: Any) -> Any:
            with around(f"database.{_word(query)} many", changes=_changes(self.connection, query)):
                return super().executemany(query, *arguments, **options)

        @contextmanager
        def copy(self, statement: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
            with around("database.COPY", changes=False), super().copy(statement, *arguments, **options) as copy:
                yield copy

    return WatchedCursor


def _text(query: Any) -> str:
    return query.decode() if isinstance(query, bytes) else query if isinstance(query, str) else query.as_string(None)


def _word(query: Any) -> str:
    words = [line for line in _text(query).splitlines() if line.strip() and not line.strip().startswith("--")]
    return " ".join(words[0].split()[:3]) if words else "nothing"


def _changes(connection: psycopg.Connection[Any], query: Any) -> bool:
    """Whether the statement makes something durable: COMMIT, and whatever writes outside a transaction."""
    text = _text(query).lstrip().upper()
    idle = connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    return text.startswith("COMMIT") or (idle and not text.startswith(("SELECT", "BEGIN", "ROLLBACK")))
