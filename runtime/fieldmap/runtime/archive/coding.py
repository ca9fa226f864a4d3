"""Undoing a response's content coding, strictly and within bounds.

HTTP libraries take a gzip stream that ends early for a whole one, and give only the first of several members; both lose
records without a word. Here the end of the stream and its checksum must be there, and a bomb is stopped before it takes
memory.
"""

from __future__ import annotations

from typing import Final

from fieldmap.runtime.values.gunzip import MOST_UNPACKED, GunzipError, gunzip

MOST_DECODED: Final = MOST_UNPACKED  # bytes


class CodingError(Exception):
    """The text goes on from "the body": "ends in the middle of its gzip stream".

    again: whether another transfer may fare better, as after a cut. large: whether the body is longer than one may be.
    """

    def __init__(self, reason: str, *, again: bool, large: bool = False) -> None:
        super().__init__(f"the body {reason}")
        self.again = again
        self.large = large


def decoded(body: bytes, coding: str) -> bytes:
    """The body without its coding, one of gzip and identity; at most MOST_DECODED bytes. Raises CodingError."""
    match coding.strip().lower():
        case "" | "identity":
            if len(body) > MOST_DECODED:
                raise CodingError(f"is longer than {MOST_DECODED >> 20} MiB", again=False, large=True)
            return body
        case "gzip" | "x-gzip":
            try:
                return gunzip(body)
            except GunzipError as error:
                # What is whole and cannot be unpacked is too much.
                raise CodingError(str(error), again=error.again, large=not error.again) from None
        case other:
            raise CodingError(f'has the content coding "{other[:40]}", and only gzip was offered', again=False)
