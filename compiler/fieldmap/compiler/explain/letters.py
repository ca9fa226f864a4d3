"""A dead letter with its raw record, read back from the archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.explain.jsontext import json_text
from fieldmap.compiler.explain.locate import find_record
from fieldmap.compiler.explain.private import HIDDEN, Private, tags_of
from fieldmap.runtime.archive import Archive, offset_of
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.values.failures import TITLES, Unreadable, shorten
from fieldmap.runtime.values.outcome import Failed

# What a line of the resource is to blame for.
_OF_RESOURCE = {"FM2120": "resource", "FM2121": "records", "FM2124": "id"}


@dataclass(frozen=True)
class Letter:
    """members: those of the record, values as JSON text; tagged: members that feed tagged fields, with the tag. tag: that of the field
    that failed, or "". id_tag: that of what the record's id is read from, or "". step: where in the statement the step stands that
    failed, as start and end; value: what stands there in the
    record, as JSON text, "" if that is not known. first_seen, last_seen: when responses with it were fetched. position: of the response
    in the archive. whole: it stands for a page, line or row that could not be taken apart, and `members` are its."""

    number: int
    map: str
    code: str
    field: str
    path: str
    reason: str
    file: str
    line: int
    statement: str
    step: tuple[int, int]
    value: str
    record: str | None
    url: str
    archive: str
    offset: int
    position: int
    record_index: int
    whole: bool
    same_cause: int
    first_seen: datetime
    last_seen: datetime
    members: tuple[tuple[str, str], ...]
    tagged: dict[str, str]
    tag: str
    id_tag: str = ""

    @property
    def _in_one(self) -> bool:
        """Whether personal values cannot be told from others: what is no record has no members that the map knows."""
        return bool(self.tagged) and (self.whole or [name for name, _ in self.members] == [""])

    @property
    def hides(self) -> bool:
        """Whether anything is hidden without --reveal."""
        return bool(self.tag) or (
            bool(self.members) and (self._in_one or any(name in self.tagged for name, _ in self.members))
        )

    def without_values(self) -> Letter:
        """The same with the values of personal and restricted members hidden, in the reason too."""
        member = _first_member(self.path)
        shown = HIDDEN if self.value and (self.tag or member in self.tagged or self._in_one) else self.value
        return replace(
            self,
            members=tuple(
                (name, HIDDEN if name in self.tagged or self._in_one else value) for name, value in self.members
            ),
            record=f"{HIDDEN} ({self.id_tag})" if self.id_tag and self.record else self.record,
            reason=without_value(self.code, self.tag) if self.tag else self.reason,
            value=shown,
        )


def letter(project: ir.Project, archive: Archive, connection: Connection, number: int) -> Letter | None:
    """The dead letter of that number, or None if there is none."""
    row = connection.execute(
        "SELECT d.map, d.code, d.field, d.path, d.reason, d.record, d.archive_position, d.record_index, d.first_seen, d.last_seen, d.whole"
        " FROM fieldmap.dead_letters d WHERE d.id = %s",
        [number],
    ).fetchone()
    map_ = next((item for item in project.maps if row is not None and item.id == row[0]), None)
    if row is None or map_ is None:
        return None
    _, code, field, path, reason, record, position, index, first, last, whole = row
    page = archive.read_one(f"{map_.connector}.{map_.resource}", position)
    located = find_record(map_, page, index)
    place = place_of(map_, field, reason, code, path)
    tags = sensitive(project)
    return Letter(
        number=number,
        map=map_.title,
        code=code,
        field=field,
        path=path,
        reason=reason,
        file=place.file,
        line=place.line,
        statement=place.text if place is not map_.place else f"map {map_.title}",
        step=step_of(place.text if place is not map_.place else f"map {map_.title}", path),
        value=_value_at(located.record, path),
        record=record,
        url=page.url,
        archive=page.resource,
        offset=offset_of(position),
        position=position,
        record_index=index,
        whole=whole,
        same_cause=len(same_cause(connection, number, tags)),
        first_seen=first,
        last_seen=last,
        members=() if whole and isinstance(located.record, Failed) else members_of(located.record),
        tagged=tagged_members(project, [map_]),
        tag=tags.get((map_.title, blamed(code, field, path)), ""),
        id_tag=Private.of(project).tag_of_ids(f"{map_.connector}.{map_.resource}"),
    )


def same_cause(connection: Connection, number: int, tags: dict[tuple[str, str], str]) -> list[int]:
    """The dead letters with the cause of one, itself among them: of one map, code, field and reason; without the reason where it would
    quote personal values (tags: see `sensitive`)."""
    rows = connection.execute(
        "SELECT o.id FROM fieldmap.dead_letters d JOIN fieldmap.positions p USING (map) JOIN fieldmap.dead_letters o"
        " ON (o.map, o.code, o.field) = (d.map, d.code, d.field) AND (o.reason = d.reason OR EXISTS"
        " (SELECT FROM unnest(%s::text[], %s::text[]) s(title, field) WHERE (s.title, s.field) = (p.title, d.field)))"
        " WHERE d.id = %s ORDER BY o.id",
        [[title for title, _ in tags], [field for _, field in tags], number],
    ).fetchall()
    return [row[0] for row in rows]


def place_of(map_: ir.Map, field: str, reason: str, code: str = "", path: str = "") -> ir.Place:
    """Where the cause of a failure stands: the resource's line where it gives no records or no identity; the field's line, or that of
    the `let` which reads the path to blame; the `expect` that does not hold; else the map itself."""
    if not field and code in _OF_RESOURCE:
        lines = dict(map_.lines)
        return lines.get(_OF_RESOURCE[code]) or lines.get("resource") or map_.place
    for claim in claims_of(map_):
        for assignment in claim.assignments:
            if field and assignment.field == field:
                return _let_of(map_, assignment.place, path) or assignment.place
    return next((check.place for check in _checks(map_) if not field and check.reason == reason), map_.place)


def _let_of(map_: ir.Map, place: ir.Place, path: str) -> ir.Place | None:
    """The `let` that reads a path, of those that a statement uses, where it does not read the path itself."""
    if not path or _mention(path, place.text) is not None:
        return None
    known = [let for let in _lets(map_) if let.place is not None]
    wanted, seen = [place], set[str]()
    while wanted:
        text = wanted.pop().text
        for let in known:
            if (
                let.place is not None
                and let.name not in seen
                and re.search(rf"(?<![\w.$]){re.escape(let.name)}\b", text)
            ):
                seen.add(let.name)
                if _mention(path, let.place.text) is not None:
                    return let.place
                wanted.append(let.place)
    return None


def _lets(block: ir.Map | ir.Each | ir.Also) -> Iterator[ir.Let]:
    yield from block.lets
    for child in block.children:
        yield from _lets(child)


def _mention(path: str, text: str) -> re.Match[str] | None:
    """Where a statement names a path."""
    return re.search(rf"{re.escape(path)}(?![\w.\[])", text) if path else None


def _checks(map_: ir.Map | ir.Each | ir.Also) -> Iterator[ir.Check]:
    yield from map_.checks
    for child in map_.children:
        yield from _checks(child)


def step_of(statement: str, path: str) -> tuple[int, int]:
    """Where in a statement the step stands that failed: the path to blame, else all behind the equals sign."""
    head, _, rest = statement.partition("#")[0].rstrip().partition("=")
    found = _mention(path, statement)
    if found is not None:
        return found.span()
    return (len(head) + 1 + len(rest) - len(rest.lstrip()), len(head) + 1 + len(rest)) if rest else (0, len(head))


def _value_at(record: Any, path: str) -> str:
    """What stands at a plain path (`$.email.work[0]`) of a record, as JSON text; "" where that is not known."""
    if not re.fullmatch(r"\$(\.\w+|\[\d+\])+", path):
        return ""
    value = record
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        try:
            value = value[int(index) if index else name]
        except (KeyError, IndexError, TypeError):
            return "missing"
    return shorten(json_text(value)) if not isinstance(value, Unreadable) else value.reason


def _first_member(path: str) -> str:
    return path.removeprefix("$.").split(".")[0].split("[")[0]


def sensitive(project: ir.Project) -> dict[tuple[str, str], str]:
    """The fields that are pii or restricted, with that tag, by the title of the map that claims them and the field's name; and what of its
    records is, as `blamed` calls it."""
    tags = tags_of(project)
    members = {map_.title: tagged_members(project, [map_]) for map_ in project.maps}
    paths = {(title, f"$.{name}"): tag for title, found in members.items() for name, tag in found.items()}
    wholes = {(title, "$"): next(iter(found.values())) for title, found in members.items() if found}
    return (
        paths
        | wholes
        | {
            (item.title, assignment.field): tags[claim.entity, assignment.field]
            for item in project.maps
            for claim in claims_of(item)
            for assignment in claim.assignments
            if (claim.entity, assignment.field) in tags
        }
    )


# The reasons of these say what the author wrote, or that something is missing, and quote no value.
SAID = ("FM2102", "FM2114", "FM2131", "FM2132")


def blamed(code: str, field: str, path: str) -> str:
    """Where the tag of a failure stands in `sensitive`: by its field; where it has none by the member of the record that its path leads to
    (`$.born`), or by the record (`$`) where that is not known; "" where the reason quotes nothing."""
    if field:
        return field
    if not path or code in SAID:
        return ""
    return f"$.{_first_member(path)}" if path.startswith("$.") else "$"


def without_value(code: str, tag: str) -> str:
    """What is told of a failure without the value that failed: the words of its code."""
    return f"{TITLES[code]}: {HIDDEN} ({tag})"


def members_of(record: Any) -> tuple[tuple[str, str], ...]:
    """The members of a record as received, by name, each as JSON text."""
    if isinstance(record, Failed):
        return (("", f"({record.reason})"),)
    if isinstance(record, dict):
        return tuple((str(name), json_text(value)) for name, value in record.items())
    return (("", json_text(record)),)


def tagged_members(project: ir.Project, maps: Iterable[ir.Map]) -> dict[str, str]:
    """Top-level members of the maps' records that the shape tags pii or restricted, or that feed a field with such a tag; with the tag."""
    maps, tags = list(maps), tags_of(project)
    found = {name: tag for map_ in maps for name, tag in map_.personal}
    for claim in (claim for map_ in maps for claim in claims_of(map_)):
        for assignment in claim.assignments:
            tag = tags.get((claim.entity, assignment.field), "")
            for path in assignment.paths if tag else ():
                found.setdefault(_first_member(path), tag)
    return found
