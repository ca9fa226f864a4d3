"""The records of one resource in order, along their chain; and the judgement whether a bad end was torn or damaged.

A *torn tail* is what an interrupted write leaves: bytes at the very end of the last segment that are no whole frame. It was
never reported as durable, so nothing is lost with it. Anything else that is wrong is damage, and no record is read past it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fieldmap.runtime.archive import warc
from fieldmap.runtime.archive.frames import MAGIC, FrameError, Frames
from fieldmap.runtime.archive.position import describe, offset_of, position, segment_name, segment_of
from fieldmap.runtime.archive.records import Archived, TornTail
from fieldmap.runtime.errors import ArchiveError, MissingError
from fieldmap.runtime.ports import Folder

_SEGMENT = re.compile(r"(\d{6,})\.warc\.zst")
_STEP = 1 << 20


def damaged(resource: str, place: int, reason: str) -> ArchiveError:
    return ArchiveError(
        f"The archive of {resource} is damaged at {describe(place)}: {reason};"
        " restore that file from a backup, or move the resource's folder away and fetch anew"
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its place."""

    record: warc.Record
    position: int
    length: int


class Segments:
    """Reads one resource's folder, as far as it goes now. torn: the torn tail that was met, once reading has come to the end."""

    def __init__(self, folder: Folder, resource: str) -> None:
        self._folder = folder
        self._resource = resource
        self.torn: TornTail | None = None
        self.numbers = self._numbers()

    def settle(self) -> int | None:
        """Makes durable what is there, and gives the position where that ends, for `entries`; None if nothing is there. A record that was
        written may not be durable, be it that its writer is about to make it so, be it that it was killed before."""
        if not self.numbers:
            return None
        # Nobody begins a segment before the one before it is durable.
        number = self.numbers[-1]
        return position(number, self._folder.settle(segment_name(number)))

    def entries(self, after: int | None, end: int | None = None) -> Iterator[Entry]:
        """Every record after the one at `after`, in order, chain and digests checked; of those only that end before or at `end`, if that is
        given. Raises ArchiveError at damage."""
        first, offset, chain = 1, 0, warc.FIRST_CHAIN
        if after is not None:
            start = self.entry(after)
            first, offset, chain = segment_of(after), offset_of(after) + start.length, start.record.chain
        for number in self.numbers[first - 1 :]:
            frames = self._frames(number)
            while end is None or position(number, offset) < end:
                entry = self._next(frames, number, offset, chain)
                if entry is None or (end is not None and entry.position + entry.length > end):
                    break
                yield entry
                chain = entry.record.chain
                offset += entry.length
            offset = 0

    def backwards(self) -> Iterator[Entry]:
        """Every record from the last to the first, digests checked. Raises ArchiveError at damage."""
        for number in reversed(self.numbers):
            offsets, _, _ = self.scan(number)
            for offset in reversed(offsets):
                yield self.entry(position(number, offset))

    def entry(self, place: int) -> Entry:
        """The record at a position, its digest checked. Raises ArchiveError if there is none."""
        number, offset = segment_of(place), offset_of(place)
        if number not in self.numbers or offset >= self._folder.size(segment_name(number)):
            raise MissingError(
                f"The archive of {self._resource} has no record {describe(place)}: a part of it is missing;"
                " restore it from a backup, since what was loaded from it cannot be replayed or explained without it"
            )
        try:
            data, length = self._frames(number).record(offset)
        except FrameError as error:
            raise damaged(self._resource, place, f"there is {error}") from None
        return self._checked(data, place, length, None)

    def received(self, entry: Entry) -> Archived:
        """What was received, by its record; a page that was not modified has the body of the response that it refers to. Raises
        ArchiveError."""
        try:
            place = warc.refers_to(entry.record)
            if place is None:
                return warc.data_record(entry.record, entry.position, entry.length)
            # Only ever backwards, and to a response itself: no chain of them can go round.
            found = self.entry(place) if place < entry.position else None
            if found is None or found.record.kind != "response" or found.record.is_rejected:
                raise warc.MalformedError("refers to something that is no response")
            referred = warc.data_record(found.record, found.position, found.length)
            return warc.data_record(entry.record, entry.position, entry.length, referred)
        except warc.MalformedError as error:
            raise damaged(self._resource, entry.position, f"the record {error}") from None

    def scan(self, number: int) -> tuple[list[int], int, TornTail | None]:
        """Where each record of a segment begins, where the last ends, and the torn tail behind it; opens the last frame."""
        frames = self._frames(number)
        offsets: list[int] = []
        offset = 0
        try:
            while length := frames.length(offset):
                offsets.append(offset)
                offset += length
        except FrameError as error:
            return offsets, offset, self._tear(number, offset, str(error))
        try:
            if offsets:
                frames.record(offsets[-1])
        except FrameError as error:
            last = offsets.pop()
            return offsets, last, self._tear(number, last, str(error))
        return offsets, offset, None

    def chain(self, number: int, offsets: list[int]) -> str:
        """The chain at the last record of a segment that was scanned, the record verified once more."""
        if not offsets:
            raise damaged(self._resource, position(number, 0), "the segment is empty, and others follow")
        places = [position(number, offset) for offset in offsets[-2:]]
        before = self.entry(places[0])
        last = self.entry(places[-1])
        if len(places) == 2:
            self._check(last.record, last.position, before.record.chain)
        return last.record.chain

    # ------------------------------------------------------------------------------------------------- parts

    def _numbers(self) -> list[int]:
        numbers = sorted(int(found[1]) for name in self._folder.names() if (found := _SEGMENT.fullmatch(name)))
        for expected, number in enumerate(numbers, 1):
            if number != expected:
                raise ArchiveError(
                    f"The archive of {self._resource} lacks {segment_name(expected)}; restore that file from a backup"
                )
        return numbers

    def _frames(self, number: int) -> Frames:
        name = segment_name(number)
        return Frames(lambda offset, size: self._folder.read(name, offset, size))

    def _next(self, frames: Frames, number: int, offset: int, chain: str) -> Entry | None:
        place = position(number, offset)
        try:
            data, length = frames.record(offset)
        except FrameError as error:
            self.torn = self._tear(number, offset, str(error))
            return None
        if not data:
            if not offset and number != self.numbers[-1]:
                raise damaged(self._resource, place, "the segment is empty, and others follow")
            return None
        entry = self._checked(data, place, length, chain)
        opens = entry.record.kind == "warcinfo"
        if opens != (offset == 0) or (opens and entry.record.head.get("fieldmap-segment") != str(number)):
            raise damaged(self._resource, place, "the record belongs elsewhere")
        return entry

    def _checked(self, data: bytes, place: int, length: int, chain: str | None) -> Entry:
        try:
            record = warc.parse(data, self._resource)
        except warc.NewerError as error:
            raise ArchiveError(
                f"The archive of {self._resource} cannot be read: the record {describe(place)} {error},"
                f" and this version of Fieldmap knows format {warc.VERSION}; use the version that wrote it or a newer one"
            ) from None
        except warc.MalformedError as error:
            raise damaged(self._resource, place, f"the record {error}") from None
        self._check(record, place, chain)
        return Entry(record, place, length)

    def _check(self, record: warc.Record, place: int, chain: str | None) -> None:
        try:
            record.check(chain)
        except warc.MalformedError as error:
            raise damaged(self._resource, place, f"the record {error}") from None

    def _tear(self, number: int, offset: int, reason: str) -> TornTail:
        """What is wrong at offset as a torn tail. Raises ArchiveError if it is damage, with records behind it."""
        place = position(number, offset)
        if number != self.numbers[-1]:
            raise damaged(self._resource, place, f"there is {reason}, and other segments follow")
        size = self._folder.size(segment_name(number))
        # A record that is whole by now was being written, and others may have come behind it since.
        if self._record_after(number, offset + 1, size) and not self._is_record(number, offset):
            raise damaged(self._resource, place, f"there is {reason}, and whole records follow")
        return TornTail(self._resource, place, size - offset, reason)

    def _record_after(self, number: int, offset: int, size: int) -> bool:
        name = segment_name(number)
        while offset < size:
            window = self._folder.read(name, offset, _STEP + len(MAGIC) - 1)
            at = window.find(MAGIC)
            while at >= 0:
                if self._is_record(number, offset + at):
                    return True
                at = window.find(MAGIC, at + 1)
            offset += _STEP
        return False

    def _is_record(self, number: int, offset: int) -> bool:
        try:
            data, _ = self._frames(number).record(offset)
            warc.parse(data, self._resource)
        except (FrameError, warc.MalformedError):
            return False
        return True
