"""Two loaders whose statements are let through one by one, so that a test decides which of them comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.points import cursors
from tests.faults.state import consistent

from fieldmap.runtime.store.database import Connection, Server

ALL = 1 << 30
_PATIENCE = 30.0


class Session:
    """A thread that does `work` with a database of which each statement waits until it is let through. error: what `work` raised."""

    def __init__(self, server: Server, work: Callable[[Gated], None]) -> None:
        self.error: BaseException | None = None
        self.passed = 0
        self._left = 0
        self._ended = False
        self._waiting = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(work, Gated(server, self)), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        """In the session's own threads: until one more statement is let through."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._left > 0, _PATIENCE), "the session was never let on"
            self._waiting -= 1
            self._left -= 1
            self.passed += 1

    def allow(self, statements: int) -> None:
        """Lets so many more through."""
        with self._changed:
            self._left += statements
            self._changed.notify_all()

    @property
    def resting(self) -> bool:
        """Whether it has ended, or has used up what it was allowed."""
        with self._changed:
            return self._ended or (self._waiting > 0 and self._left == 0)

    @property
    def ended(self) -> bool:
        return self._ended

    def join(self) -> None:
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive(), "the session does not end"

    def _run(self, work: Callable[[Gated], None], gated: Gated) -> None:
        try:
            work(gated)
        except BaseException as error:  # noqa: BLE001  (looked at by the test)
            self.error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@dataclass
class Gated:
    """A database whose statements wait for their session. backends: the server processes of its connections."""

    server: Server
    session: Session
    backends: list[int] = field(default_factory=list)

    def connect(self) -> Connection:
        connection = self.server.connect()
        connection.cursor_factory = cursors(self._before)
        self.backends.append(connection.info.backend_pid)
        return connection

    def _before(self, name: str, *, changes: bool) -> Any:
        self.session.wait()
        return _Nothing()


class _Nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def interleave(
    server: Server, works: Sequence[Callable[[Gated], None]], turns: Sequence[tuple[int, int]]
) -> list[Session]:
    """Runs two works: in each turn (who, how many statements) one goes on until it has used up its statements, has ended, or waits
    for a lock of the other. At the end both go on freely. After each turn a reader finds one state (I12)."""
    sessions = [Session(server, work) for work in works]
    with server.connect() as watch:
        for session in sessions:
            session.start()
        for who, statements in turns:
            sessions[who].allow(statements)
            _settle(watch, sessions[who])
            consistent(watch)
        for session in sessions:
            session.allow(ALL)
        for session in sessions:
            session.join()
    return sessions


def _settle(watch: Connection, session: Session) -> None:
    ends = time.monotonic() + _PATIENCE
    while not session.resting:
        assert time.monotonic() < ends
        row = watch.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        if row is not None and row[0]:
            return
        time.sleep(0.001)
