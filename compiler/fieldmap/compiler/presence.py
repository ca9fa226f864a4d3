"""What a condition has settled: behind `when $.buyer.id is not absent`, or `if` it is so, the path is never absent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

from fieldmap.compiler import shapes
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast


def settled(scope: Scope, conditions: Iterable[ast.Expr]) -> Scope:
    """The scope in which the conditions hold."""
    paths = tuple(path for condition in conditions for path in _paths(condition, scope))
    return replace(scope, present=(*scope.present, *paths)) if paths else scope


def is_present(node: ast.Path, scope: Scope) -> bool:
    """Whether the path is known to find something: it was asked for, or an object round it, which promises the rest."""
    return any(_leads(path, node, scope) for path in scope.present)


def _paths(condition: ast.Expr, scope: Scope) -> Iterator[ast.Path]:
    match condition:
        case ast.IsAbsent(value=ast.Path() as path, what="absent", negated=True):
            yield path
        case ast.IsAbsent(value=ast.Bare(name=name) as bare, what="absent", negated=True) if name in scope.roots:
            yield ast.Path(root=name, segments=(), span=bare.span)
        case ast.Logic(operator="and"):
            yield from _paths(condition.left, scope)
            yield from _paths(condition.right, scope)
        case ast.Brackets(value=value) | ast.Otherwise(value=value, fallback=ast.Bool(value=False)):
            yield from _paths(value, scope)


def _leads(path: ast.Path, node: ast.Path, scope: Scope) -> bool:
    count = len(path.segments)
    if path.root != node.root or not _alike(path.segments, node.segments[:count]):
        return False
    if count == len(node.segments):
        return True
    silent = Report()
    found = shapes.walk(path, scope.roots.get(path.root), silent)
    if found is None or found.node is None or found.many:
        return False
    rest = shapes.walk(replace(node, segments=node.segments[count:]), found.node, silent)
    return rest is not None and rest.absence is Absence.NEVER


def _alike(one: Any, other: Any) -> bool:
    """Whether two parts of trees are the same but for where they stand."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_alike(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, ast.Node) and type(one) is type(other):
        names = [item.name for item in fields(one) if item.name != "span"]
        return all(_alike(getattr(one, name), getattr(other, name)) for name in names)
    return bool(one == other)
