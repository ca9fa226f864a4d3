"""Arithmetic with units: what may be added, what cancels, and where a value is scaled.

A value of a type with a unit is a plain number at run time, in that unit; the compiler alone knows which. Adding brings the right side
to the unit of the left. Multiplying multiplies the units and never the values' scales: `km/h * min` stays so until it is assigned.
Money of a currency that is known here is a number in that currency until it is money again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fieldmap.compiler import ir, types, units
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.units import kinds, systems, ucum
from fieldmap.dsl import ast
from fieldmap.dsl.source import Span

# What a unit that the data names measures: not known until it meets a unit that is written.
NAMED = "?"


def result(left: ir.Type, right: ir.Type, unit: ir.Unit | None, *, whole: bool) -> ir.Type:
    """The type of a calculation: a float taints, and only whole numbers stay whole."""
    if isinstance(left, ir.FloatType) or isinstance(right, ir.FloatType):
        return ir.FloatType(unit=unit)
    if whole and isinstance(left, ir.IntType) and isinstance(right, ir.IntType):
        return ir.IntType(unit=unit)
    return ir.DecimalType(unit=unit)


def scale(value: ir.Expr, source: ir.Unit, target: ir.Unit) -> ir.Expr:
    """The value in another unit of its kind."""
    factor, offset = units.conversion(source, target)
    if (factor, offset) == ("1", "0"):
        return value
    return ir.Scale(value=value, factor=factor, offset=offset, from_unit=source.text, to_unit=target.text)


# --------------------------------------------------------------------------------------------------------- money


def amount(typed: Typed) -> Typed | None:
    """Money as a number in its currency; None where only the data knows the currency, or it is paid per period."""
    if not isinstance(typed.type, ir.MoneyType) or typed.type.currency is None or typed.type.period is not None:
        return None
    bare = _amount(typed.expr)
    unit = units.currency(typed.type.currency)
    return None if bare is None else Typed(bare, ir.DecimalType(unit=unit), typed.absence, typed.span, typed.origin)


def _amount(expr: ir.Expr) -> ir.Expr | None:
    match expr:
        case ir.MoneyConstant():
            return ir.NumberConstant(value=expr.amount)
        case ir.RowField():
            return ir.RowField(name=expr.name, amount=True)
        case ir.MakeMoney(currency=ir.TextConstant()):
            return expr.amount
        case ir.Otherwise():
            first, second = _amount(expr.value), _amount(expr.fallback)
            return None if first is None or second is None else ir.Otherwise(value=first, fallback=second)
        case ir.If():
            then, other = _amount(expr.then), _amount(expr.otherwise)
            if then is None or other is None:
                return None
            return ir.If(condition=expr.condition, then=then, otherwise=other)
        case ir.AbsentConstant():
            return expr
        case _:
            return None


def money(typed: Typed) -> Typed:
    """A result that is measured in a currency alone is money again."""
    unit = types.unit_of(typed.type)
    if unit is None or not units.is_pure_currency(unit) or isinstance(typed.type, ir.FloatType):
        return typed
    currency = units.currency(unit.dimension)
    made = ir.MakeMoney(amount=scale(typed.expr, unit, currency), currency=ir.TextConstant(value=currency.text))
    return Typed(made, ir.MoneyType(currency=currency.text), typed.absence, typed.span, typed.origin)


# ------------------------------------------------------------------------------------------- units named by the data


def is_named(typed: Typed) -> bool:
    """Whether the unit is named by the data, and nothing has said yet what is measured."""
    unit = types.unit_of(typed.type)
    return unit is not None and unit.dimension == NAMED


def settle(report: Report, typed: Typed, into: ir.Unit) -> Typed:
    """The same value in the unit `into`: from now on its codes are those of this dimension."""
    expr = _settled(report, typed.expr, into)
    return Typed(expr, result(typed.type, typed.type, into, whole=False), typed.absence, typed.span, typed.origin)


def settle_both(report: Report, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """Two values that are to measure the same: the unit written on one side says what the other's codes mean."""
    first, second = types.unit_of(left.type), types.unit_of(right.type)
    if is_named(left) and second is not None and not is_named(right):
        return settle(report, left, second), right
    if is_named(right) and first is not None and not is_named(left):
        return left, settle(report, right, first)
    return left, right


