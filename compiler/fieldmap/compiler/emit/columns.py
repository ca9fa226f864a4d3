"""Fields as columns of PostgreSQL: names, types and comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import msgspec

from fieldmap.compiler import ir, types


@dataclass(frozen=True)
class Column:
    """A column of a claim or canonical table. field: the field that it belongs to; a money field without a fixed currency has two
    columns, and so has a quantity in several units. leads: whether it is the field's first one, by which presence is judged.
    check: a condition of canonical rows, as SQL."""

    name: str
    type: str
    field: str
    required: bool
    leads: bool = True
    comment: str = ""
    list_of: str = ""
    check: str = ""


def quote(name: str) -> str:
    """An identifier, always quoted, so that no name of a field can be read as a word of SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant."""
    return "'" + text.replace("'", "''") + "'"


def claimed_field(assignment: ir.Assignment, field: ir.Field) -> ir.Field:
    """A field as a claim keeps it: a reference `by id` is the id of a record until it is merged."""
    return msgspec.structs.replace(field, type=assignment.target) if assignment.records else field


def columns_of(field: ir.Field) -> list[Column]:
    """The columns of a field."""
    name, required = field.column, field.is_key or not field.optional
    comment = " · ".join(part for part in (field.doc, _words(field.type), ", ".join(field.tags)) if part)
    if isinstance(field.type, ir.ListType):
        element = _element(field.type.element)
        return [Column(name, f"{element}[]", field.name, False, comment=comment, list_of=element)]
    first = Column(name, sql_type(field.type, key=field.is_key), field.name, required, comment=comment)
    if isinstance(field.type, ir.MoneyType) and field.type.currency is None:
        currency = Column(
            f"{name}_currency", "text", field.name, required, leads=False, comment=f"ISO 4217 currency of {name}"
        )
        return [first, currency]
    if isinstance(field.type, ir.QuantityType):
        unit = f"{name}_unit"
        # Which units there are is held to by the maps, as the values of an enum are: see `_words`.
        together = f"({quote(name)} IS NULL) = ({quote(unit)} IS NULL)"
        said = f"unit of {name}: {types.either(field.type.units)}"
        return [first, Column(unit, "text", field.name, required, leads=False, comment=said, check=together)]
    return [first]


def sql_type(type_: ir.Type, *, key: bool) -> str:
    """The type of a column. Texts of keys compare bytewise, on every server alike."""
    match type_:
        case ir.TextType(checked="uuid"):
            return "uuid"
        case ir.TextType() | ir.EnumType():
            return 'text COLLATE "C"' if key else "text"
        case ir.BoolType():
            return "boolean"
        case ir.IntType():
            return "bigint"
        case ir.DecimalType(precision=None) | ir.MoneyType(precision=None) | ir.QuantityType(precision=None):
            return "numeric"
        case (
            ir.DecimalType(precision=precision, scale=scale)
            | ir.MoneyType(precision=precision, scale=scale)
            | ir.QuantityType(precision=precision, scale=scale)
        ):
            return f"numeric({precision}, {scale})"
        case ir.FloatType():
            return "double precision"
        case ir.DateType():
            return "date"
        case ir.DatetimeType():
            return "timestamptz"
        case ir.TimeType():
            return "time"
        case ir.DurationType():
            return "interval"
        case ir.JsonType():
            return "jsonb"
        case ir.ReferenceType(key=key_type):
            return sql_type(key_type, key=key)
        case ir.ListType(element=element):
            return f"{_element(element)}[]"
        case ir.RecordType():
            return "jsonb"
        case ir.ObjectType() | ir.UnknownType():
            raise AssertionError("the checker lets no field have this type")
        case _:
            assert_never(type_)


def _is_document(type_: ir.Type) -> bool:
    """Whether an element of a list needs more than one column of its own: then it is a jsonb."""
    return isinstance(type_, ir.ListType | ir.RecordType | ir.QuantityType) or (
        isinstance(type_, ir.MoneyType) and type_.currency is None
    )


def _element(type_: ir.Type) -> str:
    return "jsonb" if _is_document(type_) else sql_type(type_, key=False)


def _words(type_: ir.Type) -> str:
    """What a type says beyond its column's type. Values of an enum are held to by the maps, not by a constraint: rows of an
    earlier version of the model must be mergeable until their replay."""
    match type_:
        case ir.TextType(checked=kind, pattern=pattern):
            return kind or (f"matching '{pattern}'" if pattern else "")
        case ir.EnumType(values=values):
            return f"one of {', '.join(values)}"
        case ir.IntType(unit=unit) | ir.DecimalType(unit=unit) | ir.FloatType(unit=unit):
            return f"in {unit.text}" if unit is not None else ""
        case ir.MoneyType(currency=currency, period=period):
            return " ".join(
                part for part in (f"in {currency}" if currency else "", f"per {period}" if period else "") if part
            )
        case ir.QuantityType(units=units):
            return f"in {types.either(units)}"
        case ir.ReferenceType(entity=entity):
            return f"refers to {entity}"
        case ir.RecordType():
            return types.describe(type_, article=False)
        case ir.ListType(element=element):
            return types.describe(type_, article=False) if _is_document(element) else ""
        case _:
            return ""


def codec_of(type_: ir.Type) -> str:
    """How a value is written for COPY: see `fieldmap.runtime.bundle.ClaimColumn`."""
    match type_:
        case ir.TextType() | ir.EnumType():
            return "text"
        case ir.BoolType():
            return "bool"
        case ir.IntType():
            return "int"
        case ir.DecimalType():
            return "number"
        case ir.FloatType():
            return "float"
        case ir.DateType():
            return "date"
        case ir.DatetimeType():
            return "datetime"
        case ir.TimeType():
            return "time"
        case ir.DurationType():
            return "duration"
        case ir.JsonType():
            return "json"
        case ir.MoneyType(currency=currency):
            return "amount" if currency is not None else "money"
        case ir.QuantityType():
            return "quantity"
        case ir.ReferenceType(key=key):
            return codec_of(key)
        case ir.ListType(element=element):
            return f"list {'document' if _is_document(element) else codec_of(element)}"
        case ir.RecordType():
            return "document"
        case ir.ObjectType() | ir.UnknownType():
            raise AssertionError("the checker lets no field have this type")
        case _:
            assert_never(type_)
