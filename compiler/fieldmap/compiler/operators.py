"""Arithmetic, comparison, logic and choice: types and units of their sides, and what absence does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmap.compiler import ir, presence, quantities, several, types
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.dsl.source import Span

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker


def arithmetic(checker: Checker, node: ast.Negate | ast.Arithmetic) -> Typed | None:
    if isinstance(node, ast.Negate):
        return _negated(checker, node)
    left = _number(checker, checker.check(node.left))
    right = _number(checker, checker.check(node.right))
    if left is None or right is None:
        return None
    made = quantities.add(checker.report, node, left, right) if node.operator in "+-" else None
    if node.operator in "*/":
        made = quantities.multiply(checker.report, node, left, right)
    return made and quantities.money(made)


def _negated(checker: Checker, node: ast.Negate) -> Typed | None:
    value = _number(checker, checker.check(node.value))
    if value is None or quantities.refuse_named(checker.report, value):
        return None
    if quantities.refuse_scaling(checker.report, node.span, value):
        return None
    return quantities.money(Typed(ir.Negate(value=value.expr), value.type, value.absence, node.span))


def _number(checker: Checker, typed: Typed | None) -> Typed | None:
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType):
        return Typed(ir.Implicit(value=typed.expr, to=ir.DecimalType()), ir.DecimalType(), typed.absence, typed.span)
    if types.is_number(typed.type):
        return typed
    amount = quantities.amount(typed)
    if amount is not None:
        return amount
    help_text = ""
    if isinstance(typed.type, ir.TextType):
        help_text = 'read it as a number first: … as decimal; texts are joined by a template: "{…} {…}"'
    elif isinstance(typed.type, ir.DateType):
        help_text = "days are counted by days_between($.from, $.to), and added by add_days($.day, 7)"
    elif isinstance(typed.type, ir.DatetimeType):
        help_text = "seconds are counted by seconds_between($.from, $.to)"
    elif isinstance(typed.type, ir.MoneyType):
        help_text = "money whose currency the data names is not reckoned with: reckon with the amount before it gets its currency"
    checker.report.error("FM0313", "arithmetic needs numbers", typed.span, note=typed.words, help=help_text)
    return None


def align(checker: Checker, left: Typed, right: Typed, span: Span) -> ir.Expr | None:
    """The right side in the unit of the left, or None after a diagnostic: both must measure the same, or both nothing."""
    return quantities.align(checker.report, left, right, span)


# ---------------------------------------------------------------------------------------------------- comparison


def comparison(checker: Checker, node: ast.Comparison | ast.InList | ast.IsAbsent) -> Typed | None:
    match node:
        case ast.Comparison():
            pair = _pair(checker, node.left, node.right, node.span)
            if pair is None:
                return None
            left, right = pair
            if node.operator not in ("==", "!="):
                amounts = _amounts(checker, left, right, node.span)
                if amounts is None:
                    return None
                left, right = amounts
            if node.operator not in ("==", "!=") and isinstance(
                left.type, ir.MoneyType | ir.QuantityType | ir.JsonType | ir.ListType | ir.RecordType | ir.ReferenceType
            ):
                checker.report.error(
                    "FM0313",
                    f"nothing says which of two values such as {types.describe(left.type)} is the larger",
                    node.span,
                    help="give the field its currency, as in money(12, 2) in EUR"
                    if isinstance(left.type, ir.MoneyType) and left.type.currency is None
                    else "compare with == or !=, or compare parts that have an order",
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
            if value.absence is Absence.NEVER:
                checker.report.warn(
                    "FM0382",
                    f"this is never absent, so the answer is always {'yes' if node.negated else 'no'}",
                    node.span,
                    labels=_said_at(value),
                    help="leave the question out, or give the type in the shape a ? if it can be absent",
                )
            expr2 = ir.IsAbsent(value=value.expr, what=node.what, negated=node.negated)
            return Typed(expr2, ir.BoolType(), Absence.NEVER, node.span)


def _amounts(checker: Checker, left: Typed, right: Typed, span: Span) -> tuple[Typed, Typed] | None:
    """Two amounts of money as numbers in one currency, if that is what they are; None after a diagnostic."""
    if not (isinstance(left.type, ir.MoneyType) and isinstance(right.type, ir.MoneyType)):
        return left, right
    one, other = quantities.amount(left), quantities.amount(right)
    if one is None or other is None:
        return left, right
    aligned = align(checker, one, other, span)
    return None if aligned is None else (one, Typed(aligned, one.type, other.absence, other.span))


def _pair(checker: Checker, left_node: ast.Expr, right_node: ast.Expr, span: Span) -> tuple[Typed, Typed] | None:
    """Both sides, brought to one type: a bare name or literal takes its meaning from the other side."""
    if isinstance(left_node, ast.Bare) and not checker.scope.knows(left_node.name):
        right = checker.check(right_node)
        left = checker.check(left_node, right.type) if right is not None else None
    else:
        left = checker.check(left_node)
        right = checker.check(right_node, left.type) if left is not None else None
    if left is None or right is None:
        return None
    left, right = _adopt(left, right), _adopt(right, left)
    if _outside(checker, left, right) or _outside(checker, right, left):
        return None
    if types.is_number(left.type) and types.is_number(right.type):
        left, right = quantities.settle_both(checker.report, left, right)
        aligned = align(checker, left, right, span)
        return None if aligned is None else (left, Typed(aligned, left.type, right.absence, right.span))
    if isinstance(left.type, ir.QuantityType) or isinstance(right.type, ir.QuantityType):
        checker.report.error(
            "FM0313",
            "a quantity that keeps its own unit is compared with nothing",
            span,
            note=f"{left.words} against {right.words}",
            help="give the field one unit, as in decimal(12, 3) in kg; is absent can be asked of it",
        )
        return None
    if not comparable(left.type, right.type):
        checker.report.error(
            "FM0313",
            f"{types.describe(left.type)} is never compared with {types.describe(right.type)}",
            span,
            note=f"{left.words} against {right.words}",
            help="turn one side into the type of the other, as in $.day as date, $.n as decimal, text(…)",
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


def _outside(checker: Checker, value: Typed, literal: Typed) -> bool:
    """Reports a text that no value of an enum can be: the comparison would always give the same answer."""
    if not (isinstance(value.type, ir.EnumType) and isinstance(literal.expr, ir.TextConstant)):
        return False
    if not isinstance(literal.type, ir.TextType) or literal.expr.value in value.type.values:
        return False
    checker.report.unknown("FM0208", "value", ast.Name(text=literal.expr.value, span=literal.span), value.type.values)
    return True


def comparable(left: ir.Type, right: ir.Type) -> bool:
    textual = (ir.TextType, ir.EnumType)
    if isinstance(left, ir.EnumType) and isinstance(right, ir.EnumType):
        return bool(set(left.values) & set(right.values))
    if isinstance(left, textual) and isinstance(right, textual):
        return True
    return type(left) is type(right) and not isinstance(
        left, ir.ObjectType | ir.ListType | ir.RecordType | ir.QuantityType
    )


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
        if _outside(checker, value, typed):
            return None
        if types.is_number(value.type) and types.is_number(typed.type):
            value, typed = quantities.settle_both(checker.report, value, typed)
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
        value, fallback = _branch(checker, node.value, expected), _branch(checker, node.fallback, expected)
        if value is None or fallback is None:
            return None
        united = unite(checker, value, fallback, node.span)
        if united is None:
            return None
        first, second, type_ = united
        if isinstance(second, ir.AbsentConstant):
            checker.report.warn("FM0307", "otherwise absent changes nothing", node.fallback.span, help="leave it out")
        elif value.absence is Absence.NEVER:
            checker.report.warn(
                "FM0381",
                "what stands before `otherwise` is never absent, so this is never used",
                node.fallback.span,
                labels=_said_at(value),
                help="leave it out, or give the type in the shape a ? if it can be absent",
            )
        absence = Absence.NEVER if value.absence is Absence.NEVER else fallback.absence
        return Typed(ir.Otherwise(value=first, fallback=second), type_, absence, node.span, value.origin)
    condition = checker.condition(node.condition, "if")
    inner = checker.within(presence.settled(checker.scope, [node.condition]))
    then, other = _branch(inner, node.then, expected), _branch(checker, node.otherwise, expected)
    if condition is None or then is None or other is None:
        return None
    united = unite(checker, then, other, node.span)
    if united is None:
        return None
    first, second, type_ = united
    return Typed(
        ir.If(condition=condition, then=first, otherwise=second), type_, then.absence | other.absence, node.span
    )


def _branch(checker: Checker, node: ast.Expr, expected: ir.Type | None) -> Typed | None:
    """One side of a choice; a quantity where the field keeps each value's own unit."""
    typed = checker.check(node, expected)
    return typed and several.branch(typed, expected, checker.report)


