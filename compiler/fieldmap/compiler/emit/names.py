"""Values with a name as Python: lets as locals, the author's functions as functions of the module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from fieldmap.compiler import ir
from fieldmap.compiler.emit.python import Atom, Body, comment

if TYPE_CHECKING:
    from fieldmap.compiler.emit.expressions import Emitter


class Names:
    """path: within an author's function, the parameter that holds the path to blame; "" elsewhere."""

    def __init__(self, emitter: Emitter, functions: Mapping[str, ir.Function]) -> None:
        self._emitter = emitter
        self._functions = functions
        self._written: dict[str, tuple[str, Atom]] = {}
        # The value of each name, and the local that holds its failure ("" for a parameter, which has none).
        self._bound: dict[str, tuple[Atom, str]] = {}
        self.path = ""

    def locals(self) -> Iterator[str]:
        """All that a part of an expression may refer to, if it is set apart."""
        for atom, failed in self._bound.values():
            yield atom.code
            if failed:
                yield failed
        if self.path:
            yield self.path

    def within(self) -> Mapping[str, tuple[Atom, str]]:
        """What is in force, to be put back where a block ends whose lets nobody outside may name."""
        return dict(self._bound)

    def restore(self, bound: Mapping[str, tuple[Atom, str]]) -> None:
        self._bound = dict(bound)

    def bind(self, lets: Iterable[ir.Let]) -> None:
        """Writes lets. Their failures wait until somebody uses them."""
        emitter = self._emitter
        for let in lets:
            value, failed = emitter.new(), emitter.new()
            emitter.body.line(comment(f"let {let.name}"))
            emitter.body.line(f"{value} = {failed} = None")
            with emitter.body.block("try:"):
                made = emitter.counted(let.value)
                emitter.body.line(f"{value} = bounded({made.code}, {emitter.path(let.value)})")
            with emitter.body.block("except Failed as failure:"):
                emitter.body.line(f"{failed} = failure")
            self._bound[let.name] = Atom(value, made.kind, made.maybe, False, made.element), failed

    def use(self, node: ir.Use) -> Atom:
        atom, failed = self._bound[node.name]
        if failed:
            with self._emitter.body.block(f"if {failed} is not None:"):
                self._emitter.body.line(f"raise {failed}")
        return atom

    def apply(self, node: ir.Apply) -> Atom:
        emitter, function = self._emitter, self._functions[node.function]
        atoms = [emitter.emit(argument) for argument in node.arguments]
        name, result = self._function(function)
        path = emitter.path(node)
        needed = [
            f"{atom.code} is None" for atom, may in zip(atoms, function.optional, strict=True) if atom.maybe and not may
        ]
        noted = [emitter.noted] if emitter.noted else []
        call = f"{name}({', '.join([path, *(atom.code for atom in atoms), *noted])})"
        made = emitter.new()
        absent = " or ".join(dict.fromkeys(needed))
        emitter.body.line(f"{made} = None if {absent} else {call}" if absent else f"{made} = {call}")
        return Atom(made, result.kind, result.maybe or bool(absent), True, result.element)

    def _function(self, function: ir.Function) -> tuple[str, Atom]:
        """The name of the function in the module, which is written when it is first called, and what it answers."""
        if function.name not in self._written:
            self._written[function.name] = self._write(function)
        return self._written[function.name]

    def _write(self, function: ir.Function) -> tuple[str, Atom]:
        emitter = self._emitter
        outer = emitter.body, emitter.roots, self._bound, self.path
        before, emitter.noted = emitter.noted, emitter.noted and "noted"
        parameters = [emitter.new() for _ in function.parameters]
        emitter.body, emitter.roots, self.path = Body(), {}, "path"
        self._bound = {
            name: (Atom(local, "", may), "")
            for name, local, may in zip(function.parameters, parameters, function.optional, strict=True)
        }
        item = emitter.without_item()
        self.bind(function.lets)
        answer = emitter.emit(function.body)
        emitter.body.line(f"return bounded({answer.code}, path)")
        lines = emitter.body.lines
        emitter.with_item(item)
        emitter.body, emitter.roots, self._bound, self.path = outer
        name = f"_{function.name}"
        emitter.noted = before
        noted = ["noted"] if before else []
        emitter.functions.append("\n".join([f"def {name}({', '.join(['path', *parameters, *noted])}):", *lines]))
        return name, answer
