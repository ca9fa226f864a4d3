"""Entities, and the types that fields and members are declared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.connector import Member
    from fieldmap.dsl.ast.expression import Expr
    from fieldmap.dsl.ast.nodes import Name, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarType(Node):
    """`text`, `text(max 80)` (args: max=80), `decimal(8, 1) in km`, `country`; also `number` and `json`.

    numbers: the plain integer arguments (p, s); max_length: of `text(max n)`; pattern: of `text matching '…'`.
    unit: the text of the unit token, `kg/m^3`. patterns, words, zone, choice: in a shape, how a text or number is to be read, as
    of a Conversion: `datetime(epoch us) at "Europe/Berlin"`. base64: of `base64 decimal(9, 3)`.
    """

    name: Name
    numbers: tuple[int, ...] = ()
    max_length: int | None = None
    pattern: Text | None = None
    unit: Name | None = None
    patterns: tuple[Text, ...] = ()
    words: tuple[Name, ...] = ()
    zone: Text | None = None
    choice: Name | None = None
    base64: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumType(Node):
    """`enum { active, leave, terminated }`"""

    values: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyType(Node):
    """`money(12, 2)`, `money(12, 2) in USD`, `money(12, 2) per year`"""

    numbers: tuple[int, ...]
    currency: Name | None = None
    period: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityType(Node):
    """`quantity in each or kg`, `quantity(12, 3) in each or kg`"""

    numbers: tuple[int, ...]
    units: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListType(Node):
    """`list of text` in an entity, `[ text ]` or `[ { name: text } ]` in a shape. bracketed: written in square brackets."""

    element: TypeExpr
    bracketed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceType(Node):
    """`Worker`: holds that entity's key."""

    entity: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType(Node):
    """`{ first: text, middle: text? }`: an object of a shape, a record of an entity."""

    members: tuple[Member, ...]


TypeExpr = ScalarType | EnumType | MoneyType | QuantityType | ListType | ReferenceType | ObjectType


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Node):
    """`pii`, `restricted`, `deprecated "use …"` (advice), `rounded half even`, `must exist`."""

    kind: OneOf["pii", "restricted", "deprecated", "rounded half even", "must exist"]
    advice: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityField(Node):
    """`key worker_id : text "Company-wide worker number"`, `email : email? pii`"""

    name: Name
    type: TypeExpr
    optional: bool
    is_key: bool
    tags: tuple[Tag, ...] = ()
    doc: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine(Node):
    """`key (order_no, line_no)`: a composite key, its fields declared as other lines."""

    fields: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCondition(Node):
    """`must left_on is absent or left_on >= hired_on "left before being hired"`, `warn …`"""

    kind: OneOf["must", "warn"]
    condition: Expr
    message: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepsHistory(Node):
    """`keeps history`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity(Node):
    """`entity Worker pii "A person …" { … }`; its tags are those of each field."""

    name: Name
    doc: Text | None
    fields: tuple[EntityField, ...]
    key_lines: tuple[KeyLine, ...] = ()
    tags: tuple[Tag, ...] = ()
    conditions: tuple[RowCondition, ...] = ()
    history: tuple[KeepsHistory, ...] = ()
