"""Deletes by absence: after a full sweep, the records that it lacks are withdrawn, as if the source had said that they are gone.

The sweep's mark in the archive is the occasion, and its pages in the archive are the evidence, so that a replay comes to the same
end. What is withdrawn so has the mark's position: a record that a later sweep shows again stands again.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from psycopg import sql

from fieldmap.runtime.archive import Archived, ClosedSweep
from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.load.maker import BatchMaker
from fieldmap.runtime.store.database import Connection

_DIGEST: Final = "\\x00"  # of no record


def unfit(mark: ClosedSweep) -> str | None:
    """Why a closed sweep says nothing about what it lacks, as a clause; None if it does."""
    if not mark.end.full:
        return "it read only what changed"
    if mark.end.skipped:
        return "something of it was passed over"
    if not mark.end.framed:
        return "a page of it may have been cut without a sign"
    if mark.end.records is None and not mark.end.listing:
        return "its records were not counted"
    return None


def refusal(info: MapInfo, mark: ClosedSweep, live: int, absent: int, named: int) -> str | None:
    """Why so many absent records are not taken for deleted, as a sentence; None if they may be. named: records with an identity
    that the sweep has."""
    if not absent or mark.end.confirmed:
        return None
    share = Decimal(absent * 100) / live
    if named == 0:
        why = "the source gave no record at all"
    elif mark.end.capped:
        why = f"the source gave exactly {mark.end.records:,} records and may have cut them there"
    elif share > Decimal(info.absence):
        why = f"{absent:,} of {live:,} records ({share:.1f} %) are absent, more than {info.absence} %"
    else:
        return None
    return (
        f"Nothing of {info.title} was deleted: {why}; see whether the source is in order, and if it is right, run:"
        f" fieldmap sync {info.resource} --full --confirm-deletes"
    )


def judge(
    connection: Connection,
    info: MapInfo,
    maker: BatchMaker,
    mark: ClosedSweep,
    pages: Iterable[Archived],
    map_version: int,
) -> tuple[int, str]:
    """How many records are withdrawn because a sweep of these pages lacks them, and why none is."""
    named, nameless = gather(connection, maker, pages)
    live, absent = count(connection, info, mark, map_version)
    if nameless and absent:
        return 0, (
            f"Nothing of {info.title} was deleted: {nameless:,} records of the sweep have no identity, and any absent"
            " record may be one of them; see: fieldmap dlq"
        )
    refused = refusal(info, mark, live, absent, named)
    return (0, refused) if refused is not None else (absent, "")


def gather(connection: Connection, maker: BatchMaker, pages: Iterable[Archived]) -> tuple[int, int]:
    """Puts the identities of all records of a sweep into the temporary table `present`. Returns how many there are, and how many
    records have none."""
    connection.execute('CREATE TEMP TABLE present (record text COLLATE "C") ON COMMIT DROP')
    named = nameless = 0
    with connection.cursor().copy("COPY present FROM STDIN") as copy:
        for page in pages:
            ids = maker.ids(page)
            lacking = ids.count(None)
            named, nameless = named + len(ids) - lacking, nameless + lacking
            copy.write("".join(f"{record}\n" for record in ids if record is not None))
    connection.execute("ANALYZE present")
    return named, nameless


def count(connection: Connection, info: MapInfo, mark: ClosedSweep, map_version: int) -> tuple[int, int]:
    """How many records were there before the sweep ended, and how many of them it lacks."""
    row = connection.execute(
        sql.SQL(
            "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM present p WHERE p.record = t._record)) FROM {} t"
            " WHERE t._state = 'live' AND t._map_version = %s AND t._position < %s"
        ).format(_records(info)),
        [map_version, mark.position],
    ).fetchone()
    return (row[0], row[1]) if row is not None else (0, 0)


def stage(connection: Connection, info: MapInfo, mark: ClosedSweep, map_version: int) -> None:
    """Fills the stage of the map with a withdrawal of each record that the sweep lacks."""
    kept = (sql.SQL(", _unsaid"), sql.SQL(", '{{}}'::text[]")) if info.keeps else (sql.SQL(""), sql.SQL(""))
    connection.execute(
        sql.SQL(
            "INSERT INTO stage_0 (_record, _state, _changed, _position, _index, _digest{}) SELECT t._record, 'withdrawn', t._changed,"
            " %(place)s, row_number() OVER (ORDER BY t._record) - 1, %(digest)s::bytea{} FROM {} t WHERE t._state = 'live'"
            " AND t._map_version = %(version)s AND t._position < %(place)s"
            " AND NOT EXISTS (SELECT FROM present p WHERE p.record = t._record)"
        ).format(kept[0], kept[1], _records(info)),
        {"place": mark.position, "digest": _DIGEST, "version": map_version},
    )


def _records(info: MapInfo) -> sql.Identifier:
    return sql.Identifier("claims", info.claims[0].table)
