"""Appending to the archive of one resource. When `append` returns, the record is on the disk; after `write`, when `settle` does.

After a write or sync that failed nothing is known of the file's end: the kernel may have dropped the very pages it failed
to write, and a second fsync would report success. Such a writer takes nothing more; the next one looks at the file itself.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Self, TypeVar

from fieldmap.runtime.archive import warc
from fieldmap.runtime.archive.ahead import WORTH, Ahead, Helper
from fieldmap.runtime.archive.frames import MOST_RECORD, compressor, framed
from fieldmap.runtime.archive.kept import Kept, kept
from fieldmap.runtime.archive.position import position, segment_name
from fieldmap.runtime.archive.records import Archived, ClosedSweep, Parts, Received, Standing, SweepEnd, TornTail
from fieldmap.runtime.archive.segments import Segments
from fieldmap.runtime.archive.standing import parts, standing
from fieldmap.runtime.errors import ArchiveBusyError, ArchiveError
from fieldmap.runtime.moments import moment
from fieldmap.runtime.ports import Folder, Lock, LockedError, Ports, Segment

Looked = TypeVar("Looked")
# Gives, for the chain so far, the frame of a record and the chain after it.
_Make = Callable[[str], tuple[bytes, str]]


class Writer:
    """The one writer of a resource: a context manager that holds the lock. cut: the torn tail that it removed. last: the position
    of the last record of any kind, None if there is none."""

    def __init__(self, folder: Folder, resource: str, ports: Ports, segment_bytes: int) -> None:
        """Takes over the folder: `close` closes it. Raises ArchiveError if it is locked or damaged, OSError."""
        self.resource = resource
        self.cut: TornTail | None = None
        self.last: int | None = None
        self._folder = folder
        self._ports = ports
        self._segment_bytes = segment_bytes
        self._compressor = compressor()
        self._helper = Helper()
        self._ahead: Ahead | None = None
        self._segment: Segment | None = None
        self._number = 0
        self._size = 0
        self._chain = warc.FIRST_CHAIN
        self._unsettled: int | None = None  # the first record that may be in memory only
        self._stopped = ""
        self._lock = self._locked()
        try:
            self._recover()
        except BaseException:
            self._release()
            raise

    def ahead(self, received: Received, look: Callable[[], Looked]) -> tuple[Received, Looked]:
        """Makes the record of a response that is likely to be appended next, while `look` is at work in another thread; nothing is
        written. Gives the response with its digest, for `append`, and what came of `look`; raises what that raises."""
        self._ahead, before = None, self._chain
        if len(received.body) < WORTH:
            return received, look()
        digest, block = self._helper.both(
            lambda: hashlib.sha256(received.body).hexdigest(), lambda: warc.block_digest(received)
        )
        received = replace(received, digest=digest)
        record, chain = warc.received(received, self._ports.random.hex(32), before, block)
        frame, looked = self._helper.both(lambda: self._framed(record), look)
        self._ahead = Ahead(received, before, frame, chain)
        return received, looked

    def append(self, received: Received) -> Archived:
        """Makes a response durable. Raises ArchiveError; after a failed write the writer takes nothing more."""
        return self.append_all([received])[0]

    def append_all(self, received: Sequence[Received]) -> list[Archived]:
        """As `append` of each, in order, with one write and one sync for all of them; if it raises, none of them counts."""
        written = self._written(received)
        self.settle()
        return written

    def write(self, received: Received) -> Archived:
        """Hands a response to the file: nothing is lost if this process is killed, and it is durable when `settle` returns. Until then it
        must not be given to anybody. Raises as `append`."""
        return self._written([received])[0]

    def settle(self, through: int | None = None) -> None:
        """Returns when all that was written is durable. through: or all to this position at least. Raises ArchiveError."""
        if self._unsettled is None or (through is not None and through < self._unsettled):
            return
        self._check()
        segment = self._segment
        assert segment is not None  # noqa: S101  (something was written into it)
        self._stopped = "an earlier write failed"
        try:
            segment.sync()
        except OSError as error:
            raise self._unwritten(error) from None
        self._stopped, self._unsettled = "", None

    def close_sweep(self, sweep: str, pages: int, end: SweepEnd) -> ClosedSweep:
        """Marks that the sweep came to its end with so many pages."""
        now = self._ports.clock.now()
        mark = ClosedSweep(resource=self.resource, sweep=sweep, pages=pages, closed_at=now, end=end)
        return self._marked(mark)

    def close_part(self, sweep: str, part: str, pages: int, end: SweepEnd, request: str) -> ClosedSweep:
        """Marks that the pages of one part are all there is of it. request: the fingerprint of what was asked first."""
        now = self._ports.clock.now()
        mark = ClosedSweep(
            resource=self.resource, sweep=sweep, pages=pages, closed_at=now, end=end, part=part, request=request
        )
        return self._marked(mark)

    def parts(self) -> Parts:
        """How far the parts are of a resource that is asked for each record of another; read from the end backwards."""
        return parts(Segments(self._folder, self.resource), self.resource)

    def requests(self) -> set[str]:
        """The request fingerprints of all that is archived. Reads the whole archive of the resource."""
        entries = Segments(self._folder, self.resource).entries(None)
        return {entry.record.head.get("fieldmap-request", "") for entry in entries} - {""}

    def read(self, place: int) -> Archived:
        """The response at a position, its digest checked. Raises ArchiveError."""
        segments = Segments(self._folder, self.resource)
        return segments.received(segments.entry(place))

    def standing(self, part: str = "") -> Standing:
        """The position of the last sweep that was closed, and what an interrupted one behind it left; read from the end backwards."""
        return standing(Segments(self._folder, self.resource), self.resource, part)

    def last_sweep(self) -> Iterator[Kept]:
        """The pages of the last sweep that was closed, in order, without their bodies. Raises ArchiveError."""
        return kept(Segments(self._folder, self.resource), self.resource)

    def close(self) -> None:
        """Settles what was written, and releases the lock; a second call does nothing. Raises ArchiveError."""
        if self._stopped == "it is closed":
            return
        try:
            if not self._stopped:
                self.settle()
        finally:
            self._stopped = "it is closed"
            self._helper.close()
            self._release()
            self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------- opening

    def _locked(self) -> Lock:
        since = moment(self._ports.clock.now())
        try:
            return self._folder.lock(f"process {os.getpid()} on {platform.node()} since {since}")
        except LockedError as holder:
            raise ArchiveBusyError(
                f"The archive of {self.resource} is being written by {holder}; wait until it ends (fieldmap sync --wait does), or stop it"
            ) from None

    def _release(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._lock.release()

    def _recover(self) -> None:
        """Looks at the end of the archive, cuts what an interrupted write left there, and takes up the chain."""
        segments = Segments(self._folder, self.resource)
        if not segments.numbers:
            return
        self._number = segments.numbers[-1]
        offsets, self._size, self.cut = segments.scan(self._number)
        if offsets:
            self._chain = segments.chain(self._number, offsets)
            self.last = position(self._number, offsets[-1])
        elif self._number > 1:
            # The writer was stopped between creating this segment and its first record.
            self._chain = segments.chain(self._number - 1, segments.scan(self._number - 1)[0])
        self._segment = self._folder.open(segment_name(self._number))
        if self.cut is not None:
            self._fence(None)
            self._folder.truncate(segment_name(self._number), self._size)
        # A record may be whole in memory and not yet on the disk, if the power and not the process had failed.
        self._segment.sync()
        if not offsets:
            self._folder.sync()
            self._open_with_warcinfo()

    # ------------------------------------------------------------------------------------------------- appending

    def _making(self, received: Received) -> _Make:
        ahead, self._ahead = self._ahead, None

        def make(chain: str) -> tuple[bytes, str]:
            if ahead is not None and ahead.received is received and ahead.before == chain:
                return ahead.frame, ahead.chain
            record, after = warc.received(received, self._ports.random.hex(32), chain)
            return self._framed(record), after

        return make

    def _closing(self, mark: ClosedSweep) -> _Make:
        def make(chain: str) -> tuple[bytes, str]:
            record, after = warc.closed(mark, self._ports.random.hex(32), chain)
            return self._framed(record), after

        return make

    def _framed(self, record: warc.Pieces) -> bytes:
        size = sum(map(len, record))
        if size > MOST_RECORD:
            raise ArchiveError(
                f"A response of {size >> 20} MiB is too large for the archive of {self.resource};"
                " ask the source for smaller pages"
            )
        return framed(self._compressor, record)

    def _written(self, received: Sequence[Received]) -> list[Archived]:
        if any(one.resource != self.resource for one in received):
            raise ValueError(f"A response of another resource for the archive of {self.resource}")
        places = self._write_all([self._making(one) for one in received]) if received else []
        return [Archived.of(one, *place) for one, place in zip(received, places, strict=True)]

    def _marked(self, mark: ClosedSweep) -> ClosedSweep:
        place, length = self._write_all([self._closing(mark)])[0]
        self.settle()
        return replace(mark, position=place, length=length)

    def _write_all(self, makes: Sequence[_Make]) -> list[tuple[int, int]]:
        """Position and length of each of the records."""
        self._check()
        if self._segment is None or self._size >= self._segment_bytes:
            self._rotate()
        chain, frames = self._chain, []
        for make in makes:
            frame, chain = make(chain)
            frames.append(frame)
        return self._write(frames, chain)

    def _write(self, frames: Sequence[bytes], chain: str) -> list[tuple[int, int]]:
        """chain: after the last of them."""
        segment = self._segment
        assert segment is not None  # noqa: S101  (only called with a segment open)
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        self._fence(segment)
        self._stopped = "an earlier write failed"  # until it has not; an interruption by the user counts too
        try:
            segment.append(data)
        except OSError as error:
            raise self._unwritten(error) from None
        self._stopped = ""
        places = []
        for length in map(len, frames):
            places.append((position(self._number, self._size), length))
            self._size += length
        self.last = places[-1][0]
        self._chain = chain
        self._unsettled = places[0][0] if self._unsettled is None else self._unsettled
        return places

    def _fence(self, segment: Segment | None) -> None:
        """Raises if another writer came meanwhile: this one may have slept while its lock was removed with the lock's file, and what
        it knows of the end of the archive is no longer so. As near to the write as can be: between the two it could sleep too."""
        try:
            alone = self._lock.held() and (segment is None or segment.size() == self._size)
        except OSError as error:
            raise self._unwritten(error) from None
        if not alone:
            self._stopped = "another process has taken it over"
            raise ArchiveError(
                f"The archive of {self.resource} was taken over by another process; this one stops, and what it wrote before stays"
            )

    def _rotate(self) -> None:
        self.settle()
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._fence(None)
        self._stopped = "an earlier write failed"
        try:
            self._segment = self._folder.create(segment_name(self._number + 1))
            self._number, self._size = self._number + 1, 0
            self._folder.sync()
        except OSError as error:
            raise self._unwritten(error) from None
        self._open_with_warcinfo()

    def _open_with_warcinfo(self) -> None:
        now = self._ports.clock.now()
        record, chain = warc.opening(self.resource, self._number, now, self._ports.random.hex(32), self._chain)
        self._write([self._framed(record)], chain)
        self.settle()

    def _check(self) -> None:
        if self._stopped:
            raise ArchiveError(f"The archive of {self.resource} takes nothing more: {self._stopped}; run again")

    def _unwritten(self, error: OSError) -> ArchiveError:
        return ArchiveError(
            f"The archive of {self.resource} could not be written ({error.strerror or error});"
            " nothing of this response was loaded; make room or repair the disk, and run again"
        )
