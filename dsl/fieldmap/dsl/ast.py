"""The syntax tree: what was written, with the place of every part, and nothing that is not in the text.

No name is looked up here and no type is known. The compiler refers to this module as `ast`, to its own typed tree as `ir`.
Each node's docstring shows the text that it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal as OneOf

from fieldmap.dsl.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """`worker_id`, or `` `default` `` in backquotes (`text` is without them)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Node):
    """A plain string, unescaped: `'…'` anywhere, `"…"` outside expressions."""

    value: str


# ---------------------------------------------------------------------------------------------------------- file


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Node):
    """`use "people.map"`"""

    path: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Node):
    """One file. Broken statements are left out of `items`; their mistakes are in the parser's list."""

    items: tuple[Item, ...]


# -------------------------------------------------------------------------------------------------------- entity


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarType(Node):
    """`text`, `text(max 80)` (args: max=80), `decimal(8, 1) in km`, `country`; also `number` and `json`.

    numbers: the plain integer arguments (p, s); max_length: of `text(max n)`; pattern: of `text matching '…'`.
    unit: the text of the unit token, `kg/m^3`.
    """

    name: Name
    numbers: tuple[int, ...] = ()
    max_length: int | None = None
    pattern: Text | None = None
    unit: Name | None = None


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
class ListType(Node):
    """`list of text` in an entity, `[ text ]` or `[ { name: text } ]` in a shape."""

    element: TypeExpr


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceType(Node):
    """`Worker`: holds that entity's key."""

    entity: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType(Node):
    """`{ first: text, middle: text? }`: only in a shape."""

    members: tuple[Member, ...]


TypeExpr = ScalarType | EnumType | MoneyType | ListType | ReferenceType | ObjectType


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Node):
    """`pii`, `restricted`, `deprecated "use …"` (advice)."""

    kind: OneOf["pii", "restricted", "deprecated"]
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
class Entity(Node):
    """`entity Worker "A person …" { … }`"""

    name: Name
    doc: Text | None
    fields: tuple[EntityField, ...]
    key_lines: tuple[KeyLine, ...] = ()


