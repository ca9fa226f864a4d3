"""Merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.expression import Number
    from fieldmap.dsl.ast.nodes import Name


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
class Match(Node):
    """`match bamboohr to workday on email when unique`, `match bamboohr to workday on (legal_name, born_on)`"""

    source: SourceName
    target: SourceName
    fields: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agree(Node):
    """`must agree on legal_name otherwise conflict`"""

    fields: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Node):
    """`prefer a, b`, `prefer a then any` (then_any), `prefer a within 90 days otherwise newest` (within), `only a`, `newest`,
    `oldest`, `min`, `max`, `longest`, `most common`, `union`, `agree`, `agree within 1 %` (tolerance)"""

    kind: OneOf["prefer", "only", "newest", "oldest", "min", "max", "longest", "most common", "union", "agree"]
    sources: tuple[SourceName, ...] = ()
    then_any: bool = False
    within: Age | None = None
    tolerance: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Age(Node):
    """`90 days`: a length of time by which one claim may be older than another."""

    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeField(Node):
    """`email newest`, `left_on newest null wins`; `default prefer workday, bamboohr` has field None."""

    field: Name | None
    rule: Rule
    null_wins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Node):
    """`together street, city, postcode newest needs street, city`; without a rule the default counts (rule None)."""

    fields: tuple[Name, ...]
    rule: Rule | None
    needs: tuple[Name, ...] = ()
    null_wins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates(Node):
    """`duplicates reject`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Node):
    """`merge Worker { … }`"""

    entity: Name
    same: tuple[Same, ...]
    matches: tuple[Match, ...]
    agreements: tuple[Agree, ...]
    rules: tuple[MergeField, ...]
    together: tuple[Together, ...] = ()
    duplicates: tuple[Duplicates, ...] = ()
