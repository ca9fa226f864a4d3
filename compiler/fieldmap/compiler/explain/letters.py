"""A dead letter with its raw record, read back from the archive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.explain.jsontext import json_text
from fieldmap.compiler.explain.locate import find_record
from fieldmap.runtime.archive import Archive, offset_of
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.values.failures import TITLES
from fieldmap.runtime.values.outcome import Failed

_HIDDEN = "▒▒▒"


@dataclass(frozen=True)
class Letter:
    """members: those of the record, values as JSON text; tagged: members that feed tagged fields, with the tag. tag: that of the field
    that failed, or ""."""

    number: int
    map: str
    code: str
    field: str
    path: str
    reason: str
    file: str
    line: int
    statement: str
    record: str | None
    url: str
    archive: str
    offset: int
    record_index: int
    same_cause: int
    members: tuple[tuple[str, str], ...]
    tagged: dict[str, str]
    tag: str

    def without_values(self) -> Letter:
        """The same with the values of personal and restricted members hidden, in the reason too."""
        return replace(
            self,
            members=tuple((name, _HIDDEN if name in self.tagged else value) for name, value in self.members),
            reason=without_value(self.code, self.tag) if self.tag else self.reason,
        )


def letter(project: ir.Project, archive: Archive, connection: Connection, number: int) -> Letter | None:
    """The dead letter of that number, or None if there is none."""
    row = connection.execute(
        "SELECT d.map, d.code, d.field, d.path, d.reason, d.record, d.archive_position, d.record_index,"
        " (SELECT count(*) FROM fieldmap.dead_letters o WHERE (o.map, o.code, o.field, o.reason) = (d.map, d.code, d.field, d.reason))"
        " FROM fieldmap.dead_letters d WHERE d.id = %s",
        [number],
    ).fetchone()
    map_ = next((item for item in project.maps if row is not None and item.id == row[0]), None)
    if row is None or map_ is None:
        return None
    _, code, field, path, reason, record, position, index, same = row
    page = archive.read_one(f"{map_.connector}.{map_.resource}", position)
    located = find_record(map_, page, index)
    assignment = next((item for claim in claims_of(map_) for item in claim.assignments if item.field == field), None)
    place = assignment.place if assignment is not None else map_.place
    return Letter(
        number, map_.title, code, field, path, reason, place.file, place.line, assignment.place.text if assignment is not None else f"map {map_.title}",
        record, page.url, f"{page.resource}", offset_of(position), index, same, members_of(located.record), hidden_members(project, map_),
        sensitive(project).get((map_.title, field), ""),
    )  # fmt: skip


def sensitive(project: ir.Project) -> dict[tuple[str, str], str]:
    """The fields that are pii or restricted, with that tag, by the title of the map that claims them and the field's name."""
    tags = {
        (entity.name, field.name): tag
        for entity in project.entities
        for field in entity.fields
        for tag in field.tags
        if tag in ("pii", "restricted")
    }
    return {
        (item.title, assignment.field): tags[claim.entity, assignment.field]
        for item in project.maps
        for claim in claims_of(item)
        for assignment in claim.assignments
        if (claim.entity, assignment.field) in tags
    }


def hidden(project: ir.Project) -> dict[tuple[str, str], str]:
    """What is shown instead of the values of fields that are pii or restricted, by entity and field."""
    return {
        (entity.name, field.name): f"{_HIDDEN} ({tag})"
        for entity in project.entities
        for field in entity.fields
        for tag in field.tags
        if tag in ("pii", "restricted")
    }


def without_value(code: str, tag: str) -> str:
    """What is told of a failure without the value that failed: the words of its code."""
    return f"{TITLES[code]}: {_HIDDEN} ({tag})"


def members_of(record: Any) -> tuple[tuple[str, str], ...]:
    """The members of a record as received, by name, each as JSON text."""
    if isinstance(record, Failed):
        return (("", f"({record.reason})"),)
    if isinstance(record, dict):
        return tuple((str(name), json_text(value)) for name, value in record.items())
    return (("", json_text(record)),)


def hidden_members(project: ir.Project, map_: ir.Map) -> dict[str, str]:
    """Top-level members of the record that feed a field tagged pii or restricted, with that tag."""
    found: dict[str, str] = {}
    for claim in claims_of(map_):
        entity = next(item for item in project.entities if item.name == claim.entity)
        secret = {field.name: tag for field in entity.fields for tag in field.tags if tag in ("pii", "restricted")}
        for assignment in claim.assignments:
            if assignment.field in secret:
                for path in assignment.paths:
                    found.setdefault(path.removeprefix("$.").split(".")[0].split("[")[0], secret[assignment.field])
    return found
