"""Conditions over merged rows as SQL, exact to the digit and three-valued as the reference.

A number is a fraction: numerator and denominator are both SQL, and no division takes place. A calculation without a result (a division
by zero) is null, which fails no condition.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import literal, quote


@dataclass(frozen=True)
class _Number:
    """numerator over denominator; the denominator is never negative, and null where there is no result."""

    numerator: str
    denominator: str = "1"


@dataclass(frozen=True)
class _Money:
    amount: _Number
    currency: str


def condition_sql(entity: ir.Entity, condition: ir.RowCondition, alias: str) -> str:
    """A boolean expression over a merged row under an alias."""
    return _Emitter(entity, alias).truth(condition.expr)


class _Emitter:
    def __init__(self, entity: ir.Entity, alias: str) -> None:
        self._fields = {field.name: field for field in entity.fields}
        self._alias = alias

    def truth(self, node: ir.Expr) -> str:
        match node:
            case ir.BoolConstant(value=value):
                return "true" if value else "false"
            case ir.And(left=left, right=right):
                return f"({self.truth(left)} AND {self.truth(right)})"
            case ir.Or(left=left, right=right):
                return f"({self.truth(left)} OR {self.truth(right)})"
            case ir.Not(value=value):
                return f"(NOT {self.truth(value)})"
            case ir.IsAbsent(value=value, negated=negated):
                return f"({self._absent(value)} IS {'FALSE' if negated else 'TRUE'})"
            case ir.Comparison(operator=operator, left=left, right=right):
                return self._compared(operator, left, right)
            case ir.InList(value=value, items=items, negated=negated):
                found = " OR ".join(self._compared("==", value, item) for item in items) or "false"
                answer = f"coalesce({found}, false)"
                return f"(CASE WHEN NOT {self._absent(value)} THEN {'NOT ' if negated else ''}{answer} END)"
            case ir.AbsentConstant():
                return "NULL::boolean"
            case _:
                return self._plain(node)

    def _absent(self, node: ir.Expr) -> str:
        """Whether there is no value; an expression that is never null."""
        match self._value(node):
            case _Number(numerator=numerator, denominator=denominator):
                return f"({numerator} IS NULL OR {denominator} IS NULL)"
            case _Money(amount=amount, currency=currency):
                return f"({amount.numerator} IS NULL OR {amount.denominator} IS NULL OR {currency} IS NULL)"
            case text:
                return f"({text} IS NULL)"

    # ------------------------------------------------------------------------------------------------- comparison

    def _compared(self, operator: str, left: ir.Expr, right: ir.Expr) -> str:
        sign = {"==": "=", "!=": "<>"}.get(operator, operator)
        one, other = self._value(left), self._value(right)
        if isinstance(one, _Money) and isinstance(other, _Money):
            amounts = _numbers(one.amount, sign if operator not in ("==", "!=") else "=", other.amount)
            if operator not in ("==", "!="):
                return f"({amounts})"
            equal = f"({amounts} AND {one.currency} = {other.currency})"
            return equal if operator == "==" else f"(NOT {equal})"
        if isinstance(one, _Number) and isinstance(other, _Number):
            return f"({_numbers(one, sign, other)})"
        if isinstance(one, str) and isinstance(other, str):
            return f"({one} {sign} {other})"
        raise TypeError(f"values of different kinds are compared: {left!r}, {right!r}")

    # ------------------------------------------------------------------------------------------------------ values

    def _value(self, node: ir.Expr) -> str | _Number | _Money:
        match node:
            case ir.RowField():
                return self._field(node)
            case ir.NumberConstant(value=value):
                return _constant(Fraction(value))
            case ir.MoneyConstant(amount=amount, currency=currency):
                return _Money(_constant(Fraction(amount)), f"{literal(currency)}::text")
            case ir.MakeMoney(amount=amount, currency=currency):
                made = self._value(amount)
                return _Money(made if isinstance(made, _Number) else _Number(str(made)), self._plain(currency))
            case ir.TextConstant(value=value):
                return f'({literal(value)}::text COLLATE "C")'
            case ir.DateConstant(value=value):
                return f"{literal(value)}::date"
            case ir.Implicit(value=ir.TextConstant(value=value)):
                return f"{literal(value)}::timestamptz"
            case ir.AbsentConstant():
                return "NULL"
            case ir.Scale() | ir.Arithmetic() | ir.Negate():
                return self._calculated(node)
            case ir.Call(function=function, arguments=(argument,)):
                name = "cardinality" if function == "count" else "char_length"
                return _Number(f"{name}({self._plain(argument)})::numeric")
            case ir.Otherwise(value=value, fallback=fallback):
                return self._either(f"NOT {self._absent(value)}", value, fallback)
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                return self._either(self.truth(condition), then, otherwise)
            case _:
                return self.truth(node)

    def _plain(self, node: ir.Expr) -> str:
        value = self._value(node)
        if isinstance(value, str):
            return value
        raise TypeError(f"no text or truth: {node!r}")

    def _field(self, node: ir.RowField) -> str | _Number | _Money:
        field = self._fields[node.name]
        name = f"{self._alias}.{quote(field.column)}"
        type_ = field.type.key if isinstance(field.type, ir.ReferenceType) else field.type
        match type_:
            case ir.IntType() | ir.DecimalType():
                return _Number(f"{name}::numeric")
            case ir.MoneyType(currency=currency):
                if node.amount:
                    return _Number(f"{name}::numeric")
                own = f"{self._alias}.{quote(f'{field.column}_currency')}"
                return _Money(_Number(name), own if currency is None else f"{literal(currency)}::text")
            case ir.TextType() | ir.EnumType():
                return f'({name} COLLATE "C")'
            case _:
                return name

    def _calculated(self, node: ir.Scale | ir.Arithmetic | ir.Negate) -> _Number:
        if isinstance(node, ir.Negate):
            return self._calculated(ir.Arithmetic(operator="-", left=ir.NumberConstant(value="0"), right=node.value))
        if isinstance(node, ir.Scale):
            scaled = _product(self._number(node.value), _constant(Fraction(node.factor)))
            return scaled if Fraction(node.offset) == 0 else _sum(scaled, "+", _constant(Fraction(node.offset)))
        left, right = self._number(node.left), self._number(node.right)
        if node.operator in "+-":
            return _sum(left, node.operator, right)
        if node.operator == "*":
            return _product(left, right)
        sign = f"sign({right.numerator})"
        upside_down = _Number(f"({right.denominator} * {sign})", f"nullif(abs({right.numerator}), 0)")
        return _product(left, upside_down)

    def _number(self, node: ir.Expr) -> _Number:
        value = self._value(node)
        if isinstance(value, _Number):
            return value
        if isinstance(node, ir.AbsentConstant):
            return _Number("NULL::numeric")
        raise TypeError(f"no number: {node!r}")

    def _either(self, condition: str, first: ir.Expr, second: ir.Expr) -> str | _Number | _Money:
        one, other = self._value(first), self._value(second)
        if isinstance(one, _Money) or isinstance(other, _Money):
            left, right = _money(one), _money(other)
            amount = _choice(condition, left.amount, right.amount)
            return _Money(amount, f"(CASE WHEN {condition} THEN {left.currency} ELSE {right.currency} END)")
        if isinstance(one, _Number) or isinstance(other, _Number):
            return _choice(condition, _as_number(one), _as_number(other))
        return f"(CASE WHEN {condition} THEN {one} ELSE {other} END)"


def _constant(value: Fraction) -> _Number:
    return _Number(f"({value.numerator}::numeric)", str(value.denominator))


def _as_number(value: str | _Number | _Money) -> _Number:
    return value if isinstance(value, _Number) else _Number("NULL::numeric")


def _money(value: str | _Number | _Money) -> _Money:
    return value if isinstance(value, _Money) else _Money(_Number("NULL::numeric"), "NULL::text")


def _choice(condition: str, one: _Number, other: _Number) -> _Number:
    def pick(left: str, right: str) -> str:
        return left if left == right else f"(CASE WHEN {condition} THEN {left} ELSE {right} END)"

    return _Number(pick(one.numerator, other.numerator), pick(one.denominator, other.denominator))


def _times(*parts: str) -> str:
    kept = [part for part in parts if part != "1"]
    return " * ".join(kept) or "1"


def _numbers(left: _Number, sign: str, right: _Number) -> str:
    """Two fractions compared; both denominators are positive."""
    return f"{_times(left.numerator, right.denominator)} {sign} {_times(right.numerator, left.denominator)}"


def _product(left: _Number, right: _Number) -> _Number:
    return _Number(f"({_times(left.numerator, right.numerator)})", f"({_times(left.denominator, right.denominator)})")


def _sum(left: _Number, sign: str, right: _Number) -> _Number:
    above = f"({_times(left.numerator, right.denominator)} {sign} {_times(right.numerator, left.denominator)})"
    return _Number(above, f"({_times(left.denominator, right.denominator)})")
