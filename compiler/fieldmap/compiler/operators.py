"""Arithmetic, comparison, logic and choice: types and units of their sides, and what absence does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmap.compiler import ir, types, units
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.dsl.source import Span

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker


def arithmetic(checker: Checker, node: ast.Negate | ast.Arithmetic) -> Typed | None:
    if isinstance(node, ast.Negate):
        value = _number(checker, checker.check(node.value))
        return value and Typed(ir.Negate(value=value.expr), value.type, value.absence, node.span)
    left = _number(checker, checker.check(node.left))
    right = _number(checker, checker.check(node.right))
    if left is None or right is None:
        return None
    if node.operator in "+-":
        return _sum(checker, node, left, right)
    return _product(checker, node, left, right)


def _number(checker: Checker, typed: Typed | None) -> Typed | None:
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType):
        return Typed(ir.Implicit(value=typed.expr, to=ir.DecimalType()), ir.DecimalType(), typed.absence, typed.span)
    if types.is_number(typed.type):
        return typed
    help_text = ""
    if isinstance(typed.type, ir.TextType):
        help_text = 'read it as a number first: … as decimal; texts are joined by a template: "{…} {…}"'
    elif isinstance(typed.type, ir.MoneyType):
        help_text = "reckon with the amount before it gets its currency"
    checker.report.error("FM0313", "arithmetic needs numbers", typed.span, note=typed.words, help=help_text)
    return None


def _result(left: ir.Type, right: ir.Type, unit: ir.Unit | None, *, whole: bool) -> ir.Type:
    if isinstance(left, ir.FloatType) or isinstance(right, ir.FloatType):
        return ir.FloatType(unit=unit)
    if whole and isinstance(left, ir.IntType) and isinstance(right, ir.IntType):
        return ir.IntType(unit=unit)
    return ir.DecimalType(unit=unit)


def _sum(checker: Checker, node: ast.Arithmetic, left: Typed, right: Typed) -> Typed | None:
    aligned = align(checker, left, right, node.span)
    if aligned is None:
        return None
    unit = types.unit_of(left.type)
    if unit is not None and unit.dimension == "temperature":
        checker.report.error(
            "FM0305",
            "temperatures cannot be added; only differences of temperature can",
            node.span,
            help="say delta_degC for a difference",
        )
        return None
    expr = ir.Arithmetic(operator=node.operator, left=left.expr, right=aligned)
    return Typed(expr, _result(left.type, right.type, unit, whole=True), left.absence | right.absence, node.span)


def _product(checker: Checker, node: ast.Arithmetic, left: Typed, right: Typed) -> Typed | None:
    first, second = types.unit_of(left.type), types.unit_of(right.type)
    unit: ir.Unit | None = None
    try:
        if first and second:
            unit = units.parse(
                f"{first.text}{node.operator}{second.text}" if node.operator == "*" else f"{first.text}/({second.text})"
            )
        elif second and node.operator == "/":
            unit = units.parse(f"1/({second.text})")
        else:
            unit = first or second
    except units.UnknownUnitError:
        checker.report.error(
            "FM0305", "units with an offset cannot be multiplied", node.span, help="convert to kelvin first"
        )
        return None
    if unit is not None and unit.offset != "0":
        checker.report.error(
            "FM0305", "a temperature in degrees cannot be multiplied", node.span, help="convert to kelvin first"
        )
        return None
    if unit is not None and unit.dimension == "dimensionless" and unit.factor == "1":
        unit = None
    expr = ir.Arithmetic(operator=node.operator, left=left.expr, right=right.expr)
    type_ = _result(left.type, right.type, unit, whole=node.operator == "*")
    return Typed(expr, type_, left.absence | right.absence, node.span)


def align(checker: Checker, left: Typed, right: Typed, span: Span) -> ir.Expr | None:
    """The right side in the unit of the left, or None after a diagnostic: both must measure the same, or both nothing."""
    first, second = types.unit_of(left.type), types.unit_of(right.type)
    if (first is None) != (second is None):
        bare, unit = (left, second) if first is None else (right, first)
        checker.report.error(
            "FM0306",
            "one side has a unit and the other has none",
            span,
            note=f"{left.words} against {right.words}",
            help=f"say the unit of the other: … in {unit.text if unit else ''}" if bare else "",
        )
        return None
    if first is None or second is None or first == second:
        return right.expr
    if first.dimension != second.dimension:
        checker.report.error(
            "FM0305",
            f"{first.text} is {units.describe(first)}, {second.text} is {units.describe(second)}",
            span,
            help="they cannot be compared or added",
        )
        return None
    factor, offset = units.conversion(second, first)
    return ir.Scale(value=right.expr, factor=factor, offset=offset, from_unit=second.text, to_unit=first.text)


# ---------------------------------------------------------------------------------------------------- comparison


def comparison(checker: Checker, node: ast.Comparison | ast.InList | ast.IsAbsent) -> Typed | None:
    match node:
        case ast.Comparison():
            pair = _pair(checker, node.left, node.right, node.span)
            if pair is None:
                return None
            left, right = pair
            if node.operator not in ("==", "!=") and isinstance(
                left.type, ir.MoneyType | ir.JsonType | ir.ListType | ir.ReferenceType
            ):
                checker.report.error(
                    "FM0313", f"there is no order among values such as {types.describe(left.type)}", node.span
                )
                return None
            expr = ir.Comparison(operator=node.operator, left=left.expr, right=right.expr)
            return Typed(expr, ir.BoolType(), left.absence | right.absence, node.span)
        case ast.InList():
            return _in_list(checker, node)
        case ast.IsAbsent():
            value = checker.check(node.value)
            if value is None:
                return None
            if node.what != "absent" and not isinstance(value.expr, ir.Read):
                checker.report.error(
                    "FM0303", f"only a path can be {node.what}", node.value.span, help="of anything else ask: is absent"
                )
                return None
            expr2 = ir.IsAbsent(value=value.expr, what=node.what, negated=node.negated)
            return Typed(expr2, ir.BoolType(), Absence.NEVER, node.span)


def _pair(checker: Checker, left_node: ast.Expr, right_node: ast.Expr, span: Span) -> tuple[Typed, Typed] | None:
    """Both sides, brought to one type: a bare name or literal takes its meaning from the other side."""
    if isinstance(left_node, ast.Bare) and left_node.name not in checker.scope.roots:
        right = checker.check(right_node)
        left = checker.check(left_node, right.type) if right is not None else None
    else:
        left = checker.check(left_node)
        right = checker.check(right_node, left.type) if left is not None else None
    if left is None or right is None:
        return None
    left, right = _adopt(left, right), _adopt(right, left)
    if types.is_number(left.type) and types.is_number(right.type):
        aligned = align(checker, left, right, span)
        return None if aligned is None else (left, Typed(aligned, left.type, right.absence, right.span))
    if not comparable(left.type, right.type):
        checker.report.error(
            "FM0313", "the two sides are of different types", span, note=f"{left.words} against {right.words}"
        )
        return None
    return left, right


def _adopt(typed: Typed, other: Typed) -> Typed:
    """A value whose type no shape states is read as the other side's type, a text where neither is known."""
    if not isinstance(typed.type, ir.UnknownType) or isinstance(typed.expr, ir.AbsentConstant):
        return typed
    to = other.type if not isinstance(other.type, ir.UnknownType) else ir.TextType()
    if types.is_number(to):
        to = ir.DecimalType()
    if isinstance(to, ir.EnumType):
        to = ir.TextType()
    return Typed(ir.Implicit(value=typed.expr, to=to), to, typed.absence, typed.span)


