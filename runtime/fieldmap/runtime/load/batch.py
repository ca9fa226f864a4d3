"""A batch: what some archived pages of one resource become under one map, ready for COPY. Pure: no database is touched."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Any, Protocol

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.load.collector import collector_paused
from fieldmap.runtime.load.copytext import row_encoder
from fieldmap.runtime.load.quickread import QuickReader, Records
from fieldmap.runtime.plan import DELETES
from fieldmap.runtime.surroundings import surrounding
from fieldmap.runtime.values.cells import NULL, escaped, json_text
from fieldmap.runtime.values.decode import bodies, json_body
from fieldmap.runtime.values.outcome import Claimed, Dead, Deleted, Failed, Filtered, Held, Listed, Outcome
from fieldmap.runtime.values.reading import PLAIN, Reading

# An entry of a B-tree takes 2,704 bytes; the rest is for what surrounds the key.
KEY_BYTES = 2_000


class Page(Protocol):
    """An archived record, as far as the loader needs it."""

    @property
    def position(self) -> int: ...
    @property
    def format(self) -> Any: ...
    @property
    def url(self) -> str: ...
    @property
    def fetched_at(self) -> datetime: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def parent(self) -> str: ...
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


@dataclass
class Known:
    """Of the records of a page those that the store has just as they came. unknown: the indexes of the others. homes: where the
    versions of the known ones stand. present, held: values by field, of the known ones."""

    unknown: list[int]
    number: int = 0
    homes: set[int] = field(default_factory=set)
    present: Counter[Field] = field(default_factory=Counter)
    held: Counter[Field] = field(default_factory=Counter)


class BatchMaker:
    """Maps pages by one map's transform, into batches."""

    def __init__(
        self,
        info: MapInfo,
        transform: ModuleType,
        composite_keys: Mapping[int, tuple[int, ...]] | None = None,
        deletes: ModuleType | None = None,
    ) -> None:
        """composite_keys: see `_too_long`. deletes: the transform of pages that are a feed of deletes."""
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
        self._encoders = {claim.number: row_encoder(claim) for claim in info.claims}
        self._blank = _blank_row(info)
        self._paths = {o.field: o.paths[0] for o in info.origins if o.claim == 0 and o.paths}
        self._composite_keys = composite_keys or {}
        self._nullable = frozenset(claim.number for claim in info.claims if claim.nulls)
        self._rows: dict[int, list[Any]] = {claim.number: [] for claim in info.claims}
        self._fields = {
            claim.number: [(claim.number, column.field) for column in claim.columns] for claim in info.claims
        }
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
            self._count_present()
            if prepared.found is not None and not self._now.counts.dead and (request := request_of(page)):
                told = prepared.known(known.unknown) if known is not None else ()
                self._now.memory = _memory(request, told, batch.stages[0][before:])
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
        for key, count in zip(self._fields[0], nulls, strict=True):
            self._now.present[key] += len(out) - count
        for index, value in values:
            self._put(batch, Place(page.position, index), self._transform(value), prepared.all_digests[index])
        return True

    def _add_generally(self, batch: Batch, page: Page, content: bytes) -> None:
        for _, index, _, outcome in self._outcomes(page, content):
            self._put(batch, Place(page.position, index), outcome())

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

    def _count_present(self) -> None:
        """Counts the values of a page, column by column: much cheaper than value by value."""
        for number, rows in self._rows.items():
            for key, column in zip(self._fields[number], zip(*rows, strict=True), strict=False):
                self._now.present[key] += len(column) - sum(value is None for value in column)
            rows.clear()

    def _put(self, batch: Batch, place: Place, outcome: Outcome, digest: str = "") -> None:
        """digest: of the record's bytes, where they are at hand."""
        counts = self._now.counts
        counts.read += 1
        if isinstance(outcome, Claimed) and self._composite_keys and self._too_long(outcome):
            outcome = Dead(
                "FM2116", f"the parts of a key have more than {KEY_BYTES} bytes together", record_id=outcome.record_id
            )
        match outcome:
            case Claimed():
                counts.claimed += 1
                counts.held += sum(not item.invented for item in outcome.held)
                if outcome.bare:
                    counts.bare.update(outcome.bare)
                self._claim(batch, place, outcome, digest)
            case Filtered():
                counts.filtered += 1
                self._withdraw(batch, place, outcome, digest)
            case Deleted():
                counts.deleted += 1
                self._withdraw(batch, place, outcome, digest)
            case Dead():
                counts.dead += 1
                batch.dead.append((place, outcome))

    def _too_long(self, outcome: Claimed) -> bool:
        """Whether the parts of a key, each within its limit, are together more than an index takes: also where they are one JSON."""
        return any(
            len(json_text([str(row[place]) for place in places]).encode()) > KEY_BYTES
            for number, places in self._composite_keys.items()
            for row in outcome.rows[number]
        )

    def _claim(self, batch: Batch, place: Place, outcome: Claimed, digest: str) -> None:
        record = escaped(outcome.record_id)
        version = f"{_instant(outcome.changed)}\t{place.position}\t{place.index}"
        nulls = self._nulls(outcome)
        own = self._encoders[0](outcome.rows[0][0]) + nulls(0, 0) if outcome.rows[0] else self._blank
        kept = self._kept(outcome.kept)
        whole = [(own or "") + kept]
        self._rows[0].extend(outcome.rows[0])
        for number, rows in enumerate(outcome.rows[1:], 1):
            self._rows[number].extend(rows)
            encode, stage = self._encoders[number], batch.stages[number]
            for element, row in enumerate(rows):
                values = encode(row) + nulls(number, element)
                whole.append(f"{number}\t{values}")
                stage.append(_line(f"{record}\t{element}\t{version}", _digest(values), values))
        # The digest of the record's row stands for its elements too, so that a change in them alone is seen.
        known = f"\\\\x{digest}" if digest else _digest("\n".join(whole))
        batch.stages[0].append(_line(f"{record}\tlive\t{version}", known + kept, own))
        batch.held.extend((place, outcome.record_id, item) for item in outcome.held)
        self._now.held.update((item.claim, item.field) for item in outcome.held if not item.invented)
        batch.listed.extend((place, outcome.record_id, item) for item in outcome.listed)
        batch.listed.extend((place, outcome.record_id, self._unfounded(name)) for name in outcome.kept)

    def _nulls(self, outcome: Claimed) -> Callable[[int, int], str]:
        """For a claim and a row of it the column of what its source gave as null, where the claim has one."""
        if not self._nullable:
            return _no_column
        named: dict[tuple[int, int], list[str]] = {}
        for claim, row, name in outcome.nulls:
            named.setdefault((claim, row), []).append(name)

        def column(claim: int, row: int) -> str:
            return "\t{" + ",".join(named.get((claim, row), ())) + "}" if claim in self._nullable else ""

        return column

    def _withdraw(self, batch: Batch, place: Place, outcome: Filtered | Deleted, digest: str) -> None:
        version = f"{_instant(outcome.changed)}\t{place.position}\t{place.index}"
        head = f"{escaped(outcome.record_id)}\twithdrawn\t{version}"
        known = f"\\\\x{digest}" if digest else _digest("")
        batch.stages[0].append(_line(head, known + self._kept(()), self._blank))

    def _kept(self, names: tuple[str, ...]) -> str:
        """The column of the fields that a version leaves as they were, where the map has one."""
        return "\t{" + ",".join(names) + "}" if self._info.keeps else ""

    def _unfounded(self, name: str) -> Listed:
        """Said of a kept field, and taken back where an earlier version of the record has it."""
        reason = f"{name} is unchanged, says the source, and no earlier version of the record has been read"
        return Listed(0, 0, name, "FM2135", reason, self._paths.get(name, ""))


