"""How much there is of a resource, without reading again what was counted before: segments that others follow are never written again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from fieldmap.runtime.archive.position import segment_name, segment_of
from fieldmap.runtime.archive.records import Archived
from fieldmap.runtime.archive.segments import Segments
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Folder


@dataclass(frozen=True)
class Census:
    """pages: responses, without those that were rejected. bytes: of their bodies as received. last: when the last was fetched."""

    pages: int = 0
    bytes: int = 0
    last: datetime | None = None


class Counted(msgspec.Struct, frozen=True):
    """What was counted up to the end of a segment that others follow. through: its last record; chain: of that, which stands for all
    before it; sizes: of the segments up to there."""

    through: int
    chain: str
    sizes: list[int]
    pages: int
    bytes: int
    last: datetime | None


def take(folder: Folder, segments: Segments, resource: str, known: bytes | None) -> tuple[Census, bytes | None]:
    """Counts, from where `known`, what an earlier count gave, ends; and gives what is known now. Raises ArchiveError at damage in what it
    reads, and where a segment that was counted is not as long as it was."""
    counted = _still(folder, segments, known)
    found = Census(counted.pages, counted.bytes, counted.last) if counted is not None else Census()
    place, chain, at_place = (counted.through, counted.chain, found) if counted is not None else (-1, "", found)
    before: tuple[int, str, Census] | None = None
    for entry in segments.entries(counted.through if counted is not None else None):
        if before is not None and segment_of(entry.position) != segment_of(before[0]):
            place, chain, at_place = before
        if entry.record.kind not in ("warcinfo", "metadata") and not entry.record.is_rejected:
            page: Archived = segments.received(entry)
            found = replace(found, pages=found.pages + 1, bytes=found.bytes + len(page.body), last=page.fetched_at)
        before = (entry.position, entry.record.chain, found)
    if place < 0:
        return found, None
    sizes = [folder.size(segment_name(number)) for number in segments.numbers[: segment_of(place)]]
    now = Counted(place, chain, sizes, at_place.pages, at_place.bytes, at_place.last)
    return found, msgspec.json.encode(now)


def _still(folder: Folder, segments: Segments, known: bytes | None) -> Counted | None:
    """What was counted before, if the archive is still the one that it was counted in."""
    if known is None:
        return None
    try:
        counted = msgspec.json.decode(known, type=Counted)
        numbers = segments.numbers[: len(counted.sizes)]
        if [folder.size(segment_name(number)) for number in numbers] != counted.sizes:
            return None
        return counted if segments.entry(counted.through).record.chain == counted.chain else None
    except (msgspec.DecodeError, ArchiveError):
        # Read from the beginning, and what is wrong is told.
        return None
