"""Expressions: reads, conversions, operators.

More than 400 lines: a vocabulary, of which every class is a few fields and refers to the union of all at the end.
"""

from __future__ import annotations

from fieldmap.compiler.ir.nodes import Node
from fieldmap.compiler.ir.paths import Segment
from fieldmap.compiler.ir.types import EnumType, TextType, Type, Unit


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


class TimeConstant(Expression, frozen=True):
    """value: "14:30:00", as Python's time.isoformat has it."""

    value: str


class DurationConstant(Expression, frozen=True):
    """value: "P1Y2M3DT4H5M6.7S", the canonical text."""

    value: str


class MoneyConstant(Expression, frozen=True):
    amount: str
    currency: str


class QuantityConstant(Expression, frozen=True):
    """A value of a field in several units. unit: as the field writes it."""

    amount: str
    unit: str


class AbsentConstant(Expression, frozen=True):
    pass


class ListConstant(Expression, frozen=True):
    items: tuple[Expr, ...]


class RecordPart(Node, frozen=True):
    name: str
    value: Expr
    required: bool


class MakeRecord(Expression, frozen=True):
    """The value of a field of a record type. A part that is absent is left out; a record of which no part has a value is absent;
    one that lacks a required part fails (FM2137)."""

    parts: tuple[RecordPart, ...]


class Read(Expression, frozen=True):
    """A path, read as its shape says.

    root: "$" the record, else the name given by `as` to an element of `each` (or to the record), or what surrounds the record:
    "@page" the body, "@envelope" the nearest object round the record within the body (absent if there is none), "@fetched_at"
    (text of an instant) and "@url" of the response, "@header" an object of its headers by name in lower case. text: the path
    as written. Without All and Choice: the value found, else absent. With one: a list of what is found without nulls; absent
    if the part before the first of them is absent. After that `declared` (if any) is applied to the value, to each element of
    a list, as by Implicit; a result equal to one of `sentinels` is absent (left out of a list), and so is, before it is read, a
    text equal to one of `unread`. With several All the lists are joined.
    how: where the shape states a format, `declared` is read by it as by Convert; of a declared list, each element is.
    beside: the value may be an object that holds a text (as "#text") beside its attributes; then it stands for that text.
    unchanged: a value that, before it is read, equals one of these is a mark of the source's and no value: FM2136.
    """

    root: str
    segments: tuple[Segment, ...]
    text: str
    declared: Type | None = None
    how: How | None = None
    beside: bool = False
    sentinels: tuple[Constant, ...] = ()
    unchanged: tuple[Constant, ...] = ()

    @property
    def unread(self) -> tuple[str, ...]:
        """The sentinels that are compared before the value is read: texts, where the type is another or a checked text."""
        if self.declared is None or isinstance(self.declared, EnumType) or self.declared == TextType():
            return ()
        return tuple(sentinel.value for sentinel in self.sentinels if isinstance(sentinel, TextConstant))


# The root of the path in a Pick: no name of an author's.
PICKED = "(value)"


class Implicit(Expression, frozen=True):
    """The lossless conversions that need no word, of a JSON value or a text (else FM2101; bad text: FM2103, FM2104 …):

    text from a JSON string, a checked text as its kind says (FM2155); int from an integral number or plain decimal text ("12",
    "-3", "+3" is refused, "12.0" is); decimal from a number or plain decimal text (`-?[0-9]+(\\.[0-9]+)?`); float likewise; bool
    from true and false; date from ISO 8601 `2026-03-01`; datetime from ISO 8601 with an offset or Z (FM2107 without; up to
    microseconds, finer and not zero FM2103); time from ISO 8601 `14:30[:00[.25]]` (no offset, no 24:00; else FM2157); duration
    from ISO 8601 `P3Y6M4DT12H30M5S` (FM2157); enum from a text that is one of its values (FM2110); a reference as its key; a
    list element by element, nulls left out; json takes anything.
    """

    value: Expr
    to: Type


class Patterns(Node, frozen=True):
    """LDML patterns tried in order, with the letters of `fieldmap.runtime.values.patterns`. The whole text must match. since: the
    first of the hundred years that `yy` means. zone: IANA name for results without an offset; None then fails with FM2107,
    as does a local time that the zone skips or repeats, unless choice says "earlier" or "later"."""

    patterns: tuple[str, ...]
    zone: str | None = None
    choice: str = ""
    since: int = 1969


class Iso(Node, frozen=True):
    """ISO 8601 as Implicit reads it; a datetime without an offset needs `zone`. choice: as of Patterns."""

    zone: str | None = None
    choice: str = ""


class AsWritten(Node, frozen=True):
    """The date or time part of an ISO timestamp as it stands in the text, whatever its offset; also of a plain date or time."""


