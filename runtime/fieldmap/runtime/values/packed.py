"""Pages that are a zip or gzip file: what lies in them, unpacked within bounds. Nothing is written to a disk, so that a name in a zip is
only a name; one that would lead somewhere else is refused all the same, since whoever packed it meant harm."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from fieldmap.runtime.values.failures import shorten
from fieldmap.runtime.values.gunzip import MOST_RATIO, MOST_UNPACKED, GunzipError, gunzip, room_for
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import Reading

MOST_MEMBERS: Final = 10_000
_ENTRY: Final = b"PK\x01\x02"  # of the directory at the end of a zip
_STEP: Final = 1 << 20
_MOST: Final = f"{MOST_UNPACKED >> 20} MiB or {MOST_RATIO} times its size"
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ODD: Final = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:|^/")
_DAMAGES: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)

Part = tuple[str, bytes | Failed]


def unpacked(content: bytes, format: str, reading: Reading) -> Iterator[Part]:
    """The files of a page, each by its name ("" where there is one without a name), in their order; a Failed (FM2120) in the place of
    what cannot be had."""
    if reading.packed == "gzip":
        yield "", _gunzipped(content)
    else:
        yield from _zipped(content, format, reading.members)


def fault(content: bytes, packed: str) -> str | None:
    """What is wrong with a body that should be such a file, as a thing that came instead; None for a whole one."""
    if packed == "gzip":
        if content[:2] != b"\x1f\x8b":
            return "a body that is no gzip file"
        try:
            gunzip(content)
        except GunzipError as error:
            return f"a gzip file that {error}"
        return None
    if content[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        return "a body that is no zip file"
    try:
        zipfile.ZipFile(io.BytesIO(content)).close()
    except _DAMAGES:
        return "a zip file that is cut or damaged"
    return None


def _gunzipped(content: bytes) -> bytes | Failed:
    try:
        found = gunzip(content)
    except GunzipError as error:
        return Failed("FM2120", f"the file {error}")
    return _nested(found, "the file", "") or found


def _nested(content: bytes, what: str, format: str) -> Failed | None:
    """One layer is unpacked, and no more: a few kilobytes could otherwise be made to hold anything."""
    inner = "gzip" if content[:2] == b"\x1f\x8b" else "zip" if content[:4] == b"PK\x03\x04" else ""
    if not inner or (inner == "zip" and format == "excel"):
        return None
    return Failed("FM2120", f"{what} is itself a {inner} file, and only one layer is unpacked")


def _zipped(content: bytes, format: str, pattern: str) -> Iterator[Part]:
    if content.count(_ENTRY) > MOST_MEMBERS:
        yield "", Failed("FM2120", f"the zip file holds more than {MOST_MEMBERS:,} files; split it")
        return
    try:
        packed = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGES as error:
        yield "", Failed("FM2120", f"the file is not a whole zip file: {shorten(str(error) or 'it is damaged')}")
        return
    with packed:
        found = [one for one in packed.infolist() if _is_file(one)]
        chosen = [one for one in found if _oddity(one) or PurePosixPath(one.filename).match(pattern)]
        if not chosen:
            names = ", ".join(one.filename for one in found[:5]) or "nothing"
            yield "", Failed("FM2120", f'no file in the zip fits "{pattern}"; it holds {shorten(names)}')
        seen: set[str] = set()
        room = room_for(len(content))
        for one in chosen:
            part = _member(packed, one, room)
            if part is None:
                yield one.filename, Failed("FM2120", f"the zip file unpacks to more than {_MOST}; split it")
                return
            if one.filename in seen:
                part = Failed("FM2120", "the zip file holds two files of this name")
            seen.add(one.filename)
            if isinstance(part, bytes):
                room -= len(part)
                part = _nested(part, "the file", format) or part
            yield one.filename, part


def _is_file(one: zipfile.ZipInfo) -> bool:
    """Neither a folder nor what macOS puts beside each file."""
    return not one.is_dir() and not one.filename.startswith("__MACOSX/")


def _oddity(one: zipfile.ZipInfo) -> str | None:
    if _ODD.search(one.orig_filename) or ".." in one.filename.split("/"):
        return "a file's name leads out of the zip file, or has signs that no name has"
    return "a file in the zip is a link" if stat.S_ISLNK(one.external_attr >> 16) else None


def _member(packed: zipfile.ZipFile, one: zipfile.ZipInfo, room: int) -> bytes | Failed | None:
    """None if there is more of it than room."""
    if oddity := _oddity(one):
        return Failed("FM2120", oddity)
    if one.flag_bits & 1:
        return Failed("FM2120", "the file is protected by a password")
    if one.compress_type not in _METHODS:
        return Failed("FM2120", f"the file is packed in a way that is not read (method {one.compress_type})")
    if one.file_size > room:
        return None  # as it says of itself; what says less is stopped below
    pieces: list[bytes] = []
    left = room
    try:
        with packed.open(one) as stream:
            while piece := stream.read(min(_STEP, left + 1)):
                pieces.append(piece)
                left -= len(piece)
                if left < 0:
                    return None
    except _DAMAGES as error:
        return Failed("FM2120", f"the file is damaged: {shorten(str(error) or 'it is cut')}")
    return b"".join(pieces)
