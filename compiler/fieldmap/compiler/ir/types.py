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
    """pattern: an RE2 expression that the whole text must match. checked: "uuid", "email", "url", "country", "currency",
    "language", "phone", "iban" or "lei": the text is brought to the canonical spelling of that kind, or fails
    (`fieldmap.runtime.values.checked` says how). A checked text is a text everywhere else."""

    max_length: int | None = None
    pattern: str | None = None
    checked: str | None = None


class BoolType(Node, frozen=True):
    pass


class IntType(Node, frozen=True):
    """A whole number that PostgreSQL's bigint holds."""

    unit: Unit | None = None


class DecimalType(Node, frozen=True):
    """precision and scale as in numeric(p, s); both None for `number` and `decimal` of a shape (exact, unbounded).

    rounding: "" half away from zero, "half even" to the even digit."""

    precision: int | None = None
    scale: int | None = None
    unit: Unit | None = None
    rounding: str = ""


class FloatType(Node, frozen=True):
    unit: Unit | None = None


class DateType(Node, frozen=True):
    pass


class DatetimeType(Node, frozen=True):
    """An instant."""


class TimeType(Node, frozen=True):
    """A time of day, of no zone, to the microsecond; never 24:00."""


class DurationType(Node, frozen=True):
    """Months, days and microseconds, kept apart. Equal are durations of the same months and the same days and time together,
    a day being 24 hours; the order is that of XML Schema, and fails (FM2158) where it depends on the months that are meant."""


class JsonType(Node, frozen=True):
    pass


class EnumType(Node, frozen=True):
    values: tuple[str, ...]


class MoneyType(Node, frozen=True):
    """currency: ISO 4217 code if the field has a fixed one. period: "year", "hour" … as written after `per`. rounding: as of
    DecimalType."""

    precision: int | None = None
    scale: int | None = None
    currency: str | None = None
    period: str | None = None
    rounding: str = ""


class QuantityType(Node, frozen=True):
    """`quantity in each or kg`: an amount and its own unit, one of `units`, of which no two are the same. precision and scale as
    of DecimalType, both None for any; rounding: as there. Values are equal if amount and unit are: 1000 g is not 1 kg."""

    units: tuple[Unit, ...]
    precision: int | None = None
    scale: int | None = None
    rounding: str = ""


class ListType(Node, frozen=True):
    element: Type


class RecordMember(Node, frozen=True):
    name: str
    type: Type
    optional: bool


class RecordType(Node, frozen=True):
    """`{ amount: decimal(12, 2), currency: text? }`: one value of several named parts, of which the optional ones may be absent.
    A value is a dict of the parts that have one, in the order of the members."""

    members: tuple[RecordMember, ...]


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
    | TimeType
    | DurationType
    | JsonType
    | EnumType
    | MoneyType
    | QuantityType
    | ListType
    | RecordType
    | ReferenceType
    | ObjectType
    | UnknownType
)
