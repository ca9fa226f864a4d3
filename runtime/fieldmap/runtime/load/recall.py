"""What the store knows already: pages by their hash, which need no decoding, and records by their bytes, which need no mapping.

A page is known if every record of it became a claim, and still stands as the page shows it. `fieldmap.pages` keeps its hash, what
became of its records, and its homes: the archive positions of the pages that first showed these records as they are (a record
that comes again unchanged keeps its claim, and so its home). Whenever a record gets a newer version, or is rejected, the home of
the version before is broken. A page none of whose homes was broken since it was verified shows nothing new.
"""

from __future__ import annotations

from collections import Counter

import msgspec
from psycopg import sql

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.load.batch import Counts, Known, PageCounts
from fieldmap.runtime.load.mapping import Told
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.store.transaction import transact

# What differs from fetch to fetch of the same page.
_PASSING = frozenset({"@fetched_at", "@url", "@header"})
_ASKED = 'CREATE TEMP TABLE IF NOT EXISTS asked (page integer, n integer, record text COLLATE "C", digest bytea) ON COMMIT DELETE ROWS'
# Where this share of the records is unknown, asking costs more than it spares.
_WORTH = 0.3
_REST = 8


class _Page(msgspec.Struct, frozen=True):
    """What became of the records of a page. present, held: [claim, field, number] each."""

    counts: dict[str, int]
    present: list[tuple[int, str, int]]
    held: list[tuple[int, str, int]]
    bare: dict[str, int]


