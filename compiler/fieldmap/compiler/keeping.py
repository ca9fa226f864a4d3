"""What is asked of the paths of a value beside the value itself: whether the source leaves it unchanged, whether it sent a null."""

from __future__ import annotations

from collections.abc import Iterator

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.paths import split
from fieldmap.compiler.interpret.reads import reads_of, uses_of
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.symbols import Symbols


def asked_of(value: ir.Expr, scope: Scope, *, sparse: bool) -> tuple[tuple[ir.Asked, ...], bool]:
    """The paths of a value that the source may leave unchanged, each once; and whether these are all that it reads.

    sparse: whether a record may lack members that are as they were.
    """
    own = [name for name, prefix in {"$": "$", **scope.prefixes}.items() if prefix == "$"]
    asked: dict[tuple[str, str], ir.Asked | None] = {}
    for read in _reads(value, scope, set()):
        marks = scope.marks.get((read.root, read.text), ())
        unsent = sparse and read.root in own and bool(read.segments)
        before, rest = split(read.segments)
        steps = tuple(ir.Member(name=step.name) if isinstance(step, ir.Member) else step for step in before)
        bare = ir.Read(root=read.root, segments=steps, text=read.text, beside=read.beside and not rest)
        asked[read.root, read.text] = ir.Asked(read=bare, marks=marks, unsent=unsent) if marks or unsent else None
    found = tuple(item for item in asked.values() if item is not None)
    return found, len(found) == len(asked)


def null_of(value: ir.Expr, scope: Scope) -> ir.Expr | None:
    """Whether one of the paths of a value finds a null, as a condition; None where it has no path."""
    found: dict[tuple[str, str], ir.Expr] = {}
    for read in _reads(value, scope, set()):
        steps = tuple(ir.Member(name=s.name) if isinstance(s, ir.Member) else s for s in read.segments)
        bare = ir.Read(root=read.root, segments=steps, text=read.text)
        found[read.root, read.text] = ir.IsAbsent(value=bare, what="json null")
    conditions = list(found.values())
    while len(conditions) > 1:
        # As a balanced tree: a value of many paths must not nest too deep.
        pairs = [conditions[n : n + 2] for n in range(0, len(conditions), 2)]
        conditions = [ir.Or(left=pair[0], right=pair[1]) if len(pair) > 1 else pair[0] for pair in pairs]
    return conditions[0] if conditions else None


def null_wins(symbols: Symbols, entity: str, field: str) -> bool:
    """Whether the merge of an entity lets an explicit null win the field."""
    merge = symbols.merges.get(entity)
    lines = merge.rules if merge is not None else ()
    return any(line.null_wins and line.field is not None and line.field.text == field for line in lines)


def _reads(value: ir.Expr, scope: Scope, seen: set[str]) -> Iterator[ir.Read]:
    """The paths of a value, and of the lets that it uses, each once: lets that use lets twice are many if they are followed twice."""
    yield from reads_of(value)
    for use in uses_of(value):
        named = scope.names.get(use.name)
        if named is not None and named.made_of is not None and use.name not in seen:
            seen.add(use.name)
            yield from _reads(named.made_of, scope, seen)
