"""Which places of a record the lines of a map name: seen from the record, whatever name a path begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fieldmap.dsl import ast
from fieldmap.dsl.ast.walk import walk

# A step: a member's name, or EACH for the elements of a list. BELOW stands for whatever follows, at any depth.
EACH = "[*]"
BELOW = "[..]"

Steps = tuple[str, ...]
# What the names that begin a path stand for: "$" and those given by `as`.
Roots = Mapping[str, Steps]


def steps_of(path: ast.Path, roots: Roots) -> Steps:
    return roots.get(path.root, ()) + tuple(map(_step, path.segments))


def _step(segment: ast.Segment) -> str:
    match segment:
        case ast.MemberSegment(name=name):
            return name
        case ast.ChoiceSegment(descendant=True):
            return BELOW
        case _:
            return EACH


def paths_in(node: ast.Node, roots: Roots) -> Iterator[tuple[ast.Node, Steps]]:
    """Every place that is read within a node, with the node that names it."""
    for found in walk(node, (ast.Name, ast.Text)):
        if isinstance(found, ast.Path) and found.root in roots:
            yield found, steps_of(found, roots)
            yield from _tested(found.segments, roots[found.root], roots.get("$", ()))
        elif isinstance(found, ast.Bare) and found.name in roots:
            yield found, roots[found.name]


def _tested(segments: Sequence[ast.Segment], steps: Steps, dollar: Steps) -> Iterator[tuple[ast.Node, Steps]]:
    """What the filters of a path read; `steps` lead to where the path begins."""
    for segment in segments:
        steps = (*steps, _step(segment))
        for selector in segment.selectors if isinstance(segment, ast.ChoiceSegment) else ():
            for found in walk(selector):
                if isinstance(found, ast.TestedPath):
                    start = steps if found.root == "@" else dollar
                    yield found, start + tuple(map(_step, found.segments))


def overlap(first: Steps, second: Steps) -> bool:
    """Whether one leads to, or through, the other."""
    for left, right in zip(first, second, strict=False):
        if BELOW in (left, right):
            return True
        if left != right and EACH not in (left, right):
            return False
    return True
