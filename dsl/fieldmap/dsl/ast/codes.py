"""Code lists."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.expression import Expr, Number
    from fieldmap.dsl.ast.nodes import Name, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeArm(Node):
    """`"On Leave", "Sabbatical" -> leave`, `else -> terminated` (codes is empty)."""

    codes: tuple[Text | Number, ...]
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
    """`codes worker_status "Workday status codes" { … }`, `codes countries from "countries.csv" { columns "alpha-2" -> "name" }`

    source: the CSV file. columns: its column of codes and that of their values.
    """

    name: Name
    doc: Text | None
    arms: tuple[CodeArm, ...]
    source: Text | None = None
    columns: tuple[Name, Name] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitArm(Node):
    """`"PC", "PCE" -> each`; `else -> unece` (codes is empty, and unit names a code system)."""

    codes: tuple[Text, ...]
    unit: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCodes(Node):
    """`codes plant_units units "What the plant calls its units" { … }`"""

    name: Name
    doc: Text | None
    arms: tuple[UnitArm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnUnit(Node):
    """`unit crate = 24 each "A crate of bottles"`, `unit survey_ft = 1200/3937 m`. size: exact, of the other unit."""

    name: Name
    size: Fraction
    unit: Name
    doc: Text | None
