"""Undoing a response's content coding, strictly and within bounds.

HTTP libraries take a gzip stream that ends early for a whole one, and give only the first of several members; both lose
records without a word. Here the end of the stream and its checksum must be there, and a bomb is stopped before it takes
memory.
"""

from __future__ import annotations

import zlib
from typing import Final

MOST_DECODED: Final = 256 << 20  # bytes
_MOST_RATIO: Final = 200
_RATIO_FROM: Final = 1 << 20  # bytes: small bodies may well shrink by more
_MOST_MEMBERS: Final = 10_000
_STEP: Final = 64 << 10  # bytes, taken in and given out at a time
_GZIP: Final = 16 + zlib.MAX_WBITS


class CodingError(Exception):
    """The text goes on from "the body": "ends in the middle of its gzip stream".

    again: whether another transfer may fare better, as after a cut.
    """

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(f"the body {reason}")
        self.again = again


def decoded(body: bytes, coding: str) -> bytes:
    """The body without its coding, one of gzip and identity; at most MOST_DECODED bytes. Raises CodingError."""
    match coding.strip().lower():
        case "" | "identity":
            if len(body) > MOST_DECODED:
                raise CodingError(f"is longer than {MOST_DECODED >> 20} MiB", again=False)
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body)
        case other:
            raise CodingError(f'has the content coding "{other[:40]}", and only gzip was offered', again=False)


def _gunzip(body: bytes) -> bytes:
    parts: list[bytes] = []
    room = min(MOST_DECODED, max(_RATIO_FROM, len(body) * _MOST_RATIO))
    view = memoryview(body)
    at = members = 0
    while at < len(body):
        members += 1
        if members > _MOST_MEMBERS:
            raise CodingError(f"has more than {_MOST_MEMBERS:,} gzip members", again=False)
        at, room = _member(view, at, room, parts)
        if body[at : at + 1] == b"\0":
            # Some writers fill up with zeros after the last member.
            if body[at:].strip(b"\0"):
                raise CodingError("goes on with something else after its gzip stream", again=True)
            break
    if not members:
        raise CodingError("is empty, and was announced as gzip", again=True)
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
                    raise CodingError("ends in the middle of its gzip stream", again=True)
            piece = stream.decompress(waiting, _STEP)
            waiting = stream.unconsumed_tail
            room -= len(piece)
            if room < 0:
                raise CodingError(
                    f"unpacks to more than {MOST_DECODED >> 20} MiB or {_MOST_RATIO} times its size", again=False
                )
            parts.append(piece)
    except zlib.error:
        raise CodingError("is not the gzip stream that it was announced as", again=True) from None
    return at - len(stream.unused_data), room
