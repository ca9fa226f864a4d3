"""Retries dead letters of one map: reads exactly their records from the archive again, with the maps of now.

A record that can be read becomes a claim in the transaction that removes its letter. It never replaces a newer version of the record.
One that is rejected again keeps its letter as it was: what the store says of a record is said by the version of the map that was
loaded, until a replay. Where claims of another version of the map come in, the position says so (`retried`), and no sync goes on
before a replay has read everything with one version.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.errors import FieldmapError, FindingsError
from fieldmap.runtime.load.batch import Batch, Counts
from fieldmap.runtime.load.intake import BATCH_RECORDS
from fieldmap.runtime.load.letters import write_dead, write_notes
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.load.merging import Changes
from fieldmap.runtime.load.reread import Rereader
from fieldmap.runtime.store.database import Connection, Database
from fieldmap.runtime.values.cells import escaped
from fieldmap.runtime.values.outcome import Dead


class Letter(NamedTuple):
    """A dead letter, as far as it is retried. whole: it stands for all records of a page, line or row. run: that wrote it."""

    number: int
    map: str
    position: int
    number_in_page: int
    record: str | None
    whole: bool
    run: int


@dataclass(frozen=True)
class Retried:
    """What became of a letter. outcome: claimed, filtered, deleted, empty (a page that could not be read holds no records), superseded
    (a newer version of the record stands), apart (a page that could not be read is read, but for records that have letters of their own
    now); or the letter stays: rejected, moved (the record is not where it was, since the maps of
    now take the page apart in another way). reason: of a rejection, with its code and field. records: those that were rejected of a page
    that was taken apart."""

    letter: Letter
    outcome: str
    code: str = ""
    field: str = ""
    reason: str = ""
    records: tuple[Dead, ...] = ()


def letters(connection: Connection, numbers: Iterable[int] | None) -> list[Letter]:
    """The dead letters of these numbers, or all, in the order of their maps and pages."""
    wanted = None if numbers is None else list(numbers)
    rows = connection.execute(
        "SELECT id, map, archive_position, record_index, record, whole, run FROM fieldmap.dead_letters"
        " WHERE %(wanted)s::bigint[] IS NULL OR id = ANY(%(wanted)s) ORDER BY map, archive_position, record_index",
        {"wanted": wanted},
    ).fetchall()
    return [Letter(*row) for row in rows]


class Retry(Loader):
    """Use it as a Loader, in a `with`. It fences no other run off: a sync of the same map waits for its transactions and goes on."""

    def __init__(self, database: Database, bundle: Bundle, info: MapInfo, run: int) -> None:
        super().__init__(database, bundle, info, run, detailed=True)
        self._rereader = Rereader(info, bundle.transform(info.id), self._composite, bundle.deletes(info.id))

    def _take(self, connection: Connection) -> None:
        row = connection.execute(
            "SELECT p.epoch, v.version FROM fieldmap.positions p JOIN fieldmap.map_versions v ON v.id = p.map_version"
            " WHERE p.map = %s",
            [self._info.id],
        ).fetchone()
        if row is None:
            raise FindingsError(f"Nothing was loaded by {self._info.title} yet; run: fieldmap replay")
        self._position.epoch, loaded = row
        self._changed = loaded != self._info.version
        if self._changed:
            self._refuse_other_changes(connection)
        found = connection.execute(
            "INSERT INTO fieldmap.map_versions (map, version) VALUES (%s, %s) ON CONFLICT (map, version) DO UPDATE"
            " SET version = EXCLUDED.version RETURNING id",
            [self._info.id, self._info.version],
        ).fetchone()
        self._position.version = found[0] if found is not None else 0

    def _refuse_other_changes(self, connection: Connection) -> None:
        """A retry writes rows as the tables and rules of now make them; where those changed, only a replay can."""
        if self._info.keeps:
            raise FindingsError(
                f"{self._info.title} keeps values of earlier versions of a record, which only a replay can find; run: fieldmap replay"
            )
        made: dict[tuple[str, str], str] = {
            (schema, name): definition.partition(";\n")[0]
            for schema, name, definition in connection.execute(
                "SELECT schema_name, table_name, definition FROM fieldmap.tables"
            ).fetchall()
        }
        wanted = {("claims", claim.table) for claim in self._info.claims}
        wanted |= {("canonical", merger.info.table) for merger in self._applier.mergers.values()}
        tables = [table for table in self._bundle.catalogue.tables if (table.schema, table.name) in wanted]
        versions: dict[str, str] = dict(connection.execute("SELECT entity, version FROM fieldmap.entities").fetchall())
        others = [name for name, merger in self._applier.mergers.items() if versions.get(name) != merger.info.version]
        if others or any(made.get((t.schema, t.name)) != t.create.partition(";\n")[0] for t in tables):
            raise FindingsError(
                f"More changed than how {self._info.title} reads its records: its fields, or what makes the rows of"
                f" {', '.join(others or self._applier.mergers)}; the whole archive is needed for that: fieldmap replay"
            )

    # -------------------------------------------------------------------------------------------------- retrying

    def retry(self, found: Iterable[Letter], archive: Archive) -> Iterator[Retried]:
        """Retries letters of this map, in portions of which each is one transaction."""
        parts: list[tuple[Letter, Batch]] = []
        for position, group in itertools.groupby(found, lambda letter: letter.position):
            asked = {letter.number_in_page: letter for letter in group}
            page = archive.read_one(self._info.resource, position)
            made = self._rereader.reread(page, {index: letter.whole for index, letter in asked.items()})
            parts += [(letter, made[index]) for index, letter in asked.items()]
            if len(parts) >= BATCH_RECORDS:
                yield from self._settle_part(parts)
                parts = []
        yield from self._settle_part(parts)

    def _settle_part(self, parts: list[tuple[Letter, Batch]]) -> Iterator[Retried]:
        if not parts:
            return
        told = {letter: judged(letter, batch) for letter, batch in parts}
        good = {letter: batch for letter, batch in parts if told[letter].outcome not in ("rejected", "moved")}
        batch = self._joined(good.values())
        for letter in told:
            if told[letter].outcome == "rejected":
                batch.counts.add(Counts(read=1, dead=1))
        total = replace(self.loaded.counts)
        total.add(batch.counts)

        def done(connection: Connection) -> bool:
            row = connection.execute(
                "SELECT read FROM fieldmap.accounts WHERE (run, map) = (%s, %s)", [self._run, self._info.id]
            ).fetchone()
            return row is not None and row[0] == total.read

        gone = list(good)
        older = set[tuple[int, int]]()
        changes = self._link.certainly(lambda connection: self._write_retried(connection, batch, gone, older), done)
        self.loaded.counts = total
        self._add(changes)
        for letter, one in parts:
            places = {place(line) for line in one.stages[0]}
            late = letter in good and places and places <= older
            yield replace(told[letter], outcome="superseded") if late else told[letter]

    def _write_retried(
        self, connection: Connection, batch: Batch, gone: list[Letter], older: set[tuple[int, int]]
    ) -> dict[str, Changes]:
        self._position.fence(connection)
        self._position.count(connection, batch)
        if not gone:
            return {}
        # The number alone is no proof: a record that was rejected again meanwhile keeps it.
        removed = connection.execute(
            "DELETE FROM fieldmap.dead_letters d USING unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[]) o(id, run, position, index)"
            " WHERE (d.id, d.run, d.archive_position, d.record_index) = (o.id, o.run, o.position, o.index)",
            [list(part) for part in zip(*((x.number, x.run, x.position, x.number_in_page) for x in gone), strict=True)],
        ).rowcount
        if removed != len(gone):
            raise FieldmapError(
                f"Another run has read some of these dead letters of {self._info.title} meanwhile; nothing of this batch"
                " was kept, see: fieldmap dlq"
            )
        self._applier.stage(connection)
        self._applier.copy(connection, batch)
        older.clear()
        older.update(self._applier.retried(connection))
        standing = replace(
            batch,
            held=[item for item in batch.held if (item[0].position, item[0].index) not in older],
            listed=[item for item in batch.listed if (item[0].position, item[0].index) not in older],
        )
        # Of no page: only what these records say is settled, and what is said of records that were rejected.
        places = [place.position for place, _ in batch.dead]
        about = replace(batch, first=min(places, default=0), last=max(places, default=-1))
        write_dead(connection, about, map_id=self._info.id, map_version=self._position.version, run=self._run)
        write_notes(connection, standing, self._info.id)
        self._applier.apply(connection, about)
        if self._changed:
            connection.execute("UPDATE fieldmap.positions SET retried = true WHERE map = %s", [self._info.id])
        changes = self._applier.merge(connection)
        self._position.note_changed(connection, changes)
        return changes

    def _joined(self, batches: Iterable[Batch]) -> Batch:
        joined = self._rereader.new()
        for batch in batches:
            for number, lines in batch.stages.items():
                joined.stages[number] += lines
            joined.held += batch.held
            joined.listed += batch.listed
            joined.dead += batch.dead
            joined.received |= batch.received
            joined.counts.add(batch.counts)
        return joined


def judged(letter: Letter, batch: Batch) -> Retried:
    """What a letter's record has become, as far as mapping tells."""
    if batch.dead:
        dead = batch.dead[0][1]
        if letter.whole and not any(one.whole for _, one in batch.dead):
            return Retried(letter, "apart", records=tuple(one for _, one in batch.dead))
        return Retried(letter, "rejected", dead.code, dead.field, dead.reason)
    lines = [line.rstrip("\n").split("\t") for line in batch.stages[0]]
    ids = {line[0] for line in lines}
    if not lines:
        return Retried(letter, "empty" if letter.whole else "moved")
    if letter.record is not None and ids != {escaped(letter.record)}:
        return Retried(letter, "moved")
    if any(line[1] == "live" for line in lines):
        return Retried(letter, "claimed")
    return Retried(letter, "filtered" if batch.counts.filtered else "deleted")


def place(line: str) -> tuple[int, int]:
    """Where a line for COPY says that its record stands: the position of the page, the index in it."""
    parts = line.split("\t", 5)
    return int(parts[3]), int(parts[4])