def refuse_open(report: Report, *lowered: ir.Node) -> None:
    """FM0325 wherever a unit that the data names met none that is written: in a let, in a text, in a question."""

    def walk(node: Any) -> None:
        if isinstance(node, ir.ScaleByCode) and node.into is None and node in report.unit_places:
            _unsaid(report, report.unit_places.pop(node), "")
        if isinstance(node, ir.Node):
            for name in node.__struct_fields__:
                walk(getattr(node, name))
        elif isinstance(node, tuple):
            for item in node:
                walk(item)

    if report.unit_places and not report.failed:
        for node in lowered:
            walk(node)


def _unsaid(report: Report, span: Span, note: str) -> None:
    report.error(
        "FM0325",
        "the data names the unit here, and nothing says what is measured",
        span,
        note=note,
        help="assign it to a field with a unit, or compare it with a quantity: … > 5 kg",
    )


def _settled(report: Report, expr: ir.Expr, into: ir.Unit) -> ir.Expr:
    def walk(node: Any) -> Any:
        if isinstance(node, ir.ScaleByCode) and node.into is None:
            chosen = msgspec.structs.replace(node, value=walk(node.value), into=into)
            _remember(report, chosen)
            return chosen
        if isinstance(node, ir.Node):
            changed = {name: walk(getattr(node, name)) for name in node.__struct_fields__}
            return msgspec.structs.replace(node, **changed)
        return tuple(walk(item) for item in node) if isinstance(node, tuple) else node

    found: ir.Expr = walk(expr)
    return found


def _remember(report: Report, node: ir.ScaleByCode) -> None:
    """Puts the rows that the map needs among the project's tables, under names that no list of an author's can have."""
    if node.into is None or node.table in report.unit_tables:
        return
    system = report.unit_lists.get(node.system) or systems.system(node.system)
    rows = {code: f"{factor} {offset}" for code, (factor, offset) in systems.rows(system, node.into.dimension).items()}
    place = ir.Place(file="", line=0, column=0, text="")
    report.unit_tables[node.table] = ir.CodeTable(name=node.table, entries=rows, place=place)
    if node.system not in report.unit_lists and node.system == "ucum":
        atoms = ir.CodeTable(name=system.title, entries=ucum.sizes(), place=place)
        report.unit_tables[f"{node.system}*"] = atoms
    others = {code: systems.clause(found) for code, found in system.codes.items()}
    report.unit_tables[f"{node.system}/"] = ir.CodeTable(name=system.title, entries=others, place=place)


def refuse_named(report: Report, *sides: Typed) -> bool:
    """Whether, after a diagnostic, nothing here says what a unit measures that the data names."""
    for side in sides:
        if is_named(side):
            if report.broken(side.span):
                return True
            _unsaid(report, side.span, side.words)
            return True
    return False


# ------------------------------------------------------------------------------------------------- sums, comparisons


def align(report: Report, left: Typed, right: Typed, span: Span) -> ir.Expr | None:
    """The right side in the unit of the left, or None after a diagnostic: both must measure the same, or both nothing."""
    first, second = types.unit_of(left.type), types.unit_of(right.type)
    if refuse_named(report, left, right):
        return None
    if (first is None) != (second is None):
        unit = first or second
        report.error(
            "FM0306",
            "one side has a unit and the other has none",
            span,
            note=f"{left.words} against {right.words}",
            help=f"say the unit of the other: … in {unit.text if unit else ''}",
        )
        return None
    if first is None or second is None or first == second:
        return right.expr
    if first.dimension != second.dimension:
        _differ(report, first, second, span, "they cannot be compared or added")
        return None
    return scale(right.expr, second, first)


def _differ(report: Report, first: ir.Unit, second: ir.Unit, span: Span, help_text: str) -> None:
    if units.is_pure_currency(first) and units.is_pure_currency(second):
        help_text = "one currency becomes another only by a dated rate"
    report.error(
        "FM0305",
        f"{first.text} is {units.describe(first)}, {second.text} is {units.describe(second)}",
        span,
        help=help_text,
    )


