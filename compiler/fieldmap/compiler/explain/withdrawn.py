"""What withdrew the claims that a key once had: the record that says so, the feed of deletes, or a full sweep without the record."""

from __future__ import annotations

from datetime import datetime

from psycopg import sql

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.deletes import of_page
from fieldmap.compiler.explain.explanation import Response, Withdrawal
from fieldmap.compiler.explain.locate import find_record
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, describe, offset_of
from fieldmap.runtime.moments import moment
from fieldmap.runtime.plan import DELETES
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.values.outcome import Filtered

# One key may have been claimed by many records; so many are told of.
_MOST = 20


def withdrawals(
    project: ir.Project, archive: Archive, connection: Connection, entity: str, key: sql.Composable
) -> tuple[Withdrawal, ...]:
    """The records that claimed a key and are withdrawn now, the last ones first. key: as the lists of the store spell it."""
    maps = {item.id: item for item in project.maps}
    found = connection.execute(
        sql.SQL(
            "SELECT DISTINCT map, record FROM fieldmap.withdrawals WHERE entity = {} AND key = ({})::text ORDER BY map, record LIMIT {}"
        ).format(sql.Literal(entity), key, sql.Literal(_MOST))
    ).fetchall()
    told = []
    for map_id, record in found:
        if map_id not in maps:
            continue
        row = connection.execute(
            sql.SQL(
                "SELECT nullif(_changed, '-infinity'), _position, _index FROM claims.{} WHERE _record = {} AND _state = 'withdrawn'"
            ).format(sql.Identifier(map_id), sql.Literal(record))
        ).fetchone()
        if row is not None:
            told.append((row[1], _withdrawal(project, archive, maps[map_id], record, *row)))
    return tuple(one for _, one in sorted(told, key=lambda item: item[0], reverse=True))


def _withdrawal(
    project: ir.Project,
    archive: Archive,
    map_: ir.Map,
    record: str,
    changed: datetime | None,
    position: int,
    index: int,
) -> Withdrawal:
    source = f"{map_.connector}.{map_.resource}"
    item = archive.item(source, position)
    if isinstance(item, ClosedSweep):
        at = moment(item.closed_at)
        how = f"the full sweep {item.sweep} of {item.pages} page{'' if item.pages == 1 else 's'}, which ended at {at}, lacks it"
        return Withdrawal(source, map_.title, record, "absent", how, None, response_of(item), None)
    kind, how = _said(project, map_, item, index)
    return Withdrawal(source, map_.title, record, kind, how, changed, response_of(item), index)


def _said(project: ir.Project, map_: ir.Map, page: Archived, index: int) -> tuple[str, str]:
    if page.part == DELETES:
        return "feed", "the feed of deletes names it"
    located = find_record(map_, page, index)
    outcome = interpret.run_record(of_page(map_, page.part), project.codes, located.record, located.around(page))
    if isinstance(outcome, Filtered):
        return "filtered", "a `when` leaves its newest version out"
    return "deleted", "its newest version says that it is deleted (deleted when)"


def response_of(item: Archived | ClosedSweep) -> Response:
    """Where a response, or the mark at the end of a sweep, lies in the archive."""
    at = item.closed_at if isinstance(item, ClosedSweep) else item.fetched_at
    return Response(
        url="" if isinstance(item, ClosedSweep) else item.url,
        status=None if isinstance(item, ClosedSweep) else item.status,
        fetched_at=at,
        archive=f"{item.resource}/{describe(item.position).split(' at ')[0]}",
        offset=offset_of(item.position),
        position=item.position,
    )
