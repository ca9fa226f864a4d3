"""Examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.expression import Expr
    from fieldmap.dsl.ast.nodes import Name, Text


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