class InZone(Node, frozen=True):
    """`as date at "America/New_York"`: the day, or the time of day, that an instant (text with offset, or a datetime) has in that
    zone."""

    zone: str


class Epoch(Node, frozen=True):
    """Whole or decimal count of days (date), s, ms, us or ns (datetime) since 1970 UTC, or (time) since midnight; number or
    its plain text. A result outside 1900–2100 fails with FM2108, with any_year one outside 1–9999, of a time one outside the
    day. zone: the count is of what the clocks of that zone showed (a column without zone); choice as of Patterns."""

    unit: str
    zone: str | None = None
    choice: str = ""
    any_year: bool = False


class OData(Node, frozen=True):
    """`/Date(1518393600000)/` or with an offset in minutes `/Date(1518393600000+0060)/` (the offset shows the local time and
    does not move the instant). As date: the UTC day of the count; a time of day other than midnight fails (FM2103).
    As datetime: without an offset the count is UTC. As time: `PT14H30M00S` (FM2157)."""


class NumberFormat(Node, frozen=True):
    """`as decimal("1.234,56")`: point and group are the marks of that sample; groups of three are checked; group "" is none, and
    so is point "". A blank stands for any blank that keeps a number together, an apostrophe for the typographic one too.
    pairs: all groups but the last have two digits (`12,34,567`). minus: "" before the digits, "behind", or "brackets"."""

    point: str
    group: str
    pairs: bool = False
    minus: str = ""


class BoolWords(Node, frozen=True):
    """`as bool("Y", "N")`: exactly these texts, else FM2105. `as bool("X", "")` reads an empty text as false."""

    yes: str
    no: str


class AsText(Node, frozen=True):
    """`as text`: a text, or a whole number in plain digits; another number fails (FM2104), having more than one spelling."""


class CountryBy(Node, frozen=True):
    """`as country(name)`: the alpha-2 code of a country given by its "name" (English, in any case), "alpha2", "alpha3" or
    "numeric" code of ISO 3166-1 (FM2155)."""

    by: str


class Base64(Node, frozen=True):
    """`base64 decimal(9, 3)` of a shape: base64 of the big-endian two's complement of the number without its point; scale says
    where that is (FM2104)."""

    scale: int


How = Patterns | Iso | AsWritten | InZone | Epoch | OData | NumberFormat | BoolWords | AsText | CountryBy | Base64


class Convert(Expression, frozen=True):
    """`x as date("…")`; absent stays absent. Fails with FM2103 (dates), FM2104 (numbers), FM2105 (bool); FM2101 where the
    value is not of a JSON type that can be read so (a number where a text is needed)."""

    value: Expr
    to: Type
    how: How


class LocalTime(Expression, frozen=True):
    """`datetime(date, time) at "Europe/Berlin"`: the instant at which the clocks of the zone show both. Absent if a side is; a
    time that the zone skips or repeats fails (FM2107) unless choice says "earlier" or "later"."""

    date: Expr
    time: Expr
    zone: str
    choice: str = ""


class Phone(Expression, frozen=True):
    """`x as phone($.country)`: E.164 of a number; one without + is read as dialled in the region, an alpha-2 code. Absent if the
    number is. FM2155 for what is no number of that region, for a region that is no country, and for a number without + where the
    region is absent."""

    value: Expr
    region: Expr


class Scale(Expression, frozen=True):
    """value * factor + offset, exactly; factor and offset are texts of fractions ("1609344/1000000"). from_unit, to_unit: as
    written, for explain."""

    value: Expr
    factor: str
    offset: str
    from_unit: str
    to_unit: str


class ReadQuantity(Expression, frozen=True):
    """`x as quantity(bare in inch, range lower)`: a number with its unit out of a text, as a number in `unit`.

    spellings: the table (`Spellings`, of `Project.codes`) of the words that name units. bare: the unit of a number without one; without
    it such a number fails (FM2146), and so does a JSON number. ends: "lower" or "upper" end of a range, "both" as a list;
    without it a range or a hedge fails (FM2148). FM2145 for other texts, FM2147 a unit of another dimension, FM2149 several
    values, FM2150 an unknown unit. The shapes are published in docs/language.md.
    """

    value: Expr
    spellings: str
    unit: Unit
    bare: Unit | None = None
    ends: str | None = None


class ReadAnyQuantity(Expression, frozen=True):
    """`x as quantity` for a field in several units: an amount and its unit out of a text.

    readings: for each unit of the field how a text is read in it, about Item; no two measure the same. Exactly one of them must
    succeed; where several do the text could be either (FM2150), where none does it fails as the first that gives another reason than FM2147.
    """

    value: Expr
    readings: tuple[ReadQuantity, ...]


class MakeQuantity(Expression, frozen=True):
    """An amount and its unit, as the field writes it. Absent if the amount is absent."""

    amount: Expr
    unit: str


