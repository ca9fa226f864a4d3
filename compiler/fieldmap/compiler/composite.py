"""References to entities whose key has several fields: each becomes a field for each part of the key.

`parent : OrderLine?` is held by `parent_order_no` and `parent_line_no`, which are absent together and come from one claim. All that
is written of `parent` is brought to the parts here and where the names of fields are looked up (`Symbols.composites`); behind the
checker there are the parts alone, and what they stand for (`ir.Composite`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from fieldmap.dsl import ast

_Node = TypeVar("_Node", bound=ast.Node)

# How many keys may be references, one to the next; and how many columns an index of PostgreSQL has.
DEEPEST, MOST_PARTS = 20, 32


@dataclass(frozen=True)
class Composite:
    """A reference as written. target: the entity. key: the fields of its key; parts: the fields that hold them here."""

    field: ast.EntityField
    target: str
    key: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def must_exist(self) -> bool:
        return any(tag.kind == "must exist" for tag in self.field.tags)

    @property
    def written(self) -> str:
        """How a map says it."""
        return f"{self.field.name.text} = ({', '.join(f'$.{name}' for name in self.key)})"


def expand(entities: Mapping[str, ast.Entity]) -> tuple[dict[str, ast.Entity], dict[str, dict[str, Composite]]]:
    """The entities with the parts of such references as fields, and by entity and field what they stand for."""
    found = {name: _composites(node, entities) for name, node in entities.items()}
    return {name: _expanded(node, found[name], entities) for name, node in entities.items()}, found


def names(composites: Mapping[str, Composite], written: Iterable[ast.Name]) -> tuple[ast.Name, ...]:
    """Names of fields, those of such references replaced by the parts."""
    return tuple(
        ast.Name(text=part, span=name.span)
        for name in written
        for part in (composites[name.text].parts if name.text in composites else (name.text,))
    )


def asked_of_parts(node: _Node, composites: Mapping[str, Composite]) -> _Node:
    """An expression in which `parent is absent` asks for the first of the parts: they are absent together."""
    match node:
        case ast.IsAbsent(value=ast.Bare(name=name) as asked) if name in composites:
            return replace(node, value=replace(asked, name=composites[name].parts[0]))
    if not isinstance(node, ast.Node):
        return node
    changed: dict[str, Any] = {}
    for item in fields(node):
        value = getattr(node, item.name)
        if isinstance(value, ast.Node):
            made: Any = asked_of_parts(value, composites)
        elif isinstance(value, tuple):
            made = tuple(asked_of_parts(one, composites) if isinstance(one, ast.Node) else one for one in value)
        else:
            continue
        if made != value:
            changed[item.name] = made
    return replace(node, **changed) if changed else node


def _composites(node: ast.Entity, entities: Mapping[str, ast.Entity]) -> dict[str, Composite]:
    found: dict[str, Composite] = {}
    for field in node.fields:
        key = _referred(field, entities, (node.name.text,))
        if len(key) > 1 and isinstance(field.type, ast.ReferenceType):
            parts = tuple(part.name.text for part in _parts(field, key))
            found.setdefault(
                field.name.text, Composite(field, field.type.entity.text, tuple(one.name.text for one in key), parts)
            )
    return found


def _referred(
    field: ast.EntityField, entities: Mapping[str, ast.Entity], above: tuple[str, ...]
) -> list[ast.EntityField]:
    """The fields of the key that a reference holds; none if it is no reference. above: the entities on the way here."""
    if not isinstance(field.type, ast.ReferenceType):
        return []
    name = field.type.entity.text
    # A field that is no key may refer to its own entity; a key that leads to itself is refused elsewhere.
    if name not in entities or name in (above[1:] if not field.is_key else above) or len(above) > DEEPEST:
        return []
    # Keys of keys double at each step: no more is taken of one than an index can have.
    key = list(itertools.islice(_key(entities[name], entities, (*above, name)), MOST_PARTS + 1))
    return key if len(key) <= MOST_PARTS else []


def _key(node: ast.Entity, entities: Mapping[str, ast.Entity], above: tuple[str, ...]) -> Iterator[ast.EntityField]:
    lines = {name.text for line in node.key_lines for name in line.fields}
    order = [name.text for line in node.key_lines[:1] for name in line.fields]
    declared = {field.name.text: field for field in reversed(node.fields)}
    marked = [field.name.text for field in node.fields if field.is_key and field.name.text not in lines]
    for name in (*order, *marked):
        field = declared.get(name)
        if field is None:
            continue
        key = _referred(replace(field, is_key=True), entities, above)
        yield from _parts(field, key) if len(key) > 1 else [field]


def _parts(field: ast.EntityField, key: Iterable[ast.EntityField]) -> list[ast.EntityField]:
    return [
        replace(
            field,
            name=ast.Name(text=f"{field.name.text}_{part.name.text}", span=field.name.span),
            type=part.type,
            tags=tuple(tag for tag in field.tags if tag.kind != "must exist"),
        )
        for part in key
    ]


def _expanded(node: ast.Entity, found: dict[str, Composite], entities: Mapping[str, ast.Entity]) -> ast.Entity:
    if not found:
        return node
    made: list[ast.EntityField] = []
    for field in node.fields:
        key = _referred(field, entities, (node.name.text,)) if field.name.text in found else []
        made.extend(_parts(field, key) if key else [field])
    return replace(
        node,
        fields=tuple(made),
        key_lines=tuple(replace(line, fields=names(found, line.fields)) for line in node.key_lines),
        conditions=tuple(replace(one, condition=asked_of_parts(one.condition, found)) for one in node.conditions),
    )
