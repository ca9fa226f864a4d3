"""A page on its way into a batch. Owns what a page is to the loader, what it is known by, and its state before its records are mapped."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fieldmap.runtime import surroundings
from fieldmap.runtime.load.quickread import Records
from fieldmap.runtime.plan import DELETES


class Page(surroundings.Page, Protocol):
    """An archived record, as far as the loader needs it."""

    @property
    def position(self) -> int: ...
    @property
    def format(self) -> Any: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def part(self) -> str: ...
    @property
    def request(self) -> str: ...
    def content(self) -> bytes: ...


def digest_of(page: Page, content: bytes) -> str:
    """The hash of a page's bytes, of those that were archived where the archive tells it, behind how they are to be read."""
    digest = f"{page.format}:{page.digest or hashlib.sha256(content).hexdigest()}"
    if page.part == DELETES:
        # The same bytes mean something else in a feed of deletes,
        return f"{DELETES}:{digest}"
    # and for another record of the parent.
    return f"{digest}:{hashlib.sha256(page.parent.encode()).hexdigest()}" if page.parent else digest


def request_of(page: Page) -> str:
    """What a page was asked by, for its resource; "" where that is not known, or its records are not of the usual kind."""
    if page.part == DELETES or page.format != "json" or not page.request:
        return ""
    return f"{page.request}:{hashlib.sha256(page.parent.encode()).hexdigest()}" if page.parent else page.request


@dataclass
class Prepared:
    """A page before its records are mapped. found: its records, decoded for the quick path; None for the general one. identify, tell:
    which records they are, by the quick path and by the general one. matched: by index the ids of records that are not decoded, as an
    earlier page for the same request had them; missing: ids and digests of what that page had beside them."""

    page: Page
    content: bytes
    digest: str
    found: Records | None
    identify: Callable[[Any, bool], list[str | None]] | None
    tell: Callable[[Any], str | None]
    matched: dict[int, str] = field(default_factory=dict)
    missing: list[tuple[str, str]] = field(default_factory=list)

    @property
    def position(self) -> int:
        return self.page.position

    @property
    def is_quick(self) -> bool:
        """Whether the quick path takes the page."""
        return self.found is not None

    @property
    def records(self) -> int:
        """How many there are, as far as that is known before they are mapped."""
        return len(self.found.raws) if self.found is not None else 0

    @functools.cached_property
    def all_digests(self) -> list[str]:
        """Of the bytes of each record."""
        return self.found.digests if self.found is not None else []

    @property
    def indexes(self) -> list[int]:
        """The records that are not matched: those which the store is asked about."""
        return [index for index in range(self.records) if index not in self.matched]

    @property
    def digests(self) -> list[str]:
        """Of the bytes of each record that is not matched."""
        digests = self.all_digests
        return [digests[index] for index in self.indexes] if self.matched else digests

    @functools.cached_property
    def ids(self) -> list[str | None]:
        """Which records they are that are not matched, as COPY text; None for one that has no identity."""
        if self.found is None or self.identify is None:
            return []
        found = [(self.found.decoded[index], self.found.raws[index]) for index in self.indexes]
        told = iter(self.identify([one for one, _ in found if one is not None], self.found.safe))
        ids = [(next(told) if one is not None else None, raw) for one, raw in found]
        # What the quick path does not take may be a version of a record that it takes elsewhere.
        return [self.tell(raw) if one is None else one for one, raw in ids]

    def known(self, unknown: Sequence[int]) -> Iterator[tuple[str, str]]:
        """The ids and digests of all records but some."""
        among, digests = set(unknown), self.all_digests
        yield from ((one, digests[index]) for index, one in self.matched.items() if index not in among)
        for index, one in zip(self.indexes, self.ids, strict=True) if len(among) < self.records else ():
            if index not in among and one is not None:
                yield one, digests[index]
