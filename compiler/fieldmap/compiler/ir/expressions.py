"""Expressions: paths, conversions, operators."""

from __future__ import annotations

from fieldmap.compiler.ir.nodes import Node
from fieldmap.compiler.ir.types import Type


class Member(Node, frozen=True):
    """A step to a member of an object.

    required: where the object is there and the member is missing or null, the whole record is rejected (FM2102).
    A step from something that is no object fails (FM2101).
    """

    name: str
    required: bool = False


class Index(Node, frozen=True):
    """A step to an element, from the end if negative; past the end is absent; from something that is no list fails."""

    index: int


class All(Node, frozen=True):
    """A step to every element of a list (or value of an object). From here on the path gives a list, nulls left out."""


Segment = Member | Index | All


class Expression(Node, frozen=True):
    pass


class TextConstant(Expression, frozen=True):
    """Also the value of an enum."""

    value: str


class NumberConstant(Expression, frozen=True):
    """value: plain decimal text, "12.50"; an int if it has no point."""

    value: str


class BoolConstant(Expression, frozen=True):
    value: bool


class DateConstant(Expression, frozen=True):
    """value: "2026-03-01"; made of a text literal where a date is needed."""

    value: str


class MoneyConstant(Expression, frozen=True):
    amount: str
    currency: str


class AbsentConstant(Expression, frozen=True):
    pass


class ListConstant(Expression, frozen=True):
    items: tuple[Expr, ...]


class Read(Expression, frozen=True):
    """A path, read as its shape says.

    root: "$" the record, else the name given by `as` to an element of `each` (or to the record). text: the path as written.
    Without All: the value found, else absent. With All: a list of what is found without nulls; absent if the part before
    the first All is absent. After that `declared` (if any) is applied to the value, to each element of a list, as by
    Implicit; a result equal to one of `sentinels` is absent (left out of a list). With several All the lists are joined.
    """

    root: str
    segments: tuple[Segment, ...]
    text: str
    declared: Type | None = None
    sentinels: tuple[Constant, ...] = ()


# The root of the path in a Pick: no name of an author's.
PICKED = "(value)"


class Implicit(Expression, frozen=True):
    """The lossless conversions that need no word, of a JSON value or a text (else FM2101; bad text: FM2103, FM2104 …):

    text from a JSON string; int from an integral number or plain decimal text ("12", "-3", "+3" is refused, "12.0" is);
    decimal from a number or plain decimal text (`-?[0-9]+(\\.[0-9]+)?`); float likewise; bool from true and false; date from
    ISO 8601 `2026-03-01`; datetime from ISO 8601 with an offset or Z (FM2107 without; up to microseconds, finer and not zero
    FM2103); enum from a text that is one of its values (FM2110); a reference as its key; a list element by element, nulls
    left out; json takes anything.
    """

    value: Expr
    to: Type


class Patterns(Node, frozen=True):
    """LDML patterns tried in order: of yyyy, yy, MM, M, MMM (English), dd, d, HH, H, hh, h, mm, ss, SSS (1–9 digits), a, XXX
    (offset or Z), quoted literals. The whole text must match. zone: IANA name for results without an offset; None then
    fails with FM2107, as does a local time that the zone skips or repeats."""

    patterns: tuple[str, ...]
    zone: str | None = None


class Iso(Node, frozen=True):
    """ISO 8601 as Implicit reads it; a datetime without an offset needs `zone`."""

    zone: str | None = None


class AsWritten(Node, frozen=True):
    """The date part of an ISO timestamp as it stands in the text, whatever its offset; also of a plain date."""


class InZone(Node, frozen=True):
    """`as date at "America/New_York"`: the day that an instant (text with offset, or a datetime) has in that zone."""

    zone: str


class Epoch(Node, frozen=True):
    """Whole or decimal count of days (date), s, ms, us or ns (datetime) since 1970 UTC; number or its plain text.
    A result outside 1900–2100 fails with FM2108."""

    unit: str


class OData(Node, frozen=True):
    """`/Date(1518393600000)/` or with an offset in minutes `/Date(1518393600000+0060)/` (the offset shows the local time and
    does not move the instant). As date: the UTC day of the count; a time of day other than midnight fails (FM2103).
    As datetime: without an offset the count is UTC."""


class NumberFormat(Node, frozen=True):
    """`as decimal("1.234,56")`: point and group are the marks of that sample; groups of three are checked; group "" is none."""

    point: str
    group: str


class BoolWords(Node, frozen=True):
    """`as bool("Y", "N")`: exactly these texts, else FM2105. `as bool("X", "")` reads an empty text as false."""

    yes: str
    no: str


