"""Where deliveries become durable: all that come in while the disk is busy are made durable together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Self

from fieldmap.runtime.acquire.sweeps import new_sweep
from fieldmap.runtime.archive import Archive, Archived, Received, SweepEnd, Writer
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Ports

MOST_TOGETHER: Final = 32 << 20  # bytes of deliveries that are written at once
_MOST_PAGES: Final = 10_000  # of one sweep, so that its mark is found without going back far


@dataclass
class _Line:
    """What waits for one resource, and who writes it. broken: a write failed, so that the writer takes nothing more."""

    writer: Writer
    sweep: str
    page: int = 0
    first: int = -1
    broken: bool = False
    waiting: list[tuple[Received, asyncio.Future[Archived]]] = field(default_factory=list)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    draining: asyncio.Task[None] | None = None


class Desk:
    """Holds the writers of resources, in a `with`. Its coroutines belong to one event loop. cut: torn tails that were found."""

    def __init__(self, archive: Archive, resources: Iterable[str], ports: Ports) -> None:
        self._archive = archive
        self._resources = tuple(resources)
        self._ports = ports
        self._lines: dict[str, _Line] = {}
        self.cut: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Raises ArchiveError if another process writes one of the resources."""
        try:
            for resource in self._resources:
                self._lines[resource] = _Line(self._opened(resource), new_sweep(self._ports))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines.values():
            line.writer.close()

    async def take(self, received: Received) -> Archived:
        """Returns when the delivery is durable. Raises ArchiveError; then nothing is known of it, and it is to be sent again."""
        line = self._lines[received.resource]
        done: asyncio.Future[Archived] = asyncio.get_running_loop().create_future()
        line.waiting.append((received, done))
        if line.draining is None or line.draining.done():
            # A task of its own: who sent a delivery may hang up, and what is being written is written all the same.
            line.draining = asyncio.create_task(self._drain(line))
        return await done

    async def close_sweeps(self) -> bool:
        """Marks the end of what came so far; returns whether anything came. Raises ArchiveError."""
        came = False
        for line in self._lines.values():
            async with line.busy:
                if line.page and not line.broken:
                    came = True
                    await asyncio.to_thread(self._close, line)
        return came

    # ------------------------------------------------------------------------------------------------- parts

    def _opened(self, resource: str) -> Writer:
        writer = self._archive.writer(resource)
        try:
            if writer.cut is not None:
                self.cut[resource] = str(writer.cut)
            frames = writer.standing().frames
            if frames:
                # What a process that was killed left: it is complete, since each delivery is.
                writer.close_sweep(frames[-1].sweep, len(frames), SweepEnd(framed=True, first=frames[0].position))
        except BaseException:
            writer.close()
            raise
        return writer

    async def _drain(self, line: _Line) -> None:
        async with line.busy:
            while line.waiting:
                await self._write(line)

    async def _write(self, line: _Line) -> None:
        """Makes durable what waits, as much as is written at once."""
        size = count = 0
        while count < len(line.waiting) and size < MOST_TOGETHER:
            size += len(line.waiting[count][0].body)
            count += 1
        taken, line.waiting = line.waiting[:count], line.waiting[count:]
        made: list[Archived] = []
        reason = "it was not written"
        try:
            made = await asyncio.to_thread(self._append, line, [received for received, _ in taken])
        except ArchiveError as error:
            reason = str(error)
        finally:
            for number, (_, done) in enumerate(taken):
                if not done.done() and number < len(made):
                    done.set_result(made[number])
                elif not done.done():
                    done.set_exception(ArchiveError(reason))

    def _append(self, line: _Line, received: list[Received]) -> list[Archived]:
        if line.broken:
            # After a full disk, say: a new writer looks at what is there.
            line.writer.close()
            line.writer = self._opened(received[0].resource)
            line.sweep, line.page, line.first, line.broken = new_sweep(self._ports), 0, -1, False
        line.broken = True  # until it was written
        numbered = [replace(one, sweep=line.sweep, page=line.page + number) for number, one in enumerate(received, 1)]
        made = line.writer.append_all(numbered)
        line.broken = False
        line.page += len(made)
        line.first = made[0].position if line.first < 0 else line.first
        if line.page >= _MOST_PAGES:
            self._close(line)
        return made

    def _close(self, line: _Line) -> None:
        line.broken = True
        line.writer.close_sweep(line.sweep, line.page, SweepEnd(framed=True, first=line.first))
        line.sweep, line.page, line.first, line.broken = new_sweep(self._ports), 0, -1, False
