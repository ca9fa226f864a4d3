"""What the pages of the last closed sweep were asked by, and which headers they came with: enough to ask whether they changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from fieldmap.runtime.archive import warc
from fieldmap.runtime.archive.records import ClosedSweep
from fieldmap.runtime.archive.segments import Entry, Segments, damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A page without its body. request: fingerprint of what was asked. framed: false if it may have been cut unseen. asker: see
    `Received`."""

    position: int
    request: str
    format: str
    framed: bool
    asker: str
    headers: Mapping[str, str]


def kept(segments: Segments, resource: str) -> Iterator[Kept]:
    """The pages of the last sweep that was closed, in order; what an interrupted one left behind it does not count. Raises ArchiveError."""
    mark = None
    try:
        mark = _last_mark(segments)
        if mark is None or mark.end.first < 0:
            return
        for entry in chain([segments.entry(mark.end.first)], segments.entries(mark.end.first)):
            record, head = entry.record, entry.record.head
            if entry.position >= mark.position:
                return
            is_page = record.kind in ("response", "revisit") and not record.is_rejected
            if is_page and head.get("fieldmap-sweep") == mark.sweep and "fieldmap-part" not in head:
                yield Kept(
                    position=entry.position,
                    request=head.get("fieldmap-request", ""),
                    format=head.get("fieldmap-format", ""),
                    framed=head.get("fieldmap-framed") == "yes",
                    asker=head.get("fieldmap-asker", ""),
                    headers=_headers(segments, entry),
                )
    except warc.MalformedError as error:
        raise damaged(resource, mark.position if mark is not None else 0, f"the record {error}") from None


def _last_mark(segments: Segments) -> ClosedSweep | None:
    for entry in segments.backwards():
        if entry.record.kind == "metadata" and not entry.record.closes_part:
            return warc.closed_sweep(entry.record, entry.position, entry.length)
    return None


def _headers(segments: Segments, entry: Entry) -> Mapping[str, str]:
    headers = warc.headers(entry.record)
    # A 304 ought to repeat the ETag; where it does not, that of then holds on.
    return headers if entry.record.kind == "response" or "etag" in headers else segments.received(entry).headers
