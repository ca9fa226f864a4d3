"""Unpacking gzip, strictly and within bounds: all members of a stream, each whole and with its checksum, and no bomb."""

from __future__ import annotations

import zlib
from typing import Final

MOST_UNPACKED: Final = 256 << 20  # bytes
MOST_RATIO: Final = 200
_RATIO_FROM: Final = 1 << 20  # bytes: small bodies may well shrink by more
_MOST_MEMBERS: Final = 10_000
_STEP: Final = 64 << 10  # bytes, taken in and given out at a time
_GZIP: Final = 16 + zlib.MAX_WBITS


class GunzipError(Exception):
    """The text goes on from "the body": "ends in the middle of its gzip stream".

    again: whether another transfer may fare better, as after a cut.
    """

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


def room_for(packed: int) -> int:
    """How many bytes may come out of so many that are packed."""
    return min(MOST_UNPACKED, max(_RATIO_FROM, packed * MOST_RATIO))


def gunzip(body: bytes) -> bytes:
    """The bytes of all members, one after the other. Raises GunzipError."""
    parts: list[bytes] = []
    room = room_for(len(body))
    view = memoryview(body)
    at = members = 0
    while at < len(body):
        members += 1
        if members > _MOST_MEMBERS:
            raise GunzipError(f"has more than {_MOST_MEMBERS:,} gzip members", again=False)
        at, room = _member(view, at, room, parts)
        if body[at : at + 1] == b"\0":
            # Some writers fill up with zeros after the last member.
            if body[at:].strip(b"\0"):
                raise GunzipError("goes on with something else after its gzip stream", again=True)
            break
    if not members:
        raise GunzipError("is empty, and was announced as gzip", again=True)
    return b"".join(parts)


def _member(view: memoryview, at: int, room: int, parts: list[bytes]) -> tuple[int, int]:
    """Decodes the member that begins at `at`; gives where it ends and how many bytes may still come out."""
    stream = zlib.decompressobj(wbits=_GZIP)
    waiting: bytes | memoryview = b""
    try:
        while not stream.eof:
            if not waiting:
                waiting = view[at : at + _STEP]
                at += len(waiting)
                if not waiting:
                    raise GunzipError("ends in the middle of its gzip stream", again=True)
            piece = stream.decompress(waiting, _STEP)
            waiting = stream.unconsumed_tail
            room -= len(piece)
            if room < 0:
                raise GunzipError(
                    f"unpacks to more than {MOST_UNPACKED >> 20} MiB or {MOST_RATIO} times its size", again=False
                )
            parts.append(piece)
    except zlib.error:
        raise GunzipError("is not the gzip stream that it was announced as", again=True) from None
    return at - len(stream.unused_data), room
