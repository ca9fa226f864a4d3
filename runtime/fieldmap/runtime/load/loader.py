"""Applies batches of one map to the database: each in one transaction with its position, accounts and dead letters.

Owns the run of a load: what is made ahead by whom, the thread that writes, and what was done in the end. The connection is `link`'s,
the fence and accounts are `position`'s, what a transaction does is `applying`'s, what the store is asked is `asking`'s.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from fieldmap.runtime.archive import Archive, ClosedSweep
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.load import absence
from fieldmap.runtime.load.applying import Applier
from fieldmap.runtime.load.asking import Asker
from fieldmap.runtime.load.batch import Batch, Counts
from fieldmap.runtime.load.intake import Intake
from fieldmap.runtime.load.link import Link
from fieldmap.runtime.load.maker import BatchMaker
from fieldmap.runtime.load.mapping import Here, Mapper, Processes, opened
from fieldmap.runtime.load.merging import Changes
from fieldmap.runtime.load.page import Page
from fieldmap.runtime.load.position import Position
from fieldmap.runtime.load.recall import Recall
from fieldmap.runtime.load.shares import Shares
from fieldmap.runtime.store.database import Connection, Database

# So many bytes of pages are mapped in this process, or so many seconds of its processor are used, before others are started for that:
# about what it costs to start one.
WIDENED = 4 * 1024 * 1024
_WORTH = 0.4
# Pages that show nothing new are accounted for by so many at a time.
BATCH_PAGES = 1_000
# How often two threads take turns while one makes a batch and the other writes one: the writer has little to do between two waits,
# and must not wait for its turn besides.
_TURN = 0.0002
_USUAL_TURN = sys.getswitchinterval()


@dataclass
class Loaded:
    """What a run did for one map. refused: why the records that the last full sweep lacks were not taken for deleted."""

    counts: Counts = field(default_factory=Counts)
    entities: dict[str, Changes] = field(default_factory=dict)
    refused: str = ""


class Loader:
    """Loads one map, in a `with`; every batch checks that no later run has taken the map since."""

    def __init__(
        self,
        database: Database,
        bundle: Bundle,
        info: MapInfo,
        run: int,
        *,
        detailed: bool = False,
        dead: Decimal | None = None,
        archive: Archive | None = None,
        workers: Processes | int | None = None,
        deferred: Collection[str] = (),
    ) -> None:
        """deferred: entities that the run merges when all its maps are loaded. workers: the processes of the run that map the pages of a large load, or how
        many of its own do; one for each core if it is None.
        detailed: gather which fields changed, with samples, as a replay shows them; costs one more query a batch. dead: of the
        records so many percent may be dead letters; None for any number. archive: where the pages of a full sweep are looked up, for
        a map that withdraws what such a sweep lacks."""
        self._archive = archive
        self._bundle = bundle
        self._info = info
        self._run = run
        self._composite = _composite_keys(bundle, info)
        self._maker = BatchMaker(info, bundle.transform(info.id), self._composite, bundle.deletes(info.id))
        self._mapper: Mapper = Here(self._maker)
        self._processes = workers if isinstance(workers, Processes) else Processes(workers)
        self._owns_processes = self._processes is not workers
        self._mapped = 0
        self._since = self._used = 0.0
        self._link = Link(database, info)
        self._position = Position(info, run)
        self._shares = Shares(info, dead)
        self._applier = Applier(bundle, info, run, self._position, self._shares, detailed=detailed, deferred=deferred)
        self._recall: Recall | None = None
        self._asker = Asker(database, self._link, self._settle, self._is_writing_any)
        self._written = 0
        self._writer = ThreadPoolExecutor(1, "fieldmap-writer")
        self._writing: Future[None] | None = None
        self._in_writing: Batch | None = None
        self.applied_through = -1
        self.loaded = Loaded()

    def __enter__(self) -> Self:
        try:
            self._take(self._link.connected())
        except BaseException:
            self._writer.shutdown()
            self._link.drop()
            raise
        return self

    def _take(self, connection: Connection) -> None:
        """Takes the map for this run, and looks at what the store has of it."""
        self.applied_through = self._position.take(connection)
        self._applier.look(connection)
        if not self._info.keeps:
            self._recall = Recall(self._info, self._position.version, self._maker.surroundings)
            if self._applier.is_empty(connection):
                self._recall.forget(connection)
            self._applier.recall = self._asker.recall = self._recall
        self._shares.read(connection)

    def __exit__(self, kind: object, *_: object) -> None:
        # A transaction under way comes to its end, whatever went wrong beside it.
        self._writer.shutdown(wait=True)
        if self._owns_processes:
            self._processes.close()
        try:
            connection = self._link.open
            if kind is None and connection is not None:
                # Also where nothing was left to load: a run may have been cut off after its last batch.
                if self._shares.counted:
                    self._shares.end(connection, self._position.epoch)
                if self._recall is not None and self.loaded.counts.pages:
                    self._recall.prune(connection)
                self._applier.tell_planner(connection, self._written)
        finally:
            self._link.drop()
            self._asker.close()

    # -------------------------------------------------------------------------------------------------- reading

    def load(self, pages: Iterable[Page | ClosedSweep], progress: Callable[[int], None] = lambda _: None) -> None:
        """Applies pages in the order of the archive. Those already applied are passed over. While the database takes a batch the
        next is made, and no more than that one."""
        self._since = time.thread_time() - self._used
        with _frequent_switches():
            self._load(pages, progress)
            self._settle()
        self._used = time.thread_time() - self._since

    def _load(self, pages: Iterable[Page | ClosedSweep], progress: Callable[[int], None]) -> None:
        intake = Intake(
            self._mapper, self._maker.new, self._asker.known, lambda batch: self._hand_over(batch, progress)
        )
        for page in pages:
            if page.position <= self.applied_through:
                continue
            if isinstance(page, ClosedSweep):
                if self._info.absence and self._archive is not None:
                    intake.end()
                    self._settle()
                    self._withdraw_absent(page, self._archive)
                continue
            if not intake.waits:
                intake.mapper = self._widened()
                if not self._applier.fresh and not intake.batch.changes and self._asker.passes_over(intake.batch, page):
                    if intake.batch.counts.pages >= BATCH_PAGES:
                        intake.close()
                    continue
            page = opened(page)
            self._mapped += len(page.content())
            if self._recall is None or self._applier.fresh or not self._maker.is_quick:
                intake.add(page)
            else:
                intake.prepare(page, self._asker.remember(page))
        intake.end()

    def _widened(self) -> Mapper:
        """Where there is much to map, processes beside this one do it as soon as they have begun."""
        if isinstance(self._mapper, Here):
            if self._mapped >= WIDENED or time.thread_time() - self._since >= _WORTH:
                self._processes.start()
            if self._processes.are_ready:
                self._mapper = self._processes.mapper(self._bundle, self._info, self._composite)
        return self._mapper

    # -------------------------------------------------------------------------------------------------- writing

    def _hand_over(self, batch: Batch, progress: Callable[[int], None]) -> None:
        """Gives a batch to the writer, once it is done with the one before. What that one raised is raised here."""
        self._settle()
        self._in_writing = batch
        self._writing = self._writer.submit(self._flush, batch, progress)

    def _settle(self) -> None:
        if self._writing is not None:
            writing, self._writing, self._in_writing = self._writing, None, None
            writing.result()

    def _is_writing_any(self, records: Iterable[str]) -> bool:
        """Whether what is being written may be of one of these records; also where it may be of records that nobody can name."""
        batch = self._in_writing
        if batch is None:
            return False
        written = {line[: line.index("\t")] for line in batch.stages[0]}
        return bool(batch.dead) or not written.isdisjoint(records)

    def _flush(self, batch: Batch, progress: Callable[[int], None]) -> None:
        if not batch.counts.balanced:
            raise FieldmapError(
                f"The accounts of {self._info.title} do not balance ({batch.counts}); nothing of the batch was kept, please report this"
            )

        self._shares.refuse(batch)

        changes = self._link.certainly(
            lambda connection: self._applier.write(connection, batch),
            lambda connection: self._position.is_applied(connection, batch.last),
        )
        self.applied_through = batch.last
        self._written += len(batch.stages[0])
        self._shares.add(batch)
        self.loaded.counts.add(batch.counts)
        self._add(changes)
        progress(batch.counts.read)

    def _withdraw_absent(self, mark: ClosedSweep, archive: Archive) -> None:
        """After a full sweep: what it lacks is gone. Its mark is a batch of its own."""
        self.loaded.refused = ""
        reason = absence.unfit(mark)

        def work(connection: Connection) -> tuple[dict[str, Changes], int, str]:
            batch = Batch({}, first=mark.position, last=mark.position)
            refused, changes = "", dict[str, Changes]()
            if self._position.fence(connection) >= mark.position:
                return {}, 0, ""
            if reason is None:
                pages, version = archive.sweep(mark), self._position.version
                batch.counts.absent, refused = absence.judge(connection, self._info, self._maker, mark, pages, version)
                if batch.counts.absent:
                    self._applier.stage(connection)
                    absence.stage(connection, self._info, mark, version)
                    self._applier.apply(connection, batch)
                    changes = self._applier.merge(connection)
            self._position.account(connection, batch)
            self._position.note_changed(connection, changes)
            return changes, batch.counts.absent, refused

        done = self._link.certainly(work, lambda connection: self._position.is_applied(connection, mark.position))
        self.applied_through = mark.position
        if done is not None:
            changes, absent, self.loaded.refused = done
            self.loaded.counts.absent += absent
            self._add(changes)

    def finish(self) -> None:
        """After the whole archive was applied under a new version of the map: removes what only the earlier version claimed."""
        if self._position.is_replaying(self._link.connected()):
            swept = self._link.certainly(
                self._applier.sweep, lambda connection: not self._position.is_replaying(connection)
            )
            self._add(swept)

    def _add(self, changes: dict[str, Changes] | None) -> None:
        for name, change in (changes or {}).items():
            self.loaded.entities.setdefault(name, Changes()).add(change)


def _composite_keys(bundle: Bundle, info: MapInfo) -> dict[int, tuple[int, ...]]:
    """For each claim with a key of several parts the places of these in its rows."""
    found: dict[int, tuple[int, ...]] = {}
    for claim in info.claims:
        entity = bundle.entity(claim.entity) if claim.entity is not None else None
        if entity is not None and len(entity.key) > 1:
            found[claim.number] = tuple(n for n, column in enumerate(claim.columns) if column.field in entity.key)
    return found


@contextlib.contextmanager
def _frequent_switches() -> Iterator[None]:
    # Of several loaders at work one may put it back while others go on: they are only slower for it.
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(_USUAL_TURN)
