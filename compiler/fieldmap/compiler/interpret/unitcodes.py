"""What a unit is that the data names by its code."""

from __future__ import annotations

from collections.abc import Mapping

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.conversions import text
from fieldmap.compiler.units import ucum
from fieldmap.compiler.units.kinds import TEMPERATURE
from fieldmap.compiler.units.kinds import words as measured
from fieldmap.compiler.units.systems import NO_SIZE
from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.outcome import Failed


def row(code: str, node: ir.ScaleByCode, codes: Mapping[str, ir.Table], dimension: str) -> str:
    """Factor and offset of a unit that measures `dimension`, to its base unit, with a blank between them. FM2140, FM2141, FM2143."""
    table, others = codes[node.table], codes[f"{node.system}/"]
    if not isinstance(table, ir.CodeTable) or not isinstance(others, ir.CodeTable):
        raise TypeError(f"{node.table} is no table of unit codes")
    found = table.entries.get(text(code))
    if found is None and f"{node.system}*" in codes and code not in others.entries:
        found = _ucum_row(code, dimension, measured(dimension))
    if found is None:
        raise Failed(*_unfit(code, others, measured(dimension)))
    return found


def _ucum_row(code: str, dimension: str, wanted: str) -> str | None:
    """Factor and offset of an expression of UCUM that stands in no table; None for what is none."""
    found = ucum.read(code) if dimension != TEMPERATURE else None
    if found is None:
        return None
    if found.unit is None:
        raise Failed("FM2143", f"{quote(code)} is an expression of UCUM {NO_SIZE}; {wanted} is needed")
    if found.unit.dimension != dimension:
        raise Failed(
            "FM2141", f"{quote(code)} is an expression of UCUM which measures something else; {wanted} is needed"
        )
    return f"{found.unit.factor} {found.unit.offset}"


def _unfit(code: str, system: ir.CodeTable, wanted: str) -> tuple[str, str]:
    """Why a unit code does not do: it is unknown, has no size, or measures something else."""
    known = system.entries.get(code)
    if known is None:
        return "FM2140", f"{quote(code)} is no unit code of {system.name}"
    if known.endswith(NO_SIZE):
        return "FM2143", f"{quote(code)} is {known}; {wanted} is needed"
    return "FM2141", f"{quote(code)} is {known}; {wanted} is needed"
