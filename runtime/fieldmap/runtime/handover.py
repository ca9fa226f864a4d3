"""What is fetched and not loaded yet: in memory while there is room, otherwise where it lies in the archive.

Fetching never waits for the database. A page is durable before it comes here, so one for which there is no room is only remembered by
its place, and read again when its turn comes; the memory of a run is bounded, however slow the database is, or stopped.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from fieldmap.runtime.archive import Archive, Archived, ClosedSweep

ROOM_BYTES: Final = 16 << 20


class GivenUpError(Exception):
    """Nobody loads any more what is fetched."""


class Room:
    """So many bytes of pages in memory, over all resources of a run. used, most: now, and at most so far. flying: by resource what is
    fetched and not loaded yet, in memory or not, as unpacked."""

    def __init__(self, limit: int = ROOM_BYTES) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.used = 0
        self.most = 0
        self.flying: dict[str, int] = {}

    def take(self, size: int) -> bool:
        """Whether there was room."""
        with self._lock:
            if self.used + size > self._limit:
                return False
            self.used += size
            self.most = max(self.most, self.used)
            return True

    def give(self, size: int) -> None:
        with self._lock:
            self.used -= size

    def flies(self, resource: str, size: int) -> None:
        """So much more is in flight, or less."""
        with self._lock:
            self.flying[resource] = self.flying.get(resource, 0) + size


@dataclass(slots=True)
class _Kept:
    """Pages that are in the archive only: those after a position, through another."""

    after: int | None
    through: int


@dataclass
class Part:
    """Pages that are loaded together. Can be gone through several times. size: of their contents; held: what of the room they take."""

    archive: Archive
    resource: str
    items: list[Archived | ClosedSweep | _Kept] = field(default_factory=list)
    size: int = 0
    held: int = 0

    @property
    def last(self) -> int:
        """The position of the last page."""
        item = self.items[-1]
        return item.through if isinstance(item, _Kept) else item.position

    def __iter__(self) -> Iterator[Archived | ClosedSweep]:
        for item in self.items:
            if isinstance(item, _Kept):
                yield from self.archive.entries(self.resource, item.after, item.through)
            else:
                yield item


class Handover:
    """Pages of one resource on their way from the thread that fetches to the one that loads.

    last: the position in the archive behind which the first page lies. part_bytes: so much content is loaded together; the borders
    between parts depend on the pages alone, never on how fast anyone was.
    """

    def __init__(self, archive: Archive, resource: str, last: int | None, room: Room, part_bytes: int) -> None:
        self._archive = archive
        self._resource = resource
        self._last = last
        self._room = room
        self._part_bytes = part_bytes
        self._changed = threading.Condition()
        self._open = Part(archive, resource)
        self._ready: deque[Part] = deque()
        self._ended = False
        self._given_up = False
        self._error: BaseException | None = None

    # The side that fetches.

    def put(self, page: Archived | ClosedSweep) -> None:
        """Hands a page over, or the mark of a sweep's end. Raises GivenUpError if nobody wants it."""
        with self._changed:
            if self._given_up:
                raise GivenUpError
            part = self._open
            if isinstance(page, ClosedSweep):
                part.items.append(page)
            else:
                self._add(part, page)
            self._last = page.position
            if part.size >= self._part_bytes:
                self._hand_on()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes. error: why, for the other side to raise once it has what came before."""
        with self._changed:
            if self._open.items:
                self._hand_on()
            self._ended, self._error = True, error
            self._changed.notify_all()

    # The side that loads.

    def parts(self) -> Iterator[Part]:
        """Each part once it is whole; its memory is free when the next is asked for."""
        while True:
            with self._changed:
                while not self._ready and not self._ended:
                    self._changed.wait()
                part = self._ready.popleft() if self._ready else None
            if part is None:
                if self._error is not None:
                    raise self._error
                return
            try:
                yield part
            finally:
                self._forget(part)

    def give_up(self) -> None:
        """Nobody loads any more: memory is given back, and fetching ends with the next page."""
        with self._changed:
            self._given_up = True
            for part in (*self._ready, self._open):
                self._forget(part)
            self._ready.clear()
            self._open = Part(self._archive, self._resource)

    def wait(self) -> None:
        """Until nothing more comes."""
        with self._changed:
            while not self._ended:
                self._changed.wait()

    # ------------------------------------------------------------------------------------------------- parts

    def _add(self, part: Part, page: Archived) -> None:
        content = page.content()
        weight = len(page.body) + (0 if content is page.body else len(content))
        part.size += len(content)
        self._room.flies(self._resource, len(content))
        if self._room.take(weight):
            part.held += weight
            part.items.append(page)
            return
        before = part.items[-1] if part.items else None
        if isinstance(before, _Kept):
            before.through = page.position
        else:
            part.items.append(_Kept(self._last, page.position))

    def _hand_on(self) -> None:
        self._ready.append(self._open)
        self._open = Part(self._archive, self._resource)
        self._changed.notify_all()

    def _forget(self, part: Part) -> None:
        self._room.give(part.held)
        self._room.flies(self._resource, -part.size)
        part.held = part.size = 0
        part.items = []
