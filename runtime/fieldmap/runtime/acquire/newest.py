"""What the archive of a resource says of each record: which version is the newest, where it lies, and whether the record is there.

It is folded over the archive from its beginning. So that this is not done anew for each sync, it is kept beside the archive with the
entry through which it was folded. The archive stays the truth: what is kept is a shortcut, taken only while that very entry lies where
it lay and the records are told apart as they were; else the whole archive is read. No value of a record is in it.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from fieldmap.runtime.archive import Archived, ClosedSweep
from fieldmap.runtime.archive.records import SweepEnd

_FORMAT: Final = 1
_KEY: Final = 16  # bytes of what stands for a record's identity
_NEVER: Final = float("-inf")


class Through(msgspec.Struct, frozen=True):
    """The entry of the archive through which was folded. mark: tells it from any other that may come to lie there."""

    position: int
    mark: str

    @classmethod
    def of(cls, item: Archived | ClosedSweep) -> Through:
        at = item.closed_at if isinstance(item, ClosedSweep) else item.fetched_at
        what = item.pages if isinstance(item, ClosedSweep) else hashlib.sha256(item.body).hexdigest()
        text = f"{type(item).__name__} {item.sweep} {at.isoformat()} {what}"
        return cls(item.position, hashlib.sha256(text.encode()).hexdigest())


class _Head(msgspec.Struct):
    format: int
    order: str
    apart: str
    count: int
    through: Through
    digest: str


class Newest:
    """A row for each record. through: None before anything was folded."""

    def __init__(self) -> None:
        self.through: Through | None = None
        self._rows: dict[bytes, int] = {}
        # When the newest version changed, in seconds since 1970; where it lies, and which record of its page it is; whether it lives;
        # where any version was seen last.
        self._changed = array("d")
        self._position = array("q")
        self._index = array("q")
        self._lives = bytearray()
        self._seen = array("q")

    @staticmethod
    def key(identity: str) -> bytes:
        return hashlib.sha256(identity.encode()).digest()[:_KEY]

    def saw(self, key: bytes, changed: float | None, position: int, index: int, *, lives: bool) -> None:
        """Takes note of a version, behind all that were noted."""
        changed = _NEVER if changed is None else changed
        row = self._rows.setdefault(key, len(self._lives))
        if row == len(self._lives):
            self._changed.append(changed)
            self._position.append(position)
            self._index.append(index)
            self._lives.append(lives)
            self._seen.append(position)
            return
        self._seen[row] = position
        if self._changed[row] <= changed:
            self._changed[row], self._position[row], self._index[row] = changed, position, index
            self._lives[row] = lives

    def closed(self, absence: str | None, end: SweepEnd) -> None:
        """What a full sweep lacks is gone, where the resource says so, and where it is not too much of it to be believed."""
        if absence is None or not end.full or not end.framed or end.skipped or end.records is None or end.first < 0:
            return
        absent = [row for row, lives in enumerate(self._lives) if lives and self._seen[row] < end.first]
        few = Decimal(len(absent) * 100) <= Decimal(absence) * sum(self._lives) and end.records > 0 and not end.capped
        if few or end.confirmed:
            for row in absent:
                self._lives[row] = False

    def living(self) -> Iterator[tuple[int, list[tuple[int, bytes]]]]:
        """Where the records lie that are there, in order: positions, each with the indexes and keys of its records."""
        pages: dict[int, list[tuple[int, bytes]]] = {}
        for key, row in self._rows.items():
            if self._lives[row]:
                pages.setdefault(self._position[row], []).append((self._index[row], key))
        for position in sorted(pages):
            yield position, sorted(pages[position])

    # --------------------------------------------------------------------------------------------------- kept

    def encoded(self, apart: str) -> bytes:
        """apart: tells by what the records are told apart."""
        assert self.through is not None  # noqa: S101  (nothing is kept of nothing)
        columns = (self._changed, self._position, self._index, self._lives, self._seen)
        data = b"".join(self._rows) + b"".join(bytes(column) for column in columns)
        digest = hashlib.sha256(data).hexdigest()
        head = _Head(_FORMAT, sys.byteorder, apart, len(self._rows), self.through, digest)
        return msgspec.json.encode(head) + b"\n" + data

    @classmethod
    def decoded(cls, data: bytes | None, apart: str) -> Newest | None:
        """What was kept; None where it is of other records, of another machine or release, or damaged."""
        first, _, rest = (data or b"").partition(b"\n")
        try:
            head = msgspec.json.decode(first, type=_Head)
        except msgspec.DecodeError:
            return None
        fits = (head.format, head.order, head.apart) == (_FORMAT, sys.byteorder, apart)
        if not fits or hashlib.sha256(rest).hexdigest() != head.digest:
            return None
        found, count = cls(), head.count
        found.through = head.through
        found._rows = {rest[at : at + _KEY]: row for row, at in enumerate(range(0, count * _KEY, _KEY))}
        at = count * _KEY
        for column in (found._changed, found._position, found._index, found._lives, found._seen):
            size = count if isinstance(column, bytearray) else count * column.itemsize
            if isinstance(column, bytearray):
                column.extend(rest[at : at + size])
            else:
                column.frombytes(rest[at : at + size])
            at += size
        return found
