"""The intermediate representation: what a project means, with every name resolved, every type and unit known.

Immutable, free of the syntax tree, and serialised as it stands (`ir.json` of a bundle, tagged by class name). The interpreter
gives it its reference meaning; the emitters turn it into SQL, fetch plans and Python. A reader of a node needs nothing else:
whatever an emitter or `explain` wants is copied in.

Values while a record is mapped: text and enum are str; bool, int are themselves; decimal is int, Decimal or Fraction (exact,
rounded only when assigned); float is float; date is date; datetime is an aware datetime in UTC; money is
`fieldmap.runtime.values.Money`; a list is a list without Nones; json is what JSON gave. Absence is None (the difference of
missing and null is asked only by IsAbsent).
"""

from __future__ import annotations

import msgspec

from fieldmap.compiler.ir.entities import CodeTable, Entity, Field, Project, Rule, Source
from fieldmap.compiler.ir.expressions import (
    PICKED,
    AbsentConstant,
    All,
    And,
    Arithmetic,
    AsWritten,
    BoolConstant,
    BoolWords,
    Call,
    Comparison,
    Constant,
    Convert,
    DateConstant,
    Epoch,
    Expr,
    Expression,
    Hole,
    How,
    If,
    Implicit,
    Index,
    InList,
    InZone,
    IsAbsent,
    Iso,
    Item,
    ListConstant,
    Lookup,
    MakeMoney,
    Mapped,
    Member,
    MoneyConstant,
    Negate,
    Not,
    NumberConstant,
    NumberFormat,
    OData,
    Or,
    Otherwise,
    Patterns,
    Pick,
    Position,
    Read,
    Scale,
    Segment,
    Template,
    TextConstant,
)
from fieldmap.compiler.ir.identity import Identity, Match, Reference
from fieldmap.compiler.ir.maps import HELD_SHARE, Also, Assignment, Check, Child, Claim, Each, Map
from fieldmap.compiler.ir.nodes import Node, Place
from fieldmap.compiler.ir.types import (
    BoolType,
    DatetimeType,
    DateType,
    DecimalType,
    EnumType,
    FloatType,
    IntType,
    JsonType,
    ListType,
    MoneyType,
    ObjectType,
    ReferenceType,
    TextType,
    Type,
    Unit,
    UnknownType,
)

__all__ = [
    "HELD_SHARE",
    "PICKED",
    "AbsentConstant",
    "All",
    "Also",
    "And",
    "Arithmetic",
    "AsWritten",
    "Assignment",
    "BoolConstant",
    "BoolType",
    "BoolWords",
    "Call",
    "Check",
    "Child",
    "Claim",
    "CodeTable",
    "Comparison",
    "Constant",
    "Convert",
    "DateConstant",
    "DateType",
    "DatetimeType",
    "DecimalType",
    "Each",
    "Entity",
    "EnumType",
    "Epoch",
    "Expr",
    "Expression",
    "Field",
    "FloatType",
    "Hole",
    "How",
    "Identity",
    "If",
    "Implicit",
    "InList",
    "InZone",
    "Index",
    "IntType",
    "IsAbsent",
    "Iso",
    "Item",
    "JsonType",
    "ListConstant",
    "ListType",
    "Lookup",
    "MakeMoney",
    "Map",
    "Mapped",
    "Match",
    "Member",
    "MoneyConstant",
    "MoneyType",
    "Negate",
    "Node",
    "Not",
    "NumberConstant",
    "NumberFormat",
    "OData",
    "ObjectType",
    "Or",
    "Otherwise",
    "Patterns",
    "Pick",
    "Place",
    "Position",
    "Project",
    "Read",
    "Reference",
    "ReferenceType",
    "Rule",
    "Scale",
    "Segment",
    "Source",
    "Template",
    "TextConstant",
    "TextType",
    "Type",
    "Unit",
    "UnknownType",
    "decode_project",
    "encode",
]


def encode(node: msgspec.Struct) -> bytes:
    """Deterministic JSON."""
    return msgspec.json.encode(node, order="deterministic")


def decode_project(data: bytes) -> Project:
    """Raises msgspec.ValidationError if the data is no project."""
    return msgspec.json.decode(data, type=Project)