How = Patterns | Iso | AsWritten | InZone | Epoch | OData | NumberFormat | BoolWords


class Convert(Expression, frozen=True):
    """`x as date("…")`; absent stays absent. Fails with FM2103 (dates), FM2104 (numbers), FM2105 (bool); FM2101 where the
    value is not of a JSON type that can be read so (a number where a text is needed)."""

    value: Expr
    to: Type
    how: How


class Scale(Expression, frozen=True):
    """value * factor + offset, exactly; factor and offset are texts of fractions ("1609344/1000000"). from_unit, to_unit: as
    written, for explain."""

    value: Expr
    factor: str
    offset: str
    from_unit: str
    to_unit: str


class MakeMoney(Expression, frozen=True):
    """An amount and its currency. Absent if the amount is absent; a currency that is absent, or not three capital letters of
    ISO 4217, fails with FM2111."""

    amount: Expr
    currency: Expr


class Lookup(Expression, frozen=True):
    """`x via codes`: the arm that names the text, else the default, else FM2110. The table is `Project.codes[codes]`."""

    value: Expr
    codes: str


class Hole(Node, frozen=True):
    """absence: "" (never absent), "?" left out with one neighbouring blank, "!" makes the whole text absent."""

    value: Expr
    absence: str = ""


class Template(Expression, frozen=True):
    """Texts and holes. A hole's value is a text or an int (in plain digits).

    `{x?}` when absent: if a blank stands directly before the hole it goes with it, else one directly after it."""

    parts: tuple[str | Hole, ...]


class Call(Expression, frozen=True):
    """A standard function (`fieldmap.compiler.functions`). Unless the function says otherwise, an absent argument makes the
    result absent."""

    function: str
    arguments: tuple[Expr, ...]


class Pick(Expression, frozen=True):
    """What a path finds in a value that is no record: `only($.phones[*]).number`. Absent if the value is.

    path: a Read whose root is PICKED, and whose text shows the value before the path."""

    value: Expr
    path: Read


class Arithmetic(Expression, frozen=True):
    """operator: + - * /. Exact; absent if a side is absent; division by zero fails with FM2115. Date arithmetic is not here."""

    operator: str
    left: Expr
    right: Expr


class Negate(Expression, frozen=True):
    value: Expr


class Comparison(Expression, frozen=True):
    """operator: == != < <= > >=. Absent if a side is absent. Texts by code point, enum by text, numbers exactly, false < true."""

    operator: str
    left: Expr
    right: Expr


class InList(Expression, frozen=True):
    """Absent if the value is absent."""

    value: Expr
    items: tuple[Expr, ...]
    negated: bool = False


class IsAbsent(Expression, frozen=True):
    """what: "absent" (missing or null, after sentinels), "missing", "json null" (both only of a Read: of what the path finds)."""

    value: Expr
    what: str
    negated: bool = False


class And(Expression, frozen=True):
    """Three-valued as in SQL. The right side is evaluated unless the left is false."""

    left: Expr
    right: Expr


class Or(Expression, frozen=True):
    """Three-valued as in SQL. The right side is evaluated unless the left is true."""

    left: Expr
    right: Expr


class Not(Expression, frozen=True):
    value: Expr


class Otherwise(Expression, frozen=True):
    """fallback where value is absent; a failure of value is not caught, and the fallback is evaluated only if needed."""

    value: Expr
    fallback: Expr


class If(Expression, frozen=True):
    """Only the branch taken is evaluated. The checker sees to it that the condition is never absent."""

    condition: Expr
    then: Expr
    otherwise: Expr


class Item(Expression, frozen=True):
    """The element at hand, inside Mapped."""


class Position(Expression, frozen=True):
    """Which element of its list the one called `alias` is, from 1: an int. Elements that are null or left out count."""

    alias: str


class Mapped(Expression, frozen=True):
    """`as`, `in`, `via` on a list: body for each element (Item), absent results left out. One failing element fails all."""

    value: Expr
    body: Expr


Constant = TextConstant | NumberConstant | BoolConstant | DateConstant | MoneyConstant

Expr = (
    TextConstant
    | NumberConstant
    | BoolConstant
    | DateConstant
    | MoneyConstant
    | AbsentConstant
    | ListConstant
    | Read
    | Implicit
    | Convert
    | Scale
    | MakeMoney
    | Lookup
    | Template
    | Call
    | Pick
    | Arithmetic
    | Negate
    | Comparison
    | InList
    | IsAbsent
    | And
    | Or
    | Not
    | Otherwise
    | If
    | Item
    | Position
    | Mapped
)
