"""Code lists: what the codes of a source mean."""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.compiler.places import place
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast


def lower_codes(symbols: Symbols, report: Report) -> dict[str, ir.Table]:
    """All code lists."""
    return {name: _table(node, symbols, report) for name, node in symbols.codes.items()}


def _table(node: ast.Codes, symbols: Symbols, report: Report) -> ir.CodeTable:
    entries: dict[str, str] = {}
    default: str | None = None
    first: dict[str, ast.Text] = {}
    kinds: dict[str, ast.CodeArm] = {}
    for arm in node.arms:
        value, kind = _value(arm, report)
        kinds.setdefault(kind, arm)
        if not arm.codes:
            default = value
        for code in arm.codes:
            if code.value in first:
                report.twice(f'the code "{code.value}"', code.span, first[code.value].span)
                continue
            first[code.value] = code
            entries[code.value] = value
    if len(kinds.keys() - {""}) > 1:
        report.error(
            "FM0310",
            f"{node.name.text} answers with texts in some lines and with enum values in others",
            node.name.span,
            help="write all answers with quotes, or all without",
        )
    return ir.CodeTable(
        name=node.name.text, entries=entries, default=default, place=place(symbols.sources, node.name.span)
    )


def _value(arm: ast.CodeArm, report: Report) -> tuple[str, str]:
    match arm.value:
        case ast.Bare(name=name):
            return name, "enum"
        case ast.Text(value=value):
            return value, "text"
        case ast.Template(parts=()):
            return "", "text"
        case ast.Template(parts=(ast.Text(value=value),)):
            return value, "text"
        case _:
            report.error(
                "FM0310",
                "a code stands for an enum value or a text",
                arm.value.span,
                help='write "A" -> active, or "A" -> "Active"',
            )
            return "", ""