def comparable(left: ir.Type, right: ir.Type) -> bool:
    textual = (ir.TextType, ir.EnumType)
    if isinstance(left, ir.EnumType) and isinstance(right, ir.EnumType):
        return bool(set(left.values) & set(right.values))
    if isinstance(left, textual) and isinstance(right, textual):
        return True
    return type(left) is type(right) and not isinstance(left, ir.ObjectType | ir.ListType)


def _in_list(checker: Checker, node: ast.InList) -> Typed | None:
    value = checker.check(node.value)
    if value is None:
        return None
    items: list[ir.Expr] = []
    for item in node.items:
        typed = checker.check(item, value.type)
        if typed is None:
            return None
        value = _adopt(value, typed)
        if types.is_number(value.type) and types.is_number(typed.type):
            aligned = align(checker, value, typed, item.span)
            if aligned is None:
                return None
            items.append(aligned)
        elif comparable(value.type, typed.type):
            items.append(typed.expr)
        else:
            checker.report.error(
                "FM0313",
                "this is not of the type of what is looked for",
                item.span,
                note=f"{typed.words}, not {value.words}",
            )
            return None
    return Typed(
        ir.InList(value=value.expr, items=tuple(items), negated=node.negated), ir.BoolType(), value.absence, node.span
    )


# ------------------------------------------------------------------------------------------------- logic, choice


