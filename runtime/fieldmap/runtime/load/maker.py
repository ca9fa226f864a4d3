"""Pages into batches, by one map's transform. Pure: no database is touched. Owns the choice between the quick path and the general one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.load.batch import Batch, Counts, Known, Memory, PageCounts, Place
from fieldmap.runtime.load.collector import collector_paused
from fieldmap.runtime.load.lines import Lines, memory
from fieldmap.runtime.load.page import Page, Prepared, digest_of, request_of
from fieldmap.runtime.load.quickread import QuickReader, Records
from fieldmap.runtime.plan import DELETES
from fieldmap.runtime.surroundings import surrounding
from fieldmap.runtime.values.cells import escaped
from fieldmap.runtime.values.decode import bodies, json_body
from fieldmap.runtime.values.outcome import Dead, Failed, Outcome
from fieldmap.runtime.values.reading import PLAIN, Reading


class BatchMaker:
    """Maps pages by one map's transform, into batches."""

    def __init__(
        self,
        info: MapInfo,
        transform: ModuleType,
        composite_keys: Mapping[int, tuple[int, ...]] | None = None,
        deletes: ModuleType | None = None,
    ) -> None:
        """composite_keys: as of `Lines`. deletes: the transform of pages that are a feed of deletes."""
        self._deletes = BatchMaker(info, deletes) if deletes is not None else None
        self._info = info
        self._transform: Callable[[Any], Outcome] = transform.transform
        self._records: Callable[[Any], list[Any]] = transform.records
        self._surroundings: tuple[str, ...] = getattr(transform, "SURROUNDINGS", ())
        self._envelopes: Callable[[Any], list[Any]] = getattr(transform, "envelopes", lambda body: [])
        self._reading: Reading = getattr(transform, "READING", PLAIN)
        # The bytes of a key of several parts are added up in the general path only.
        self._quick: Callable[..., tuple[int, ...]] | None = (
            None if composite_keys else getattr(transform, "quick", None)
        )
        self._reader = QuickReader(transform.SHAPE, transform.RECORDS) if self._quick is not None else None
        self._lines = Lines(info, composite_keys or {})
        self._identify: Callable[[Any, bool], list[str | None]] | None = getattr(transform, "identities", None)
        self._now = PageCounts()

    @property
    def surroundings(self) -> tuple[str, ...]:
        """What of a record's surroundings the map reads."""
        return self._surroundings

    def new(self) -> Batch:
        return Batch({claim.number: [] for claim in self._info.claims})

    def prepare(self, page: Page, memory: Memory | None = None) -> Prepared:
        """Takes a page up and, on the quick path, decodes it: of what an earlier page for the same request had, nothing."""
        content = page.content()
        if memory is not None and self._reader is not None:
            prepared = self._recognized(self._reader, page, content, memory)
            if prepared is not None:
                return prepared
        with collector_paused():
            found = (
                self._reader.read(content)
                if self._reader is not None and page.format == "json" and page.part != DELETES
                else None
            )
        return Prepared(page, content, digest_of(page, content), found, self._identify, self._told)

    def _recognized(self, reader: QuickReader, page: Page, content: bytes, memory: Memory) -> Prepared | None:
        with collector_paused():
            raws = reader.split(content)
            if raws is None:
                return None
            records, known = Records(raws, [], b"\\" not in content), memory.by_digest()
            digests = records.digests
            matched = {index: known[digest] for index, digest in enumerate(digests) if digest in known}
            if len(set(matched.values())) < len(matched):
                return None
            records.decoded = [None if index in matched else reader.one(raw) for index, raw in enumerate(raws)]
        missing = [(known[digest], digest) for digest in known.keys() - set(digests)]
        prepared = Prepared(
            page, content, digest_of(page, content), records, self._identify, self._told, matched, missing
        )
        prepared.all_digests = digests
        return prepared

    @property
    def is_quick(self) -> bool:
        """Whether the map has a quick path."""
        return self._quick is not None

    def _told(self, raw: Any) -> str | None:
        value = json_body(bytes(raw))
        found = None if isinstance(value, Failed) else self._transform(value).record_id
        return None if found is None else escaped(found)

    def ids(self, page: Page) -> list[str | None]:
        """Which records a page has, as COPY text; None for one that has no identity, or a page that cannot be read."""
        prepared = self.prepare(page)
        if prepared.found is not None and self._identify is not None:
            return prepared.ids
        told = (outcome.record_id for _, outcome in self.outcomes(page))
        return [None if record is None else escaped(record) for record in told]

    def outcomes(self, page: Page) -> Iterator[tuple[Any, Outcome]]:
        """Each record of a page as received, and what becomes of it; a body that cannot be read is one that is dead."""
        for _, _, record, outcome in self._outcomes(page, page.content()):
            yield record, outcome()

    def add(self, batch: Batch, page: Page) -> None:
        """Adds every record of a page. A page that cannot be decoded is one dead letter."""
        self.put(batch, self.prepare(page))

    def put(self, batch: Batch, prepared: Prepared, known: Known | None = None) -> None:
        """Adds the records of a page that the store does not know."""
        page = prepared.page
        if known is None and prepared.matched:
            prepared = self.prepare(page)
        before = len(batch.stages[0])
        self._now = PageCounts(Counts(pages=1), digest=prepared.digest)
        with collector_paused():
            if not self._put_quickly(batch, prepared, known):
                # What could not be told of single records is told of the whole page.
                self._now, known = PageCounts(Counts(pages=1), digest=prepared.digest), None
                self._add_generally(batch, page, prepared.content)
            self._lines.count_present(self._now)
            if prepared.found is not None and not self._now.counts.dead and (request := request_of(page)):
                told = prepared.known(known.unknown) if known is not None else ()
                self._now.memory = memory(request, told, batch.stages[0][before:])
        if known is not None:
            counts = Counts(read=known.number, claimed=known.number, held=known.held.total())
            self._now.counts.add(counts)
            self._now.present.update(known.present)
            self._now.held.update(known.held)
            batch.homes[page.position] = known.homes
        if self._now.counts.dead:
            batch.received[page.position] = page.fetched_at
        batch.size += len(prepared.content)
        batch.pages[page.position] = self._now
        batch.take(page.position, prepared.digest, self._now)

    def _put_quickly(self, batch: Batch, prepared: Prepared, known: Known | None) -> bool:
        """Whether the quick path took the page; what surprised it is left to the transform, record by record."""
        found, page = prepared.found, prepared.page
        if self._quick is None or found is None:
            return False
        wanted: Sequence[int] = range(len(found.raws)) if known is None else known.unknown
        odd = [index for index in wanted if found.decoded[index] is None]
        taken = [index for index in wanted if found.decoded[index] is not None] if odd else wanted
        records, digests = found.decoded, prepared.all_digests
        if len(taken) < len(records):
            records, digests = [records[index] for index in taken], [digests[index] for index in taken]
        out: list[str] = []
        nulls = self._quick(taken, records, digests, page.position, found.safe, out, odd)
        values = [(index, json_body(bytes(found.raws[index]))) for index in sorted(odd)]
        if any(isinstance(value, Failed) for _, value in values):
            return False  # what makes one record unreadable makes the page so
        batch.stages[0].extend(out)
        counts = self._now.counts
        counts.read += len(out)
        counts.claimed += len(out)
        for key, count in zip(self._lines.fields[0], nulls, strict=True):
            self._now.present[key] += len(out) - count
        put, now = self._lines.put, self._now
        for index, value in values:
            put(batch, now, Place(page.position, index), self._transform(value), prepared.all_digests[index])
        return True

    def _add_generally(self, batch: Batch, page: Page, content: bytes) -> None:
        put, now = self._lines.put, self._now
        for _, index, _, outcome in self._outcomes(page, content):
            put(batch, now, Place(page.position, index), outcome())

    def _outcomes(self, page: Page, content: bytes) -> Iterator[tuple[int, int, Any, Callable[[], Outcome]]]:
        """Of each record of a page the index of the first one of its body, its own, the record as received, and what it becomes."""
        if page.part == DELETES:
            # A map that reads no such feed any more does not take it for records.
            yield from self._deletes._read(page, content) if self._deletes is not None else ()
            return
        yield from self._read(page, content)

    def _read(self, page: Page, content: bytes) -> Iterator[tuple[int, int, Any, Callable[[], Outcome]]]:
        begin = 0
        for _, body in bodies(content, page.format, self._reading):
            try:
                if isinstance(body, Failed):
                    raise body
                records = self._records(body)
            except Failed as failed:
                dead = Dead(failed.code, failed.reason, path=failed.path, whole=True)
                yield begin, begin, body, functools.partial(_same, dead)
                begin += 1
                continue
            for index, (record, around) in enumerate(
                zip(records, self._around(page, body, len(records)), strict=True), begin
            ):
                yield begin, index, record, functools.partial(self._transform, record, *around)
            begin += len(records)

    def _around(self, page: Page, body: Any, count: int) -> Iterable[tuple[Any, ...]]:
        """For each record what the map reads of its surroundings, in the order in which the transform takes it."""
        if not self._surroundings:
            return itertools.repeat((), count)
        columns = [
            self._envelopes(body) if name == "@envelope" else itertools.repeat(surrounding(page, body, name), count)
            for name in self._surroundings
        ]
        return zip(*columns, strict=True)


def _same(outcome: Outcome) -> Outcome:
    return outcome
