"""How far the archive of a resource is, read from its end backwards."""

from __future__ import annotations

from fieldmap.runtime.archive import warc
from fieldmap.runtime.archive.records import Frame, Standing
from fieldmap.runtime.archive.segments import Segments, damaged


def standing(segments: Segments, resource: str) -> Standing:
    """The position of the last sweep that was closed, and the pages that an interrupted one behind it left. Raises ArchiveError."""
    frames: list[Frame] = []
    whole = False
    for entry in segments.backwards():
        try:
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
