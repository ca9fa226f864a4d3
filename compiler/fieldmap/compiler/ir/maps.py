"""Maps: how records become claims."""

from __future__ import annotations

from fieldmap.compiler.ir.expressions import Constant, Expr, Read
from fieldmap.compiler.ir.nodes import Node, Place
from fieldmap.compiler.ir.types import Type

# Of a field's present values as many percent may be held in a run, where the map says nothing.
HELD_SHARE = "2"


class Check(Node, frozen=True):
    """`expect` (kind "expect": where the condition is false the record is rejected, FM2131; a failing condition rejects it for
    its own reason) or `warn` (kind "warn": where it is false, FM2132, or fails, the record is listed and goes on; but a
    required member that is missing rejects). An absent condition is no complaint, nor is one that cannot be judged because the
    source leaves a value unchanged (FM2136). message: "" if the author gave none; then
    the reason quotes the condition, `text`."""

    kind: str
    condition: Expr
    message: str
    text: str
    place: Place

    @property
    def reason(self) -> str:
        return self.message or f"not so: {self.text}"


class Asked(Node, frozen=True):
    """A path of a value that the source may leave unchanged: it does if what the path finds equals one of `marks`, before it is
    read, or (where `unsent`) if the record is sparse and lacks a member on the way; a null was sent. The path is
    walked, and can fail, only where one of the two is asked. read: the steps before the first All, none of them required."""

    read: Read
    marks: tuple[Constant, ...] = ()
    unsent: bool = False


class Assignment(Node, frozen=True):
    """One field of a claim. The value is fitted to `target`:

    decimal and money amounts are rounded half away from zero to the scale, and must then fit the precision (FM2106); int must
    be integral (FM2104) and fit bigint (FM2106); text must fit max_length (FM2116) and hold neither NUL nor an unpaired
    surrogate (FM2113), in lists and enums too; a key text is at most 2,000 bytes of UTF-8 (FM2116); a money field of a fixed
    currency refuses another (FM2111); a list fits each element.

    outcome: "reject", "hold", or "use" with `use` (a Constant). paths: the paths read, as written, for provenance.
    unit_steps: what explain says of units ("mi", "km"), from Scale. A key (`is_key`) that is absent rejects with FM2114.
    share: of the field's present values so many percent may be held in a run, as a plain decimal; more stop it.
    records: for a reference `by id` the claim table whose records' ids the values are; `target` is then a text of that id.
    asked: looked at, in order, before the value is made. If all its paths are unchanged (`whole`: every path that it reads is
    among them) and the claim is the record's own, the field is kept: None here, and named in `Claimed.kept`. If only some are,
    or it is another claim's, the value fails with FM2136.
    assumed: why a currency is taken for granted, for provenance; "" if none is.
    null: of a field whose merge lets null win: judged where the value is absent and nothing failed; true where the source says by
    a JSON null that there is none, and the claim says so too (`Claimed.nulls`).
    """

    field: str
    target: Type
    value: Expr
    outcome: str
    place: Place
    is_key: bool = False
    use: Constant | None = None
    paths: tuple[str, ...] = ()
    share: str = HELD_SHARE
    records: str = ""
    asked: tuple[Asked, ...] = ()
    whole: bool = True
    assumed: str = ""
    null: Expr | None = None


class Claim(Node, frozen=True):
    """What one record (or one element of `each`) says of one entity. table: of schema `claims`. number: 0 for the record's
    own, 1… for its `each` and `also` blocks, in the order of the file."""

    number: int
    entity: str
    table: str
    assignments: tuple[Assignment, ...]
    partial: bool
    place: Place


class Let(Node, frozen=True):
    """A value with a name. It is evaluated at most once for each record or element, and may use the lets before it."""

    name: str
    value: Expr
    place: Place | None = None


class Function(Node, frozen=True):
    """An author's function. optional: for each parameter, whether it may be absent. The body reads parameters and lets only."""

    name: str
    parameters: tuple[str, ...]
    optional: tuple[bool, ...]
    lets: tuple[Let, ...]
    body: Expr


