"""Applies batches of one map to the database: each in one transaction with its position, accounts and dead letters."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self, TypeVar

import psycopg
from psycopg import sql

from fieldmap.runtime.archive import Archive, ClosedSweep
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.errors import AwayError, DatabaseError, FieldmapError
from fieldmap.runtime.load import absence
from fieldmap.runtime.load.batch import Batch, BatchMaker, Counts, Known, Memory, Page, digest_of, request_of
from fieldmap.runtime.load.identify import begin, concerned, with_referrers
from fieldmap.runtime.load.intake import Intake
from fieldmap.runtime.load.letters import write_letters
from fieldmap.runtime.load.mapping import Here, Mapper, Processes, Told, opened
from fieldmap.runtime.load.merging import Changes, Merger, defer, follow, lock, merge_all
from fieldmap.runtime.load.recall import Recall, Remembered
from fieldmap.runtime.load.shares import Shares
from fieldmap.runtime.store.database import Connection, Database
from fieldmap.runtime.store.reconcile import first_line
from fieldmap.runtime.store.scripts import run_script
from fieldmap.runtime.store.transaction import Commit, transact

# So many bytes of pages are mapped in this process before others are started for that.
WIDENED = 4 * 1024 * 1024
# Pages that show nothing new are accounted for by so many at a time.
BATCH_PAGES = 1_000
# After so many records the planner is told of what the tables hold: before the server does it by itself, the next run may read whole
# tables for a few rows.
ANALYZED = 10_000
# How often two threads take turns while one makes a batch and the other writes one: the writer has little to do between two waits,
# and must not wait for its turn besides.
_TURN = 0.0002
_USUAL_TURN = sys.getswitchinterval()
# A connection lost around COMMIT is met with a new one this often.
_ATTEMPTS = 3


_Answer = TypeVar("_Answer")


@dataclass
class Loaded:
    """What a run did for one map. refused: why the records that the last full sweep lacks were not taken for deleted."""

    counts: Counts = field(default_factory=Counts)
    entities: dict[str, Changes] = field(default_factory=dict)
    refused: str = ""


class Loader:
    """Loads one map. Create it with `take`; every batch checks that no later run has taken the map since."""

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
        self._database = database
        self._bundle = bundle
        self._info = info
        self._run = run
        self._detailed = detailed
        self._composite = _composite_keys(bundle, info)
        self._maker = BatchMaker(info, bundle.transform(info.id), self._composite, bundle.deletes(info.id))
        self._mapper: Mapper = Here(self._maker)
        self._processes = workers if isinstance(workers, Processes) else Processes(workers)
        self._owns_processes = self._processes is not workers
        self._mapped = 0
        self._apply = bundle.steps(f"sql/apply/{info.id}.sql")
        names = sorted({claim.entity for claim in info.claims if claim.entity is not None})
        self._mergers = {name: Merger(bundle, name) for name in with_referrers(bundle, names)}
        self._claimed = [self._mergers[name] for name in names]
        # Where keys can move, what a claim's key means is read before the merge, so the lock comes before that too.
        self._follows = any(concerned(merger.info) for merger in self._claimed) or any(
            name in info.referrers for info in bundle.catalogue.entities for name in names
        )
        # Rows of entities that refer to one of these follow when that is merged.
        self._defers = bool(names) and set(names) <= set(deferred)
        self._shares = Shares(info, dead)
        self._direct = all("fresh" in self._mergers[name].steps for name in names) and len(self._mergers) == len(names)
        self._fresh = self._letters = False
        self._written = 0
        self._recall: Recall | None = None
        self._writer = ThreadPoolExecutor(1, "fieldmap-writer")
        self._writing: Future[None] | None = None
        self._connection: Connection | None = None
        self._reading: Connection | None = None
        self._remembered: dict[int, Remembered] = {}
        self._epoch = 0
        self._map_version = 0
        self.applied_through = -1
        self.loaded = Loaded()

    def __enter__(self) -> Self:
        try:
            self._take()
        except BaseException:
            self._writer.shutdown()
            self._drop()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # A transaction under way comes to its end, whatever went wrong beside it.
        self._writer.shutdown(wait=True)
        if self._owns_processes:
            self._processes.close()
        try:
            if kind is None and self._connection is not None and not self._connection.closed:
                # Also where nothing was left to load: a run may have been cut off after its last batch.
                if self._shares.counted:
                    self._shares.end(self._connection, self._epoch)
                if self._recall is not None and self.loaded.counts.pages:
                    self._recall.prune(self._connection)
                if self._written >= ANALYZED:
                    self._tell_planner(self._connection)
        finally:
            for connection in (self._connection, self._reading):
                if connection is not None:
                    connection.close()

    # -------------------------------------------------------------------------------------------------- reading

    def load(self, pages: Iterable[Page | ClosedSweep], progress: Callable[[int], None] = lambda _: None) -> None:
        """Applies pages in the order of the archive. Those already applied are passed over. While the database takes a batch the
        next is made, and no more than that one."""
        with _frequent_switches():
            self._load(pages, progress)
            self._settle()

    def _load(self, pages: Iterable[Page | ClosedSweep], progress: Callable[[int], None]) -> None:
        intake = Intake(self._mapper, self._maker.new, self._known, lambda batch: self._hand_over(batch, progress))
        for page in pages:
            if page.position <= self.applied_through:
                continue
            if isinstance(page, ClosedSweep):
                if self._info.absence and self._archive is not None:
                    intake.end()
                    self._settle()
                    self._withdraw_absent(page)
                continue
            if not intake.waits:
                intake.mapper = self._widened()
                if not intake.batch.changes and self._passed_over(intake.batch, page):
                    if intake.batch.counts.pages >= BATCH_PAGES:
                        intake.close()
                    continue
            page = opened(page)
            self._mapped += len(page.content())
            if self._recall is None or self._fresh or not self._maker.is_quick:
                intake.add(page)
            else:
                intake.prepare(page, self._remember(page))
        intake.end()

    def _widened(self) -> Mapper:
        """Where there is much to map, processes beside this one do it as soon as they have begun."""
        if isinstance(self._mapper, Here):
            if self._mapped >= WIDENED:
                self._processes.start()
            if self._processes.are_ready:
                self._mapper = self._processes.mapper(self._bundle, self._info, self._composite)
        return self._mapper

    def _withdraw_absent(self, mark: ClosedSweep) -> None:
        """After a full sweep: what it lacks is gone. Its mark is a batch of its own."""
        self.loaded.refused = ""
        reason = absence.unfit(mark)

        def work(connection: Connection) -> tuple[dict[str, Changes], int, str]:
            batch = Batch({}, first=mark.position, last=mark.position)
            refused, changes = "", dict[str, Changes]()
            if self._fence(connection) >= mark.position:
                return {}, 0, ""
            if reason is None:
                batch.counts.absent, refused = self._judge_absent(connection, mark)
                if batch.counts.absent:
                    self._stage(connection)
                    absence.stage(connection, self._info, mark, self._map_version)
                    if self._follows:
                        lock(connection, self._mergers)
                    self._run_step(connection, "apply", map_version=self._map_version)
                    self._settle_letters(connection, batch)
                    changes = self._merge(connection)
            self._account(connection, batch)
            return changes, batch.counts.absent, refused

        done = self._certainly(work, lambda connection: self._applied(connection, mark.position))
        self.applied_through = mark.position
        if done is not None:
            changes, absent, self.loaded.refused = done
            self.loaded.counts.absent += absent
            self._add(changes)

    def _judge_absent(self, connection: Connection, mark: ClosedSweep) -> tuple[int, str]:
        """How many records are withdrawn, and why none is."""
        assert self._archive is not None  # noqa: S101  (looked at before)
        named, nameless = absence.gather(connection, self._maker, self._archive.sweep(mark))
        live, absent = absence.count(connection, self._info, mark, self._map_version)
        if nameless and absent:
            return 0, (
                f"Nothing of {self._info.title} was deleted: {nameless:,} records of the sweep have no identity, and any absent"
                " record may be one of them; see: fieldmap dlq"
            )
        refused = absence.refusal(self._info, mark, live, absent, named)
        return (0, refused) if refused is not None else (absent, "")

    def _applied(self, connection: Connection, position: int) -> bool:
        row = connection.execute(
            "SELECT content FROM fieldmap.ledger WHERE (map, map_version, last_position) = (%s, %s, %s)",
            [self._info.id, self._map_version, position],
        ).fetchone()
        return row is not None

    def _passed_over(self, batch: Batch, page: Page) -> bool:
        """Whether a page shows nothing that the store does not hold already; then it is counted and not read."""
        recall = self._recall
        if recall is None or self._fresh:
            return False
        digest = digest_of(page, b"" if page.digest else page.content())
        found = self._asked(lambda connection: recall.page(connection, digest))
        if found is None:
            return False
        batch.take(page.position, digest, found)
        return True

    def _remember(self, page: Page) -> Memory | None:
        """What an earlier page for the same request had, if that still stood just now: it is looked at again before it counts."""
        recall = self._recall
        if recall is None or not (request := request_of(page)):
            return None
        try:
            # Beside the writer, who has the other.
            if self._reading is None or self._reading.closed:
                self._reading = self._database.connect()
            found = recall.remembered(self._reading, request)
        except psycopg.OperationalError:
            return None
        except psycopg.Error as error:
            raise self._refused(error) from None
        if found is None:
            return None
        self._remembered[page.position] = found
        return found.memory

    def _known(self, group: list[Told]) -> list[Known | None]:
        """Which records of pages the store knows just as they came; None where it was not asked."""
        recall = self._recall
        earlier = [self._remembered.pop(one.position, None) for one in group]
        found: list[Known | None] | None = None
        if recall is not None and all(one.is_quick for one in group):
            found = self._asked(lambda connection: recall.records(connection, group, earlier))
        return found or [None] * len(group)

    def _asked(self, question: Callable[[Connection], _Answer | None]) -> _Answer | None:
        """What the store answers; None if the connection broke: then all that is read is mapped."""
        # What the writer is at may change the answer.
        self._settle()
        try:
            return question(self._connected())
        except psycopg.OperationalError:
            self._drop()
            return None
        except psycopg.Error as error:
            raise self._refused(error) from None

    def _hand_over(self, batch: Batch, progress: Callable[[int], None]) -> None:
        """Gives a batch to the writer, once it is done with the one before. What that one raised is raised here."""
        self._settle()
        self._writing = self._writer.submit(self._flush, batch, progress)

    def _settle(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def finish(self) -> None:
        """After the whole archive was applied under a new version of the map: removes what only the earlier version claimed."""
        if not self._replaying():
            return

        def work(connection: Connection) -> dict[str, Changes]:
            self._fence(connection)
            self._stage(connection)
            if self._follows:
                lock(connection, self._mergers)
            self._run_step(connection, "sweep", map_version=self._map_version)
            changes = self._merge(connection)
            self._note_changed(connection, changes)
            connection.execute("UPDATE fieldmap.positions SET replaying = false WHERE map = %s", [self._info.id])
            return changes

        self._add(self._certainly(work, lambda c: not self._replaying(c)))

    def _flush(self, batch: Batch, progress: Callable[[int], None]) -> None:
        if not batch.counts.balanced:
            raise FieldmapError(
                f"The accounts of {self._info.title} do not balance ({batch.counts}); nothing of the batch was kept, please report this"
            )

        self._shares.refuse(batch)

        changes = self._certainly(
            lambda connection: self._write(connection, batch), lambda connection: self._applied(connection, batch.last)
        )
        self.applied_through = batch.last
        self._written += len(batch.stages[0])
        self._shares.add(batch)
        self.loaded.counts.add(batch.counts)
        self._add(changes)
        progress(batch.counts.read)

    def _add(self, changes: dict[str, Changes] | None) -> None:
        for name, change in (changes or {}).items():
            self.loaded.entities.setdefault(name, Changes()).add(change)

    # -------------------------------------------------------------------------------------------------- writing

    def _write(self, connection: Connection, batch: Batch) -> dict[str, Changes]:
        through = self._fence(connection)
        if through >= batch.last:
            return {}
        # Before the claims, which are written anew where a version of theirs was rejected meanwhile.
        write_letters(connection, batch, map_id=self._info.id, map_version=self._map_version, run=self._run)
        changes: dict[str, Changes] = {}
        if batch.changes:
            made = self._write_fresh(connection, batch) if self._fresh else None
            changes = self._write_over(connection, batch) if made is None else made
        if self._recall is not None:
            self._recall.keep(connection, batch.pages, batch.homes)
        self._shares.write(connection, batch)
        self._account(connection, batch)
        self._note_changed(connection, changes)
        return changes

    def _write_over(self, connection: Connection, batch: Batch) -> dict[str, Changes]:
        """Writes records of which the store may have versions."""
        self._stage(connection)
        self._copy(connection, batch)
        if self._follows:
            lock(connection, self._mergers)
        self._run_step(connection, "apply", map_version=self._map_version)
        self._settle_letters(connection, batch)
        if self._recall is not None:
            for position, homes, shown in connection.execute(self._apply["homes"].encode()).fetchall():
                batch.homes.setdefault(position, set()).update(homes)
                batch.pages[position].stands = shown
        return self._merge(connection)

    def _write_fresh(self, connection: Connection, batch: Batch) -> dict[str, Changes] | None:
        """Writes records of which the store has none, without looking for what is not there. None if it has some after all: then
        nothing was written, and no batch of this run is tried so again."""
        connection.execute("SAVEPOINT fresh")
        batch.homes = {position: {position} for position in batch.pages}
        try:
            if self._direct or self._follows:
                lock(connection, self._mergers)
            after = self._copy_fresh(connection, batch)
            if self._direct:
                return self._make_rows(connection, batch, after)
            if self._defers:
                return self._merge(connection)
            begin(connection, [merger.info for merger in self._claimed])
            self._run_step(connection, "fresh_tables")
            with _by_index(connection):
                self._run_step(connection, "fresh_touched", after=after)
            return self._merge(connection)
        except psycopg.errors.UniqueViolation:
            connection.execute("ROLLBACK TO SAVEPOINT fresh")
            self._fresh, batch.homes = False, {}
            return None

    def _copy_fresh(self, connection: Connection, batch: Batch) -> int:
        """Writes claims without a stage. Returns the number after which theirs come."""
        row = connection.execute("SELECT nextval('fieldmap.claim_ids')").fetchone()
        after = row[0] if row is not None else 0
        self._copy(connection, batch, into=True)
        self._run_step(connection, "into_versions", after=after)
        if batch.dead or self._letters:
            self._letters = True
            self._run_step(connection, "outdated")
        if batch.dead:
            self._run_step(connection, "broken", first=batch.first, last=batch.last)
        return after

    def _make_rows(self, connection: Connection, batch: Batch, after: int) -> dict[str, Changes]:
        """Makes rows from fresh claims alone."""
        live = {claim.entity: len(batch.stages[claim.number]) for claim in self._info.claims if claim.number}
        if self._info.claims[0].entity is not None:
            live[self._info.claims[0].entity] = batch.counts.claimed
        with _by_index(connection):
            return {
                name: merger.make(connection, self._run, after=after, live=live[name])
                for name, merger in self._mergers.items()
            }

    def _stage(self, connection: Connection) -> None:
        begin(connection, [merger.info for merger in self._claimed])
        self._run_step(connection, "stage")

    def _copy(self, connection: Connection, batch: Batch, *, into: bool = False) -> None:
        """Writes the lines of a batch into its stages, or into the claims themselves."""
        step, before = ("into", f"{self._map_version}\t") if into else ("copy", "")
        with connection.cursor() as cursor:
            for number, lines in batch.stages.items():
                if lines:
                    with cursor.copy(self._apply[f"{step}_{number}"].encode()) as copy:
                        copy.write(before.join(("", *lines)))

    def _fence(self, connection: Connection) -> int:
        """Locks the map's position; returns how far it was applied. Raises if a later run has taken the map."""
        row = connection.execute(
            "SELECT epoch, applied_through FROM fieldmap.positions WHERE map = %s FOR UPDATE", [self._info.id]
        ).fetchone()
        if row is None or row[0] != self._epoch:
            raise FieldmapError(
                f"Another run has taken over {self._info.title}; this one stops, and nothing of its last batch was kept"
            )
        return int(row[1])

    def _run_step(self, connection: Connection, step: str, **values: object) -> None:
        run_script(connection, self._apply[step], values)

    def _settle_letters(self, connection: Connection, batch: Batch) -> None:
        """After the claims: what was held or rejected of versions that do not stand goes."""
        self._run_step(connection, "superseded", first=batch.first, last=batch.last)
        if batch.dead:
            self._run_step(connection, "broken", first=batch.first, last=batch.last)

    def _merge(self, connection: Connection) -> dict[str, Changes]:
        lock(connection, self._mergers)
        if self._defers:
            defer(connection, [merger.info.name for merger in self._claimed])
            return {}
        follow(connection, self._claimed, self._mergers, self._run, whole=False)
        return merge_all(connection, self._bundle, self._mergers, self._run, detailed=self._detailed)

    def _account(self, connection: Connection, batch: Batch) -> None:
        self._count(connection, batch)
        connection.execute(
            "INSERT INTO fieldmap.ledger (map, map_version, first_position, last_position, content, run, epoch) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [self._info.id, self._map_version, batch.first, batch.last, batch.content.digest(), self._run, self._epoch],
        )
        connection.execute(
            "UPDATE fieldmap.positions SET applied_through = %s WHERE map = %s", [batch.last, self._info.id]
        )

    def _count(self, connection: Connection, batch: Batch) -> None:
        counts = batch.counts
        numbers = [counts.pages, counts.read, counts.claimed, counts.filtered, counts.deleted, counts.dead, counts.held]
        numbers.append(counts.absent)
        connection.execute(
            "INSERT INTO fieldmap.accounts AS a (run, map, pages, read, claimed, filtered, deleted, dead, held, absent) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (run, map) DO UPDATE SET (pages, read, claimed, filtered, deleted, dead, held, absent) = (a.pages + EXCLUDED.pages, a.read + EXCLUDED.read,"
            " a.claimed + EXCLUDED.claimed, a.filtered + EXCLUDED.filtered, a.deleted + EXCLUDED.deleted, a.dead + EXCLUDED.dead, a.held + EXCLUDED.held,"
            " a.absent + EXCLUDED.absent)",
            [self._run, self._info.id, *numbers],
        )
        for path, number in counts.bare.items():
            connection.execute(
                "INSERT INTO fieldmap.read_bare AS b (run, map, path, count) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (run, map, path) DO UPDATE SET count = b.count + EXCLUDED.count",
                [self._run, self._info.id, path, number],
            )

    def _note_changed(self, connection: Connection, changes: Mapping[str, Changes]) -> None:
        """How many canonical rows are others by what the map wrote, beside its accounts."""
        number = sum(change.new + change.changed + change.gone for change in changes.values())
        if number:
            connection.execute(
                "UPDATE fieldmap.accounts SET changed_rows = changed_rows + %s WHERE (run, map) = (%s, %s)",
                [number, self._run, self._info.id],
            )

    # ------------------------------------------------------------------------------------------------ connections

    def _take(self) -> None:
        """Takes the map for this run: every run before it is fenced off."""
        connection = self._database.connect()
        self._connection = connection
        # Only in the version of this bundle: another run may have made the database ready for other maps since this one did.
        row = connection.execute(
            "UPDATE fieldmap.positions p SET epoch = p.epoch + 1 FROM fieldmap.map_versions v WHERE p.map = %s"
            " AND (v.id, v.version) = (p.map_version, %s) RETURNING p.epoch, p.map_version, p.applied_through",
            [self._info.id, self._info.version],
        ).fetchone()
        if row is None:
            raise FieldmapError(
                f"The database is not ready for {self._info.title} as this run reads it: another run has begun with another"
                " version of the map since; wait until it ends, and run the command again"
            )
        self._epoch, self._map_version, self.applied_through = row
        self._fresh = (
            "fresh_touched" in self._apply
            and self._is_empty(connection)
            and not self._has_notes(connection, "held", "listed")
        )
        self._letters = self._has_notes(connection, "dead_letters")
        if not self._info.keeps:
            self._recall = Recall(self._info, self._map_version, self._maker.surroundings)
            if self._is_empty(connection):
                self._recall.forget(connection)
        self._shares.read(connection)

    def _tell_planner(self, connection: Connection) -> None:
        """Of the columns by which rows are looked up here: what users ask by, the server learns within a minute or so by itself."""
        keys = {merger.info.name: merger.info.key for merger in self._claimed}
        for claim in self._info.claims:
            fields = keys.get(claim.entity or "", ())
            columns = [name for column in claim.columns if column.field in fields for name in column.columns]
            own = ["_claim", "_record", "_position", "_map_version", *([] if claim.number else ["_state"])]
            _analyze(connection, "claims", claim.table, [*own, *columns])
        for merger in self._claimed:
            _analyze(connection, "canonical", merger.info.table, list(merger.info.key))
            if merger.info.history:
                _analyze(connection, "history", merger.info.table, [*merger.info.key, "_true_from", "_known_to"])

    def _is_empty(self, connection: Connection) -> bool:
        """Whether the store knows no record of the map."""
        table = sql.Identifier("claims", self._info.claims[0].table)
        return connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table)).fetchone() is None

    def _has_notes(self, connection: Connection, *tables: str) -> bool:
        """Whether anything is noted of the map's records in one of these tables."""
        question = sql.SQL("SELECT FROM {} WHERE map = %s LIMIT 1")
        return any(
            connection.execute(question.format(sql.Identifier("fieldmap", table)), [self._info.id]).fetchone()
            is not None
            for table in tables
        )

    def _replaying(self, connection: Connection | None = None) -> bool:
        row = (
            self._connected(connection)
            .execute("SELECT replaying FROM fieldmap.positions WHERE map = %s", [self._info.id])
            .fetchone()
        )
        return row is not None and bool(row[0])

    def _connected(self, connection: Connection | None = None) -> Connection:
        if connection is not None:
            return connection
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect()
        return self._connection

    def _certainly(self, work: Callable[[Connection], Any], done: Callable[[Connection], bool]) -> Any:
        """Runs a transaction until its outcome is known. A lost connection or answer is looked up with `done`, or done again: the
        position was locked by the first attempt, so its absence from the ledger is final once the new one holds the lock."""
        lost = ""
        for attempt in range(_ATTEMPTS):
            try:
                if attempt and self._happened(done):
                    return None
                outcome, result = transact(self._connected(), work)
                if outcome is Commit.COMMITTED:
                    return result
            except psycopg.Error as error:
                if not _passing(error):
                    raise self._refused(error) from None
                lost = f": {first_line(error)}"
            self._drop()
        raise AwayError(
            f"The database stopped {_ATTEMPTS} times in the middle of {self._info.title}{lost}; nothing was lost, run the command again"
        )

    def _happened(self, done: Callable[[Connection], bool]) -> bool:
        connection = self._connected()
        connection.execute("BEGIN")
        connection.execute("SELECT FROM fieldmap.positions WHERE map = %s FOR UPDATE", [self._info.id])
        found = done(connection)
        connection.execute("ROLLBACK")
        return found

    def _refused(self, error: psycopg.Error) -> DatabaseError:
        return DatabaseError(
            f"The database refused a batch of {self._info.title}: {first_line(error)}; nothing of the batch was kept"
        )

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _composite_keys(bundle: Bundle, info: MapInfo) -> dict[int, tuple[int, ...]]:
    """For each claim with a key of several parts the places of these in its rows."""
    found: dict[int, tuple[int, ...]] = {}
    for claim in info.claims:
        entity = bundle.entity(claim.entity) if claim.entity is not None else None
        if entity is not None and len(entity.key) > 1:
            found[claim.number] = tuple(n for n, column in enumerate(claim.columns) if column.field in entity.key)
    return found


@contextlib.contextmanager
def _by_index(connection: Connection) -> Iterator[None]:
    """Nobody has counted yet what a table holds that is being filled: the claims of a batch are found by their numbers, not by reading
    it all."""
    connection.execute("SET LOCAL enable_seqscan = off")
    yield
    connection.execute("SET LOCAL enable_seqscan TO DEFAULT")


def _analyze(connection: Connection, schema: str, table: str, columns: list[str]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(sql.SQL("ANALYZE {} ({})").format(sql.Identifier(schema, table), names))


def _passing(error: psycopg.Error) -> bool:
    """Whether the same batch may do better on a new connection: broken or refused connections, shut-downs, deadlocks, full disks, and
    connections that the server ended because the run slept in the middle of a transaction."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in ("08", "40", "53", "57") or error.sqlstate == "25P03"


@contextlib.contextmanager
def _frequent_switches() -> Iterator[None]:
    # Of several loaders at work one may put it back while others go on: they are only slower for it.
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(_USUAL_TURN)
