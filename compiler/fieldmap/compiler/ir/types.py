"""Types and units."""

from __future__ import annotations

import msgspec

from fieldmap.compiler.ir.nodes import Node


class Unit(msgspec.Struct, frozen=True):
    """A unit as written. factor and offset (texts of exact fractions, "1609344/1000") lead to the base of the dimension:
    base = value * factor + offset. dimension is pint's text, "[length]"."""

    text: str
    dimension: str
    factor: str
    offset: str


class TextType(Node, frozen=True):
    max_length: int | None = None
    pattern: str | None = None


class BoolType(Node, frozen=True):
    pass


class IntType(Node, frozen=True):
    """A whole number that PostgreSQL's bigint holds."""

    unit: Unit | None = None


class DecimalType(Node, frozen=True):
    """precision and scale as in numeric(p, s); both None for `number` and `decimal` of a shape (exact, unbounded)."""

    precision: int | None = None
    scale: int | None = None
    unit: Unit | None = None


class FloatType(Node, frozen=True):
    unit: Unit | None = None


class DateType(Node, frozen=True):
    pass


class DatetimeType(Node, frozen=True):
    """An instant."""


class JsonType(Node, frozen=True):
    pass


class EnumType(Node, frozen=True):
    values: tuple[str, ...]


class MoneyType(Node, frozen=True):
    """currency: ISO 4217 code if the field has a fixed one. period: "year", "hour" … as written after `per`."""

    precision: int | None = None
    scale: int | None = None
    currency: str | None = None
    period: str | None = None


class ListType(Node, frozen=True):
    element: Type


class ReferenceType(Node, frozen=True):
    """Holds the key of another entity; key is that key's type."""

    entity: str
    key: Type


class ObjectType(Node, frozen=True):
    """An object of a shape, when a path stops there; nothing but `json` takes it."""


class UnknownType(Node, frozen=True):
    """What a path gives where no shape says more; it takes the type of the place where it is used (Implicit)."""


Type = (
    TextType
    | BoolType
    | IntType
    | DecimalType
    | FloatType
    | DateType
    | DatetimeType
    | JsonType
    | EnumType
    | MoneyType
    | ListType
    | ReferenceType
    | ObjectType
    | UnknownType
)
