"""Whether the history of an entity can be kept: what its rows were is told by the versions of records alone, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldmap.compiler import ir
from fieldmap.compiler.emit.standing import needed
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols


def check(entities: Iterable[ir.Entity], maps: Iterable[ir.Map], symbols: Symbols, report: Report) -> None:
    """Refuses `keeps history` where a row of an earlier time would depend on something that is known of today only."""
    by_id = {map_.id: map_ for map_ in maps}
    entities = list(entities)
    by_name = {entity.name: entity for entity in entities}
    owners = {source.table: entity for entity in entities for source in entity.sources}
    for entity in entities:
        lines = symbols.entities[entity.name].history
        for line in lines[1:]:
            report.twice(f"whether {entity.name} keeps history", line.span, lines[0].span)
        if not lines or report.broken(symbols.entities[entity.name].span):
            continue
        for message, help_ in dict.fromkeys(_hindrances(entity, by_id, owners, by_name)):
            report.error("FM0610", message, lines[0].span, help=help_)


def _referring(
    name: str, said: str, reference: ir.Reference, owners: dict[str, ir.Entity]
) -> Iterator[tuple[str, str]]:
    """A reference that is resolved: the key of an id follows the versions of its record, who is who has none."""
    if reference.numberings:
        yield (
            f"{name} keeps no history while {said} gives {reference.field} in numbers that a `match` has to tell the meaning of:"
            " who is who is known of today only",
            f"make {reference.field} a text, or leave `keeps history` out",
        )
    elif not owners[reference.records].history:
        target = owners[reference.records].name
        yield (
            f"{name} keeps no history while {said} gives {reference.field} by id and {target} keeps none: which key an id stood for is"
            " told by the history of its record",
            f"write `keeps history` into {target} too, or map the key itself",
        )


def _hindrances(
    entity: ir.Entity, maps: dict[str, ir.Map], owners: dict[str, ir.Entity], by_name: dict[str, ir.Entity]
) -> Iterator[tuple[str, str]]:
    """What is in the way, and what to do about it. owners: the entity of each claim table; by_name: all entities."""
    name = entity.name
    if entity.identity is not None:
        yield (
            f"{name} keeps no history while its sources are matched: who is who is known of today only",
            "give its sources one numbering (`same … of …`), or leave `keeps history` out",
        )
    for one in needed(entity, by_name):
        if not one.target.history:
            field, target = one.name, one.target.name
            yield (
                f"{name} keeps no history while {field} must exist and {target} keeps none: which rows it could refer to is known of today"
                " only",
                f"write `keeps history` into {target} too, or leave `must exist` out: references that find nothing are listed",
            )
    for source in entity.sources:
        map_ = maps[source.map]
        said = f"{map_.connector}.{map_.resource}"
        for reference in source.references if entity.identity is None else ():
            yield from _referring(name, said, reference, owners)
        if map_.changed is None and not map_.changed_unknown:
            yield (
                f"{name} keeps history, and {said} does not say when its records change",
                "give the resource a line: changed $.lastModified, or changed unknown (what it says then counts as always true)",
            )
