"""Whether the history of an entity can be kept: what its rows were is told by the versions of records alone, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldmap.compiler import ir
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols


def check(entities: Iterable[ir.Entity], maps: Iterable[ir.Map], symbols: Symbols, report: Report) -> None:
    """Refuses `keeps history` where a row of an earlier time would depend on something that is known of today only."""
    by_id = {map_.id: map_ for map_ in maps}
    for entity in entities:
        lines = symbols.entities[entity.name].history
        for line in lines[1:]:
            report.twice(f"whether {entity.name} keeps history", line.span, lines[0].span)
        if not lines or report.broken(symbols.entities[entity.name].span):
            continue
        for message, help_ in dict.fromkeys(_hindrances(entity, by_id)):
            report.error("FM0610", message, lines[0].span, help=help_)


def _hindrances(entity: ir.Entity, maps: dict[str, ir.Map]) -> Iterator[tuple[str, str]]:
    """What is in the way, and what to do about it."""
    name = entity.name
    if entity.identity is not None:
        yield (
            f"{name} keeps no history while its sources are matched: who is who is known of today only",
            "give its sources one numbering (`same … of …`), or leave `keeps history` out",
        )
    for field in [
        *(f.name for f in entity.fields if f.must_exist),
        *(c.name for c in entity.composites if c.must_exist),
    ]:
        yield (
            f"{name} keeps no history while {field} must exist: which rows it could refer to is known of today only",
            "leave `must exist` out: references that find nothing are listed",
        )
    for source in entity.sources:
        map_ = maps[source.map]
        said = f"{map_.connector}.{map_.resource}"
        for reference in source.references if entity.identity is None else ():
            yield (
                f"{name} keeps no history while {said} gives {reference.field} in numbers that are not those of the model:"
                " what they stand for is known of today only",
                f"map the key itself, or make {reference.field} a text",
            )
        if map_.changed is None and not map_.changed_unknown:
            yield (
                f"{name} keeps history, and {said} does not say when its records change",
                "give the resource a line: changed $.lastModified, or changed unknown (what it says then counts as always true)",
            )
        if map_.keeps:
            yield (
                f"{name} keeps no history while versions of {said} leave {', '.join(map_.keeps)} unchanged",
                "leave `unchanged when` and `sparse when` out, or `keeps history`",
            )
