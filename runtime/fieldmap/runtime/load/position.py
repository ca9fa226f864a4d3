"""How far a map is applied, which run may go on with it, and what is accounted for with every batch.

Owns the map's row in `fieldmap.positions` (its epoch fences off every run before), the ledger of batches, and the accounts of the run.
"""

from __future__ import annotations

from collections.abc import Mapping

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.load.batch import Batch
from fieldmap.runtime.load.merging import Changes, note_changes
from fieldmap.runtime.store.database import Connection


class Position:
    """As one run has it. epoch: by which it was taken; version: the number of the map's version in the store."""

    def __init__(self, info: MapInfo, run: int) -> None:
        self._info = info
        self._run = run
        self.epoch = 0
        self.version = 0

    def take(self, connection: Connection) -> int:
        """Takes the map for this run: every run before it is fenced off. Returns how far the map was applied."""
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
        self.epoch, self.version, through = row
        return int(through)

    def fence(self, connection: Connection) -> int:
        """Locks the map's position; returns how far it was applied. Raises if a later run has taken the map."""
        row = connection.execute(
            "SELECT epoch, applied_through FROM fieldmap.positions WHERE map = %s FOR UPDATE", [self._info.id]
        ).fetchone()
        if row is None or row[0] != self.epoch:
            raise FieldmapError(
                f"Another run has taken over {self._info.title}; this one stops, and nothing of its last batch was kept"
            )
        return int(row[1])

    def is_applied(self, connection: Connection, last: int) -> bool:
        """Whether a batch was committed that ends with this page."""
        row = connection.execute(
            "SELECT content FROM fieldmap.ledger WHERE (map, map_version, last_position) = (%s, %s, %s)",
            [self._info.id, self.version, last],
        ).fetchone()
        return row is not None

    def is_replaying(self, connection: Connection) -> bool:
        """Whether claims of an earlier version of the map are still to be swept away."""
        row = connection.execute("SELECT replaying FROM fieldmap.positions WHERE map = %s", [self._info.id]).fetchone()
        return row is not None and bool(row[0])

    def end_replay(self, connection: Connection) -> None:
        connection.execute("UPDATE fieldmap.positions SET replaying = false WHERE map = %s", [self._info.id])

    # -------------------------------------------------------------------------------------------------- accounts

    def account(self, connection: Connection, batch: Batch) -> None:
        """Accounts for a batch, in its transaction: it is applied."""
        self.count(connection, batch)
        connection.execute(
            "INSERT INTO fieldmap.ledger (map, map_version, first_position, last_position, content, run, epoch) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [self._info.id, self.version, batch.first, batch.last, batch.content.digest(), self._run, self.epoch],
        )
        connection.execute(
            "UPDATE fieldmap.positions SET applied_through = %s WHERE map = %s", [batch.last, self._info.id]
        )

    def count(self, connection: Connection, batch: Batch) -> None:
        """Adds what became of the records of a batch to the accounts of the run."""
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

    def note_changed(self, connection: Connection, changes: Mapping[str, Changes]) -> None:
        """How many canonical rows are others by what the map wrote, beside its accounts."""
        note_changes(connection, self._run, changes)
        number = sum(change.new + change.changed + change.gone for change in changes.values())
        if number:
            connection.execute(
                "UPDATE fieldmap.accounts SET changed_rows = changed_rows + %s WHERE (run, map) = (%s, %s)",
                [number, self._run, self._info.id],
            )
