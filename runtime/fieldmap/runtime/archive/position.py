"""Where a record lies in a resource's archive, as one number that grows with every record."""

from __future__ import annotations

from typing import Final

_OFFSET_BITS: Final = 40


def position(segment: int, offset: int) -> int:
    """segment: from 1. offset: of the record's first byte in the segment file."""
    return segment << _OFFSET_BITS | offset


def segment_of(position: int) -> int:
    return position >> _OFFSET_BITS


def offset_of(position: int) -> int:
    return position & ((1 << _OFFSET_BITS) - 1)


def segment_name(segment: int) -> str:
    return f"{segment:06}.warc.zst"


def spelled(position: int) -> str:
    """`17:1048576`, as `fieldmap archive cat` takes it."""
    return f"{segment_of(position)}:{offset_of(position)}"


def describe(position: int) -> str:
    """`000017.warc.zst at 1 048 576`."""
    return f"{segment_name(segment_of(position))} at {offset_of(position):,}".replace(",", " ")
