"""Paths: JSONPath of RFC 9535, and the roots that Fieldmap adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.nodes import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSegment(Node):
    """`.name`, `["Email_-_Work"]`"""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSegment(Node):
    """`[0]`, `[-1]`"""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WildcardSegment(Node):
    """`[*]`, `.*`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Node):
    """`1:5`, `::2`, `-2:`; None where nothing is written."""

    start: int | None
    end: int | None
    step: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(Node):
    """`?@.kind == "work"`"""

    condition: Condition


Selector = MemberSegment | IndexSegment | WildcardSegment | Slice | Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSegment(Node):
    """`[?@.kind == "work"]`, `[1:3]`, `[0, "a", *]`; descendant: `..name`, `..*`, `..[0, 1]`."""

    selectors: tuple[Selector, ...]
    descendant: bool = False


Segment = MemberSegment | IndexSegment | WildcardSegment | ChoiceSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class Path(Node):
    """`$.a.b[0]` (root "$"), `order.items[*]` (root "order", the name given by `as`), `@page.total` (root "@page"),
    `@header("Link")` (root "@header", header "Link")."""

    root: str
    segments: tuple[Segment, ...]
    header: Text | None = None


# ------------------------------------------------------------------------------------------------ within a filter


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedPath(Node):
    """`@.kind` (root "@", the element at hand), `$.kinds[*]` (root "$", the record)."""

    root: OneOf["@", "$"]
    segments: tuple[Segment, ...]

    @property
    def singular(self) -> bool:
        """Whether it finds one value at most."""
        return all(isinstance(segment, MemberSegment | IndexSegment) for segment in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedLiteral(Node):
    """`"work"`, `12`, `true`, `null`"""

    value: str | Decimal | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedCall(Node):
    """`length(@.name)`; arguments are values, paths or conditions, as the function wants them."""

    function: str
    arguments: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedComparison(Node):
    """`@.kind == "work"`"""

    operator: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: Tested
    right: Tested


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedLogic(Node):
    """`a && b`, `a || b`"""

    operator: OneOf["&&", "||"]
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedNot(Node):
    """`!@.left`"""

    value: Condition


Tested = TestedPath | TestedLiteral | TestedCall
# A path alone tests that it finds something; a call alone must answer with true or false.
Condition = Tested | TestedComparison | TestedLogic | TestedNot
