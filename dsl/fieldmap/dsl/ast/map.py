"""Maps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.expression import Expr, Number
    from fieldmap.dsl.ast.nodes import Name, Text
    from fieldmap.dsl.ast.path import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Node):
    """`if invalid reject`, `if invalid hold up to 20 %` (share, in percent), `if invalid use 0`"""

    kind: OneOf["reject", "hold", "use"]
    value: Expr | None = None
    share: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ById(Node):
    """`by id`, `by id of users`: the value is the `id` of a record, here of the resource `users` of the same connector."""

    resource: Name | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(Node):
    """`status = $.status via worker_status if invalid reject`, `manager = $.supervisorId by id`"""

    field: Name
    value: Expr
    by_id: ById | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class When(Node):
    """`when $.status != "Applicant"`"""

    condition: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Node):
    """`expect sum($.lines[*].amount) == $.total within 0.01 "lines do not add up"`, `warn $.total > 0 "nothing to pay"`"""

    kind: OneOf["expect", "warn"]
    condition: Expr
    tolerance: Number | None = None
    message: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone(Node):
    """`lines may fail alone`, within `each`"""


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
class Also(Node):
    """`also to Address { … }`: another claim of the same record or element."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Let(Node):
    """`let full = words($.first, $.last)`"""

    name: Name
    value: Expr


MapItem = Assignment | Let | When | Check | Ignore | Each | Also | Alone
