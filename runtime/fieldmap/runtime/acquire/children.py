"""A resource that is asked for each record of another: one reading of pages for each, with a position of its own, in one sweep.

Each part is closed in the archive by a mark of its own. A sweep of all is closed when all its parts are, so that nothing is taken for
gone as long as one of them is missing; a part that fails keeps its position, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from fieldmap.runtime.acquire.family import Family, OrphanError, Record, values
from fieldmap.runtime.acquire.fetching import source_of
from fieldmap.runtime.acquire.flow import Flow
from fieldmap.runtime.acquire.paging import RESUME_WITHIN, Sweep
from fieldmap.runtime.acquire.source import HttpSource
from fieldmap.runtime.acquire.steps import Steps
from fieldmap.runtime.acquire.sweeps import ArchivedPages, Part, Preview, Reading, Wanted, new_sweep
from fieldmap.runtime.acquire.windows import Window, opened, step_end
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, SweepEnd, Writer
from fieldmap.runtime.archive.records import Parts, Standing
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import HttpConnector, HttpResource, Parent
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.values.decode import json_body

# Parts that fail one behind the other. It is the source then that fails, and not they.
_MOST_FAILURES: Final = 10


def fetch_children(
    connector: HttpConnector,
    resource: HttpResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted,
    flow: Flow,
    family: Family,
) -> Iterator[Archived | ClosedSweep]:
    """As `fetch_pages`. Raises SourceError at the end if any part failed."""
    source = source_of(connector, resource, ports, environ, flow)
    return _Children(source, resource, family, ports, wanted, writer.parts()).run(writer)


def preview_children(
    connector: HttpConnector,
    resource: HttpResource,
    *,
    archive: Archive,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted,
    family: Family,
) -> Preview:
    """What `fetch_children` would ask for first."""
    source = source_of(connector, resource, ports, environ, Flow(connector, ports))
    return _Children(source, resource, family, ports, wanted, archive.parts(resource.name)).preview(archive)


class _Children:
    def __init__(
        self, source: HttpSource, resource: HttpResource, family: Family, ports: Ports, wanted: Wanted, parts: Parts
    ) -> None:
        assert resource.parent is not None  # noqa: S101  (that is what makes it one)
        self._source, self._resource, self._ports = source, resource, ports
        # What is to be said of each of thousands of parts is said once.
        self._wanted = replace(wanted, note=_once(wanted.note))
        self._family, self._parent, self._parts = family, resource.parent, parts
        self._stepped = resource.delta is not None and resource.delta.step_ms is not None
        self._resumes = self._goes_on()
        self._sweep = parts.sweep if self._resumes else new_sweep(ports)
        self._until = self._upper()

    def run(self, writer: Writer) -> Iterator[Archived | ClosedSweep]:
        self._check_known()
        if self._resumes and self._parts.done:
            self._wanted.note(f"goes on with the sweep that was interrupted after {len(self._parts.done):,} parts")
        ends: list[ClosedSweep] = []
        throughs: list[str] = []
        pages = self._parts.pages if self._resumes else 0
        begin, first = (self._parts.begin, self._parts.first) if self._resumes else (-1, -1)
        reason = ""
        failed = in_a_row = total = 0
        for record in self._family.records(self._parent):
            total += 1
            done = self._done(record)
            if done is not None:
                ends.append(done)
                throughs.append(done.end.through)
                continue
            through = ""
            try:
                for item in self._pages_of(record, writer):
                    begin = item.position if begin < 0 else begin
                    if isinstance(item, ClosedSweep):
                        # Of several steps the last one tells how far it is.
                        ends.append(item)
                        pages += item.pages
                        through = item.end.through
                        continue
                    first = item.position if first < 0 else first
                    yield item
                throughs.append(through)
                in_a_row = 0
            except SourceError as error:
                reason, failed = reason or str(error), failed + 1
                in_a_row += not isinstance(error, OrphanError)
                if in_a_row >= _MOST_FAILURES:
                    break
        if failed:
            gave_up = in_a_row >= _MOST_FAILURES
            raise SourceError(_told(self._resource.name, self._parent, failed, total, reason, gave_up=gave_up))
        yield writer.close_sweep(self._sweep, pages, self._end(ends, throughs, begin, first))

    def preview(self, archive: Archive) -> Preview:
        self._check_known()
        record = next((one for one in self._family.records(self._parent) if self._done(one) is None), None)
        if record is None:
            return Preview(address="", asked="", said="", since=None, until=None, after=0)
        pages = ArchivedPages(archive, self._resource.name)
        steps = self._steps(record)
        return steps.preview(pages) if steps is not None else self._part(record, pages).preview()

    # ------------------------------------------------------------------------------------------------- parts

    def _check_known(self) -> None:
        if not self._family.known(self._parent):
            raise SourceError(
                f"{self._resource.name} is asked for each record of {self._parent.resource}, and the archive has none of"
                f" those yet; read them first: fieldmap sync {self._parent.resource}"
            )

    def _goes_on(self) -> bool:
        parts, wanted = self._parts, self._wanted
        if not parts.sweep or parts.at is None or wanted.since or wanted.until or (wanted.full and self._stepped):
            return False
        return timedelta(0) <= self._ports.clock.now() - parts.at <= RESUME_WITHIN

    def _done(self, record: Record) -> ClosedSweep | None:
        """The mark of a part that this sweep has read already, if it is what would be read now."""
        mark = self._parts.done.get(record.part) if self._resumes else None
        if mark is None or mark.end.skipped or (self._wanted.full and not mark.end.full):
            return None
        if self._until is not None and _until(mark) < self._until:
            return None
        try:
            return mark if self._part(record, _Nothing()).began_with(mark.request, mark.end.window) else None
        except SourceError:
            return None

    def _pages_of(self, record: Record, writer: Writer) -> Iterator[Archived | ClosedSweep]:
        steps = self._steps(record)
        return steps.run(writer) if steps is not None else self._part(record, writer).run(writer)

    def _steps(self, record: Record) -> Steps | None:
        if not self._stepped:
            return None
        part, standing = self._named(record)
        return Steps(self._source.of(part), self._resource, standing, self._ports, self._wanted, part, self._until)

    def _part(self, record: Record, pages: Reading) -> Sweep:
        part, standing = self._named(record)
        return Sweep(self._source.of(part), self._resource, pages, standing, self._ports, self._wanted, part)

    def _upper(self) -> datetime | None:
        """Through where all parts are read, of a resource that is read in steps: fixed before the first of them, also where a run was
        cut off since then."""
        delta = self._resource.delta
        if delta is None or delta.step_ms is None:
            return None
        if self._resumes:
            windows = [Window.parse(text) for text in self._parts.windows if text]
            # A step that is shorter than others ended there.
            ends = [one.until for one in windows if one.since is not None and one.until < step_end(one.since, delta)]
            if ends:
                return max(ends)
        return opened(delta, None, self._ports.clock.now(), until=self._wanted.until).until

    def _named(self, record: Record) -> tuple[Part, Standing]:
        """What a record is asked for by, and how far that is."""
        chain = json_body(record.chain.encode())
        part = Part(
            name=record.part,
            record=record.chain,
            known=values(self._parent, record, chain if isinstance(chain, list) else []),
            sweep=self._sweep,
        )
        asks = self._parts.asks.get(record.part)
        standing = Standing(
            through=self._parts.through.get(record.part, ""),
            frames=self._parts.frames.get(record.part, []) if self._resumes else [],
            closed_at=None,
            end=SweepEnd(framed=True, asks=asks) if asks is not None else None,
        )
        return part, standing

    def _end(self, ends: list[ClosedSweep], throughs: list[str], begin: int, first: int) -> SweepEnd:
        """What is known of the whole: as much as of its parts."""
        counts = [mark.end.records for mark in ends] if not self._stepped or not self._resumes else [None]
        whole = bool(throughs) and all(throughs)
        return SweepEnd(
            framed=all(mark.end.framed for mark in ends),
            full=all(mark.end.full for mark in ends),
            first=first,
            begin=begin,
            records=None if None in counts else sum(count or 0 for count in counts),
            through=min(throughs, key=datetime.fromisoformat) if whole else "",
            capped=any(mark.end.capped for mark in ends),
            confirmed=self._wanted.confirmed,
            skipped=any(mark.end.skipped for mark in ends),
        )


def _until(mark: ClosedSweep) -> datetime:
    """Through where it was read."""
    # What was read before there were steps has no window, and says nothing of them.
    return Window.parse(mark.end.window).until if mark.end.window else datetime.min.replace(tzinfo=UTC)


def _once(note: Callable[[str], None]) -> Callable[[str], None]:
    said: set[str] = set()

    def noted(text: str) -> None:
        if text not in said:
            said.add(text)
            note(text)

    return noted


class _Nothing:
    """Where no page is looked for."""

    def read(self, place: int) -> Archived:
        raise LookupError(place)


def _told(resource: str, parent: Parent, failed: int, total: int, reason: str, *, gave_up: bool) -> str:
    of = f"{failed:,} of {total:,}"
    more = " Nothing more was asked, since they failed one behind the other." if gave_up else ""
    return (
        f"{resource} could not be read for {of} records of {parent.resource}, whose positions stay where they were;"
        f" nothing is deleted.{more} The first: {reason}"
    )