def _said_at(typed: Typed) -> list[Label]:
    return [Label(typed.origin, "this type has no ?")] if typed.origin is not None else []


def unite(checker: Checker, left: Typed, right: Typed, span: Span) -> tuple[ir.Expr, ir.Expr, ir.Type] | None:
    """Both as one type, before any implicit conversion: `$.a otherwise $.b in mi` is not a choice between like things."""
    if isinstance(left.expr, ir.AbsentConstant):
        return left.expr, right.expr, right.type
    if isinstance(right.expr, ir.AbsentConstant):
        return left.expr, right.expr, left.type
    left, right = _adopt_choice(left, right), _adopt_choice(right, left)
    if types.is_number(left.type) and types.is_number(right.type):
        left, right = quantities.settle_both(checker.report, left, right)
        if quantities.is_named(left) and left.type == right.type:
            return left.expr, right.expr, left.type
        aligned = align(checker, left, right, span)
        if aligned is None:
            return None
        return left.expr, aligned, quantities.result(left.type, right.type, types.unit_of(left.type), whole=True)
    if isinstance(left.type, ir.EnumType) and isinstance(right.type, ir.EnumType):
        values = left.type.values + tuple(v for v in right.type.values if v not in left.type.values)
        return left.expr, right.expr, ir.EnumType(values=values)
    if isinstance(left.type, ir.MoneyType) and isinstance(right.type, ir.MoneyType):
        if left.type.period == right.type.period:
            currency = left.type.currency if left.type.currency == right.type.currency else None
            return left.expr, right.expr, ir.MoneyType(currency=currency, period=left.type.period)
    elif isinstance(left.type, ir.TextType) and isinstance(right.type, ir.TextType):
        return left.expr, right.expr, left.type if left.type == right.type else ir.TextType()
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