class ReadMoney(Expression, frozen=True):
    """`x as money("$" in USD)`: an amount and its currency out of a text: `68000 CAD`, `CAD 68,000.00`. signs: what stands for a
    currency beside its ISO code; a sign that is not among them fails (FM2111). bare: the currency of a number without one."""

    value: Expr
    signs: tuple[tuple[str, str], ...] = ()
    bare: str | None = None


class PerPeriod(Expression, frozen=True):
    """An amount per a period of the data, as one per `wanted`. period: an expression that gives hour, day, week, month, year or
    each. factors: by which the amount is multiplied, for each period that may come; another one fails (FM2153)."""

    value: Expr
    period: Expr
    wanted: str
    factors: tuple[tuple[str, str], ...]


class Exchange(Expression, frozen=True):
    """Money in `currency` by a dated rate of the table (`Rates`, of `Project.codes`): the latest rate of the pair on or before the
    day, no older than the table allows; FM2152 where there is none, or the day is absent. Exact; rounded when assigned. Money that is in
    `currency` already stays as it is, and needs no rate."""

    value: Expr
    day: Expr
    rates: str
    currency: str


class ScaleByCode(Expression, frozen=True):
    """`x in unit($.uom, unece)`: value * factor + offset of the row that the code names, and from there to the unit `into`, exactly.

    The rows are `Project.codes[table]`: code to "factor offset", to the base of the dimension of `into`; `Project.codes[system + "/"]`
    has what the system's other codes are, code to "litre, a volume". Absent if the value is absent. An absent code fails with FM2142, one that the
    system does not know with FM2140, one of another dimension with FM2141, and one that no factor converts with FM2143. into is
    None only while the checker does not know yet what is measured.
    """

    value: Expr
    code: Expr
    system: str
    into: Unit | None = None

    @property
    def table(self) -> str:
        return f"{self.system}/{self.into.dimension}" if self.into is not None else ""


class MakeMoney(Expression, frozen=True):
    """An amount and its currency. Absent if the amount is absent; a currency that is absent, or not three capital letters of
    ISO 4217, fails with FM2111. assumed: why the author takes the currency for granted, for provenance."""

    amount: Expr
    currency: Expr
    assumed: str | None = None


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


class Use(Expression, frozen=True):
    """The value of a `let`, or of a parameter of an author's function. paths: those that the let reads, for blame.

    A let is evaluated once for the record (or element) that it stands in; where it fails, all that use it fail alike."""

    name: str
    paths: tuple[str, ...] = ()


class Apply(Expression, frozen=True):
    """An author's function, of `Map.functions`. Absent, without a look at its body, where an argument is absent that may not be.
    A failure within it is blamed on what the arguments read."""

    function: str
    arguments: tuple[Expr, ...]


class CaseArm(Node, frozen=True):
    """keys: compared as by ==; the first arm that has the value is taken."""

    keys: tuple[Constant, ...]
    value: Expr


class Case(Expression, frozen=True):
    """Absent if the value is; otherwise the arm that names it, else `otherwise`, else FM2165. Only the arm taken is evaluated."""

    value: Expr
    arms: tuple[CaseArm, ...]
    otherwise: Expr | None = None


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


class RowField(Expression, frozen=True):
    """A field of a merged row, in a condition of its entity. The value is as the row holds it, None if absent. amount: of money of a
    fixed currency the number alone."""

    name: str
    amount: bool = False


class Item(Expression, frozen=True):
    """The element at hand, inside Mapped."""


class Position(Expression, frozen=True):
    """Which element of its list the one called `alias` is, from 1: an int. Elements that are null or left out count."""

    alias: str


class Mapped(Expression, frozen=True):
    """`as`, `in`, `via` on a list: body for each element (Item), absent results left out. One failing element fails all."""

    value: Expr
    body: Expr


Constant = (
    TextConstant
    | NumberConstant
    | BoolConstant
    | DateConstant
    | TimeConstant
    | DurationConstant
    | MoneyConstant
    | QuantityConstant
)

Expr = (
    TextConstant
    | NumberConstant
    | BoolConstant
    | DateConstant
    | TimeConstant
    | DurationConstant
    | MoneyConstant
    | QuantityConstant
    | AbsentConstant
    | ListConstant
    | MakeRecord
    | Read
    | Implicit
    | Convert
    | LocalTime
    | Phone
    | Scale
    | ReadQuantity
    | ReadAnyQuantity
    | MakeQuantity
    | ReadMoney
    | PerPeriod
    | Exchange
    | ScaleByCode
    | MakeMoney
    | Lookup
    | Template
    | Call
    | Pick
    | Use
    | Apply
    | Case
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
    | RowField
    | Mapped
)
