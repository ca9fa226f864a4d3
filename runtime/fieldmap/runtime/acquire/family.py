"""The records of a resource that others are asked for each of, out of its archive: what is there now, in its newest version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any, Final

import msgspec

from fieldmap.runtime.acquire.holes import Known
from fieldmap.runtime.acquire.newest import Newest, Through
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep
from fieldmap.runtime.errors import ArchiveError, SourceError
from fieldmap.runtime.plan import DELETES, Parent
from fieldmap.runtime.ports import Clock, State
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
    """A parent's record. part: a name for what is read of it, of bounded length. chain: itself with its own parents, nearest first, as
    JSON."""

    part: str
    chain: str


@dataclass(frozen=True)
class Memory:
    """Where is kept what was found in the archive of a parent. apart: gives by a resource's name what tells how its records are told
    apart from any other way. worth: how many bytes of an archive are read before it is kept that they need not be read again."""

    state: State
    clock: Clock
    apart: Callable[[str], str]
    worth: int = 1 << 20


@dataclass(frozen=True)
class Family:
    """archive: where the parents are. module: gives by a resource's name how its records are told apart."""

    archive: Archive
    module: Callable[[str], ModuleType]
    memory: Memory | None = None

    def known(self, parent: Parent) -> bool:
        """Whether the parent has ever been read to its end, or brought a page."""
        return (
            self.archive.end(parent.resource) is not None
            or self.archive.standing(parent.resource).closed_at is not None
        )

    def records(self, parent: Parent) -> Iterator[Record]:
        """The records that are there, in the order of the archive; page by page, so that few are in memory."""
        module = self.module(parent.resource)
        for position, wanted in self._newest(parent, module).living():
            page = self.archive.read_one(parent.resource, position)
            last = wanted[-1][0]
            found: dict[int, Any] = {}
            for begin, records, _ in _records(module, page):
                found.update(enumerate(records, begin))
                if begin + len(records) > last:
                    break
            for index, key in wanted:
                yield Record(key.hex(), _chain(found[index], page))

    def _newest(self, parent: Parent, module: ModuleType) -> Newest:
        newest = self._remembered(parent) or Newest()
        read, last = 0, None
        after = newest.through.position if newest.through is not None else None
        for item in self.archive.entries(parent.resource, after):
            read, last = read + item.length, item
            if isinstance(item, ClosedSweep):
                newest.closed(parent.absence, item.end)
                continue
            if item.part == DELETES:
                # Of a time when the resource had a feed of deletes, and nobody was asked for each of its records.
                continue
            for index, outcome in _outcomes(module, item):
                # A version that cannot be read leaves the one before it standing.
                if isinstance(outcome, Dead) or outcome.record_id is None:
                    continue
                changed = outcome.changed.timestamp() if outcome.changed is not None else None
                key, lives = Newest.key(outcome.record_id), isinstance(outcome, Claimed)
                newest.saw(key, changed, item.position, index, lives=lives)
        if last is not None and self.memory is not None and read >= self.memory.worth:
            newest.through = Through.of(last)
            self._remember(parent, newest, self.memory)
        return newest

    def _remembered(self, parent: Parent) -> Newest | None:
        """What an earlier sync found, if the archive is still the one that it was found in."""
        memory = self.memory
        if memory is None:
            return None
        found = Newest.decoded(memory.state.read(_name(parent)), self._apart(parent, memory))
        if found is None or found.through is None:
            return None
        try:
            item = self.archive.item(parent.resource, found.through.position)
        except ArchiveError:
            return None
        return found if Through.of(item) == found.through else None

    def _remember(self, parent: Parent, newest: Newest, memory: Memory) -> None:
        # Several resources may be asked for each record of one, at the same time.
        with memory.state.locked(_name(parent), memory.clock):
            memory.state.write(_name(parent), newest.encoded(self._apart(parent, memory)))

    def _apart(self, parent: Parent, memory: Memory) -> str:
        return f"{memory.apart(parent.resource)} {parent.absence}"


def _name(parent: Parent) -> str:
    return f"newest {parent.resource}"


def _records(module: ModuleType, page: Archived) -> Iterator[tuple[int, list[Any], Any]]:
    """Of each body of a page its records behind the index of the first, and itself. A body that cannot be read has none."""
    begin = 0
    for _, body in bodies(page.content(), page.format, getattr(module, "READING", PLAIN)):
        try:
            records = [] if isinstance(body, Failed) else module.records(body)
        except Failed:
            records = []
        if isinstance(body, Failed) or not records:
            begin += isinstance(body, Failed)
            continue
        yield begin, records, body
        begin += len(records)


def _outcomes(module: ModuleType, page: Archived) -> Iterator[tuple[int, Any]]:
    """Of each record of a page its index, and what becomes of it."""
    names: tuple[str, ...] = getattr(module, "SURROUNDINGS", ())
    for begin, records, body in _records(module, page):
        around = [
            module.envelopes(body) if name == "@envelope" else [surrounding(page, body, name)] * len(records)
            for name in names
        ]
        for index, record in enumerate(records):
            yield begin + index, module.transform(record, *(column[index] for column in around))


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
