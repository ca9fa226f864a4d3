"""How far the archive of a resource is, read from its end backwards."""

from __future__ import annotations

from datetime import datetime

from fieldmap.runtime.archive import warc
from fieldmap.runtime.archive.records import ClosedSweep, Frame, Parts, Standing
from fieldmap.runtime.archive.segments import Entry, Segments, damaged
from fieldmap.runtime.plan import DELETES


def standing(segments: Segments, resource: str, part: str = "") -> Standing:
    """The position of the last sweep that was closed, and the pages that an interrupted one behind it left. part: DELETES for those of
    the feed of deletes instead. Raises ArchiveError."""
    frames: list[Frame] = []
    whole = False
    for entry in segments.backwards():
        if entry.record.is_of_feed != (part == DELETES):
            continue
        try:
            if entry.record.closes_part and not part:
                continue
            if entry.record.kind == "metadata":
                mark = warc.closed_sweep(entry.record, entry.position, entry.length)
                return Standing(through=mark.end.through, frames=frames[::-1], closed_at=mark.closed_at, end=mark.end)
            if entry.record.kind != "warcinfo" and not whole and not entry.record.is_rejected:
                found = warc.frame(entry.record, entry.position)
                # What lies before it is of a sweep that was given up.
                whole = bool(frames) and found.sweep != frames[-1].sweep
                frames += [] if whole else [found]
        except warc.MalformedError as error:
            raise damaged(resource, entry.position, f"the record {error}") from None
    return Standing(through="", frames=frames[::-1], closed_at=None)


def parts(segments: Segments, resource: str) -> Parts:
    """As `standing`, of a resource in parts: back to the beginning of the last reading of all that came to its end, which has a mark for
    each part that there was. Raises ArchiveError."""
    through: dict[str, str] = {}
    asks: dict[str, str] = {}
    done: dict[str, ClosedSweep] = {}
    frames: dict[str, list[Frame]] = {}
    windows: set[str] = set()
    pages = 0
    sweep, begin, first, ends = "", -1, -1, -1
    at: datetime | None = None
    for entry in segments.backwards():
        if 0 <= entry.position < ends:
            break
        item = None if entry.record.kind == "warcinfo" else _part_of(entry, resource)
        if item is None:
            continue
        if isinstance(item, ClosedSweep) and not item.part:
            if ends >= 0:
                break
            # Of a resource that had no parts before, the pages say nothing of any.
            ends = item.end.begin if item.end.begin >= 0 else entry.position
            continue
        if ends < 0 and not sweep:
            sweep, at = item.sweep, item.closed_at if isinstance(item, ClosedSweep) else item.fetched_at
        of_open = ends < 0 and item.sweep == sweep
        begin = entry.position if of_open else begin
        if isinstance(item, ClosedSweep):
            asks.setdefault(item.part, item.end.asks)
            if item.end.through:
                through.setdefault(item.part, item.end.through)
            if of_open:
                pages += item.pages
                windows.add(item.end.window)
                done.setdefault(item.part, item)
        elif of_open and not entry.record.is_rejected:
            first = entry.position
            if item.part not in done:
                frames.setdefault(item.part, []).append(item)
    waiting = {part: found[::-1] for part, found in frames.items()}
    return Parts(
        through=through,
        asks=asks,
        sweep=sweep,
        begin=begin,
        first=first,
        done=done,
        frames=waiting,
        windows=windows,
        pages=pages,
        at=at,
    )


def _part_of(entry: Entry, resource: str) -> ClosedSweep | Frame:
    try:
        if entry.record.kind == "metadata":
            return warc.closed_sweep(entry.record, entry.position, entry.length)
        return warc.frame(entry.record, entry.position)
    except warc.MalformedError as error:
        raise damaged(resource, entry.position, f"the record {error}") from None
