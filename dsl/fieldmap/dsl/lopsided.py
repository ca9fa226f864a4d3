"""A conversion on the last part only of a calculation without brackets, which reads in two ways."""

from __future__ import annotations

from collections.abc import Sequence

from fieldmap.dsl import ast
from fieldmap.dsl.building import Building, shortened
from fieldmap.dsl.diagnostics import Diagnostic, Edit
from fieldmap.dsl.source import Span


def refuse_lopsided(operands: Sequence[ast.Expr], ctx: Building) -> None:
    """`$.a + $.b in lb`: nobody can tell whether the unit is meant for the sum or for its last part."""
    last = operands[-1]
    if not _is_converted(last) or any(_is_converted(operand) for operand in operands[:-1]):
        return
    whole = operands[0].span.to(last.span)
    inner = last.value if isinstance(last, ast.Negate) else last
    if not isinstance(inner, ast.Conversion | ast.InUnit | ast.InUnitOf | ast.Via):
        return
    tail = Span(whole.path, inner.value.span.end, inner.span.end)
    before = ctx.text(Span(whole.path, whole.start, tail.start))
    conversion = ctx.text(tail).strip()
    last_text = ctx.text(last.span)
    head = ctx.text(Span(whole.path, whole.start, last.span.start))
    ctx.diagnostics.append(
        Diagnostic(
            "FM0109",
            f"`{shortened(conversion)}` converts only the last part of this calculation",
            tail,
            help=f"write `({shortened(before)}) {shortened(conversion)}` to convert the result,"
            f" or `{shortened(head)} ({shortened(last_text)})` to convert that part",
            edit=Edit(whole, f"({before}) {conversion}"),
        )
    )


def _is_converted(value: ast.Expr) -> bool:
    match value:
        case ast.Conversion() | ast.InUnit() | ast.InUnitOf() | ast.Via():
            return True
        case ast.Number(unit=unit):
            return unit is not None
        case ast.Negate(value=inner) | ast.Brackets(value=inner):
            return _is_converted(inner)
        case ast.Arithmetic(left=left, right=right):
            return _is_converted(left) or _is_converted(right)
        case _:
            return False
