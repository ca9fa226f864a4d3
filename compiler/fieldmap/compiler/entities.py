"""Entities: fields, keys and types of the canonical side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from fieldmap.compiler import ir, types
from fieldmap.compiler.composite import DEEPEST
from fieldmap.compiler.places import place
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols, snake
from fieldmap.dsl import ast

# Tags that say more of the type, and nothing to readers.
_OF_TYPES = ("rounded half even", "must exist")

_NO_KEYS = ir.ListType | ir.RecordType | ir.JsonType | ir.MoneyType | ir.QuantityType | ir.DurationType


@dataclass(frozen=True)
class EntityInfo:
    """An entity with the types of its fields; the rules and sources come with the merge."""

    node: ast.Entity
    table: str
    key: tuple[str, ...]
    fields: dict[str, ir.Field]
    declared: dict[str, ast.EntityField]

    @property
    def has_key(self) -> bool:
        """Whether its key is said once, by fields that there are. If not that was told, and nothing is to be concluded from the key."""
        lines = self.node.key_lines
        ways = len(lines) + any(field.is_key for field in self.node.fields)
        return bool(self.key) and ways == 1 and all(len(line.fields) == len(self.key) for line in lines)


def lower_entities(symbols: Symbols, report: Report) -> dict[str, EntityInfo]:
    """All entities. Keys first, since a reference holds the key's type of another entity."""
    keys = {name: _key(node, symbols, report) for name, node in symbols.entities.items()}
    return {name: _entity(node, keys, symbols, report) for name, node in symbols.entities.items()}


def _key(node: ast.Entity, symbols: Symbols, report: Report) -> tuple[str, ...]:
    marked = tuple(field.name.text for field in node.fields if field.is_key)
    names = [field.name.text for field in node.fields]
    for line in node.key_lines[1:]:
        report.twice(f"the key of {node.name.text}", line.span, node.key_lines[0].span)
    if not node.key_lines:
        if not marked and not report.broken(node.span):
            if not node.fields:
                report.lose_block(node.span)
            report.error(
                "FM0301",
                f"{node.name.text} has no key",
                node.name.span,
                help="mark the field that tells one from another: key number : text",
            )
        return marked
    line = node.key_lines[0]
    if marked:
        report.error(
            "FM0205",
            f"the key of {node.name.text} is said in two ways",
            line.span,
            help="either key before fields, or one line key (a, b)",
        )
    for name in line.fields:
        if name.text not in names:
            report.unknown("FM0202", f"field of {node.name.text} called", name, names)
    return tuple(name.text for name in line.fields if name.text in names)


def _entity(node: ast.Entity, keys: dict[str, tuple[str, ...]], symbols: Symbols, report: Report) -> EntityInfo:
    fields: dict[str, ir.Field] = {}
    declared: dict[str, ast.EntityField] = {}
    key = keys[node.name.text]
    for item in node.fields:
        name = item.name.text
        if name in fields:
            report.twice(f"field {name}", item.name.span, declared[name].name.span)
            continue
        is_key = name in key
        type_ = types.lower_type(item.type, report, shape=False, key_of=lambda n: _key_type(n, keys, symbols, report))
        type_ = _rounded(item, type_, report)
        _check_field(item, type_, is_key, report)
        if is_key and isinstance(type_, _NO_KEYS):
            type_ = ir.UnknownType()
        declared[name] = item
        fields[name] = ir.Field(
            name=name,
            column=name,
            type=type_,
            optional=item.optional or isinstance(type_, ir.ListType),
            is_key=is_key,
            place=place(symbols.sources, item.span),
            doc=item.doc.value if item.doc else "",
            tags=tuple(dict.fromkeys(tag.kind for tag in item.tags if tag.kind not in _OF_TYPES)),
            must_exist=_must_exist(item, type_, report),
        )
    return EntityInfo(node, snake(node.name.text), key, fields, declared)


def _must_exist(item: ast.EntityField, type_: ir.Type, report: Report) -> bool:
    tag = next((tag for tag in item.tags if tag.kind == "must exist"), None)
    if tag is None:
        return False
    held = type_.element if isinstance(type_, ir.ListType) else type_
    if not isinstance(held, ir.ReferenceType | ir.UnknownType):
        report.error(
            "FM0303",
            f"must exist is for a reference, and {item.name.text} is {types.describe(type_)}",
            tag.span,
            help="name an entity as its type, or leave must exist out: a field without ? is required anyway",
        )
    return isinstance(held, ir.ReferenceType)


def _rounded(item: ast.EntityField, type_: ir.Type, report: Report) -> ir.Type:
    """The type with the rounding that the field states."""
    tag = next((tag for tag in item.tags if tag.kind == "rounded half even"), None)
    if tag is None:
        return type_
    if isinstance(type_, ir.DecimalType | ir.MoneyType | ir.QuantityType):
        return msgspec.structs.replace(type_, rounding="half even")
    if not isinstance(type_, ir.UnknownType):
        report.error(
            "FM0303",
            f"{types.describe(type_)} is never rounded",
            tag.span,
            help="only decimal, money and quantity are rounded",
        )
    return type_


def _check_field(item: ast.EntityField, type_: ir.Type, is_key: bool, report: Report) -> None:
    if not is_key:
        return
    if item.optional:
        report.error("FM0302", f"the key {item.name.text} may not be absent", item.type.span, help="leave the ? out")
    if isinstance(type_, ir.FloatType):
        report.error(
            "FM0311", "floating point is not exact enough for a key", item.type.span, help="use text, int or decimal"
        )
    elif isinstance(type_, _NO_KEYS):
        report.error(
            "FM0303",
            f"{types.describe(type_)} cannot be a key",
            item.type.span,
            help="use text, int, date or a reference",
        )


def _key_type(
    name: ast.Name, keys: dict[str, tuple[str, ...]], symbols: Symbols, report: Report, circle: Sequence[str] = ()
) -> ir.Type | None:
    """The type of an entity's key, which may be a reference itself. circle: the entities whose keys led here."""
    entity = symbols.entity(name, report)
    if entity is None:
        return None
    key = keys[name.text]
    if len(key) != 1:
        if key:
            report.error(
                "FM0112",
                f"{name.text} has a key of {len(key)} fields, and a list holds single values",
                name.span,
                help="make an entity of the list's elements, and claim its rows with each",
            )
        return None
    field = next(field for field in entity.fields if field.name.text == key[0])
    if isinstance(field.type, ast.ReferenceType):
        circle = [*circle, name.text]
        if field.type.entity.text in circle:
            ring = " → ".join([*circle[circle.index(field.type.entity.text) :], field.type.entity.text])
            message = (
                f"keys refer to each other in a circle: {ring}"
                if len(circle) > 1
                else f"the key of {name.text} refers to itself"
            )
            report.error("FM0303", message, field.type.span, help="give one of them a key of its own, such as a text")
            return None
        if len(circle) == DEEPEST:
            report.error(
                "FM0303",
                f"more than {DEEPEST} keys refer to each other, one to the next",
                field.type.span,
                help="give one of them a key of its own, such as a text",
            )
            return None
        return _key_type(field.type.entity, keys, symbols, report, circle)
    type_ = types.lower_type(field.type, Report(), shape=False, key_of=lambda _: None)
    return None if isinstance(type_, _NO_KEYS) else type_
