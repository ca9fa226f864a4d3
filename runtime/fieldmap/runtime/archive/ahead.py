"""The record of a response, made while the page is still looked at: nothing is written yet, and it may be thrown away.

Digests and compression are most of the work on a page, and release the interpreter while they are at it, so that two threads share it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, TypeVar

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
    """The second thread of a writer, begun with the first page that is worth it."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def both(self, one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
        """What comes of `one`, done here, and of `other`, done beside it; neither is at work any more when this returns or raises."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "fieldmap-archive")
        beside = self._pool.submit(other)
        try:
            mine = one()
        finally:
            wait([beside])
        return mine, beside.result()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
