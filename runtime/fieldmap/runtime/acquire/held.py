"""The access token of a connector, for all of its resources that a run reads: asked for by one of them, taken by the others.

Whoever comes while one asks waits for what that one gets. What failed is told to all who come within a minute, and nothing more is asked.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from fieldmap.runtime.acquire.hosts import Waiting
from fieldmap.runtime.errors import SourceError, StoppedError
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.secrets import Secret

_FAILED_LASTS: Final = 60.0  # seconds in which a failure counts for everybody
_LOOKS: Final = 1.0  # seconds after which one who waits looks whether the run is to end


class Held:
    """token: the newest; until: when it is to be renewed, of the monotonic clock, None where it does not say. in_body: whether the server
    wants the client to prove itself in the body. number: how often the refresh token of the disk had been renewed when this was taken.
    All of it is for who has the turn."""

    def __init__(self) -> None:
        self.token: Secret | None = None
        self.until: float | None = None
        self.in_body = False
        self.number = -1
        self._failed: tuple[str, float] | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self, waits: Waiting, ports: Ports, meanwhile: Callable[[], None]) -> Iterator[None]:
        """One at a time. meanwhile: done where that takes a while. Raises StoppedError if the run is to end while it waits."""
        waited = False
        while not self._lock.acquire(timeout=_LOOKS):
            self._look(ports)
            if not waited:
                meanwhile()
                waits("another asks for a token", None)
            waited = True
        try:
            # Who had the turn may have given it up because the run is to end: then nobody asks again.
            self._look(ports)
            if waited:
                waits("", None)
            yield
        finally:
            self._lock.release()

    def _look(self, ports: Ports) -> None:
        if ports.stop.is_set():
            raise StoppedError("The run was told to end")

    @contextlib.contextmanager
    def asking(self, ports: Ports) -> Iterator[None]:
        """Around a request for a token. Raises SourceError where one came to nothing a moment ago."""
        if self._failed is not None and 0 <= ports.clock.monotonic() - self._failed[1] < _FAILED_LASTS:
            raise SourceError(self._failed[0])
        self._failed = None
        try:
            yield
        except SourceError as error:
            self._failed = str(error), ports.clock.monotonic()
            raise
