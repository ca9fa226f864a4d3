"""What an expression may name where it stands, and what is known of a checked expression."""

from __future__ import annotations

from dataclasses import dataclass, field

from fieldmap.compiler import ir, types
from fieldmap.compiler.report import Report
from fieldmap.compiler.shapes import Absence, ShapeNode
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl.source import Span


@dataclass(frozen=True)
class Typed:
    """A checked expression: its meaning, its type, whether it can be absent, and where the type was stated (origin).

    shape: of an object, or of the objects that a list holds, what a path behind it goes through; None where nothing says.
    """

    expr: ir.Expr
    type: ir.Type
    absence: Absence
    span: Span
    origin: Span | None = None
    shape: ShapeNode | None = None

    @property
    def words(self) -> str:
        """For the note beside the underlined span: "text?"."""
        return types.describe(self.type, article=False) + ("?" if self.absence is Absence.MAYBE else "")


@dataclass
class Scope:
    """roots: the shape behind "$" and each name given by `as` (None: no shape is stated). prefixes: their paths from the record,
    for coverage. dollar: whether `$` may be written here. reads: the paths met, from the record. element: the name of the
    element of the innermost `each`, whose place in its list `position` is. surrounded: whether a response stands round it."""

    symbols: Symbols
    report: Report
    roots: dict[str, ShapeNode | None]
    prefixes: dict[str, str] = field(default_factory=lambda: {"$": "$"})
    dollar: bool = True
    reads: list[str] = field(default_factory=list)
    codes: dict[str, ir.Table] = field(default_factory=dict)
    element: str = ""
    surrounded: bool = False
