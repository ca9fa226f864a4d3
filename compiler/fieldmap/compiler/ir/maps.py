"""Maps: how records become claims."""

from __future__ import annotations

from fieldmap.compiler.ir.expressions import Constant, Expr, Read
from fieldmap.compiler.ir.nodes import Node, Place
from fieldmap.compiler.ir.types import Type


class Assignment(Node, frozen=True):
    """One field of a claim. The value is fitted to `target`:

    decimal and money amounts are rounded half away from zero to the scale, and must then fit the precision (FM2106); int must
    be integral (FM2104) and fit bigint (FM2106); text must fit max_length (FM2116) and hold neither NUL nor an unpaired
    surrogate (FM2113), in lists and enums too; a key text is at most 2,000 bytes of UTF-8 (FM2116); a money field of a fixed
    currency refuses another (FM2111); a list fits each element.

    outcome: "reject", "hold", or "use" with `use` (a Constant). paths: the paths read, as written, for provenance.
    unit_steps: what explain says of units ("mi", "km"), from Scale. A key (`is_key`) that is absent rejects with FM2114.
    """

    field: str
    target: Type
    value: Expr
    outcome: str
    place: Place
    is_key: bool = False
    use: Constant | None = None
    paths: tuple[str, ...] = ()


class Claim(Node, frozen=True):
    """What one record (or one element of `each`) says of one entity. table: of schema `claims`. number: 0 for the record's
    own, 1… for its `each` blocks, in the order of the file."""

    number: int
    entity: str
    table: str
    assignments: tuple[Assignment, ...]
    partial: bool
    place: Place


class Each(Node, frozen=True):
    """One claim an element of the list that `path` gives (absent: none; an element that is null is left out). A rejected
    element rejects the record. Inside, `alias` names the element; nesting is by the tree."""

    path: Read
    alias: str
    claim: Claim
    when: Expr | None = None
    children: tuple[Each, ...] = ()


class Map(Node, frozen=True):
    """How the records of one resource become claims. Evaluated in this order, the first that answers ends it:

    identity (an id that fails or is absent: dead, FM2124), changed (fails: dead), deleted_when (true: deleted; fails: dead),
    when (false: filtered; fails: dead), assignments of the claim in order (first rejecting failure: dead), `each` blocks.
    A Read that misses a required member rejects the record wherever it stands, `if invalid hold` or not.

    id: `workday_workers__worker`, also the name of the record table in schema `claims`. alias: the record's second name.
    version: hash of the meaning, without places and names of files.
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
    deleted_when: Expr | None = None
    when: Expr | None = None
    claim: Claim | None = None
    children: tuple[Each, ...] = ()
    reads: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
