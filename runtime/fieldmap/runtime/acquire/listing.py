"""Which files a sweep found and what of each is archived: written into the mark of its end, so that nothing beside the archive knows it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fieldmap.runtime.archive.records import Frame, Standing
from fieldmap.runtime.errors import ArchiveError

_FINGERPRINT: Final = re.compile(r"([0-9a-f]{32})\.(\d{1,9})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Entry:
    """version: as the shelf told it, "" if that does not tell one content from another. parts: SHA-256 of each, in hexadecimal; none
    of a file that could not be read."""

    version: str
    parts: tuple[str, ...]


def fingerprint(name: str, part: int, digest: str) -> str:
    """Of a part of a file, for the archive: which part it is, and its content."""
    return f"{_key(name)}.{part}.{digest}"


def _key(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def written(entries: dict[str, Entry]) -> bytes:
    lines = [
        json.dumps({"name": name, "version": entry.version, "parts": entry.parts}, ensure_ascii=True) + "\n"
        for name, entry in sorted(entries.items())
    ]
    # One blank line even of nothing: a mark with a listing is one of files.
    return "".join(lines).encode("ascii") or b"\n"


def read(listing: bytes, resource: str) -> dict[str, Entry]:
    """Raises ArchiveError."""
    entries = {}
    try:
        for line in listing.splitlines():
            if line:
                found = json.loads(line)
                entries[str(found["name"])] = Entry(str(found["version"]), tuple(map(str, found["parts"])))
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            f"The archive of {resource} has a list of files that is not one ({error}); see: fieldmap archive verify"
        ) from None
    return entries


@dataclass(frozen=True, slots=True)
class Begun:
    """What a sweep of files that did not come to its end left: its identifier, its pages, and the last content of each part."""

    sweep: str
    frames: tuple[Frame, ...]
    parts: dict[tuple[str, int], str]
    keys: frozenset[str]

    def names(self, name: str) -> bool:
        """Whether any part of the file is among its pages."""
        return _key(name) in self.keys

    def part(self, name: str, number: int) -> str | None:
        return self.parts.get((_key(name), number))


def begun(standing: Standing) -> Begun | None:
    """None where nothing was begun, or where it was no sweep of files."""
    parts = {}
    for frame in standing.frames:
        found = _FINGERPRINT.fullmatch(frame.request)
        if found is None:
            return None
        parts[found[1], int(found[2])] = found[3]
    if not standing.frames or standing.frames[0].page != 1:
        return None
    return Begun(standing.frames[0].sweep, tuple(standing.frames), parts, frozenset(key for key, _ in parts))


def rests_on(frames: Iterable[Frame], fingerprints: Iterable[str]) -> bool:
    """Whether the pages of a sweep are what it would begin with now."""
    wanted = iter(fingerprints)
    return all(frame.request == next(wanted, None) for frame in frames)
