"""Which paths a map takes through its record."""

from __future__ import annotations

from collections.abc import Iterator

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.blame import parts

# In the order in which a transform takes them.
SURROUNDINGS = ("@parent", "@page", "@envelope", "@fetched_at", "@url", "@header")


def reads_of(node: ir.Expr) -> Iterator[ir.Read]:
    """Every Read within an expression."""
    return (part for part in parts_of(node) if isinstance(part, ir.Read))


def parts_of(node: ir.Expr) -> Iterator[ir.Expr]:
    """The expression and every one within it."""
    yield node
    for part in parts(node):
        yield from parts_of(part)
    if isinstance(node, ir.Mapped):
        yield from parts_of(node.body)


def expressions(map: ir.Map) -> Iterator[ir.Expr]:
    """Every expression of a map, those of its `each` and `also` blocks included."""
    yield from map.identity
    yield from (node for node in (map.changed, map.sparse_when, map.deleted_when, map.when) if node is not None)
    yield from (check.condition for check in map.checks)
    yield from (let.value for let in map.lets)
    if map.claim is not None:
        yield from (assignment.value for assignment in map.claim.assignments)
    yield from _of_children(map.children)


def _of_children(children: tuple[ir.Child, ...]) -> Iterator[ir.Expr]:
    for child in children:
        if isinstance(child, ir.Each):
            yield child.path
        if child.when is not None:
            yield child.when
        yield from (check.condition for check in child.checks)
        yield from (let.value for let in child.lets)
        yield from (assignment.value for assignment in child.claim.assignments)
        yield from _of_children(child.children)


def uses_of(node: ir.Expr) -> Iterator[ir.Use]:
    """Every let that an expression uses by itself."""
    return (part for part in parts_of(node) if isinstance(part, ir.Use))


def meets_marks(map: ir.Map) -> bool:
    """Whether the map may read what the source sends in place of an unchanged value."""
    return any(read.unchanged for node in expressions(map) for read in reads_of(node))


def reads_bare(map: ir.Map) -> bool:
    """Whether the map, or a function of it, reads numbers without a unit in one that the author gives."""
    bodies = (node for one in map.functions for node in (*(let.value for let in one.lets), one.body))
    return any(_is_bare(node) for node in (*expressions(map), *bodies))


def _is_bare(node: ir.Expr) -> bool:
    if isinstance(node, ir.ReadQuantity | ir.ReadMoney) and node.bare is not None:
        return True
    if isinstance(node, ir.ReadAnyQuantity) and any(one.bare is not None for one in node.readings):
        return True
    return any(_is_bare(part) for part in parts(node)) or (isinstance(node, ir.Mapped) and _is_bare(node.body))


def surroundings_of(map: ir.Map) -> tuple[str, ...]:
    """What of a record's surroundings the map reads ("@page", "@url"), in their own order."""
    read = {read.root for node in expressions(map) for read in reads_of(node)}
    return tuple(name for name in SURROUNDINGS if name in read)


def takes_objects(map: ir.Map) -> bool:
    """Whether a record must be an object: it need not be where the map reads it by position (`$[0]`), or as a whole."""
    roots = {"$", map.alias}
    reads = (read for node in expressions(map) for read in reads_of(node) if read.root in roots)
    return all(read.segments and isinstance(read.segments[0], ir.Member) for read in reads)
