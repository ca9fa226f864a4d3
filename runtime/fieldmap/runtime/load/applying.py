"""What one transaction of a map does: COPY of a batch's lines, claims, letters, canonical rows.

Owns the ways in which claims are written (over what the store has, or fresh, where it has nothing) and the order of what a batch does;
when a transaction begins and whether it was committed is the loader's.
"""

from __future__ import annotations

from collections.abc import Collection

import psycopg
from psycopg import sql

from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.load import planner
from fieldmap.runtime.load.batch import Batch
from fieldmap.runtime.load.identify import begin, concerned, with_referrers
from fieldmap.runtime.load.letters import Rejection, rejections, write_letters
from fieldmap.runtime.load.merging import Changes, Merger, defer, follow, lock, merge_all
from fieldmap.runtime.load.position import Position
from fieldmap.runtime.load.recall import Recall
from fieldmap.runtime.load.shares import Shares
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.store.scripts import run_script


class Applier:
    """Of one map in one run. Every method works within the transaction of its caller."""

    def __init__(
        self,
        bundle: Bundle,
        info: MapInfo,
        run: int,
        position: Position,
        shares: Shares,
        *,
        detailed: bool,
        deferred: Collection[str],
    ) -> None:
        """detailed, deferred: as of `Loader`."""
        self._bundle = bundle
        self._info = info
        self._run = run
        self._position = position
        self._shares = shares
        self._detailed = detailed
        self._steps = bundle.steps(f"sql/apply/{info.id}.sql")
        names = sorted({claim.entity for claim in info.claims if claim.entity is not None})
        self.mergers = {name: Merger(bundle, name) for name in with_referrers(bundle, names)}
        self._claimed = [self.mergers[name] for name in names]
        # Where keys can move, what a claim's key means is read before the merge, so the lock comes before that too.
        self._follows = any(concerned(merger.info) for merger in self._claimed) or any(
            name in info.referrers for info in bundle.catalogue.entities for name in names
        )
        # Rows of entities that refer to one of these follow when that is merged.
        self._defers = bool(names) and set(names) <= set(deferred)
        self._deferred = deferred
        self._direct = (
            not self._defers
            and all("fresh" in self.mergers[name].steps for name in names)
            and len(self.mergers) == len(names)
        )
        self._letters = False
        self.fresh = False
        self.recall: Recall | None = None

    def look(self, connection: Connection) -> None:
        """Looks whether the store has anything of the map that what is written now may meet."""
        self.fresh = (
            "fresh_touched" in self._steps
            and self.is_empty(connection)
            and not self._has_notes(connection, "held", "listed")
        )
        self._letters = self._has_notes(connection, "dead_letters")

    def is_empty(self, connection: Connection) -> bool:
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

    # -------------------------------------------------------------------------------------------- whole transactions

    def write(self, connection: Connection, batch: Batch) -> dict[str, Changes]:
        """All that a batch does. Nothing, if it was applied before."""
        through = self._position.fence(connection)
        if through >= batch.last:
            return {}
        rejected = list(rejections(connection, batch, self._info.id)) if batch.dead else []
        # Before the claims, which are written anew where a version of theirs was rejected meanwhile.
        write_letters(connection, batch, map_id=self._info.id, map_version=self._position.version, run=self._run)
        changes: dict[str, Changes] = {}
        if batch.changes:
            made = self._write_fresh(connection, batch) if self.fresh else None
            changes = self._write_over(connection, batch, rejected) if made is None else made
        if self.recall is not None:
            self.recall.keep(connection, batch.pages, batch.homes)
        self._shares.write(connection, batch)
        self._position.account(connection, batch)
        self._position.note_changed(connection, changes)
        return changes

    def sweep(self, connection: Connection) -> dict[str, Changes]:
        """After a replay: removes what only an earlier version of the map claimed."""
        self._position.fence(connection)
        self.stage(connection)
        self.lock_first(connection)
        self.run_step(connection, "sweep", map_version=self._position.version)
        changes = self.merge(connection)
        self._position.note_changed(connection, changes)
        self._position.end_replay(connection)
        return changes

    def tell_planner(self, connection: Connection, written: int) -> None:
        """written: how many records were."""
        planner.tell(connection, self._info, [merger.info for merger in self._claimed], written)

    # ----------------------------------------------------------------------------------------------- over what is there

    def _write_over(self, connection: Connection, batch: Batch, rejected: Collection[Rejection]) -> dict[str, Changes]:
        """Writes records of which the store may have versions."""
        self.stage(connection)
        if rejected and "rejected" in self._steps:
            with connection.cursor().copy(self._steps["rejected"].encode()) as copy:
                for one in rejected:
                    copy.write_row(one)
        self.copy(connection, batch)
        self.apply(connection, batch)
        if self.recall is not None:
            for position, homes, shown in connection.execute(self._steps["homes"].encode()).fetchall():
                batch.homes.setdefault(position, set()).update(homes)
                batch.pages[position].stands = shown
        return self.merge(connection)

    def stage(self, connection: Connection) -> None:
        """Makes the tables into which lines are copied, and those of touched keys."""
        begin(connection, [merger.info for merger in self._claimed])
        self.run_step(connection, "stage")

    def copy(self, connection: Connection, batch: Batch, *, into: bool = False) -> None:
        """Writes the lines of a batch into its stages, or into the claims themselves."""
        step, before = ("into", f"{self._position.version}\t") if into else ("copy", "")
        with connection.cursor() as cursor:
            for number, lines in batch.stages.items():
                if lines:
                    with cursor.copy(self._steps[f"{step}_{number}"].encode()) as copy:
                        copy.write(before.join(("", *lines)))

    def apply(self, connection: Connection, batch: Batch) -> None:
        """Makes claims of what is staged. What was held or rejected of versions that do not stand goes."""
        self.lock_first(connection)
        if "repeated" in self._steps and _has_repeated(batch.stages.get(0, ())):
            self.run_step(connection, "repeated")
        self.run_step(connection, "apply", map_version=self._position.version)
        self.run_step(connection, "superseded", first=batch.first, last=batch.last)
        if batch.dead:
            self.run_step(connection, "broken", first=batch.first, last=batch.last)

    # ------------------------------------------------------------------------------------------------- where nothing is

    def _write_fresh(self, connection: Connection, batch: Batch) -> dict[str, Changes] | None:
        """Writes records of which the store has none, without looking for what is not there. None if it has some after all: then
        nothing was written, and no batch of this run is tried so again."""
        connection.execute("SAVEPOINT fresh")
        batch.homes = {position: {position} for position in batch.pages}
        try:
            if self._direct or self._follows:
                self._lock(connection)
            after = self._copy_fresh(connection, batch)
            if self._direct:
                return self._make_rows(connection, batch, after)
            if self._defers:
                return self.merge(connection)
            begin(connection, [merger.info for merger in self._claimed])
            self.run_step(connection, "fresh_tables")
            with planner.by_index(connection):
                self.run_step(connection, "fresh_touched", after=after)
            return self.merge(connection)
        except psycopg.errors.UniqueViolation:
            connection.execute("ROLLBACK TO SAVEPOINT fresh")
            self.fresh, batch.homes = False, {}
            return None

    def _copy_fresh(self, connection: Connection, batch: Batch) -> int:
        """Writes claims without a stage. Returns the number after which theirs come."""
        row = connection.execute("SELECT nextval('fieldmap.claim_ids')").fetchone()
        after = row[0] if row is not None else 0
        self.copy(connection, batch, into=True)
        self.run_step(connection, "into_versions", after=after)
        if batch.dead or self._letters:
            self._letters = True
            self.run_step(connection, "outdated")
        if batch.dead:
            self.run_step(connection, "broken", first=batch.first, last=batch.last)
        return after

    def _make_rows(self, connection: Connection, batch: Batch, after: int) -> dict[str, Changes]:
        """Makes rows from fresh claims alone."""
        live = {claim.entity: len(batch.stages[claim.number]) for claim in self._info.claims if claim.number}
        if self._info.claims[0].entity is not None:
            live[self._info.claims[0].entity] = batch.counts.claimed
        with planner.by_index(connection):
            return {
                name: merger.make(connection, self._run, after=after, live=live[name])
                for name, merger in self.mergers.items()
            }

    # ------------------------------------------------------------------------------------------------------------ rows

    def lock_first(self, connection: Connection) -> None:
        """Before claims are read for their keys, where keys can move."""
        if self._follows:
            self._lock(connection)

    def _lock(self, connection: Connection) -> None:
        lock(connection, self.mergers, deferred=self._deferred)

    def merge(self, connection: Connection) -> dict[str, Changes]:
        """Makes the rows of all touched keys, or notes that they wait for the end of the run."""
        self._lock(connection)
        if self._defers:
            defer(connection, [merger.info.name for merger in self._claimed])
            return {}
        follow(connection, self._claimed, self.mergers, self._run, whole=False)
        return merge_all(connection, self._bundle, self.mergers, self._run, detailed=self._detailed)

    def run_step(self, connection: Connection, step: str, **values: object) -> None:
        """Runs a named step of the map's SQL."""
        run_script(connection, self._steps[step], values)

    def retried(self, connection: Connection) -> list[tuple[int, int]]:
        """The places of staged records of which the store has newer versions."""
        return connection.execute(self._steps["retried"].encode()).fetchall()


def _has_repeated(lines: Collection[str]) -> bool:
    """Whether a record comes several times among lines for COPY, which begin with it."""
    return len({line[: line.index("\t")] for line in lines}) < len(lines)
