"""Coverage: which fields of the sources are read, which are ignored on purpose, and which nobody has looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fieldmap.compiler import shapes
from fieldmap.compiler.steps import EACH, Roots, Steps, overlap, paths_in, steps_of
from fieldmap.dsl import ast

How = Literal["read", "ignored", "unread", "unknown"]
HOWS: tuple[How, ...] = ("read", "ignored", "unread", "unknown")


# By entity and field.
Types = Mapping[str, Mapping[str, ast.TypeExpr]]


@dataclass(frozen=True)
class CoveredField:
    """path: as in a map, `$.skills[*].name`. how: read; ignored (by an `ignore`); unread (in the shape, and neither); unknown
    (in archived records only, and neither). seen: in how many of the sampled records it has a value."""

    path: str
    how: How
    seen: int


@dataclass(frozen=True)
class Coverage:
    """One resource. records: how many archived ones were looked at."""

    resource: str
    fields: tuple[CoveredField, ...]
    records: int

    def count(self, how: How) -> int:
        return sum(field.how == how for field in self.fields)


@dataclass(frozen=True)
class _Uses:
    read: set[Steps]
    ignored: set[tuple[Steps, bool]]
    rest: bool


def coverage(
    connectors: Mapping[str, ast.Connector],
    maps: Iterable[ast.Map],
    known: Mapping[str, shapes.ObjectShape | None],
    samples: Mapping[str, list[Any]],
    entities: Mapping[str, ast.Entity],
) -> list[Coverage]:
    """One entry a resource, in the order of the files. known: shapes, and samples: archived records, by `connector.resource`."""
    types = {name: {field.name.text: field.type for field in one.fields} for name, one in entities.items()}
    of: dict[str, list[ast.Map]] = {}
    for item in maps:
        of.setdefault(f"{item.connector.text}.{item.resource.text}", []).append(item)
    found = []
    for connector in connectors.values():
        for resource in connector.resources:
            name = f"{connector.name.text}.{resource.name.text}"
            records = samples.get(name, [])
            uses = _uses(resource, of.get(name, []), types)
            found.append(Coverage(name, tuple(_fields(known.get(name), records, uses)), len(records)))
    return found


def totals(found: Iterable[Coverage]) -> Counter[How]:
    return Counter(field.how for one in found for field in one.fields)


def _fields(shape: shapes.ObjectShape | None, records: list[Any], uses: _Uses) -> Iterator[CoveredField]:
    seen: Counter[Steps] = Counter()
    for record in records:
        seen.update(set(_leaves_of_value(record, ())))
    stated = dict.fromkeys(_leaves_of_shape(shape, ())) if shape is not None else {}
    for steps in [*stated, *sorted(steps for steps in seen if not any(overlap(steps, one) for one in stated))]:
        count = max((number for one, number in seen.items() if overlap(one, steps)), default=0)
        yield CoveredField(_text(steps), _how(steps, uses, stated=steps in stated), count)


def _how(steps: Steps, uses: _Uses, *, stated: bool) -> How:
    if any(overlap(steps, one) for one in uses.read):
        return "read"
    if uses.rest or any(_ignores(steps, path, prefix) for path, prefix in uses.ignored):
        return "ignored"
    return "unread" if stated else "unknown"


def _ignores(steps: Steps, path: Steps, prefix: bool) -> bool:
    if not prefix:
        return len(path) <= len(steps) and overlap(steps, path)
    *before, last = path
    return len(path) <= len(steps) and overlap(steps, tuple(before)) and steps[len(before)].startswith(last)


# ------------------------------------------------------------------------------------------------------- what is read


def _uses(resource: ast.Resource, maps: Iterable[ast.Map], types: Types) -> _Uses:
    uses = _Uses(set(), set(), False)
    conditions = (resource.deleted_when, resource.when, resource.sparse_when)
    for node in (*resource.ids, resource.changed, *conditions):
        if node is not None:
            uses.read.update(_places(node, {"$": ()}))
    rest = False
    for item in maps:
        roots: dict[str, Steps] = {"$": ()}
        if item.alias is not None:
            roots[item.alias.text] = ()
        rest |= _of_items(item.items, item.entity, roots, uses, types)
    return _Uses(uses.read, uses.ignored, rest)


def _of_items(items: Iterable[ast.MapItem], entity: ast.Name | None, roots: Roots, uses: _Uses, types: Types) -> bool:
    """Adds what the lines of a map read and ignore; whether one of them is `ignore rest`."""
    rest = False
    for item in items:
        match item:
            case ast.Ignore():
                rest |= item.rest
                uses.ignored.update((steps_of(one.path, roots), one.prefix) for one in item.paths)
            case ast.Each():
                whole = steps_of(item.path, roots)
                # The list itself tells nothing of its elements' members.
                uses.read.update(_places(item.path, roots) - {whole})
                rest |= _of_items(item.items, item.entity, {**roots, item.alias.text: whole}, uses, types)
            case ast.Also():
                rest |= _of_items(item.items, item.entity, roots, uses, types)
            case ast.Assignment(value=ast.Path() as path) if path.root in roots and entity is not None:
                whole = steps_of(path, roots)
                parts = _parts(types.get(entity.text, {}).get(item.field.text), whole)
                uses.read.update(_places(item, roots) - {whole}, parts)
            case _:
                uses.read.update(_places(item, roots))
    return rest


def _parts(type_: ast.TypeExpr | None, steps: Steps) -> Iterator[Steps]:
    """What a field takes of the place that it is assigned: all of it, or the members that its type names."""
    match type_:
        case ast.ObjectType(members=members):
            for member in members:
                yield from _parts(member.type, (*steps, member.name.text))
        case ast.ListType(element=element):
            yield from _parts(element, steps if steps[-1:] == (EACH,) else (*steps, EACH))
        case _:
            yield steps


def _places(node: ast.Node, roots: Roots) -> set[Steps]:
    return {steps for _, steps in paths_in(node, roots)}


# ------------------------------------------------------------------------------------------------------- what there is


def _leaves_of_shape(node: shapes.ShapeNode, steps: Steps) -> Iterator[Steps]:
    match node:
        case shapes.ObjectShape(members=members):
            for member in members.values():
                yield from _leaves_of_shape(member.node, (*steps, member.name))
        case shapes.ListShape(element=element):
            yield from _leaves_of_shape(element, (*steps, EACH))
        case shapes.ScalarShape():
            yield steps


def _leaves_of_value(value: Any, steps: Steps) -> Iterator[Steps]:
    """The places of a record that hold something; of nulls and of empty lists nothing can be said."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves_of_value(below, (*steps, name))
    elif isinstance(value, list):
        for below in value:
            yield from _leaves_of_value(below, (*steps, EACH))
    elif value is not None:
        yield steps


def _text(steps: Steps) -> str:
    return "$" + "".join(step if step == EACH else shapes.member_text(step) for step in steps)


def values_at(value: Any, steps: Steps) -> Iterator[Any]:
    """What stands at a place of a record, through lists where the steps say so; nulls left out."""
    if not steps:
        if value is not None:
            yield value
    elif steps[0] == EACH:
        for below in value if isinstance(value, list) else ():
            yield from values_at(below, steps[1:])
    elif isinstance(value, dict):
        yield from values_at(value.get(steps[0]), steps[1:])
