"""Lets: values with a name, of a map, an `each` or an author's function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.blame import Blame
from fieldmap.compiler.places import place
from fieldmap.compiler.scope import Named, Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker


def lower(nodes: Iterable[ast.Let], checker: Checker) -> tuple[ir.Let, ...]:
    """Checks lets in their order, each of which may use those before it, and puts them into the scope."""
    made: list[ir.Let] = []
    scope, blame = checker.scope, Blame()
    # Names of the outer blocks stay; those of this one are its own.
    scope.names = dict(scope.names)
    for node in nodes:
        name = node.name.text
        before, assumed = len(scope.reads), len(scope.assumed)
        typed = checker.check(node.value)
        reads = tuple(dict.fromkeys(scope.reads[before:]))
        if name in scope.names or name in scope.roots:
            labels = [Label(scope.names[name].typed.span, "first here")] if name in scope.names else []
            scope.report.error(
                "FM0205",
                f"{name} is the name of something else here",
                node.name.span,
                labels=labels,
                help="choose another name: nothing is hidden by a let",
            )
            continue
        if typed is None:
            # Nothing more is said of what uses it: its type is not known.
            scope.names[name] = Named(
                Typed(ir.AbsentConstant(), ir.UnknownType(), Absence.NEVER, node.name.span),
                f"the let {name}",
                used=True,
            )
            continue
        use = ir.Use(name=name, paths=tuple(sorted(blame.paths(typed.expr))))
        value = Typed(use, typed.type, typed.absence, node.name.span, typed.origin, typed.shape)
        scope.names[name] = Named(value, f"the let {name}", reads, tuple(scope.assumed[assumed:]), made_of=typed.expr)
        made.append(ir.Let(name=name, value=typed.expr, place=place(scope.symbols.sources, node.span)))
    return tuple(made)