class Each(Node, frozen=True):
    """One claim an element of the list that `path` gives (absent: none; an element that is null is left out). Of each element:
    when (false: left out), checks, claim, children. A rejected element rejects the record, unless it may fail `alone`: then
    all that it and what is in it claim is left out, and the failure is listed (as `lost`). Inside, `alias` names the element;
    nesting is by the tree."""

    path: Read
    alias: str
    claim: Claim
    when: Expr | None = None
    checks: tuple[Check, ...] = ()
    alone: bool = False
    children: tuple[Child, ...] = ()
    lets: tuple[Let, ...] = ()


class Also(Node, frozen=True):
    """Another claim of the record or element that surrounds it: when (false: none is made), checks, claim, children."""

    claim: Claim
    when: Expr | None = None
    checks: tuple[Check, ...] = ()
    children: tuple[Child, ...] = ()
    lets: tuple[Let, ...] = ()


Child = Each | Also


class Reading(Node, frozen=True):
    """How the bytes of a page are read beyond their format, as `fieldmap.runtime.values.reading.Reading` takes it."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: int = 1
    columns: tuple[tuple[str, int, int], ...] = ()
    skip: int = 0
    footer: int = 0
    short_rows: bool = False
    packed: str = ""
    members: str = "*"
    sheet: str | int = 1
    root: str = ""
    namespaces: bool = False
    schema: str = ""


class Deletes(Node, frozen=True):
    """How the pages of a feed of deletes are read: each of its records says that the one of that identity is gone."""

    identity: tuple[Expr, ...]
    records: Read
    format: str
    changed: Expr | None = None
    reading: Reading | None = None


class Map(Node, frozen=True):
    """How the records of one resource become claims. Evaluated in this order, the first that answers ends it:

    identity (an id that fails or is absent: dead, FM2124), changed (fails: dead), sparse_when (true: the record is sparse;
    fails: dead), deleted_when (true: deleted; fails: dead),
    when (false: filtered; fails: dead), checks in order, assignments of the claim in order (first rejecting failure: dead),
    then `each` and `also` blocks in order.
    A let belongs to whatever uses it, and fails where that stands. functions: the author's own, that the map uses.
    A Read that misses a required member rejects the record wherever it stands, `if invalid hold` or not.

    id: `workday_workers__worker`, also the name of the record table in schema `claims`. alias: the record's second name.
    version: hash of the meaning, without places and names of files. changed_unknown: the resource says that nobody knows when
    its records change; they count as older than all others. personal: the members of its records that the shape calls `pii` or
    `restricted`, or that hold such ones, with the tag; read or not. identity_tag: the
    tag of what the ids of its records are read from, "" of none. absence: records that a
    full sweep lacks are withdrawn, unless they are more than so many percent. deletes: of pages that are a feed of deletes.
    lines: where its resource is written ("resource"), and of that the lines `records` and `id`.
    """

    id: str
    title: str
    connector: str
    resource: str
    place: Place
    identity: tuple[Expr, ...]
    records: Read
    format: str
    version: str = ""
    alias: str | None = None
    changed: Expr | None = None
    sparse_when: Expr | None = None
    deleted_when: Expr | None = None
    when: Expr | None = None
    checks: tuple[Check, ...] = ()
    claim: Claim | None = None
    children: tuple[Child, ...] = ()
    lets: tuple[Let, ...] = ()
    functions: tuple[Function, ...] = ()
    reads: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    changed_unknown: bool = False
    absence: str | None = None
    deletes: Deletes | None = None
    reading: Reading | None = None
    personal: tuple[tuple[str, str], ...] = ()
    lines: tuple[tuple[str, Place], ...] = ()
    identity_tag: str = ""

    @property
    def keeps(self) -> tuple[str, ...]:
        """The fields of the record's own claim that a version of it may keep as an earlier one gave them."""
        return tuple(item.field for item in (self.claim.assignments if self.claim is not None else ()) if item.asked)