def _memory(request: str, told: Iterable[tuple[str, str]], lines: list[str]) -> Memory | None:
    """Of records that are known already and of those whose lines these are; None where a record comes twice."""
    ids, digests = list[str](), list[str]()
    for record, digest in told:
        ids.append(record)
        digests.append(digest)
    for line in lines:
        record, state, _, _, _, digest = line.split("\t", 6)[:6]
        if state == "live":
            ids.append(record)
            digests.append(digest.rstrip("\n")[3:])
    if not ids or len(set(ids)) < len(ids):
        return None
    return Memory(request, "\n".join(ids), bytes.fromhex("".join(digests)))


def _same(outcome: Outcome) -> Outcome:
    return outcome


def _no_column(claim: int, row: int) -> str:
    return ""


def _line(head: str, digest: str, values: str | None) -> str:
    """values: None for a table without columns of its own; an empty text is a column that holds one."""
    return f"{head}\t{digest}\n" if values is None else f"{head}\t{digest}\t{values}\n"


def _digest(values: str) -> str:
    return "\\\\x" + hashlib.blake2b(values.encode(), digest_size=16).hexdigest()


def _instant(changed: datetime | None) -> str:
    return "-infinity" if changed is None else changed.isoformat()


def _blank_row(info: MapInfo) -> str | None:
    root = next(claim for claim in info.claims if claim.number == 0)
    blanks = [NULL for column in root.columns for _ in column.columns] + ([NULL] if root.nulls else [])
    return "\t".join(blanks) if blanks else None
