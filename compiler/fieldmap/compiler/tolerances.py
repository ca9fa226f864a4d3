"""`agree`: how far apart values may lie, in the field's own unit and as exact fractions."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from fieldmap.compiler import ir, types, units
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.report import Report
from fieldmap.compiler.units import kinds
from fieldmap.dsl import ast


def agreeing(
    rule: ast.Rule, made: ir.Rule, name: str | None, value: ir.Rule, info: EntityInfo, report: Report
) -> ir.Rule | None:
    """The rule with its tolerance and the rule that gives the value; None after a diagnostic. name: None for the default."""
    if rule.tolerance is None:
        return msgspec.structs.replace(made, value=value, text=f"agree, then {value.text}")
    if name is None:
        report.error(
            "FM0606",
            "a tolerance is said for one field, and default stands for all",
            rule.tolerance.span,
            help="write default agree, and the tolerance on the lines of the fields that have one",
        )
        return None
    tolerance = _tolerance(rule.tolerance, name, info, report)
    if tolerance is None:
        return None
    written = f"{format(rule.tolerance.value, 'f')}{f' {rule.tolerance.unit.text}' if rule.tolerance.unit else ''}"
    return msgspec.structs.replace(
        made, tolerance=tolerance, value=value, text=f"agree within {written}, then {value.text}"
    )


def _tolerance(node: ast.Number, name: str, info: EntityInfo, report: Report) -> ir.Tolerance | None:
    type_, amount = info.fields[name].type, Fraction(node.value)

    def refuse(message: str, help_: str = "") -> None:
        report.error("FM0606", message, node.span, help=help_)

    if not isinstance(type_, ir.IntType | ir.DecimalType | ir.MoneyType):
        refuse(
            f"a tolerance needs exact numbers, and {name} is {types.describe(type_)}",
            "use decimal(p, s) for the field" if isinstance(type_, ir.FloatType) else "write: agree",
        )
        return None
    if amount < 0:
        refuse("a tolerance is not negative")
        return None
    unit = node.unit.text if node.unit is not None else ""
    if unit == "%":
        return ir.Tolerance(percent=str(amount))
    if isinstance(type_, ir.MoneyType):
        if type_.currency is not None and unit == type_.currency:
            return ir.Tolerance(amount=str(amount))
        wanted = type_.currency or "%"
        refuse(
            f"{name} is {types.describe(type_)}, and the tolerance is {f'in {unit}' if unit else 'a bare number'}",
            f"write: agree within {format(node.value, 'f')} {wanted}",
        )
        return None
    own = types.unit_of(type_)
    if own is None or not unit:
        if own is None and not unit:
            return ir.Tolerance(amount=str(amount))
        refuse(
            f"{name} is {types.describe(type_)}, and the tolerance {'has a unit' if unit else 'has none'}",
            f"write: agree within {format(node.value, 'f')}{f' {own.text}' if own else ''}",
        )
        return None
    found = types.lower_unit(node.unit, report) if node.unit is not None else None
    if found is None:
        return None
    if found.dimension != own.dimension and {found.dimension, own.dimension} != {kinds.TEMPERATURE, kinds.DIFFERENCE}:
        refuse(
            f"{name} is in {own.text}, which is {units.describe(own)}, and {unit} is {units.describe(found)}",
            f"write the tolerance in {own.text}",
        )
        return None
    # Of a difference of two values only the size of the unit counts, never its zero.
    return ir.Tolerance(amount=str(amount * Fraction(found.factor) / Fraction(own.factor)))
