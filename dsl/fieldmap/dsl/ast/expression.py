"""Expressions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.connector import Environment
from fieldmap.dsl.ast.nodes import Node, Text
from fieldmap.dsl.ast.path import Path

if TYPE_CHECKING:
    from fieldmap.dsl.ast.nodes import Name
    from fieldmap.dsl.ast.path import Segment


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
    named: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument(Node):
    """`code: $.costCentre`, an argument with its name"""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Node):
    """`only($.phones[*]).number`, `parse($.place, '{city}, {region}').city`: a path that goes on behind a call."""

    value: Call
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Node):
    """`bare in inch`, `"$" in USD`: what stands in a text, and the unit or currency that it then has. `in kg` (what is None): the unit of
    the result."""

    what: Name | Text | None
    unit: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPeriod(Node):
    """`per period($.paidPer, pay_period)`: the period that a code of the data names."""

    code: Expr
    codes: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable(Node):
    """`using fx on $.payDate`; without `on` the day is None."""

    name: Name
    day: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours(Node):
    """`using 2080 h per year`: how much of one period the other has."""

    count: Number
    period: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion(Node):
    """`x as date("MM/dd/yyyy")`, `x as bool("Y", "N")`, `x as datetime(odata)`, `x as date at "America/New_York"`

    patterns: the string arguments. words: the bare ones in order (`odata`, `epoch`, `ms`). since: of `since 1950`. region: the
    path in `as phone($.country)`. zone: of a following `at`. choice: `earlier` or `later` behind it.
    readings: `bare in inch`. period, using: `as quantity per period($.paidPer, pay_period) using 2080 h per year`.
    """

    value: Expr
    type: Name
    patterns: tuple[Text, ...] = ()
    words: tuple[Name, ...] = ()
    since: int | None = None
    region: Path | None = None
    zone: Text | None = None
    choice: Name | None = None
    readings: tuple[Reading, ...] = ()
    period: Name | DataPeriod | None = None
    using: tuple[RateTable | Hours, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime(Node):
    """`datetime($.date, $.time) at "Europe/Berlin"`, with `earlier` or `later` behind it (choice)"""

    date: Expr
    time: Expr
    zone: Text
    choice: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InUnit(Node):
    """`x in mi`, `x in USD per year`, `x in $.comp.currency per year`, `x in (last(…))`, `x in $.cur using fx on $.day`,
    `x in USD assumed "they book in USD"`

    Exactly one of unit (a unit or currency token) and named_by (an expression that names the currency).
    """

    value: Expr
    unit: Name | None
    named_by: Expr | None
    period: Name | DataPeriod | None = None
    using: tuple[RateTable | Hours, ...] = ()
    assumed: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InUnitOf(Node):
    """`x in unit($.uom, unece)`: a unit that the data names, by the codes of a system or list; without one, the language's own names."""

    value: Expr
    code: Expr
    system: Name | None


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
class CaseArm(Node):
    """`"A", "B" -> x`; `else -> y` has no keys. A key is a Text, Number, Bool or Bare."""

    keys: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Node):
    """`case $.kind { "A", "B" -> x; else -> y }`"""

    value: Expr
    arms: tuple[CaseArm, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPart(Node):
    """`amount: $.pay`"""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Node):
    """`{ amount: $.pay, currency: $.cur }`: the value of a field whose type is `{ amount: …, currency: … }`"""

    parts: tuple[RecordPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Node):
    """`(order.no, item.line)`: the parts of a key of several fields, as a reference holds them. Only the value of a field."""

    parts: tuple[Expr, ...]


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
    | InUnitOf
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
    | Case
    | ListOf
    | Record
    | Row
    | Brackets
    | Environment
)
