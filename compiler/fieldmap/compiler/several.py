"""`quantity in each or kg`: the type whose values keep their own unit, and what becomes a value of it.

A value is given in a unit that is known here. Where that is a unit of the field, it is kept; else it is converted, exactly, to the only
unit of the field that measures the same. Where several do, nothing says which is meant, and the assignment is refused.
"""

from __future__ import annotations

from dataclasses import replace

from fieldmap.compiler import ir, types, units
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Typed
from fieldmap.dsl.diagnostics import Label


def unit_for(given: ir.Unit, target: ir.QuantityType) -> ir.Unit | list[ir.Unit]:
    """The unit in which a value given in `given` is kept; the units that it could as well be where that is not one."""
    alike = [unit for unit in target.units if unit.dimension == given.dimension]
    same = [unit for unit in alike if types.same_unit(unit, given)]
    return (same or alike)[0] if same or len(alike) == 1 else alike


def made(typed: Typed, target: ir.QuantityType, name: str, report: Report, labels: list[Label]) -> ir.Expr | None:
    """The value as one of the field, or None after a diagnostic. name: of the field. labels: where it is declared."""
    found = typed.type
    if isinstance(found, ir.QuantityType):
        if {unit.text for unit in found.units} <= {unit.text for unit in target.units}:
            return typed.expr
        _mismatch(typed, target, name, report, labels, "")
        return None
    given = types.unit_of(found)
    if given is None:
        _without_unit(typed, target, name, report, labels)
        return None
    if isinstance(found, ir.FloatType):
        _mismatch(
            typed, target, name, report, labels, "floating point is not exact; declare the source's member as number"
        )
        return None
    unit = unit_for(given, target)
    if isinstance(unit, ir.Unit):
        if isinstance(typed.expr, ir.NumberConstant) and types.same_unit(unit, given):
            return ir.QuantityConstant(amount=typed.expr.value, unit=unit.text)
        factor, offset = units.conversion(given, unit)
        amount = typed.expr
        if (factor, offset) != ("1", "0"):
            amount = ir.Scale(value=amount, factor=factor, offset=offset, from_unit=given.text, to_unit=unit.text)
        return ir.MakeQuantity(amount=amount, unit=unit.text)
    if unit:
        report.error(
            "FM0336",
            f"{given.text} could become {types.either(unit)}, and nothing says which",
            typed.span,
            labels=labels,
            help=f"give {name} one unit of what {given.text} measures, or add {given.text} to its units",
        )
        return None
    report.error(
        "FM0305",
        f"{name} is in {types.either(target.units)}, and {given.text} is {units.describe(given)}",
        typed.span,
        labels=labels,
        note=given.text,
        help=f"say a unit that measures what one of them does, or add {given.text} to the units of {name}",
    )
    return None


def _without_unit(typed: Typed, target: ir.QuantityType, name: str, report: Report, labels: list[Label]) -> None:
    if not types.is_number(typed.type) and not isinstance(typed.type, ir.UnknownType):
        help_text = "read its number and unit: as quantity" if isinstance(typed.type, ir.TextType) else ""
        _mismatch(typed, target, name, report, labels, help_text)
    elif not report.broken(typed.span):
        report.error(
            "FM0306",
            f"{name} is in {types.either(target.units)}, and nothing says in what unit this is",
            typed.span,
            labels=labels,
            help=f"add the unit that the source uses: in {target.units[0].text}; where the data names it: in unit($.uom, unece)",
        )


def _mismatch(
    typed: Typed, target: ir.QuantityType, name: str, report: Report, labels: list[Label], help_text: str
) -> None:
    report.error(
        "FM0304",
        f"{name} is {types.describe(target)}, and this gives {types.describe(typed.type)}",
        typed.span,
        note=typed.words,
        labels=labels,
        help=help_text,
    )


def branch(typed: Typed, expected: ir.Type | None, report: Report) -> Typed | None:
    """One side of a choice whose result is a quantity of the field, so that `if … then $.q in kg else $.q in each` has one type;
    any other side stays as it is. None after a diagnostic."""
    if not isinstance(expected, ir.QuantityType) or types.unit_of(typed.type) is None:
        return typed
    expr = made(typed, expected, "the field", report, [])
    return replace(typed, expr=expr, type=expected) if expr is not None else None


def readable(target: ir.QuantityType) -> ir.Unit | None:
    """A unit that another of the field's measures the same as, so that a text cannot be told to be in one of them; None if there is none."""
    dimensions = [unit.dimension for unit in target.units]
    return next((unit for unit in target.units if dimensions.count(unit.dimension) > 1), None)
