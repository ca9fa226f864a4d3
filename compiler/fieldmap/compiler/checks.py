"""What a map expects of a record: `expect` and `warn`, and their tolerance."""

from __future__ import annotations

from fieldmap.compiler import ir, operators, types
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.interpret.blame import parts
from fieldmap.compiler.places import place
from fieldmap.compiler.scope import Typed
from fieldmap.dsl import ast
from fieldmap.dsl.source import Span


def lower_checks(items: tuple[ast.MapItem, ...], checker: Checker) -> tuple[ir.Check, ...]:
    """The `expect` and `warn` lines of a block, in their order."""
    lowered = [_lower(item, checker) for item in items if isinstance(item, ast.Check)]
    return tuple(item for item in lowered if item is not None)


def both(left: ir.Expr | None, right: ir.Expr | None) -> ir.Expr | None:
    """Both conditions, as far as they are there."""
    if left is None or right is None:
        return left if right is None else right
    return ir.And(left=left, right=right)


def position_of(node: ir.Expr) -> str | None:
    """The element whose place in its list the expression uses, None if it uses none."""
    if isinstance(node, ir.Position):
        return node.alias
    inside = [*parts(node), *([node.body] if isinstance(node, ir.Mapped) else [])]
    return next((found for part in inside if (found := position_of(part)) is not None), None)


def _lower(node: ast.Check, checker: Checker) -> ir.Check | None:
    condition = _condition(node, checker) if node.tolerance is None else _within(node, node.tolerance, checker)
    if condition is None:
        return None
    sources = checker.scope.symbols.sources
    return ir.Check(
        kind=node.kind,
        condition=condition,
        message=node.message.value if node.message is not None else "",
        text=place(sources, _said(node)).text,
        place=place(sources, node.span),
    )


def _said(node: ast.Check) -> Span:
    """What is expected, with its tolerance and without its message."""
    end = node.tolerance.span.end if node.tolerance is not None else node.condition.span.end
    return Span(node.span.path, node.condition.span.start, end)


def _condition(node: ast.Check, checker: Checker) -> ir.Expr | None:
    """A bool; where it is absent nothing is complained of."""
    typed = checker.check(node.condition, ir.BoolType())
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType):
        return ir.Implicit(value=typed.expr, to=ir.BoolType())
    if not isinstance(typed.type, ir.BoolType):
        checker.report.error(
            "FM0304",
            f"what follows {node.kind} is answered with true or false",
            node.condition.span,
            note=typed.words,
            help="compare it with something, as in … >= 0, or ask: … is absent",
        )
        return None
    return typed.expr


def _within(node: ast.Check, tolerance: ast.Number, checker: Checker) -> ir.Expr | None:
    """`a == b within t`: both differences are at most t."""
    equation = node.condition
    while isinstance(equation, ast.Brackets):
        equation = equation.value
    if not isinstance(equation, ast.Comparison) or equation.operator != "==":
        checker.report.error(
            "FM0508",
            "within belongs to two numbers that should be equal",
            tolerance.span,
            help="write: expect a == b within 0.01",
        )
        return None
    left = _number(checker, equation.left)
    right = _number(checker, equation.right) if left is not None else None
    allowed = checker.check(tolerance)
    if left is None or right is None or allowed is None:
        return None
    aligned = operators.align(checker, left, right, equation.span)
    if aligned is None:
        return None
    most = _allowed(checker, left, allowed)
    if most is None:
        return None
    differences = ((left.expr, aligned), (aligned, left.expr))
    above, below = (
        ir.Comparison(operator="<=", left=ir.Arithmetic(operator="-", left=one, right=other), right=most)
        for one, other in differences
    )
    return ir.And(left=above, right=below)


def _number(checker: Checker, node: ast.Expr) -> Typed | None:
    typed = checker.check(node)
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType):
        return Typed(ir.Implicit(value=typed.expr, to=ir.DecimalType()), ir.DecimalType(), typed.absence, typed.span)
    if types.is_number(typed.type) and not isinstance(typed.type, ir.FloatType):
        return typed
    checker.report.error(
        "FM0508",
        "within belongs to two exact numbers that should be equal",
        typed.span,
        note=typed.words,
        help="compare the amounts before they get a currency; read a text as a number first: … as decimal",
    )
    return None


def _allowed(checker: Checker, left: Typed, allowed: Typed) -> ir.Expr | None:
    """The tolerance in the unit of the left side. A tolerance of temperatures is a difference, so its offset falls away."""
    aligned = operators.align(checker, left, allowed, allowed.span)
    return (
        ir.Scale(
            value=aligned.value, factor=aligned.factor, offset="0", from_unit=aligned.from_unit, to_unit=aligned.to_unit
        )
        if isinstance(aligned, ir.Scale)
        else aligned
    )
