"""What a source may leave unchanged: which paths of a value are asked before it is made."""

from __future__ import annotations

from collections.abc import Iterator

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.paths import split
from fieldmap.compiler.interpret.reads import reads_of, uses_of
from fieldmap.compiler.scope import Scope


def asked_of(value: ir.Expr, scope: Scope, *, sparse: bool) -> tuple[tuple[ir.Asked, ...], bool]:
    """The paths of a value that the source may leave unchanged, each once; and whether these are all that it reads.

    sparse: whether a record may lack members that are as they were.
    """
    own = [name for name, prefix in {"$": "$", **scope.prefixes}.items() if prefix == "$"]
    asked: dict[tuple[str, str], ir.Asked | None] = {}
    for read in _reads(value, scope):
        marks = scope.marks.get((read.root, read.text), ())
        unsent = sparse and read.root in own and bool(read.segments)
        before, rest = split(read.segments)
        steps = tuple(ir.Member(name=step.name) if isinstance(step, ir.Member) else step for step in before)
        bare = ir.Read(root=read.root, segments=steps, text=read.text, beside=read.beside and not rest)
        asked[read.root, read.text] = ir.Asked(read=bare, marks=marks, unsent=unsent) if marks or unsent else None
    found = tuple(item for item in asked.values() if item is not None)
    return found, len(found) == len(asked)


def _reads(value: ir.Expr, scope: Scope) -> Iterator[ir.Read]:
    """The paths of a value, and of the lets that it uses."""
    yield from reads_of(value)
    for use in uses_of(value):
        named = scope.names.get(use.name)
        if named is not None and named.made_of is not None:
            yield from _reads(named.made_of, scope)
