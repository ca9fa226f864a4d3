"""Goes through a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from fieldmap.dsl.ast.nodes import Node


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order of the text."""
    for name in _names(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))


def walk(node: Node) -> Iterator[Node]:
    """The node and all that are below it."""
    yield node
    for child in children(node):
        yield from walk(child)


_known: dict[type[Node], tuple[str, ...]] = {}


def _names(kind: type[Node]) -> tuple[str, ...]:
    if kind not in _known:
        _known[kind] = tuple(item.name for item in fields(kind) if item.name != "span")
    return _known[kind]
