"""What could not be read, grouped by cause: dead letters, held values, warnings. One form for all: cause, where, how many, since when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fieldmap.cli.console import count, out, plural, print_json, safe, say, table
from fieldmap.cli.rows import cat
from fieldmap.compiler import ir
from fieldmap.compiler.explain.letters import SAID, place_of, without_value
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.store.database import Connection

# How many causes a table shows where nobody says.
SHOWN = 20
Tags = dict[tuple[str, str], str]

# Where a reason would quote a personal value it does not tell causes apart either.
# A letter of no field is hidden by the member that its path leads to (`letters.blamed`).
_DEAD = r"""
SELECT d.code, d.map, p.title, d.field, CASE WHEN s.field IS NULL THEN d.reason ELSE '' END, count(*), min(d.first_seen), max(d.last_seen),
  min(d.id), s.field, count(*) OVER (), sum(count(*)) OVER (), min(d.path)
FROM fieldmap.dead_letters d JOIN fieldmap.positions p USING (map)
LEFT JOIN unnest(%(titles)s::text[], %(fields)s::text[]) s(title, field) ON (s.title, s.field) = (p.title,
  CASE WHEN d.field <> '' THEN d.field WHEN d.path = '' OR d.code = ANY(%(said)s) THEN '' WHEN left(d.path, 2) = '$.'
  THEN '$.' || substring(d.path from '^\$\.([^.[]+)') ELSE '$' END)
WHERE %(run)s::bigint IS NULL OR d.run = %(run)s
GROUP BY 1, 2, 3, 4, 5, 10 ORDER BY 6 DESC, 9 LIMIT %(limit)s::bigint
"""
_HELD = """
SELECT h.code, p.title, p.resource, h.field, CASE WHEN s.field IS NULL THEN h.reason ELSE '' END, count(*), min(h.archive_position),
  max(h.archive_position), min(ARRAY[h.archive_position, h.record_index]),
  (array_agg(jsonb_build_array(h.record, h.archive_position, h.record_index, '') ORDER BY h.record))[1:3],
  coalesce(f.file || ':' || f.line, ''), s.field, false,
  count(*) OVER (), sum(count(*)) OVER ()
FROM fieldmap.held h JOIN fieldmap.positions p USING (map)
LEFT JOIN fieldmap.map_fields f ON (f.map, f.claim, f.field) = (h.map, h.claim, h.field)
LEFT JOIN unnest(%(titles)s::text[], %(fields)s::text[]) s(title, field) ON (s.title, s.field) = (p.title, h.field)
WHERE NOT h.invented AND (%(run)s::bigint IS NULL OR %(run)s = (SELECT g.run FROM fieldmap.ledger g
  WHERE (g.map, g.map_version) = (h.map, p.map_version) AND g.last_position >= h.archive_position ORDER BY g.last_position LIMIT 1))
GROUP BY 1, 2, 3, 4, 5, 11, 12 ORDER BY 6 DESC, 4, 5 LIMIT %(limit)s::bigint
"""
_LISTED = r"""
SELECT l.code, p.title, p.resource, l.field, CASE WHEN s.field IS NULL THEN l.reason ELSE '' END, count(*), min(l.archive_position),
  max(l.archive_position), min(ARRAY[l.archive_position, l.record_index]),
  (array_agg(jsonb_build_array(l.record, l.archive_position, l.record_index, CASE WHEN l.element > 0 THEN ' element ' || l.element ELSE '' END)
    ORDER BY l.record, l.element))[1:3],
  coalesce(f.file || ':' || f.line, ''), s.field, l.lost,
  count(*) OVER (), sum(count(*)) OVER ()
FROM fieldmap.listed l JOIN fieldmap.positions p USING (map)
LEFT JOIN fieldmap.map_fields f ON (f.map, f.claim, f.field) = (l.map, l.claim, l.field)
LEFT JOIN unnest(%(titles)s::text[], %(fields)s::text[]) s(title, field) ON (s.title, s.field) = (p.title,
  CASE WHEN l.field <> '' THEN l.field WHEN l.path = '' OR l.code = ANY(%(said)s) THEN '' WHEN left(l.path, 2) = '$.'
  THEN '$.' || substring(l.path from '^\$\.([^.[]+)') ELSE '$' END)
