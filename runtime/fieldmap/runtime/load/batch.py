"""A batch: what some archived pages of one resource become under one map, ready for COPY. Owns its parts and how they add up."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fieldmap.runtime.values.outcome import Dead, Held, Listed


@dataclass
class Counts:
    """Where the records of a map went. They balance: read = claimed + filtered + deleted + dead. absent: withdrawn
    because a full sweep lacks them. bare: by path the numbers without a
    unit that were read in the one which the map gives them."""

    pages: int = 0
    read: int = 0
    claimed: int = 0
    filtered: int = 0
    deleted: int = 0
    dead: int = 0
    held: int = 0
    absent: int = 0
    bare: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def balanced(self) -> bool:
        return self.read == self.claimed + self.filtered + self.deleted + self.dead


Field = tuple[int, str]


@dataclass(frozen=True)
class Memory:
    """The records that a page claimed. request: what the page was asked by. ids: as COPY text, one a line, each once; digests: of
    their bytes, 16 each."""

    request: str
    ids: str
    digests: bytes

    def by_digest(self) -> dict[str, str]:
        """The ids by digest."""
        hexes = self.digests.hex()
        return {hexes[32 * n : 32 * n + 32]: one for n, one in enumerate(self.ids.split("\n"))}


@dataclass
class PageCounts:
    """What became of the records of one page. present, held: of each field (claim number, name) how many values there are, and how
    many could not be read. digest: of the page's bytes. memory: where they can be known again by what was asked."""

    counts: Counts = field(default_factory=Counts)
    present: Counter[Field] = field(default_factory=Counter)
    held: Counter[Field] = field(default_factory=Counter)
    digest: str = ""
    stands: bool = True
    memory: Memory | None = None


@dataclass(frozen=True)
class Place:
    """Which record of which page."""

    position: int
    index: int


@dataclass
class Batch:
    """stages: COPY lines for each claim number. dead, held, listed: with the place of their record. pages: by position, those whose
    records were looked at; homes: for those of them of which the store knows records, where their versions stand. present, held_by:
    as of PageCounts, over all pages. received: by position, when the pages with dead letters were fetched."""

    stages: dict[int, list[str]]
    dead: list[tuple[Place, Dead]] = field(default_factory=list)
    received: dict[int, datetime] = field(default_factory=dict)
    held: list[tuple[Place, str, Held]] = field(default_factory=list)
    listed: list[tuple[Place, str, Listed]] = field(default_factory=list)
    present: Counter[Field] = field(default_factory=Counter)
    held_by: Counter[Field] = field(default_factory=Counter)
    pages: dict[int, PageCounts] = field(default_factory=dict)
    homes: dict[int, set[int]] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    first: int = -1
    last: int = -1
    size: int = 0
    content: Any = field(default_factory=hashlib.sha256)

    @property
    def changes(self) -> bool:
        """Whether any record of it may change what the store holds."""
        return bool(self.dead) or any(self.stages.values())

    def absorb(self, part: Batch) -> None:
        """Adds what became of the pages of another batch, which come behind those of this one."""
        for number, lines in part.stages.items():
            self.stages[number].extend(lines)
        for name in ("dead", "held", "listed"):
            getattr(self, name).extend(getattr(part, name))
        for name in ("received", "pages", "homes"):
            getattr(self, name).update(getattr(part, name))
        self.size += part.size
        for position, page in part.pages.items():
            self.take(position, page.digest, page)

    def take(self, position: int, digest: str, page: PageCounts) -> None:
        """Adds what became of a page."""
        self.content.update(digest.encode())
        self.first = position if self.first < 0 else self.first
        self.last = position
        self.counts.add(page.counts)
        self.present.update(page.present)
        self.held_by.update(page.held)


@dataclass
class Known:
    """Of the records of a page those that the store has just as they came. unknown: the indexes of the others. homes: where the
    versions of the known ones stand. present, held: values by field, of the known ones."""

    unknown: list[int]
    number: int = 0
    homes: set[int] = field(default_factory=set)
    present: Counter[Field] = field(default_factory=Counter)
    held: Counter[Field] = field(default_factory=Counter)
