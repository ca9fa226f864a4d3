"""The archive: every response as it was received, in order, durable and verifiable. The loader reads only from it.

One folder a resource, in it segments `000001.warc.zst` of WARC 1.1 records (ISO 28500), each a zstd frame of its own:

    position   where a record lies, as one number
    records    what goes in and comes out
    coding     undoing a content coding within bounds
    warc       a record as bytes, and back
    frames     zstd frames, walked and opened within bounds
    segments   the records of a resource in order, along their chain
    ahead      a record made while its page is looked at
    writer     appending durably; cutting what an interrupted write left
    storage    the local file system
    archive    all of it by resource
"""

from fieldmap.runtime.archive.archive import Archive
from fieldmap.runtime.archive.position import describe, offset_of, position, segment_of, spelled
from fieldmap.runtime.archive.records import Archived, ClosedSweep, Received, SweepEnd, TornTail, Verified
from fieldmap.runtime.archive.writer import Writer

__all__ = [
    "Archive",
    "Archived",
    "ClosedSweep",
    "Received",
    "SweepEnd",
    "TornTail",
    "Verified",
    "Writer",
    "describe",
    "offset_of",
    "position",
    "segment_of",
    "spelled",
]
