"""What of a project is personal or restricted beside the values of fields: the keys of rows, and the ids of records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.interpret.reads import parts_of

HIDDEN = "▒▒▒"
_KINDS = ("pii", "restricted")


@dataclass(frozen=True)
class Private:
    """What is shown instead of what is personal or restricted. fields: of values, by entity and field. keys: of the parts of an entity's
    key, "" of a part that may be seen; an entity without such a part is left out. records: of the ids of a resource's records."""

    fields: Mapping[tuple[str, str], str] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: ir.Project, *, reveal: bool = False) -> Private:
        """reveal: nothing is hidden."""
        if reveal:
            return cls()
        tags = tags_of(project)
        keys = {
            entity.name: tuple(_instead(tags.get((entity.name, name), "")) for name in entity.key)
            for entity in project.entities
        }
        records: dict[str, str] = {}
        for map_ in project.maps:
            if tag := _tag_of_ids(map_, tags):
                records.setdefault(f"{map_.connector}.{map_.resource}", _instead(tag))
        return cls(
            {place: _instead(tag) for place, tag in tags.items()},
            {name: parts for name, parts in keys.items() if any(parts)},
            records,
        )

    def key(self, entity: str, key: str) -> str:
        """A key as the store has it (of several parts a JSON list), without what is personal."""
        parts = self.keys.get(entity)
        if parts is None:
            return key
        if len(parts) == 1:
            return parts[0]
        values = msgspec.json.decode(key)
        shown = [instead or value for instead, value in zip(parts, values, strict=True)]
        return msgspec.json.encode(shown).decode()

    def record(self, resource: str, record: str) -> str:
        """The id of a record."""
        return self.records.get(resource, record)

    def tag_of_ids(self, resource: str) -> str:
        """The tag of the ids of a resource's records, "" of none."""
        return self.records.get(resource, "").removeprefix(f"{HIDDEN} (").removesuffix(")")

    def value(self, entity: str, field: str, value: str) -> str:
        """A value of a field."""
        return self.fields.get((entity, field), value)


def tags_of(project: ir.Project) -> dict[tuple[str, str], str]:
    """The fields that are personal or restricted, with that tag, by entity and field: those that say so, and references to an entity whose
    key says so. A reference of several fields is among them by its own name too."""
    entities = {entity.name: entity for entity in project.entities}
    found: dict[tuple[str, str], str] = {}

    def tag(entity: ir.Entity, one: ir.Field, seen: frozenset[str] = frozenset()) -> str:
        own = next((tag for tag in one.tags if tag in _KINDS), "")
        type_ = one.type
        while isinstance(type_, ir.ListType):
            type_ = type_.element
        if own or not isinstance(type_, ir.ReferenceType) or type_.entity in seen or type_.entity not in entities:
            return own
        other = entities[type_.entity]
        keys = (key for key in other.fields if key.name in other.key)
        return next((t for key in keys if (t := tag(other, key, seen | {type_.entity}))), "")

    for entity in project.entities:
        for one in entity.fields:
            if told := tag(entity, one):
                found[entity.name, one.name] = told
    for entity in project.entities:
        for whole in entity.composites:
            other = entities.get(whole.entity)
            for part, key in zip(whole.fields, other.key if other is not None else (), strict=False):
                told = found.get((entity.name, part), "") or found.get((whole.entity, key), "")
                if told:
                    found.setdefault((entity.name, part), told)
                    found.setdefault((entity.name, whole.name), told)
    return found


def _instead(tag: str) -> str:
    return f"{HIDDEN} ({tag})" if tag else ""


def _tag_of_ids(map_: ir.Map, tags: Mapping[tuple[str, str], str]) -> str:
    """The tag of the ids of a map's records: what the shape calls their members, or that of a field which is fed from the same path."""
    if map_.identity_tag:
        return map_.identity_tag
    lets = {let.name: let.value for let in map_.lets}
    ids = [path for node in map_.identity for path in _paths(node, map_.alias, lets)]
    for claim in claims_of(map_):
        for item in claim.assignments:
            if tag := tags.get((claim.entity, item.field), ""):
                fed = list(_paths(item.value, map_.alias, lets))
                if any(one[: len(other)] == other[: len(one)] for one in ids for other in fed):
                    return tag
    return ""


def _paths(node: ir.Expr, alias: str | None, lets: Mapping[str, ir.Expr]) -> Iterator[tuple[str | ir.Segment, ...]]:
    """The paths that an expression reads of the record, also by the lets that it uses; the record as a whole is none."""
    for part in parts_of(node):
        if isinstance(part, ir.Read) and part.root in ("$", alias) and part.segments:
            yield tuple(step.name if isinstance(step, ir.Member) else step for step in part.segments)
        elif isinstance(part, ir.Use) and part.name in lets:
            yield from _paths(lets[part.name], alias, lets)
