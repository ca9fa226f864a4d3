"""A sweep: one pass over a resource, from its first page to its last. What is asked of one, and what is told of it before it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from fieldmap.runtime.archive import Archive, Archived
from fieldmap.runtime.archive.records import Standing
from fieldmap.runtime.plan import HttpResource
from fieldmap.runtime.ports import Ports

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.holes import Known

MOST_PAGES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an operator asks of a sweep. full: from the beginning. since, until: other bounds than the position gives.
    confirmed: deletes by absence are right, however many. stepwise: a page is given before another is asked for, since whoever takes
    them may want no more. note: told what is done otherwise than usual."""

    full: bool = False
    since: datetime | None = None
    until: datetime | None = None
    confirmed: bool = False
    most_pages: int = MOST_PAGES
    stepwise: bool = False
    note: Callable[[str], None] = lambda text: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a sweep would begin with. address: of the first request, as it may be shown; "" if only the mark of its end is missing.
    since, until: bounds of its window, None where there are none. after: pages of an interrupted sweep that it goes on with. asked: the
    method, and said the body."""

    address: str
    asked: str
    said: str
    since: datetime | None
    until: datetime | None
    after: int


class Reading(Protocol):
    """Where the pages of an interrupted sweep are."""

    def read(self, place: int) -> Archived: ...


class ArchivedPages:
    """An archive that nobody writes to."""

    def __init__(self, archive: Archive, resource: str) -> None:
        self._archive = archive
        self._resource = resource

    def read(self, place: int) -> Archived:
        return self._archive.read_one(self._resource, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of a resource that is asked for each record of another, the record that a sweep is asked for. name: tells it from others. record:
    as it is archived with each page. known: what the requests say of it. sweep: that of all parts."""

    name: str
    record: str
    known: Known
    sweep: str


def new_sweep(ports: Ports) -> str:
    """An identifier that sorts by time, such as 20260301T120000Z-9f86d081."""
    return f"{ports.clock.now():%Y%m%dT%H%M%SZ}-{ports.random.hex(8)}"


def asks_else(resource: HttpResource, standing: Standing) -> bool:
    """Whether what was read before answers another question: what did not change since then lacks what is asked for now."""
    return bool(resource.asks) and standing.end is not None and standing.end.asks != resource.asks


def say_asks_else(wanted: Wanted) -> None:
    if wanted.since is None:
        wanted.note("reads all: the last sweep asked for other fields, or by another filter")