def add(report: Report, node: ast.Arithmetic, left: Typed, right: Typed) -> Typed | None:
    """`a + b`, `a - b`, after both were found to be numbers."""
    left, right = settle_both(report, left, right)
    first, second = types.unit_of(left.type), types.unit_of(right.type)
    if first and second and kinds.TEMPERATURE in (first.dimension, second.dimension):
        return _temperatures(report, node, left, right)
    aligned = align(report, left, right, node.span)
    if aligned is None:
        return None
    expr = ir.Arithmetic(operator=node.operator, left=left.expr, right=aligned)
    type_ = result(left.type, right.type, first, whole=isinstance(aligned, ir.Scale) is False)
    return Typed(expr, type_, left.absence | right.absence, node.span)


def _temperatures(report: Report, node: ast.Arithmetic, left: Typed, right: Typed) -> Typed | None:
    """temperature - temperature is a difference; temperature ± difference and difference + temperature are temperatures."""
    first, second = types.unit_of(left.type), types.unit_of(right.type)
    if first is None or second is None:
        return None
    absence = left.absence | right.absence
    found = (first.dimension, node.operator, second.dimension)
    if found == (kinds.TEMPERATURE, "-", kinds.TEMPERATURE):
        unit = units.difference(first)
        expr = ir.Arithmetic(operator="-", left=left.expr, right=scale(right.expr, second, first))
    elif first.dimension == kinds.TEMPERATURE and second.dimension == kinds.DIFFERENCE:
        unit = first
        step = scale(right.expr, second, units.difference(first))
        expr = ir.Arithmetic(operator=node.operator, left=left.expr, right=step)
    elif found == (kinds.DIFFERENCE, "+", kinds.TEMPERATURE):
        unit = second
        step = scale(left.expr, first, units.difference(second))
        expr = ir.Arithmetic(operator="+", left=step, right=right.expr)
    elif {first.dimension, second.dimension} == {kinds.TEMPERATURE}:
        report.error(
            "FM0305",
            "two temperatures cannot be added",
            node.span,
            note=f"{left.words} against {right.words}",
            help=f"if one of them is a difference, say so: in delta_{second.text}",
        )
        return None
    elif found == (kinds.DIFFERENCE, "-", kinds.TEMPERATURE):
        report.error(
            "FM0305",
            "a temperature cannot be taken from a difference of temperatures",
            node.span,
            note=f"{left.words} against {right.words}",
            help="turn the two round",
        )
        return None
    else:
        _differ(report, first, second, node.span, "they cannot be added")
        return None
    return Typed(expr, result(left.type, right.type, unit, whole=False), absence, node.span)


# ------------------------------------------------------------------------------------------------------- products


def refuse_scaling(report: Report, span: Span, *sides: Typed) -> bool:
    """Whether, after a diagnostic, one side is a temperature whose scale has a zero of its own: it has no twice and no minus."""
    for side in sides:
        unit = types.unit_of(side.type)
        if unit is not None and unit.offset != "0":
            report.error(
                "FM0305",
                f"a temperature in {unit.text} cannot be multiplied, divided or negated: its zero is a convention",
                span,
                note=side.words,
                help=f"a difference of temperatures can: in delta_{unit.text}",
            )
            return True
    return False


def multiply(report: Report, node: ast.Arithmetic, left: Typed, right: Typed) -> Typed | None:
    """`a * b`, `a / b`, after both were found to be numbers."""
    if refuse_named(report, left, right) or refuse_scaling(report, node.span, left, right):
        return None
    first, second = types.unit_of(left.type), types.unit_of(right.type)
    unit: ir.Unit | None = first
    if second is not None:
        unit = units.multiply(first or units.PLAIN, second, node.operator)
    expr: ir.Expr = ir.Arithmetic(operator=node.operator, left=left.expr, right=right.expr)
    whole = node.operator == "*"
    if first is not None and second is not None and unit is not None and unit.dimension == kinds.DIMENSIONLESS:
        # Nothing is measured any more: g/kg is a thousandth, and a plain number.
        plain = scale(expr, unit, units.PLAIN)
        whole, expr, unit = whole and plain is expr, plain, None
    if (
        unit is not None
        and _moneyed(unit)
        and isinstance(result(left.type, right.type, None, whole=False), ir.FloatType)
    ):
        report.error(
            "FM0311",
            "money is never floating point",
            node.span,
            help="declare the source's member as number or decimal",
        )
        return None
    return Typed(expr, result(left.type, right.type, unit, whole=whole), left.absence | right.absence, node.span)


def _moneyed(unit: ir.Unit) -> bool:
    return any(types.is_currency(base) for base in kinds.powers(unit.dimension))
