"""Codes as Python: of lists that maps look up, and of units that the data names."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

from fieldmap.compiler import ir
from fieldmap.compiler.emit import data
from fieldmap.compiler.emit.python import HOLE, Atom, literal, number
from fieldmap.compiler.units import kinds
from fieldmap.compiler.units.kinds import words as measured

if TYPE_CHECKING:
    from fieldmap.compiler.emit.expressions import Emitter


def lookup(emitter: Emitter, node: ir.Lookup) -> Atom:
    table = emitter.codes[node.codes]
    if not isinstance(table, ir.CodeTable):
        raise ValueError(f"{node.codes} is no code list")
    if len(table.entries) > data.WRITTEN_OUT:
        name = emitter.constants.name(f"Data({literal(data.part(table)[0])})")
    else:
        entries = ", ".join(f"{literal(code)}: {literal(value)}" for code, value in table.entries.items())
        name = emitter.constants.name(f"{{{entries}}}")
    if table.table:
        call = f"of_row({HOLE}, {name}, {literal(table.table)}, {emitter.path(node)})"
        return emitter.converted(emitter.emit(node.value), call, "text", maybe="" in table.entries.values())
    default = "None" if table.default is None else literal(table.default)
    call = f"lookup({HOLE}, {name}, {default}, {literal(table.name)}, {emitter.path(node)})"
    found = emitter.converted(emitter.emit(node.value), call, "text")
    answers = {*table.entries.values(), *([] if table.default is None else [table.default])}
    return dataclasses.replace(found, values=frozenset(answers))


def scale_by_code(emitter: Emitter, node: ir.ScaleByCode) -> Atom:
    if node.into is None:
        raise ValueError("nothing says what a unit named by the data measures")
    path = emitter.path(node)
    value = emitter.owned(emitter.emit(node.value))
    rows_table, system = emitter.codes[node.table], emitter.codes[f"{node.system}/"]
    if not isinstance(rows_table, ir.CodeTable) or not isinstance(system, ir.CodeTable):
        raise TypeError(f"{node.table} is no table of unit codes")
    rows = rows_table.entries
    table = emitter.constants.name(f"{{{', '.join(_row(code, row, node.into) for code, row in rows.items())}}}")
    others = "\n".join(f"{code}\t{clause}" for code, clause in system.entries.items() if code not in rows)
    known = emitter.constants.name(literal(others))
    wanted = f"{known}, {literal(system.name)}, {literal(measured(node.into.dimension))}"

    more = _ucum(emitter, node.system, node.into)

    def call() -> None:
        code = emitter.emit(node.code)
        emitter.body.line(f"{value.code} = scale_by_code({value.code}, {code.code}, {table}, {wanted}, {path}{more})")

    if value.maybe:
        with emitter.body.block(f"if {value.code} is not None:"):
            call()
    else:
        call()
    return Atom(value.code, "", value.maybe, True)


def _ucum(emitter: Emitter, system: str, into: ir.Unit) -> str:
    """The argument by which expressions are read that are in no table. A scale with its own zero stands in the table, alone."""
    atoms = emitter.codes.get(f"{system}*")
    if not isinstance(atoms, ir.CodeTable) or into.dimension == kinds.TEMPERATURE:
        return ""
    lines = emitter.constants.name(literal("\n".join(f"{code}\t{row}" for code, row in atoms.entries.items())))
    powers = repr(kinds.powers(into.dimension))
    return f", {emitter.constants.name(f'Ucum({lines}, {powers}, Fraction({literal(into.factor)}))')}"


def _row(code: str, row: str, into: ir.Unit) -> str:
    """A unit code with factor and offset straight to the unit `into`."""
    factor, offset = map(Fraction, row.split())
    to, zero = Fraction(into.factor), Fraction(into.offset)
    return f"{literal(code)}: ({number(str(factor / to))}, {number(str((offset - zero) / to))})"
