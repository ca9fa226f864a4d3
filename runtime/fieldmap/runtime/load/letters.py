"""Dead letters, held values and warnings of a batch, written in the transaction of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from fieldmap.runtime.load.batch import Batch
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.values.cells import escaped

_DEAD = b"COPY fieldmap.dead_letters (map, archive_position, record_index, code, field, path, reason, record, changed, map_version, run, first_seen, last_seen, whole) FROM STDIN"
_HELD = b"COPY fieldmap.held (map, archive_position, record_index, claim, element, field, code, path, reason, record, invented) FROM STDIN"

_LISTED = b"COPY fieldmap.listed (map, archive_position, record_index, claim, element, field, code, path, reason, record, lost) FROM STDIN"

# What is said of a record's last rejection tells since when there was one.
_SINCE = b"""
UPDATE fieldmap.dead_letters n SET first_seen = o.first_seen FROM (
  SELECT d.record, min(d.first_seen) AS first_seen FROM fieldmap.dead_letters d WHERE d.map = %(map)s AND d.record IN
    (SELECT record FROM fieldmap.dead_letters WHERE map = %(map)s AND archive_position BETWEEN %(first)s AND %(last)s)
  GROUP BY d.record HAVING count(*) > 1) o
WHERE n.map = %(map)s AND n.record = o.record AND n.first_seen > o.first_seen
"""
# A record that was rejected again is told once, as it was rejected last: of the versions that are new here and those known before.
_REJECTED_AGAIN = b"""
DELETE FROM fieldmap.dead_letters d USING fieldmap.dead_letters n
WHERE d.map = %(map)s AND n.map = d.map AND n.record = d.record
  AND (n.archive_position BETWEEN %(first)s AND %(last)s OR d.archive_position BETWEEN %(first)s AND %(last)s)
  AND (coalesce(d.changed, '-infinity'), d.archive_position, d.record_index)
    < (coalesce(n.changed, '-infinity'), n.archive_position, n.record_index)
RETURNING d.id, d.record, d.archive_position, d.record_index
"""
_REPLACED = b"""
DELETE FROM fieldmap.dead_letters WHERE map = %(map)s AND archive_position BETWEEN %(first)s AND %(last)s
RETURNING id, record, archive_position, record_index
"""
# Who wrote a number down finds the letter under it: of all that a record had, the first. It is free, since that letter is gone.
_NUMBER_OF_RECORD = b"""
UPDATE fieldmap.dead_letters n SET id = o.id FROM unnest(%(ids)s::bigint[], %(records)s::text[]) o(id, record)
WHERE n.map = %(map)s AND n.record = o.record AND n.id > o.id
"""
_NUMBER_OF_PLACE = b"""
UPDATE fieldmap.dead_letters n SET id = o.id FROM unnest(%(ids)s::bigint[], %(positions)s::bigint[], %(indexes)s::int[]) o(id, position, index)
WHERE n.map = %(map)s AND (n.archive_position, n.record_index) = (o.position, o.index) AND n.record IS NULL AND n.id > o.id
"""


Rejection = tuple[str, datetime | None, int, int]
"""A version of a record that was rejected: record, changed, archive position, index."""


def rejections(connection: Connection, batch: Batch, map_id: str) -> Iterator[Rejection]:
    """Of the records that a batch has in versions which can be read, and in some that cannot, the latter; also those of earlier pages.
    To be asked before `write_letters`, which leaves the newest of each record."""
    dead = {one.record_id for _, one in batch.dead if one.record_id is not None}
    staged = {line[: line.index("\t")] for line in batch.stages.get(0, ())} if dead else set[str]()
    records = [record for record in dead if escaped(record) in staged]
    if not records:
        return
    yield from connection.execute(
        "SELECT record, changed, archive_position, record_index FROM fieldmap.dead_letters"
        " WHERE map = %s AND record = ANY(%s) AND archive_position < %s",
        [map_id, records, batch.first],
    ).fetchall()
    both = set(records)
    for place, one in batch.dead:
        if one.record_id is not None and one.record_id in both:
            yield one.record_id, one.changed, place.position, place.index


def write_letters(connection: Connection, batch: Batch, *, map_id: str, map_version: int, run: int) -> None:
    """Writes what the pages of this batch give, in place of what an earlier version of the map left for them."""
    pages = {"map": map_id, "first": batch.first, "last": batch.last}
    gone = connection.execute(_REPLACED, pages).fetchall()
    for delete in (
        b"DELETE FROM fieldmap.held WHERE map = %(map)s AND archive_position BETWEEN %(first)s AND %(last)s",
        b"DELETE FROM fieldmap.listed WHERE map = %(map)s AND archive_position BETWEEN %(first)s AND %(last)s",
    ):
        connection.execute(delete, pages)
    write_dead(connection, batch, map_id=map_id, map_version=map_version, run=run, gone=gone)
    write_notes(connection, batch, map_id)


Gone = tuple[int, str | None, int, int]
"""A letter that another takes the place of: number, record, archive position, index."""


def write_dead(
    connection: Connection, batch: Batch, *, map_id: str, map_version: int, run: int, gone: Iterable[Gone] = ()
) -> None:
    """Writes the letters of a batch; of each record the newest stays, under the first of its numbers."""
    if not batch.dead:
        return
    dead = (
        (
            map_id,
            p.position,
            p.index,
            d.code,
            d.field,
            d.path,
            d.reason,
            d.record_id,
            d.changed,
            map_version,
            run,
            at,
            at,
            d.whole,
        )
        for p, d in batch.dead
        for at in [batch.received[p.position]]
    )
    _copy(connection, _DEAD, dead)
    pages = {"map": map_id, "first": batch.first, "last": batch.last}
    connection.execute(_SINCE, pages)
    again = connection.execute(_REJECTED_AGAIN, pages).fetchall()
    _keep_numbers(connection, map_id, [*gone, *again])


def _keep_numbers(connection: Connection, map_id: str, gone: Iterable[Gone]) -> None:
    """Gives letters the numbers of those in whose place they are."""
    by_record, by_place = dict[str, int](), dict[tuple[int, int], int]()
    for number, record, position, index in gone:
        if record is None:
            by_place[position, index] = number
        else:
            by_record[record] = min(number, by_record.get(record, number))
    if by_record:
        named = {"map": map_id, "ids": list(by_record.values()), "records": list(by_record)}
        connection.execute(_NUMBER_OF_RECORD, named)
    if by_place:
        positions, indexes = zip(*by_place, strict=True)
        places = {"map": map_id, "ids": list(by_place.values()), "positions": list(positions), "indexes": list(indexes)}
        connection.execute(_NUMBER_OF_PLACE, places)


def write_notes(connection: Connection, batch: Batch, map_id: str) -> None:
    """Writes what was held and warned of in a batch."""
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