def logic(checker: Checker, node: ast.Logic | ast.Not) -> Typed | None:
    if isinstance(node, ast.Not):
        value = _bool(checker, checker.check(node.value, ir.BoolType()), "not")
        return value and Typed(ir.Not(value=value.expr), ir.BoolType(), value.absence, node.span)
    left = _bool(checker, checker.check(node.left, ir.BoolType()), node.operator)
    right = _bool(checker, checker.check(node.right, ir.BoolType()), node.operator)
    if left is None or right is None:
        return None
    make = ir.And if node.operator == "and" else ir.Or
    return Typed(make(left=left.expr, right=right.expr), ir.BoolType(), left.absence | right.absence, node.span)


def _bool(checker: Checker, typed: Typed | None, word: str) -> Typed | None:
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType):
        return Typed(ir.Implicit(value=typed.expr, to=ir.BoolType()), ir.BoolType(), typed.absence, typed.span)
    if isinstance(typed.type, ir.BoolType):
        return typed
    checker.report.error(
        "FM0313",
        f"{word} joins what is true or false",
        typed.span,
        note=typed.words,
        help='compare it with something: … == "Y"',
    )
    return None


def choice(checker: Checker, node: ast.Otherwise | ast.If, expected: ir.Type | None) -> Typed | None:
    if isinstance(node, ast.Otherwise):
        value, fallback = checker.check(node.value, expected), checker.check(node.fallback, expected)
        if value is None or fallback is None:
            return None
        united = unite(checker, value, fallback, node.span)
        if united is None:
            return None
        first, second, type_ = united
        if isinstance(second, ir.AbsentConstant):
            checker.report.warn("FM0307", "otherwise absent changes nothing", node.fallback.span, help="leave it out")
        absence = Absence.NEVER if value.absence is Absence.NEVER else fallback.absence
        return Typed(ir.Otherwise(value=first, fallback=second), type_, absence, node.span, value.origin)
    condition = checker.condition(node.condition, "if")
    then, other = checker.check(node.then, expected), checker.check(node.otherwise, expected)
    if condition is None or then is None or other is None:
        return None
    united = unite(checker, then, other, node.span)
    if united is None:
        return None
    first, second, type_ = united
    return Typed(
        ir.If(condition=condition, then=first, otherwise=second), type_, then.absence | other.absence, node.span
    )


def unite(checker: Checker, left: Typed, right: Typed, span: Span) -> tuple[ir.Expr, ir.Expr, ir.Type] | None:
    """Both as one type, before any implicit conversion: `$.a otherwise $.b in mi` is not a choice between like things."""
    if isinstance(left.expr, ir.AbsentConstant):
        return left.expr, right.expr, right.type
    if isinstance(right.expr, ir.AbsentConstant):
        return left.expr, right.expr, left.type
    left, right = _adopt_choice(left, right), _adopt_choice(right, left)
    if types.is_number(left.type) and types.is_number(right.type):
        aligned = align(checker, left, right, span)
        if aligned is None:
            return None
        return left.expr, aligned, _result(left.type, right.type, types.unit_of(left.type), whole=True)
    if isinstance(left.type, ir.EnumType) and isinstance(right.type, ir.EnumType):
        values = left.type.values + tuple(v for v in right.type.values if v not in left.type.values)
        return left.expr, right.expr, ir.EnumType(values=values)
    if isinstance(left.type, ir.MoneyType) and isinstance(right.type, ir.MoneyType):
        if left.type.period == right.type.period:
            currency = left.type.currency if left.type.currency == right.type.currency else None
            return left.expr, right.expr, ir.MoneyType(currency=currency, period=left.type.period)
    elif type(left.type) is type(right.type):
        return left.expr, right.expr, left.type
    checker.report.error(
        "FM0313",
        "the two are of different types",
        span,
        note=f"{left.words} against {right.words}",
        help="a conversion binds to the side where it stands: write brackets round both, or convert each",
    )
    return None


def _adopt_choice(typed: Typed, other: Typed) -> Typed:
    if isinstance(typed.type, ir.UnknownType) and not isinstance(other.type, ir.UnknownType):
        return _adopt(typed, other)
    return typed
