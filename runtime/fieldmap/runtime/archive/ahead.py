"""The record of a response, made while the page is still looked at: nothing is written yet, and it may be thrown away.

Digests and compression are most of the work on a page, and release the interpreter while they are at it, so that two threads share it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, TypeVar, cast

from fieldmap.runtime.archive.records import Received

WORTH: Final = 64 << 10  # bytes of a body; for less the way to another thread costs more than it saves

One = TypeVar("One")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class Ahead:
    """A record that was made ahead. before: the chain that it goes on from; chain: that after it. frame: as the archive holds it."""

    received: Received
    before: str
    frame: bytes
    chain: str


class Helper:
    """The second thread of a writer, begun with the first page that is worth it. A pool would do the same at four times the cost of a turn."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[object, BaseException | None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def both(self, one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
        """What comes of `one`, done here, and of `other`, done beside it; neither is at work any more when this returns or raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="fieldmap-archive", daemon=True)
            self._thread.start()
        self._asked.put(other)
        try:
            mine = one()
        finally:
            found, error = self._done.get()
        if error is not None:
            raise error
        return mine, cast(Other, found)

    def close(self) -> None:
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (work := self._asked.get()) is not None:
            try:
                self._done.put((work(), None))
            except BaseException as error:  # noqa: BLE001  (raised where it is waited for)
                self._done.put((None, error))
