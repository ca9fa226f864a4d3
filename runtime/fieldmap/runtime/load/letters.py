"""Dead letters, held values and warnings of a batch, written in the transaction of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fieldmap.runtime.load.batch import Batch
from fieldmap.runtime.store.database import Connection

_DEAD = b"COPY fieldmap.dead_letters (map, archive_position, record_index, code, field, path, reason, record, changed, map_version, run) FROM STDIN"
_HELD = b"COPY fieldmap.held (map, archive_position, record_index, claim, element, field, code, path, reason, record, invented) FROM STDIN"

_LISTED = b"COPY fieldmap.listed (map, archive_position, record_index, claim, element, field, code, path, reason, record, lost) FROM STDIN"

# A record that was rejected again is told once, as it was rejected last: of the versions that are new here and those known before.
_REJECTED_AGAIN = b"""
DELETE FROM fieldmap.dead_letters d USING fieldmap.dead_letters n
WHERE d.map = %(map)s AND n.map = d.map AND n.record = d.record
  AND (n.archive_position BETWEEN %(first)s AND %(last)s OR d.archive_position BETWEEN %(first)s AND %(last)s)
  AND (coalesce(d.changed, '-infinity'), d.archive_position, d.record_index)
    < (coalesce(n.changed, '-infinity'), n.archive_position, n.record_index)
"""


def write_letters(connection: Connection, batch: Batch, *, map_id: str, map_version: int, run: int) -> None:
    """Writes what the pages of this batch give, in place of what an earlier version of the map left for them."""
    pages = [map_id, batch.first, batch.last]
    for delete in (
        b"DELETE FROM fieldmap.dead_letters WHERE map = %s AND archive_position BETWEEN %s AND %s",
        b"DELETE FROM fieldmap.held WHERE map = %s AND archive_position BETWEEN %s AND %s",
        b"DELETE FROM fieldmap.listed WHERE map = %s AND archive_position BETWEEN %s AND %s",
    ):
        connection.execute(delete, pages)
    if batch.dead:
        dead = (
            (map_id, p.position, p.index, d.code, d.field, d.path, d.reason, d.record_id, d.changed, map_version, run)
            for p, d in batch.dead
        )
        _copy(connection, _DEAD, dead)
        connection.execute(_REJECTED_AGAIN, {"map": map_id, "first": batch.first, "last": batch.last})
    if batch.held:
        held = (
            (map_id, p.position, p.index, h.claim, h.row, h.field, h.code, h.path, h.reason, record, h.invented)
            for p, record, h in batch.held
        )
        _copy(connection, _HELD, held)
    if batch.listed:
        listed = (
            (map_id, p.position, p.index, i.claim, i.element, i.field, i.code, i.path, i.reason, record, i.lost)
            for p, record, i in batch.listed
        )
        _copy(connection, _LISTED, listed)


def _copy(connection: Connection, statement: bytes, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
