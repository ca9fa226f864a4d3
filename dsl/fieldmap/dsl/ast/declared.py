"""Tables of reference data, the author's own functions, and properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.entity import TypeExpr
    from fieldmap.dsl.ast.expression import Expr
    from fieldmap.dsl.ast.map import Let
    from fieldmap.dsl.ast.nodes import Name, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Node):
    """`key code : text`, `name : text? from "Cost Centre Name"` (header: of the CSV file, if it is not the name)"""

    name: Name
    type: TypeExpr
    optional: bool
    is_key: bool
    header: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Node):
    """`table cost_centers from "cost_centers.csv" { key code : text; name : text }`"""

    name: Name
    doc: Text | None
    source: Text
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Node):
    """`last: text?`"""

    name: Name
    type: TypeExpr
    optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Node):
    """`fn full_name(first: text, last: text?): text { gives words(first, last); expect full_name("Ada", absent) == "Ada" }`

    optional: whether the result may be absent.
    """

    name: Name
    doc: Text | None
    parameters: tuple[Parameter, ...]
    type: TypeExpr
    optional: bool
    lets: tuple[Let, ...]
    gives: Expr
    expectations: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Node):
    """`property "commute is never negative" for Worker { commute is absent or commute >= 0 km }`"""

    title: Text
    entity: Name
    conditions: tuple[Expr, ...]
