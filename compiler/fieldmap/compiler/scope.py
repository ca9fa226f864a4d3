"""What an expression may name where it stands, and what is known of a checked expression."""

from __future__ import annotations

from dataclasses import dataclass, field

from fieldmap.compiler import ir, types
from fieldmap.compiler.report import Report
from fieldmap.compiler.shapes import Absence, ShapeNode
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
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
class Named:
    """A value with a name: a let, a parameter of a function, a field of an entity. what: as in "the let full".

    reads: the paths that it was made of, which count as read wherever it is used. assumed: what is assumed of its currency.
    made_of: the value of a let."""

    typed: Typed
    what: str
    reads: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    used: bool = False
    made_of: ir.Expr | None = None


@dataclass(frozen=True)
class Authored:
    """An author's function that checks. parameters and types go together; optional: whether the result may be absent.

    expectations: what its author expects of it, as written and as meant."""

    node: ast.Function
    function: ir.Function
    types: tuple[ir.Type, ...]
    result: ir.Type
    optional: bool
    expectations: tuple[tuple[ast.Expr, ir.Expr], ...] = ()


@dataclass
class Scope:
    """roots: the shape behind "$" and each name given by `as` (None: no shape is stated). prefixes: their paths from the record,
    for coverage. dollar: whether `$` may be written here. reads: the paths met, from the record. element: the name of the
    element of the innermost `each`, whose place in its list `position` is. resource: whose records these are, so that a response
    stands round them.
    names: values with a name. functions: the author's own. row: the fields that a condition of an entity names.
    marks: of each path met, by root and text, what the source sends in place of a value that is unchanged. assumed: the reasons
    met by which a currency is taken for granted. present: paths that a condition has found not to be absent."""

    symbols: Symbols
    report: Report
    roots: dict[str, ShapeNode | None]
    prefixes: dict[str, str] = field(default_factory=lambda: {"$": "$"})
    dollar: bool = True
    reads: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    codes: dict[str, ir.Table] = field(default_factory=dict)
    element: str = ""
    resource: ast.Resource | None = None
    names: dict[str, Named] = field(default_factory=dict)
    functions: dict[str, Authored] = field(default_factory=dict)
    row: dict[str, ir.Field] = field(default_factory=dict)
    marks: dict[tuple[str, str], tuple[ir.Constant, ...]] = field(default_factory=dict)
    present: tuple[ast.Path, ...] = ()

    def knows(self, name: str) -> bool:
        """Whether a bare name means something here by itself; otherwise it may be a value of an enum."""
        return name in self.roots or name in self.names or name in self.row
