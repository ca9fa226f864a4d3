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


def walk(node: Node, without: tuple[type[Node], ...] = ()) -> Iterator[Node]:
    """The node and all that are below it, in the order of the text, but for those of some kinds and what is below them.

    A list, and no recursion: it goes over every node of a project.
    """
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        below: list[Node] = []
        for name in _names(type(node)):
            value = getattr(node, name)
            if isinstance(value, Node):
                if not isinstance(value, without):
                    below.append(value)
            elif value.__class__ is tuple:
                below += [item for item in value if isinstance(item, Node) and not isinstance(item, without)]
        waiting.extend(reversed(below))


_known: dict[type[Node], tuple[str, ...]] = {}


def _names(kind: type[Node]) -> tuple[str, ...]:
    known = _known.get(kind)
    if known is None:
        known = _known[kind] = tuple(item.name for item in fields(kind) if item.name != "span")
    return known