# ----------------------------------------------------------------------------------------------------- connector


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(Node):
    """`env.WORKDAY_URL` or `secret.WORKDAY_CLIENT_SECRET`; only in connectors."""

    kind: OneOf["env", "secret"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Node):
    """`token_url "{base}/oauth2/token"` within an `auth` block, or `expand: "position"` within `query`, `headers`.

    value: an expression of literals, templates (whose holes may name `base`, `env.X` and `secret.X`) and environments.
    """

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth(Node):
    """`auth none`, `auth basic { user …, password … }`, `auth bearer { token … }`, `auth oauth2 client_credentials { … }`

    kind is the words joined by one blank: "oauth2 client_credentials".
    """

    kind: Name
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(Node):
    """`500 ms`, `60 s`, `2 min`, in milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Node):
    """`retry 6 times on 429, 5xx, timeout, from 500 ms up to 60 s`; causes are "429", "5xx", "timeout"."""

    times: int
    causes: tuple[Name, ...]
    first: Duration | None = None
    longest: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages(Node):
    """How the next page is found.

    `pages none`; `pages cursor at $.next sent as "cursor", 100 at a time sent as "limit"`; `pages next at $.links.next`;
    `pages odata2` (the link at `$.d.__next`).
    """

    kind: OneOf["none", "cursor", "next", "odata2"]
    at: Path | None = None
    sent_as: Text | None = None
    size: int | None = None
    size_sent_as: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Files(Node):
    """`files "all_streams*.jsonl" as ndjson`; format is `json`, `ndjson` or `csv`."""

    pattern: Text
    format: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinels(Node):
    """`all text? absent when "" or "N/A"` (for every optional member of that type in the shape)."""

    type: Name
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    """`hireDate : text? absent when "00/00/0000"`; a name may be quoted: `"Email_-_Work" : text?`."""

    name: Name
    type: TypeExpr
    optional: bool
    sentinels: tuple[Expr, ...] = ()
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Node):
    """`shape { … }`"""

    members: tuple[Member, ...]
    sentinels: tuple[Sentinels, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Node):
    """`resource workers { get "/v1/workers" … }`

    ids: one path, or several for `id ($.a, $.b)`. changed: `changed $.lastModified` with any conversion.
    """

    name: Name
    get: Expr | None = None
    files: Files | None = None
    query: tuple[Setting, ...] = ()
    headers: tuple[Setting, ...] = ()
    pages: Pages | None = None
    records: Path | None = None
    ids: tuple[Expr, ...] = ()
    changed: Expr | None = None
    deleted_when: Expr | None = None
    shape: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector(Node):
    """`connector workday { … }` (HTTP), `connector drop is files { … }`

    kind: "http" when unsaid. folder: of a files connector.
    """

    name: Name
    kind: Name | None
    base: Expr | None = None
    folder: Expr | None = None
    auth: Auth | None = None
    retry: Retry | None = None
    headers: tuple[Setting, ...] = ()
    resources: tuple[Resource, ...] = ()


# --------------------------------------------------------------------------------------------------------- codes


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeArm(Node):
    """`"On Leave", "Sabbatical" -> leave`, `else -> terminated` (codes is empty)."""

    codes: tuple[Text, ...]
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes(Node):
    """`codes worker_status "Workday status codes" { … }`"""

    name: Name
    doc: Text | None
    arms: tuple[CodeArm, ...]


# ----------------------------------------------------------------------------------------------------------- map


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Node):
    """`if invalid reject`, `if invalid hold`, `if invalid use 0`"""

    kind: OneOf["reject", "hold", "use"]
    value: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(Node):
    """`status = $.status via worker_status if invalid reject`"""

    field: Name
    value: Expr
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class When(Node):
    """`when $.status != "Applicant"`"""

    condition: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Node):
    """One of `ignore $.internal, $.photo*`: the path, and whether a `*` follows its last name."""

    path: Path
    prefix: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore(Node):
    """`ignore $.internal, $.photo*` or `ignore rest` (rest)."""

    paths: tuple[Ignored, ...]
    rest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Each(Node):
    """`each order.items[*] as item to OrderLine { … }`"""

    path: Path
    alias: Name
    entity: Name
    partial: bool
    strict: bool
    items: tuple[MapItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Node):
    """`map workday.workers as w to Worker partial strict { … }`; entity is None where it only has `each`."""

    connector: Name
    resource: Name
    alias: Name | None
    entity: Name | None
    partial: bool
    strict: bool
    items: tuple[MapItem, ...]


MapItem = Assignment | When | Ignore | Each


# --------------------------------------------------------------------------------------------------------- merge


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceName(Node):
    """`workday` or `workday.workers`"""

    connector: Name
    resource: Name | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Same(Node):
    """`same worker_id of workday, successfactors`: one numbering; `same (a, b) of …` for a composite key."""

    fields: tuple[Name, ...]
    sources: tuple[SourceName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Node):
    """`prefer a, b`, `prefer a then any` (then_any), `only a`, `newest`, `oldest`"""

    kind: OneOf["prefer", "only", "newest", "oldest"]
    sources: tuple[SourceName, ...] = ()
    then_any: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeField(Node):
    """`email newest`; `default prefer workday, bamboohr` has field None."""

    field: Name | None
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Node):
    """`merge Worker { … }`"""

    entity: Name
    same: tuple[Same, ...]
    rules: tuple[MergeField, ...]


# ------------------------------------------------------------------------------------------------------- example


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Node):
    """`given workday.workers { …json… }` or `given like "a worker on leave" with { …json… }`

    json: the text of the document as written, braces and all, with its span; it is parsed by the checker.
    """

    connector: Name | None
    resource: Name | None
    like: Text | None
    json: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedField(Node):
    """`status = leave`, `email is absent` (value None)"""

    field: Name
    value: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectEntity(Node):
    """`expect Worker { worker_id = "21001", email is absent }`"""

    entity: Name
    fields: tuple[ExpectedField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectOutcome(Node):
    """`expect reject status` (field), `expect hold hired_on`, `expect filtered`, `expect deleted`"""

    kind: OneOf["reject", "hold", "filtered", "deleted"]
    field: Name | None = None


Expectation = ExpectEntity | ExpectOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Example(Node):
    """`example "a worker on leave" { given … expect … }`"""

    title: Text
    given: Given
    expectations: tuple[Expectation, ...]


Item = Use | Entity | Connector | Codes | Map | Merge | Example


# --------------------------------------------------------------------------------------------------- expressions


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
class Conversion(Node):
    """`x as date("MM/dd/yyyy")`, `x as bool("Y", "N")`, `x as datetime(odata)`, `x as date at "America/New_York"`

    patterns: the string arguments. words: the bare ones in order (`odata`, `epoch`, `ms`). zone: of a following `at`.
    """

    value: Expr
    type: Name
    patterns: tuple[Text, ...] = ()
    words: tuple[Name, ...] = ()
    zone: Text | None = None


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
    | Conversion
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