class Recall:
    """The memory of one map. surroundings: what of a record's surroundings the map reads."""

    def __init__(self, info: MapInfo, map_version: int, surroundings: tuple[str, ...]) -> None:
        self._info = info
        self._version = map_version
        self.pages = not info.keeps and not _PASSING & set(surroundings)
        self._table = sql.Identifier("claims", info.claims[0].table)
        self._judged = [
            (origin.field, column.columns[0])
            for origin in info.origins
            for column in info.claims[0].columns
            if origin.claim == 0 and origin.field == column.field and origin.share
        ]
        self._resting = 0

    # ---------------------------------------------------------------------------------------------------------- pages

    def page(self, connection: Connection, digest: str) -> PageCounts | None:
        """What became of the records of a page that shows nothing new; None for any other page."""
        if not self.pages:
            return None
        row = connection.execute(
            "SELECT p.counts FROM fieldmap.pages p WHERE (p.map, p.digest, p.map_version) = (%s, %s, %s) AND NOT EXISTS (SELECT"
            " FROM fieldmap.page_breaks b WHERE b.map = p.map AND b.position = ANY(p.homes) AND b.broken > p.verified)",
            [self._info.id, digest, self._version],
        ).fetchone()
        if row is None:
            return None
        page = msgspec.convert(row[0], _Page)
        return PageCounts(
            Counts(pages=1, **page.counts, bare=Counter(page.bare)),
            Counter({(claim, name): count for claim, name, count in page.present}),
            Counter({(claim, name): count for claim, name, count in page.held}),
        )

    def keep(self, connection: Connection, pages: dict[int, PageCounts], homes: dict[int, set[int]]) -> None:
        """Keeps the pages of a batch, by their positions, in its transaction. homes: where the versions stand that each shows."""
        rows = []
        for position, page in pages.items():
            if page.counts.dead or not page.counts.read or not page.stands or not self.pages:
                continue
            names = ("read", "claimed", "filtered", "deleted", "held")
            counts = _Page(
                {name: getattr(page.counts, name) for name in names},
                [(*key, count) for key, count in page.present.items()],
                [(*key, count) for key, count in page.held.items()],
                dict(page.counts.bare),
            )
            text = msgspec.json.encode(counts).decode()
            rows.append((self._info.id, page.digest, self._version, position, sorted(homes.get(position, ())), text))
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO fieldmap.pages (map, digest, map_version, verified, homes, counts) VALUES (%s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (map, digest) DO UPDATE SET (map_version, verified, homes, counts) ="
                " (EXCLUDED.map_version, EXCLUDED.verified, EXCLUDED.homes, EXCLUDED.counts)",
                rows,
            )

    def forget(self, connection: Connection) -> None:
        """Forgets all pages: the store has no record of the map, however it lost them."""
        for table in ("pages", "page_breaks"):
            statement = sql.SQL("DELETE FROM {} WHERE map = %s").format(sql.Identifier("fieldmap", table))
            connection.execute(statement, [self._info.id])

    def prune(self, connection: Connection) -> None:
        """Forgets pages that can never again show nothing new, and breaks that nobody asks for."""
        connection.execute(
            "DELETE FROM fieldmap.pages p WHERE p.map = %s AND EXISTS (SELECT FROM unnest(p.homes) h(position) JOIN"
            " fieldmap.page_breaks b USING (position) WHERE b.map = p.map AND b.broken > p.verified)",
            [self._info.id],
        )
        connection.execute(
            "DELETE FROM fieldmap.page_breaks b WHERE b.map = %s AND NOT EXISTS"
            " (SELECT FROM fieldmap.pages p CROSS JOIN unnest(p.homes) h(position) WHERE p.map = b.map AND h.position = b.position)",
            [self._info.id],
        )

    # -------------------------------------------------------------------------------------------------------- records

    def records(self, connection: Connection, pages: list[Told]) -> list[Known | None]:
        """What the store knows of the records of pages; None where it was not asked."""
        if self._resting:
            self._resting -= 1
            return [None] * len(pages)
        asked = [page if page.is_quick else None for page in pages]
        _, known = transact(connection, lambda c: self._known(c, asked))
        total = sum(page.records for page in pages)
        unknown = sum(len(one.unknown) for one in known if one is not None)
        if unknown > total * _WORTH:
            self._resting = _REST
        return known

    def _known(self, connection: Connection, pages: list[Told | None]) -> list[Known | None]:
        connection.execute(_ASKED)
        found: list[Known | None] = [Known([]) if page is not None else None for page in pages]
        several = _several(pages)
        lines = []
        for number, page in enumerate(pages):
            one = found[number]
            if page is None or one is None:
                continue
            for index, (record, digest) in enumerate(zip(page.ids, page.digests, strict=True)):
                if record is None or record in several:
                    one.unknown.append(index)
                else:
                    lines.append(f"{number}\t{index}\t{record}\t\\\\x{digest}\n")
        with connection.cursor().copy("COPY asked FROM STDIN") as copy:
            copy.write("".join(lines))
        # Of a retried dead letter the claim stands before its page comes in a replay, which then writes anew what is held of it.
        asked = [self._version, min((page.position for page in pages if page is not None), default=0)]
        for number, home, count, unknown, *present in connection.execute(self._question(), asked).fetchall():
            known = found[number]
            if known is None:
                continue
            if home is None:
                known.unknown.extend(unknown)
                continue
            known.number += count
            known.homes.add(home)
            known.present.update({(0, name): n for (name, _), n in zip(self._judged, present, strict=True)})
        for number, name, count in connection.execute(self._held(), [*asked, self._info.id]).fetchall():
            known = found[number]
            if known is not None:
                known.held[0, name] += count
        for known in found:
            if known is not None:
                known.unknown.sort()
        return found

    def _match(self) -> sql.Composed:
        # A subquery with a limit is answered record by record from the index: a join would read the whole table.
        return sql.SQL(
            "LEFT JOIN LATERAL (SELECT * FROM {} t WHERE t._record = a.record AND t._digest = a.digest AND t._state = 'live'"
            " AND t._map_version = %s AND t._position < %s AND NOT EXISTS (SELECT FROM fieldmap.dead_letters d WHERE d.map = {} AND d.record = a.record)"
            " LIMIT 1) t ON true"
        ).format(self._table, sql.Literal(self._info.id))

    def _question(self) -> sql.Composed:
        counted = sql.SQL("").join(
            sql.SQL(", count(t.{})").format(sql.Identifier(column)) for _, column in self._judged
        )
        return sql.SQL(
            "SELECT a.page, t._position, count(*), array_agg(a.n) FILTER (WHERE t._claim IS NULL){} FROM asked a {} GROUP BY a.page, t._position"
        ).format(counted, self._match())

    def _held(self) -> sql.Composed:
        return sql.SQL(
            "SELECT a.page, h.field, count(*) FROM asked a {} JOIN fieldmap.held h ON h.map = %s AND h.record = a.record"
            " AND (h.archive_position, h.record_index) = (t._position, t._index) WHERE h.claim = 0 AND NOT h.invented GROUP BY a.page, h.field"
        ).format(self._match())


def _several(pages: list[Told | None]) -> set[str]:
    """The records of which these pages show several versions: the last stands, though it may be the one that the store has."""
    seen: dict[str, str] = {}
    found: set[str] = set()
    for page in pages:
        for record, digest in zip(page.ids, page.digests, strict=True) if page is not None else ():
            if record is not None and seen.setdefault(record, digest) != digest:
                found.add(record)
    return found
