"""Conditions of an entity, `must` and `warn`: expressions over the fields of a merged row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fieldmap.compiler import ir
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.interpret.blame import parts
from fieldmap.compiler.places import place
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast

# Functions that the database computes exactly as the reference does.
FUNCTIONS = ("count", "length")
_JUDGED = (
    ir.RowField
    | ir.TextConstant
    | ir.NumberConstant
    | ir.BoolConstant
    | ir.DateConstant
    | ir.MoneyConstant
    | ir.MakeMoney
    | ir.AbsentConstant
    | ir.Scale
    | ir.Arithmetic
    | ir.Negate
    | ir.Comparison
    | ir.InList
    | ir.IsAbsent
    | ir.And
    | ir.Or
    | ir.Not
    | ir.Otherwise
    | ir.If
)


def lower_conditions(info: EntityInfo, symbols: Symbols, report: Report) -> tuple[ir.RowCondition, ...]:
    """The conditions of an entity, in the order in which they are written."""
    found = [_condition(node, info, symbols, report) for node in info.node.conditions]
    return tuple(condition for condition in found if condition is not None)


def _condition(node: ast.RowCondition, info: EntityInfo, symbols: Symbols, report: Report) -> ir.RowCondition | None:
    checker = Checker(Scope(symbols, report, {}, dollar=False, row=info.fields))
    typed = checker.check(node.condition, ir.BoolType())
    if typed is None:
        return None
    if not isinstance(typed.type, ir.BoolType):
        report.error(
            "FM0304",
            f"what follows {node.kind} is answered with true or false",
            node.condition.span,
            note=typed.words,
            help="compare it with something, as in … >= 0, or ask: … is absent",
        )
        return None
    strange = unjudged(typed.expr, info.fields)
    if strange:
        report.error(
            "FM0609",
            f"{strange} cannot be judged on the rows of {info.node.name.text}",
            node.condition.span,
            help="compare fields with each other and with constants; what needs more is computed in the map",
        )
        return None
    at = place(symbols.sources, node.span)
    message = node.message.value if node.message is not None else at.text.removeprefix(node.kind).strip()
    return ir.RowCondition(kind=node.kind, expr=typed.expr, message=message, place=at)


def unjudged(expr: ir.Expr, fields: Mapping[str, ir.Field]) -> str:
    """The first part of an expression that cannot be judged on rows, in words; "" if all of it can."""
    return next(_strange(expr, fields), "")


def _strange(expr: ir.Expr, fields: Mapping[str, ir.Field]) -> Iterator[str]:
    """Parts of an expression that the database would not compute exactly as the reference does, in words."""
    match expr:
        case ir.IsAbsent(value=ir.RowField()):
            return
        case ir.RowField() if isinstance(fields[expr.name].type, ir.DurationType):
            yield f"{expr.name}, a duration, keeps months, days and hours apart: it"
        case ir.RowField() if isinstance(fields[expr.name].type, ir.FloatType):
            yield f"{expr.name}, a float, is not exact: it"
        case ir.Call() if expr.function in FUNCTIONS:
            pass
        case ir.Call():
            yield f"{expr.function}(…)"
        case ir.Implicit(value=ir.TextConstant(), to=ir.DatetimeType()):
            return
        case _ if not isinstance(expr, _JUDGED):
            yield "a conversion" if isinstance(expr, ir.Convert | ir.Implicit | ir.Lookup) else "such an expression"
    for part in parts(expr):
        yield from _strange(part, fields)
