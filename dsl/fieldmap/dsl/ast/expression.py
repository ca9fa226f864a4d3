"""Expressions and paths."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.connector import Environment
from fieldmap.dsl.ast.nodes import Node, Text

if TYPE_CHECKING:
    from fieldmap.dsl.ast.nodes import Name


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


Segment = MemberSegment | IndexSegment | WildcardSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class Path(Node):
    """`$.a.b[0]` (root "$"), `order.items[*]` (root "order", the name given by `as`)."""

    root: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Node):
    """`12`, `1.5`, `-3`, `2e3`; with a unit glued or after one blank it is a quantity: `19.3 km`, `5000 USD`.

    value is exact; an integer has no fraction digits.
    """

    value: Decimal
    unit: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bool(Node):
    """`true`, `false`"""

    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent(Node):
    """`absent`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare(Node):
    """A lone name in an expression: an enum value (`active`), or the name given by `as` (`item`)."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole(Node):
    """`{x}`, `{x?}` (left out with one neighbouring blank), `{x!}` (the whole text is absent)"""

    value: Expr
    absence: OneOf["", "?", "!"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template(Node):
    """`"BHR-{$.supervisor!}"`; parts are plain texts and holes. A string without holes is one `Text` part or none."""

    parts: tuple[Text | Hole, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """`lower($.email)`"""

    function: Name
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Node):
    """`only($.phones[*]).number`, `parse($.place, '{city}, {region}').city`: a path that goes on behind a call."""

    value: Call
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion(Node):
    """`x as date("MM/dd/yyyy")`, `x as bool("Y", "N")`, `x as datetime(odata)`, `x as date at "America/New_York"`

    patterns: the string arguments. words: the bare ones in order (`odata`, `epoch`, `ms`). since: of `since 1950`. region: the
    path in `as phone($.country)`. zone: of a following `at`. choice: `earlier` or `later` behind it.
    """

    value: Expr
    type: Name
    patterns: tuple[Text, ...] = ()
    words: tuple[Name, ...] = ()
    since: int | None = None
    region: Path | None = None
    zone: Text | None = None
    choice: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime(Node):
    """`datetime($.date, $.time) at "Europe/Berlin"`, with `earlier` or `later` behind it (choice)"""

    date: Expr
    time: Expr
    zone: Text
    choice: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InUnit(Node):
    """`x in mi`, `x in USD per year`, `x in $.comp.currency per year`, `x in (last(…))`

    Exactly one of unit (a unit or currency token) and named_by (an expression that names the currency).
    """

    value: Expr
    unit: Name | None
    named_by: Expr | None
    period: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Via(Node):
    """`x via worker_status`"""

    value: Expr
    codes: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Negate(Node):
    """`- x`"""

    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic(Node):
    """`a * b`"""

    operator: OneOf["+", "-", "*", "/"]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Node):
    """`a == b`"""

    operator: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class InList(Node):
    """`x in ["A", "B"]`, `x not in [ … ]` (negated)"""

    value: Expr
    items: tuple[Expr, ...]
    negated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IsAbsent(Node):
    """`x is absent`, `x is not absent`, `x is missing`, `x is json null`"""

    value: Expr
    what: OneOf["absent", "missing", "json null"]
    negated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic(Node):
    """`a and b`, `a or b`"""

    operator: OneOf["and", "or"]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Node):
    """`not a`"""

    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise(Node):
    """`a otherwise b`: b where a is absent"""

    value: Expr
    fallback: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Node):
    """`if c then a else b`"""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf(Node):
    """`["a", "b"]` in an example's expectation"""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brackets(Node):
    """`( x )`: kept, since the checks on unbracketed arithmetic and the formatter need it"""

    value: Expr


Expr = (
    Path
    | Number
    | Bool
    | Absent
    | Bare
    | Template
    | Text
    | Call
    | Access
    | Conversion
    | LocalTime
    | InUnit
    | Via
    | Negate
    | Arithmetic
    | Comparison
    | InList
    | IsAbsent
    | Logic
    | Not
    | Otherwise
    | If
    | ListOf
    | Brackets
    | Environment
)
