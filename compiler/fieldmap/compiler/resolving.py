"""How references resolve among the records that the archive holds: as keys of what they refer to, and as ids of records.

`manager = $.supervisorId` and `manager = $.supervisorEId by id` both type-check; which of them is true, only the data says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.claims import claims_of
from fieldmap.runtime.values.outcome import Claimed

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Resolved:
    """One reference of a map. values: how many different ones the sampled records have; keys, ids: how many of these are the key
    that a record claims, or the id of one. by_id: whether it is written so."""

    map: str
    field: str
    file: str
    line: int
    values: int
    keys: int
    ids: int
    by_id: bool

    @property
    def doubtful(self) -> bool:
        """Whether the other way would resolve more."""
        return (self.keys > self.ids) if self.by_id else (self.ids > self.keys)


def resolved(project: ir.Project, samples: dict[str, list[Any]]) -> list[Resolved]:
    """Every reference of the project's maps of which there are sampled records. samples: by `connector.resource`."""
    entities = {entity.name: entity for entity in project.entities}
    ran = {map_.id: _run(project, map_, samples.get(f"{map_.connector}.{map_.resource}", [])) for map_ in project.maps}
    found = []
    for map_ in project.maps:
        for claim in claims_of(map_):
            types = {field.name: field.type for field in entities[claim.entity].fields}
            for number, item in enumerate(claim.assignments):
                type_ = types[item.field]
                type_ = type_.element if isinstance(type_, ir.ListType) else type_
                if not isinstance(type_, ir.ReferenceType) or len(entities[type_.entity].key) != 1:
                    continue
                values = {value for one in ran[map_.id] for value in _values(one, claim.number, number)}
                if values:
                    keys, ids = _known(project, ran, entities[type_.entity], map_)
                    texts = {str(value) for value in values}
                    found.append(
                        Resolved(
                            map=map_.title,
                            field=item.field,
                            file=item.place.file,
                            line=item.place.line,
                            values=len(texts),
                            keys=len(texts & keys),
                            ids=len(texts & ids),
                            by_id=bool(item.records),
                        )
                    )
    return found


def _run(project: ir.Project, map_: ir.Map, records: list[Any]) -> list[Claimed]:
    outcomes = (interpret.run_record(map_, project.codes, record) for record in records)
    return [outcome for outcome in outcomes if isinstance(outcome, Claimed)]


def _values(one: Claimed, claim: int, number: int) -> list[Any]:
    found: list[Any] = []
    for row in one.rows[claim]:
        value = row[number]
        found.extend(value if isinstance(value, list) else [] if value is None else [value])
    return found


def _known(
    project: ir.Project, ran: dict[str, list[Claimed]], target: ir.Entity, referring: ir.Map
) -> tuple[set[str], set[str]]:
    """The keys that sampled records claim of the entity under the reference's numbering, and the ids of the connector's records."""
    numberings = {source.numbering for source in target.sources if source.connector == referring.connector}
    keys: set[str] = set()
    ids: set[str] = set()
    maps = {map_.id: map_ for map_ in project.maps}
    for source in target.sources:
        own = source.connector == referring.connector
        if not numberings or source.numbering in numberings:
            claim = next(c for c in claims_of(maps[source.map]) if c.number == source.claim)
            place = [item.field for item in claim.assignments].index(target.key[0])
            keys |= {str(row[place]) for one in ran[source.map] for row in one.rows[source.claim]}
        if own and source.claim == 0:
            ids |= {one.record_id for one in ran[source.map]}
    return keys, ids