GROUP BY 1, 2, 3, 4, 5, 11, 12, 13 ORDER BY 6 DESC, 5 LIMIT %(limit)s::bigint
"""


@dataclass(frozen=True)
class Cause:
    """of: the map or entity. samples: commands, records or keys. left_out: an element that failed alone. shown_by: the command that shows the
    first record with it, "" where the samples say how."""

    code: str
    of: str
    field: str
    reason: str
    where: str
    records: int
    first_seen: datetime | None
    last_seen: datetime | None
    samples: tuple[str, ...]
    left_out: bool = False
    shown_by: str = ""

    @property
    def words(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.code} {field}{self.reason}{' (the element is left out)' if self.left_out else ''}".strip()


class Found(list[Cause]):
    """The most frequent causes. number: how many there are in all; records: how many records have one."""

    number = 0
    records = 0


def dead(
    project: ir.Project, connection: Connection, tags: Tags, run: int | None = None, limit: int | None = None
) -> Found:
    """The causes of dead letters, the most frequent first. tags: fields whose values are hidden. run: only those of this run. limit: so
    many at the most."""
    maps = {item.id: item for item in project.maps}
    found = Found()
    for code, map_, title, field, reason, number, first, last, sample, secret, *counted in connection.execute(
        _DEAD, _named(tags, run, limit)
    ).fetchall():
        found.number, found.records = counted[0], int(counted[1])
        place = place_of(maps[map_], field, reason, code, counted[2]) if map_ in maps else None
        where = f"{place.file}:{place.line}" if place is not None else title
        told = without_value(code, tags[title, secret]) if secret else reason
        found.append(Cause(code, title, field, told, where, number, first, last, (f"fieldmap dlq show {sample}",)))
    return found


def held(
    archive: Archive,
    connection: Connection,
    tags: Tags,
    private: Private,
    run: int | None = None,
    limit: int | None = None,
) -> Found:
    """The causes for which values are held. private: what is hidden of the samples. run: only those of pages that this run read. limit: so many at the most."""
    return _noted(archive, connection, tags, private, _HELD, run, limit)


def warned(
    bundle: Bundle, archive: Archive, connection: Connection, tags: Tags, private: Private, limit: int | None = None
) -> Found:
    """What `warn` says of records, elements that failed alone, and what `warn` says of rows."""
    found = _noted(archive, connection, tags, private, _LISTED, None, limit)
    for info in bundle.catalogue.entities:
        for number, rows, keys in connection.execute(
            "SELECT condition, count(*), (array_agg(key ORDER BY key))[1:3] FROM fieldmap.warned WHERE entity = %s GROUP BY 1 ORDER BY 1",
            [info.name],
        ).fetchall():
            if number < len(info.conditions):
                one = info.conditions[number]
                place = f"{one.file}:{one.line}"
                shown = tuple(dict.fromkeys(private.key(info.name, key) for key in keys))
                found.append(Cause("", info.name, "", one.message, place, rows, None, None, shown))
                found.number, found.records = found.number + 1, found.records + rows
    return found


def _noted(
    archive: Archive,
    connection: Connection,
    tags: Tags,
    private: Private,
    statement: str,
    run: int | None,
    limit: int | None,
) -> Found:
    seen, found = fetched_of(archive), Found()
    for (
        code,
        title,
        resource,
        field,
        reason,
        number,
        first,
        last,
        place,
        samples,
        where,
        secret,
        lost,
        *counted,
    ) in connection.execute(statement.encode(), _named(tags, run, limit)).fetchall():
        told = without_value(code, tags[title, secret]) if secret else reason
        times = seen(resource, first), seen(resource, last)
        hides = resource in private.records
        shown = cat(resource, *place)
        named = tuple(
            (cat(resource, position, index) if hides else record) + element
            for record, position, index, element in samples
        )
        found.append(Cause(code, title, field, told, where, number, *times, named, lost, shown))
        found.number, found.records = counted[0], int(counted[1])
    return found


def _named(tags: Tags, run: int | None, limit: int | None) -> dict[str, Any]:
    named = {"titles": [title for title, _ in tags], "fields": [field for _, field in tags]}
    return {**named, "said": list(SAID), "run": run, "limit": limit}


def fetched_of(archive: Archive) -> Callable[[str, int], datetime | None]:
    """When the response at a position was fetched; None if the archive does not have it."""
    known: dict[tuple[str, int], datetime | None] = {}

    def when(resource: str, position: int) -> datetime | None:
        if (resource, position) not in known:
            try:
                known[resource, position] = archive.read_one(resource, position).fetched_at
            except ArchiveError:
                known[resource, position] = None
        return known[resource, position]

    return when


def show(found: Found, none: str, what: str, *, limit: int | None, json: bool) -> bool:
    """Prints causes; returns whether there are any. none: what is said of none; what: what is counted, such as "dead letter"."""
    shown = found[: (limit or len(found)) if json else (limit or SHOWN)]
    if json:
        print_json([plain(cause) for cause in shown])
        return bool(found)
    if not found:
        out().print(none)
        return False
    # Of rows nobody notes since when a warning holds.
    dated = any(c.first_seen for c in shown)
    table(
        ["cause", "where", "records", *(["first seen", "last seen"] if dated else []), "sample"],
        [
            (
                c.words,
                c.where or c.of,
                count(c.records),
                *([_day(c.first_seen), _day(c.last_seen)] if dated else []),
                ", ".join(c.samples),
            )
            for c in shown
        ],
        right=["records"],
    )
    more = f"; the first {len(shown)} are shown (--limit)" if found.number > len(shown) else ""
    out().print(f"\n{plural(found.records, what)} of {plural(found.number, 'cause')}{more}")
    example = next((c.shown_by for c in shown if c.shown_by), "")
    if example:
        say(out(), f"The record of the first is shown by: {example}      (--json has one for each cause)")
    return True


def plain(cause: Cause) -> dict[str, Any]:
    """A cause as JSON."""
    names = (
        "code",
        "of",
        "field",
        "reason",
        "where",
        "records",
        "first_seen",
        "last_seen",
        "samples",
        "left_out",
        "shown_by",
    )
    return {name: getattr(cause, name) for name in names}


def _day(when: datetime | None) -> str:
    return safe(when.date().isoformat()) if when is not None else ""
