"""Holding is not a rug: where too many of a field's values would be held in a run, the map stops before its batch is committed. Nor are
dead letters: a map stops where too many of its records would become some.

The counts of a run are in the database, written in the transaction of each batch, so that a run that was cut off is judged
together with the one that goes on where it stopped: the answer is the same as if nothing had happened between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.errors import FindingsError
from fieldmap.runtime.load.batch import Batch, Field
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.values.failures import TITLES

# Fewer values tell nothing about a share.
LEAST_SEEN = 50
# Stands among the fields for the records themselves: a dead letter is one that is held.
RECORDS: Field = (-1, "")


class Shares:
    """How many values each field of a map had in this run, and how many of them were held; how many records, and dead letters.

    dead: of the records so many percent may be dead letters; None for any number."""

    def __init__(self, info: MapInfo, dead: Decimal | None = None) -> None:
        self._info = info
        self._dead = dead
        self._limits: dict[Field, Decimal] = {
            (origin.claim, origin.field): Decimal(origin.share) for origin in info.origins if origin.share
        }
        self._present: Counter[Field] = Counter()
        self._held: Counter[Field] = Counter()

    @property
    def counted(self) -> bool:
        """Whether anything was counted, in this run or in one that was cut off and that this one goes on with."""
        return bool(self._present)

    def read(self, connection: Connection) -> None:
        """Takes up the counts of a run that did not come to its end."""
        for claim, name, present, held in connection.execute(
            "SELECT claim, field, present, held FROM fieldmap.held_shares WHERE map = %s", [self._info.id]
        ).fetchall():
            self._present[claim, name], self._held[claim, name] = present, held

    def refuse(self, batch: Batch) -> None:
        """Raises FindingsError if the run with this batch would hold too large a share of a field's values, or reject of its records."""
        dead, read = self._held[RECORDS] + batch.counts.dead, self._present[RECORDS] + batch.counts.read
        if self._dead is not None and batch.dead and read >= LEAST_SEEN and dead * 100 > read * self._dead:
            raise FindingsError(self._rejected(dead, read, self._dead, batch))
        new = {(item.claim, item.field) for _, _, item in batch.held if not item.invented}
        held = batch.held_by
        for field, present in self._counted(batch):
            if field == RECORDS:
                continue
            so_far, seen = self._held[field] + held[field], self._present[field] + present
            if field in new and seen >= LEAST_SEEN and so_far * 100 > seen * self._limits[field]:
                raise FindingsError(self._sentence(field, so_far, seen, batch))

    def add(self, batch: Batch) -> None:
        """Counts a batch that was committed."""
        self._held.update(batch.held_by)
        self._held[RECORDS] += batch.counts.dead
        self._present.update(dict(self._counted(batch)))

    def write(self, connection: Connection, batch: Batch) -> None:
        """Keeps the counts in the transaction of the batch."""
        held = Counter(batch.held_by)
        held[RECORDS] = batch.counts.dead
        rows = [
            (self._info.id, *field, self._present[field] + present, self._held[field] + held[field])
            for field, present in self._counted(batch)
        ]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO fieldmap.held_shares (map, claim, field, present, held) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (map, claim, field) DO UPDATE SET (present, held) = (EXCLUDED.present, EXCLUDED.held)",
                rows,
            )

    def end(self, connection: Connection, epoch: int) -> None:
        """The run came to its end: the next one counts anew. A run that has taken the map meanwhile keeps its counts."""
        connection.execute(
            "DELETE FROM fieldmap.held_shares h USING fieldmap.positions p WHERE h.map = %s AND p.map = h.map AND p.epoch = %s",
            [self._info.id, epoch],
        )

    def _counted(self, batch: Batch) -> Iterator[tuple[Field, int]]:
        """Of each field that may be held the values that a batch has, held ones among them; and its records."""
        if self._dead is not None:
            yield RECORDS, batch.counts.read
        for field in self._limits:
            yield field, batch.present[field] + batch.held_by[field]

    def _sentence(self, field: Field, held: int, seen: int, batch: Batch) -> str:
        _, name = field
        limit = self._limits[field]
        origin = next(item for item in self._info.origins if (item.claim, item.field) == field)
        sample = next(item for _, _, item in batch.held if (item.claim, item.field) == field and not item.invented)
        raised = min(100, max(held * 100 // seen + 1, 5))
        # A reason may quote its value.
        why = TITLES[sample.code] if origin.tag else sample.reason
        return (
            f"{self._info.title} stopped before these pages were loaded: {held:,} of {seen:,} values of {name} could not be read"
            f" ({sample.code}: {why}), and more than {limit.normalize():f} % is too many; mend the line"
            f" {origin.file}:{origin.line}, or let it pass with: if invalid hold up to {raised} %, and run the command again"
        )

    def _rejected(self, dead: int, read: int, limit: Decimal, batch: Batch) -> str:
        # The reason is left out: it may quote what is personal.
        often = Counter((item.code, item.field) for _, item in batch.dead)
        (code, field), _ = often.most_common(1)[0]
        origin = next((item for item in self._info.origins if field and item.field == field), self._info)
        raised = min(100, dead * 100 // read + 1)
        return (
            f"{self._info.title} stopped before these pages were loaded: {dead:,} of {read:,} records could not be read (mostly {code}"
            f"{f' in {field}' if field else ''}: {TITLES[code]}), and more than {limit.normalize():f} % is too many; mend"
            f" {origin.file}:{origin.line}, or let it pass with dead_letters = {raised} in fieldmap.toml, and run the command again"
        )
