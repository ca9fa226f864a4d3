"""The lines of a resource that say what a record is: where it stands, what tells it apart, when it changed."""

from __future__ import annotations

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Typed
from fieldmap.dsl import ast


def records_of(resource: ast.Resource) -> ir.Read:
    """The path from a body to its records; the body itself where nothing is said."""
    if resource.records is None:
        return ir.Read(root="$", segments=(), text="$")
    found = shapes.walk(resource.records, None, Report())
    return ir.Read(root="$", segments=found.segments if found else (), text=shapes.path_text(resource.records))


def textual(checker: Checker, node: ast.Expr) -> Typed | None:
    """One part of a record's identity: a text or an int, whatever the shape says."""
    typed = checker.check(node)
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType):
        return typed
    if isinstance(typed.type, ir.TextType | ir.IntType | ir.EnumType | ir.DecimalType):
        return typed
    checker.report.error("FM0304", "a record is known by a text or a whole number", node.span, note=typed.words)
    return None


def instant(checker: Checker, node: ast.Expr) -> ir.Expr | None:
    """The time of the data: an instant, or an ISO 8601 text with an offset."""
    typed = checker.check(node)
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType | ir.TextType):
        return ir.Implicit(value=typed.expr, to=ir.DatetimeType())
    if isinstance(typed.type, ir.DatetimeType):
        return typed.expr
    checker.report.error(
        "FM0304",
        "changed is answered with an instant",
        node.span,
        note=typed.words,
        help="say how it is written: … as datetime(odata), as datetime(epoch ms)",
    )
    return None
