"""Code lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.expression import Expr, Number
    from fieldmap.dsl.ast.nodes import Name, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeArm(Node):
    """`"On Leave", "Sabbatical" -> leave`, `else -> terminated` (codes is empty)."""

    codes: tuple[Text, ...]
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates(Node):
    """`rates fx from "fx.csv" { valid 7 days; inverse; across EUR }`; valid: the number of days, None if unsaid."""

    name: Name
    path: Text
    valid: Number | None = None
    inverse: bool = False
    across: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes(Node):
    """`codes worker_status "Workday status codes" { … }`"""

    name: Name
    doc: Text | None
    arms: tuple[CodeArm, ...]
