"""Records made up by a shape: the same ones every time, odd values among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from random import Random
from typing import Any

from fieldmap.compiler import ir
from fieldmap.compiler.shapes import ListShape, MemberShape, ObjectShape, ScalarShape, ShapeNode

_TEXTS = ("a", "Ada", "Byron-King", "", "12", "-3", "0", "2026-03-01", "03/01/2021", "USD", "ada@example.com", "x" * 60)
_NUMBERS = (0, 1, -1, 2, 12, -12, 100, 999_999, Decimal("0.1"), Decimal("-0.05"), Decimal("12.5"), Decimal("12345.678"))
_DATES = ("2026-03-01", "1999-12-31", "2024-02-29", "1900-01-01", "2100-06-30")
_INSTANTS = ("2026-03-01T12:00:00Z", "1999-12-31T23:59:59+01:00", "2024-02-29T00:00:00-05:00")
_DEEPEST_LIST = 3


def records(shape: ObjectShape, codes: Mapping[str, ir.Table], count: int) -> Iterator[dict[str, Any]]:
    """So many records that conform to the shape. codes: lists whose codes texts may be."""
    lists = [table for table in codes.values() if isinstance(table, ir.CodeTable) and not table.table]
    known = [code for table in lists for code in list(table.entries)[:20]]
    for number in range(count):
        random = Random(number)  # noqa: S311
        yield _object(shape, random, known)


def _object(shape: ObjectShape, random: Random, codes: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.optional and random.random() < 0.25:
            if random.random() < 0.3:
                made[name] = None
            continue
        made[name] = _member(member, random, codes)
    return made


def _member(member: MemberShape, random: Random, codes: list[str]) -> Any:
    if member.sentinels and random.random() < 0.1:
        return _constant(member.sentinels[int(random.random() * len(member.sentinels))])
    return _value(member.node, random, codes)


def _constant(constant: ir.Constant) -> Any:
    match constant:
        case ir.TextConstant(value=text):
            return text
        case ir.NumberConstant(value=text):
            return Decimal(text) if "." in text else int(text)
        case ir.BoolConstant(value=flag):
            return flag
        case _:
            return None


def _value(node: ShapeNode, random: Random, codes: list[str]) -> Any:
    match node:
        case ObjectShape():
            return _object(node, random, codes)
        case ListShape(element=element):
            return [_value(element, random, codes) for _ in range(int(random.random() * (_DEEPEST_LIST + 1)))]
        case ScalarShape(type=type_):
            choices = _choices(type_, codes)
            return choices[int(random.random() * len(choices))]


def _choices(type_: ir.Type, codes: list[str]) -> tuple[Any, ...]:
    match type_:
        case ir.TextType():
            return (*_TEXTS, *codes)
        case ir.EnumType(values=values):
            return values
        case ir.IntType():
            return tuple(number for number in _NUMBERS if isinstance(number, int))
        case ir.DecimalType() | ir.FloatType():
            return _NUMBERS
        case ir.BoolType():
            return (True, False)
        case ir.DateType():
            return _DATES
        case ir.DatetimeType():
            return _INSTANTS
        case _:
            return ("12:30", "P1D", "DE", "a")
