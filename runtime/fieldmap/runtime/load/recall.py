"""What the store knows already: pages by their hash, which need no decoding, and records by their bytes, which need no mapping.

A page is known if every record of it became a claim, and still stands as the page shows it. `fieldmap.pages` keeps its hash, what
became of its records, and its homes: the archive positions of the pages that first showed these records as they are (a record
that comes again unchanged keeps its claim, and so its home). Whenever a record gets a newer version, or is rejected, the home of
the version before is broken. A page none of whose homes was broken since it was verified shows nothing new.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec
from psycopg import sql

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.load.batch import Counts, Known, Memory, PageCounts
from fieldmap.runtime.load.mapping import Told
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.store.transaction import transact

# What differs from fetch to fetch of the same page.
_PASSING = frozenset({"@fetched_at", "@url", "@header"})
_ASKED = 'CREATE TEMP TABLE IF NOT EXISTS asked (page integer, n integer, record text COLLATE "C", digest bytea) ON COMMIT DELETE ROWS'
_STANDS = sql.SQL(
    "NOT EXISTS (SELECT FROM fieldmap.page_breaks b WHERE b.map = p.map AND b.position = ANY(p.homes) AND b.broken > p.verified)"
)
# Where this share of the records is unknown, asking costs more than it spares.
_WORTH = 0.3
_REST = 8


class _Page(msgspec.Struct, frozen=True):
    """What became of the records of a page. present, held: [claim, field, number] each."""

    counts: dict[str, int]
    present: list[tuple[int, str, int]]
    held: list[tuple[int, str, int]]
    bare: dict[str, int]


@dataclass(frozen=True)
class Remembered:
    """The last page for a request, as long as it stands. digest, verified: which it is; page: what became of its records."""

    digest: str
    verified: int
    homes: frozenset[int]
    page: PageCounts
    memory: Memory


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
            sql.SQL(
                "SELECT p.counts FROM fieldmap.pages p WHERE (p.map, p.digest, p.map_version) = (%s, %s, %s) AND {}"
            ).format(_STANDS),
            [self._info.id, digest, self._version],
        ).fetchone()
        return _counts(row[0]) if row is not None else None

    def remembered(self, connection: Connection, request: str) -> Remembered | None:
        """The last page for a request, if it stands and all its records are claims that can be known by their bytes."""
        if not self.pages:
            return None
        row = connection.execute(
            sql.SQL(
                "SELECT p.digest, p.verified, p.homes, p.counts, p.ids, p.digests FROM fieldmap.pages p"
                " WHERE (p.map, p.request, p.map_version) = (%s, %s, %s) AND {} ORDER BY p.verified DESC LIMIT 1"
            ).format(_STANDS),
            [self._info.id, request, self._version],
        ).fetchone()
        if row is None:
            return None
        digest, verified, homes, counts, ids, digests = row
        page = _counts(counts)
        # Of a record that was filtered or deleted nothing is kept here.
        if page.counts.claimed != page.counts.read:
            return None
        return Remembered(digest, verified, frozenset(homes), page, Memory(request, ids, digests))

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
            memory = page.memory
            told = (memory.request, memory.ids, memory.digests) if memory is not None else (None, None, None)
            rows.append(
                (self._info.id, page.digest, self._version, position, sorted(homes.get(position, ())), text, *told)
            )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO fieldmap.pages (map, digest, map_version, verified, homes, counts, request, ids, digests)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (map, digest) DO UPDATE SET (map_version, verified, homes, counts, request, ids, digests) ="
                " (EXCLUDED.map_version, EXCLUDED.verified, EXCLUDED.homes, EXCLUDED.counts, EXCLUDED.request, EXCLUDED.ids, EXCLUDED.digests)",
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

    def records(
        self, connection: Connection, pages: list[Told], earlier: list[Remembered | None]
    ) -> list[Known | None]:
        """What the store knows of the records of pages; None where it was not asked. earlier: the pages that had what is missing in
        these."""
        if self._resting:
            self._resting -= 1
            return [None] * len(pages)
        _, known = transact(connection, lambda c: self._known(c, pages, earlier))
        if known is None:
            return [None] * len(pages)
        total = sum(page.records for page in pages)
        unknown = sum(len(one.unknown) for one in known)
        if unknown > total * _WORTH:
            self._resting = _REST
        return list(known)

    def _known(self, connection: Connection, pages: list[Told], earlier: list[Remembered | None]) -> list[Known] | None:
        if self._are_outdated(connection, pages, earlier):
            return None
        connection.execute(_ASKED)
        found = [Known([]) for _ in pages]
        several = _several(pages)
        lines = []
        for number, page in enumerate(pages):
            one = found[number]
            for index, record, digest in zip(page.indexes, page.ids, page.digests, strict=True):
                if record is None or record in several:
                    one.unknown.append(index)
                else:
                    lines.append(f"{number}\t{index}\t{record}\t\\\\x{digest}\n")
            # What has left a page counts in what is known of the page as it was.
            lines += [f"{-1 - number}\t0\t{record}\t\\\\x{digest}\n" for record, digest in page.missing]
        with connection.cursor().copy("COPY asked FROM STDIN") as copy:
            copy.write("".join(lines))
        # Of a retried dead letter the claim stands before its page comes in a replay, which then writes anew what is held of it.
        asked = [self._version, min((page.position for page in pages), default=0)]
        gone = [Known([]) for _ in pages]
        for number, home, count, unknown, *present in connection.execute(self._question(), asked).fetchall():
            known = found[number] if number >= 0 else gone[-1 - number]
            if home is None:
                known.unknown.extend(unknown)
                continue
            known.number += count
            known.homes.add(home)
            known.present.update({(0, name): n for (name, _), n in zip(self._judged, present, strict=True)})
        for number, name, count in connection.execute(self._held(), [*asked, self._info.id]).fetchall():
            known = found[number] if number >= 0 else gone[-1 - number]
            known.held[0, name] += count
        for known, page, before, left in zip(found, pages, earlier, gone, strict=True):
            known.unknown.sort()
            if before is not None and _is_matched(page):
                if left.number != len(page.missing):
                    return None
                self._add_earlier(known, page, before, left)
        return found

    def _are_outdated(self, connection: Connection, pages: list[Told], earlier: list[Remembered | None]) -> bool:
        """Whether records were taken for those of an earlier page that does not stand any more, or another version of them is shown
        beside: then all are mapped."""
        taken = [
            (page, before)
            for page, before in zip(pages, earlier, strict=True)
            if before is not None and _is_matched(page)
        ]
        if not taken:
            return False
        question = sql.SQL(
            "SELECT p.digest, p.verified FROM fieldmap.pages p WHERE p.map = %s AND p.digest = ANY(%s) AND {}"
        ).format(_STANDS)
        asked = [self._info.id, [before.digest for _, before in taken]]
        stand = set(connection.execute(question, asked).fetchall())
        shown = {record for page in pages for record in page.ids}
        for page, before in taken:
            matched = set(before.memory.ids.split("\n")) - {record for record, _ in page.missing}
            if (before.digest, before.verified) not in stand or not shown.isdisjoint(matched):
                return True
        return False

    def _add_earlier(self, known: Known, page: Told, before: Remembered, gone: Known) -> None:
        """Adds to what is known of a page what it has of an earlier one. gone: what of that it has no more."""
        known.number += page.records - len(page.indexes)
        known.homes |= before.homes
        for name, _ in self._judged:
            known.present[0, name] += before.page.present[0, name] - gone.present[0, name]
        for key, count in before.page.held.items():
            known.held[key] += count - gone.held[key]

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


def _counts(kept: object) -> PageCounts:
    page = msgspec.convert(kept, _Page)
    return PageCounts(
        Counts(pages=1, **page.counts, bare=Counter(page.bare)),
        Counter({(claim, name): count for claim, name, count in page.present}),
        Counter({(claim, name): count for claim, name, count in page.held}),
    )


def _is_matched(page: Told) -> bool:
    """Whether the page has records of an earlier one, which nobody decoded."""
    return len(page.indexes) < page.records


def _several(pages: list[Told]) -> set[str]:
    """The records of which these pages show several versions: the last stands, though it may be the one that the store has."""
    seen: dict[str, str] = {}
    found: set[str] = set()
    for page in pages:
        for record, digest in zip(page.ids, page.digests, strict=True):
            if record is not None and seen.setdefault(record, digest) != digest:
                found.add(record)
    return found
