"""The reference meaning of filters: RFC 9535 2.3.5 and 2.4, said once more in Python."""

from __future__ import annotations

import functools
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import re2

from fieldmap.compiler import ir
from fieldmap.compiler.interpret import paths


class _Nothing:
    """What a path that finds no value is worth in a comparison."""


NOTHING = _Nothing()


def holds(condition: ir.Condition, value: Any, dollar: Any) -> bool:
    """Whether a condition holds for the value at hand (`@`)."""
    match condition:
        case ir.FilterQuery():
            return any(True for _ in _nodes(condition, value, dollar))
        case ir.FilterComparison():
            left, right = (operand(side, value, dollar) for side in (condition.left, condition.right))
            return _compare(condition.operator, left, right)
        case ir.FilterLogic(operator="and"):
            return all(holds(part, value, dollar) for part in condition.parts)
        case ir.FilterLogic():
            return any(holds(part, value, dollar) for part in condition.parts)
        case ir.FilterNot():
            return not holds(condition.value, value, dollar)
        case ir.FilterCall(arguments=(text, pattern)):
            return _matched(
                operand(text, value, dollar), operand(pattern, value, dollar), whole=condition.function == "match"
            )
        case _:
            raise TypeError(f"no condition: {condition!r}")


def operand(node: ir.Operand, value: Any, dollar: Any) -> Any:
    """A value or NOTHING."""
    match node:
        case ir.FilterConstant():
            return node.value
        case ir.FilterNumber():
            return Fraction(node.value)
        case ir.FilterQuery():
            return next((found for found in _nodes(node, value, dollar)), NOTHING)
        case ir.FilterCall(function="count", arguments=(ir.FilterQuery() as query,)):
            return len(list(_nodes(query, value, dollar)))
        case ir.FilterCall(function="value", arguments=(ir.FilterQuery() as query,)):
            found = list(_nodes(query, value, dollar))
            return found[0] if len(found) == 1 else NOTHING
        case ir.FilterCall(function="length", arguments=(argument,)):
            measured = operand(argument, value, dollar)
            return len(measured) if isinstance(measured, str | list | dict) else NOTHING
        case _:
            raise TypeError(f"no operand: {node!r}")


def _nodes(query: ir.FilterQuery, value: Any, dollar: Any) -> Any:
    start = value if query.root == "@" else dollar
    return (match.value for match in paths.nodes_of(query.segments, start, dollar))


def _compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "==":
            return _equal(left, right)
        case "!=":
            return not _equal(left, right)
        case "<":
            return _less(left, right)
        case ">":
            return _less(right, left)
        case "<=":
            return _less(left, right) or _equal(left, right)
        case _:
            return _less(right, left) or _equal(left, right)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | Decimal() | Fraction():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return "other"


def _equal(left: Any, right: Any) -> bool:
    waiting = [(left, right)]
    while waiting:
        one, other = waiting.pop()
        kind = _kind(one)
        if kind != _kind(other):
            return False
        if kind == "list":
            if len(one) != len(other):
                return False
            waiting.extend(zip(one, other, strict=True))
        elif kind == "object":
            if one.keys() != other.keys():
                return False
            waiting.extend((one[name], other[name]) for name in one)
        elif kind == "number":
            if Fraction(one) != Fraction(other):
                return False
        elif not (one is other or (kind == "text" and one == other)):
            return False
    return True


def _less(left: Any, right: Any) -> bool:
    kind = _kind(left)
    if kind != _kind(right) or kind not in ("number", "text"):
        return False
    return bool(Fraction(left) < Fraction(right)) if kind == "number" else bool(left < right)


def _matched(text: Any, pattern: Any, *, whole: bool) -> bool:
    if not isinstance(text, str) or not isinstance(pattern, str):
        return False
    try:
        expression = regular_expression(pattern)
        if expression is None:
            return False
        return (expression.fullmatch(text) if whole else expression.search(text)) is not None
    except UnicodeEncodeError:  # half of a surrogate pair, which no regular expression matches
        return False


@functools.lru_cache(maxsize=500)
def regular_expression(pattern: str) -> Any:
    """A regular expression of RFC 9485 as RE2 reads it; None if RE2 refuses it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(
            _PIECES.sub(lambda piece: "[^\n\r]" if piece.group() == "." else piece.group(), pattern), options
        )
    except (re2.error, UnicodeEncodeError):
        return None


# An escape, a class in brackets, or one character.
_PIECES = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|.", re.DOTALL)
