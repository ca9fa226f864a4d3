"""zstd frames: made, found in a file, and opened, within bounds that are checked before memory is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import zstandard

MAGIC: Final = b"\x28\xb5\x2f\xfd"
MOST_RECORD: Final = 320 << 20  # bytes, of a record and of its frame
_MOST_BLOCK: Final = 128 << 10  # bytes that one block of a frame can hold, by the format
_MOST_BLOCKS: Final = 1 << 20
_LONGEST_HEADER: Final = 18
_WINDOW: Final = 1 << 20
_AT_ONCE: Final = 4 << 20  # bytes of a record that are put together first: a tenth faster, for twice the memory
_CHUNK: Final = 512 << 10

Read = Callable[[int, int], bytes]


class FrameError(Exception):
    """There is no whole, sound frame; the text goes on from "there is": "no zstd frame"."""


def compressor() -> zstandard.ZstdCompressor:
    """Makes frames of the one kind that `Frames` takes. For one thread."""
    import zstandard

    # Level 1, but for a table that stays in the nearest cache: a seventh faster, for archives that are 0 to 4 % larger.
    parameters = zstandard.ZstdCompressionParameters.from_level(
        1, hash_log=13, write_checksum=True, write_content_size=True
    )
    return zstandard.ZstdCompressor(compression_params=parameters)


def framed(compressor: zstandard.ZstdCompressor, parts: Sequence[bytes]) -> bytes:
    """One frame of all parts."""
    size = sum(map(len, parts))
    if size < _AT_ONCE:
        return compressor.compress(b"".join(parts))
    chunker = compressor.chunker(size=size, chunk_size=_CHUNK)
    chunks = [chunk for part in parts for chunk in chunker.compress(part)]
    chunks += chunker.finish()  # type: ignore[no-untyped-call]
    return b"".join(chunks)


class Frames:
    """The frames of one file, read through a window; `read(offset, size)` gives its bytes, fewer at the end."""

    def __init__(self, read: Read) -> None:
        import zstandard

        self._read = read
        self._window = b""
        self._start = 0
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=MOST_RECORD)
        self._error = zstandard.ZstdError

    def record(self, offset: int) -> tuple[bytes, int]:
        """The content of the frame that begins at offset, and the frame's length: (b"", 0) where the file ends.

        Raises FrameError, also if the frame's checksum is not that of its content.
        """
        length = self.length(offset)
        if not length:
            return b"", 0
        try:
            return self._decompressor.decompress(self._bytes(offset, length)), length
        except self._error:
            raise FrameError("a damaged frame") from None

    def length(self, offset: int) -> int:
        """Length of the frame that begins at offset, by the headers of its blocks; 0 where the file ends. Raises FrameError."""
        if not self._bytes(offset, 1):
            return 0
        head = self._bytes(offset, _LONGEST_HEADER)
        header, size = _header(head)
        at = offset + header
        last = False
        blocks = 0
        while not last:
            mark = int.from_bytes(self._bytes(at, 3), "little")
            if self._short(at, 3):
                raise FrameError("an incomplete frame")
            last, kind, length = bool(mark & 1), mark >> 1 & 3, mark >> 3
            blocks += 1
            if kind == 3 or length > _MOST_BLOCK or blocks > _MOST_BLOCKS:
                raise FrameError("a damaged frame")
            at += 3 + (1 if kind == 1 else length)
            if at - offset > MOST_RECORD:
                raise FrameError("a frame beyond all bounds")
        at += 4  # the checksum
        if size > blocks * _MOST_BLOCK:
            raise FrameError("a frame that promises more than it can hold")
        if self._short(at - 1, 1):
            raise FrameError("an incomplete frame")
        return at - offset

    def _bytes(self, offset: int, size: int) -> bytes:
        end = offset + size
        if offset < self._start or end > self._start + len(self._window):
            self._window = self._read(offset, max(size, _WINDOW))
            self._start = offset
        return self._window[offset - self._start : end - self._start]

    def _short(self, offset: int, size: int) -> bool:
        return len(self._bytes(offset, size)) < size


def _header(head: bytes) -> tuple[int, int]:
    """Length of a frame's header, and of its content. Only frames as `compress` makes them are taken."""
    if not head.startswith(MAGIC[: len(head)]):
        raise FrameError("no zstd frame")
    import zstandard

    try:
        length = zstandard.frame_header_size(head)
        frame = zstandard.get_frame_parameters(head)
    except zstandard.ZstdError:
        raise FrameError("an incomplete frame" if len(head) < _LONGEST_HEADER else "a damaged frame") from None
    if not frame.has_checksum or frame.dict_id or not 0 < frame.content_size <= MOST_RECORD:
        raise FrameError("a frame of another kind")
    return length, frame.content_size
