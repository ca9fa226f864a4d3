"""Files, and what a file holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmap.dsl.ast.codes import Codes, OwnUnit, Rates, UnitCodes
from fieldmap.dsl.ast.connector import Connector
from fieldmap.dsl.ast.declared import Function, Property, Table
from fieldmap.dsl.ast.entity import Entity
from fieldmap.dsl.ast.example import Example
from fieldmap.dsl.ast.map import Map
from fieldmap.dsl.ast.merge import Merge
from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.nodes import Text
    from fieldmap.dsl.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Node):
    """`use "people.map"`"""

    path: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Node):
    """One file. Broken statements are left out of `items`; their mistakes are in the parser's list, their places in `lost`,
    each with the block that it opens."""

    items: tuple[Item, ...]
    lost: tuple[Span, ...] = ()


Item = (
    Use | Entity | Connector | OwnUnit | Codes | UnitCodes | Rates | Map | Merge | Example | Function | Table | Property
)
