"""What the planner of the server is told about tables that a load fills. Owns every hint of the loader to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from psycopg import sql

from fieldmap.runtime.bundle import EntityInfo, MapInfo
from fieldmap.runtime.store.database import Connection

# After so many records, and so much of what a table held when it was last looked at, the planner is told of what it holds: before
# the server does it by itself, the next run may read whole tables for a few rows.
ANALYZED = 10_000
_SHARE = 0.1


def tell(connection: Connection, info: MapInfo, entities: Iterable[EntityInfo], written: int) -> None:
    """Of the columns by which rows are looked up here: what users ask by, the server learns within a minute or so by itself. written:
    how many records were."""
    if written < ANALYZED:
        return
    claimed = {entity.name: entity for entity in entities}
    for claim in info.claims:
        entity = claimed.get(claim.entity or "")
        fields = entity.key if entity is not None else ()
        columns = [name for column in claim.columns if column.field in fields for name in column.columns]
        own = ["_claim", "_record", "_position", "_map_version", *([] if claim.number else ["_state"])]
        _analyze(connection, "claims", claim.table, [*own, *columns], written)
    for made in claimed.values():
        _analyze(connection, "canonical", made.table, list(made.key), written)
        if made.history:
            _analyze(connection, "history", made.table, [*made.key, "_true_from", "_known_to"], written)


@contextlib.contextmanager
def by_index(connection: Connection) -> Iterator[None]:
    """Nobody has counted yet what a table holds that is being filled: the claims of a batch are found by their numbers, not by reading
    it all."""
    connection.execute("SET LOCAL enable_seqscan = off")
    yield
    connection.execute("SET LOCAL enable_seqscan TO DEFAULT")


def _analyze(connection: Connection, schema: str, table: str, columns: list[str], written: int) -> None:
    name = sql.Identifier(schema, table)
    known = connection.execute(
        "SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [name.as_string(connection)]
    ).fetchone()
    if known is not None and known[0] * _SHARE > written:
        return
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(sql.SQL("ANALYZE {} ({})").format(name, names))
