"""What becomes of a field whose value fails: `if invalid reject`, `hold` or `use`, or what holds where nothing is said."""

from __future__ import annotations

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.assign import coerce
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Typed
from fieldmap.dsl import ast
from fieldmap.runtime.values.outcome import Failed


def lower_outcome(
    item: ast.Assignment, target: ir.Field, declared: ast.EntityField, strict: bool, checker: Checker
) -> tuple[str, ir.Constant | None] | None:
    """What becomes of the field where its value fails, and the constant of `use`; None after a diagnostic."""
    report = checker.report
    if item.outcome is None:
        _warn_of_fallback(item, target, report)
        return ("reject" if target.is_key or strict else "hold"), None
    kind = item.outcome.kind
    if target.is_key and kind != "reject":
        report.error(
            "FM0504",
            f"{target.name} is a key: without it there is nothing to claim",
            item.outcome.span,
            help="if invalid reject is all that a key can have; leave this out",
        )
        return None
    if kind != "use" or item.outcome.value is None:
        return kind, None
    typed = checker.check(item.outcome.value, target.type)
    if typed is None:
        return None
    if not isinstance(
        typed.expr,
        ir.TextConstant
        | ir.NumberConstant
        | ir.BoolConstant
        | ir.DateConstant
        | ir.TimeConstant
        | ir.DurationConstant
        | ir.MoneyConstant,
    ):
        report.error("FM0504", "if invalid use takes a constant", item.outcome.value.span, note=typed.words)
        return None
    coerced = coerce(typed, target.type, declared, report)
    if coerced is None:
        return None
    if isinstance(target.type, ir.QuantityType):
        return _constant_quantity(kind, coerced, typed, report)
    if isinstance(coerced, ir.Scale):
        report.error(
            "FM0504",
            f"the constant stands for the field's own value, so it is in {coerced.to_unit}",
            typed.span,
            help=f"write it in {coerced.to_unit}",
        )
        return None
    constant = ir.Assignment(
        field=target.name, target=target.type, value=typed.expr, outcome="reject", place=target.place
    )
    try:
        interpret.fitted(constant, {})
    except Failed as failed:
        report.error("FM0504", f"{target.name} cannot hold this constant: {failed.reason}", typed.span)
        return None
    return kind, typed.expr


def _constant_quantity(kind: str, coerced: ir.Expr, typed: Typed, report: Report) -> tuple[str, ir.Constant] | None:
    """The constant of a field in several units."""
    if isinstance(coerced, ir.QuantityConstant):
        return kind, coerced
    report.error(
        "FM0504",
        "the constant stands for the field's own value, so it is in one of its units",
        typed.span,
        help="write it in a unit that the field names, as in if invalid use 0 each",
    )
    return None


_CONSTANTS = (ast.Text, ast.Template, ast.Number, ast.Bool, ast.Bare)


def _warn_of_fallback(item: ast.Assignment, target: ir.Field, report: Report) -> None:
    """`as int otherwise 0` looks as if it caught what is no number; it does not. Said where nothing else shows that the author knows."""
    value = _unwrapped(item.value)
    if not isinstance(value, ast.Otherwise) or not isinstance(_unwrapped(value.fallback), _CONSTANTS):
        return
    tried = _unwrapped(value.value)
    while isinstance(tried, ast.InUnit):
        tried = _unwrapped(tried.value)
    if not isinstance(tried, ast.Conversion | ast.Via):
        return
    what = (
        f"a code that {tried.codes.text} does not name" if isinstance(tried, ast.Via) else "a value that cannot be read"
    )
    report.warn(
        "FM0510",
        f"otherwise stands in for what is absent, not for {what}: that is {'rejected' if target.is_key else 'held'}",
        value.fallback.span,
        help="for both, write as well: if invalid use …; to say that it is meant so: if invalid hold",
    )


def _unwrapped(node: ast.Expr) -> ast.Expr:
    while isinstance(node, ast.Brackets):
        node = node.value
    return node
