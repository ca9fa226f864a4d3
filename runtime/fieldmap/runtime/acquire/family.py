"""The records of a resource that others are asked for each of, out of its archive: what is there now, in its newest version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, Final

import msgspec

from fieldmap.runtime.acquire.holes import Known
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import DELETES, Parent
from fieldmap.runtime.surroundings import surrounding
from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.outcome import Claimed, Dead, Failed
from fieldmap.runtime.values.reading import PLAIN

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
# A record that is kept with each page of its children.
MOST_BYTES: Final = 256 << 10


class OrphanError(SourceError):
    """Nothing can be asked for this record of the parent."""


@dataclass(frozen=True, slots=True)
class Record:
    """A parent's record: what tells it apart, and itself with its own parents, nearest first, as JSON."""

    id: str
    chain: str

    @property
    def part(self) -> str:
        """A name for what is read of it, of bounded length."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:32]


@dataclass(slots=True)
class _Version:
    """changed, position, index: of the newest version. seen: where any version was seen last."""

    changed: datetime | None
    position: int
    index: int
    lives: bool
    seen: int


@dataclass(frozen=True)
class Family:
    """archive: where the parents are. module: gives by a resource's name how its records are told apart."""

    archive: Archive
    module: Callable[[str], ModuleType]

    def known(self, parent: Parent) -> bool:
        """Whether the parent has ever been read to its end, or brought a page."""
        return (
            self.archive.end(parent.resource) is not None
            or self.archive.standing(parent.resource).closed_at is not None
        )

    def records(self, parent: Parent) -> Iterator[Record]:
        """The records that are there, in the order of the archive; page by page, so that few are in memory."""
        module = self.module(parent.resource)
        wanted: dict[int, list[tuple[int, str]]] = {}
        for name, version in self._newest(parent, module).items():
            if version.lives:
                wanted.setdefault(version.position, []).append((version.index, name))
        for position in sorted(wanted):
            page = self.archive.read_one(parent.resource, position)
            found = {index: record for index, record, _ in _outcomes(module, page)}
            for index, name in sorted(wanted[position]):
                yield Record(name, _chain(found[index], page))

    def _newest(self, parent: Parent, module: ModuleType) -> dict[str, _Version]:
        newest: dict[str, _Version] = {}
        for item in self.archive.entries(parent.resource, None):
            if isinstance(item, ClosedSweep):
                _drop_absent(newest, parent, item)
                continue
            if item.part == DELETES:
                # Of a time when the resource had a feed of deletes, and nobody was asked for each of its records.
                continue
            for index, _, outcome in _outcomes(module, item):
                # A version that cannot be read leaves the one before it standing.
                if isinstance(outcome, Dead) or outcome.record_id is None:
                    continue
                before = newest.get(outcome.record_id)
                if before is not None and _time(before.changed) > _time(outcome.changed):
                    before.seen = item.position
                    continue
                lives = isinstance(outcome, Claimed)
                newest[outcome.record_id] = _Version(outcome.changed, item.position, index, lives, item.position)
        return newest


def _time(changed: datetime | None) -> float:
    return float("-inf") if changed is None else changed.timestamp()


def _drop_absent(newest: dict[str, _Version], parent: Parent, mark: ClosedSweep) -> None:
    """What a full sweep lacks is gone, where the resource says so, and where it is not too much of it to be believed."""
    end = mark.end
    if parent.absence is None or not end.full or not end.framed or end.skipped or end.records is None or end.first < 0:
        return
    living = [version for version in newest.values() if version.lives]
    absent = [version for version in living if version.seen < end.first]
    few = Decimal(len(absent) * 100) <= Decimal(parent.absence) * len(living) and end.records > 0 and not end.capped
    if few or end.confirmed:
        for version in absent:
            version.lives = False


def _outcomes(module: ModuleType, page: Archived) -> Iterator[tuple[int, Any, Any]]:
    """Of each record of a page its index, itself, and what becomes of it. A body that cannot be read has none."""
    begin = 0
    names: tuple[str, ...] = getattr(module, "SURROUNDINGS", ())
    for _, body in bodies(page.content(), page.format, getattr(module, "READING", PLAIN)):
        try:
            records = [] if isinstance(body, Failed) else module.records(body)
        except Failed:
            records = []
        if isinstance(body, Failed) or not records:
            begin += isinstance(body, Failed)
            continue
        around = [
            module.envelopes(body) if name == "@envelope" else [surrounding(page, body, name)] * len(records)
            for name in names
        ]
        for index, record in enumerate(records):
            yield begin + index, record, module.transform(record, *(column[index] for column in around))
        begin += len(records)


def _chain(record: Any, page: Archived) -> str:
    above = [_ENCODER.encode(record).decode()]
    if page.parent:
        above.append(page.parent[1:-1])
    text = "[" + ",".join(above) + "]"
    # All that a header of the archive may not hold is written as an escape.
    return text.replace("\x7f", "\\u007f")


def values(parent: Parent, record: Record, chain: list[Any]) -> Known:
    """What a request says of the record. chain: decoded. Raises OrphanError if the record lacks it, or cannot be kept."""
    if len(record.chain.encode()) > MOST_BYTES:
        raise OrphanError(
            f"A record of {parent.resource} has more than {MOST_BYTES >> 10} kB, which is too much to be kept with each page"
            " that is asked for it; ask for fewer of its members"
        )
    found: dict[str, Any] = {}
    for name, level, find in parent.values:
        value = find(chain[level]) if level < len(chain) else None
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or value == "":
            raise OrphanError(
                f"A record of {parent.resource} has no {name} that can be asked for; leave such records out with when"
            )
        if str(value) in (".", ".."):
            raise OrphanError(f"A record of {parent.resource} has a {name} that would change the address")
        found[name] = value
    return found
