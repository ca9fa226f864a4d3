"""Where a format's columns are, which are named in the map instead of a header, and what files its bodies are packed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fieldmap.compiler.report import Report
from fieldmap.dsl import ast

PACKED = ("zip", "gzip")
_WIDEST = 1_000_000


def lower_packed(node: ast.Packed, report: Report) -> dict[str, Any]:
    """What of a Reading `in zip "…"` says; nothing after a diagnostic."""
    if node.kind.text not in PACKED:
        report.unknown("FM0403", "packed file", node.kind, PACKED)
        return {}
    members = node.members
    if members is None:
        return {"packed": node.kind.text}
    if node.kind.text != "zip":
        report.error(
            "FM0405", "a gzip file holds one file, which has no name to choose it by", members.span, help="leave it out"
        )
        return {}
    parts = members.value.split("/")
    if not members.value or members.value.startswith("/") or ".." in parts or "**" in members.value:
        report.error(
            "FM0403",
            "this is no pattern of names within a zip file",
            members.span,
            help='write one such as "*.csv" or "export/people*.csv"',
        )
        return {}
    return {"packed": "zip", "members": members.value}


def lower_layout(line: ast.Files | ast.Format, format_: str, known: Sequence[str], report: Report) -> dict[str, Any]:
    """What of a Reading `columns { … }` says; nothing after a diagnostic."""
    node = line.columns
    settings = {setting.name.text: setting for setting in line.settings}
    if node is None:
        if format_ == "fixed":
            report.error(
                "FM0401",
                "lines of fixed width do not say where their columns are",
                line.format.span,
                help="add: { columns { code: 1 to 10, name: 11 to 40 } }",
            )
        elif "skip" in settings and "skip" in known:
            report.error(
                "FM0405",
                "skip goes with columns; where there is a header, its line is said",
                settings["skip"].span,
                help="write header 3 for a header on line 3",
            )
        return {}
    if "columns" not in known:
        report.error(
            "FM0405",
            f"{format_} takes no columns",
            node.span,
            help=f"it takes: {', '.join(known)}" if known else "leave the braces out",
        )
        return {}
    if "header" in settings and "header" in known:
        report.error(
            "FM0405",
            "columns are named by the header or by columns, not by both",
            settings["header"].span,
            help="leave header out, and pass over lines with skip 1; or leave columns out",
        )
    if not node.columns:
        report.error("FM0403", "there are no columns", node.span, help="name each, in order")
        return {}
    return {"columns": _columns(node, format_ == "fixed", report)}


def _columns(node: ast.Layout, placed: bool, report: Report) -> tuple[tuple[str, int, int], ...]:
    """The columns that stand; the others are told."""
    found: list[tuple[str, int, int]] = []
    for column in node.columns:
        first, last = column.first or 0, column.last or 0
        if not column.name.text or any(name == column.name.text for name, _, _ in found):
            what = "is named twice" if column.name.text else "has no name"
            report.error("FM0205", f"a column {what}", column.name.span, help="each column has a name of its own")
        elif placed and column.first is None:
            report.error(
                "FM0403",
                f"{column.name.text} does not say where it stands in a line",
                column.span,
                help=f"write {column.name.text}: 1 to 10, counted in characters from 1",
            )
        elif not placed and column.first is not None:
            report.error(
                "FM0403",
                "the columns of CSV come in their order, and have no places",
                column.span,
                help=f"write {column.name.text}, or the format fixed for lines of fixed width",
            )
        elif placed and not 1 <= first <= last <= _WIDEST:
            report.error(
                "FM0403",
                f"no column stands from {first} to {last}",
                column.span,
                help="characters are counted from 1, and both are part of the column",
            )
        elif placed and (other := next((one for one in found if one[1] <= last and first <= one[2]), None)):
            report.error(
                "FM0403",
                f"{column.name.text} and {other[0]} share characters",
                column.span,
                help=f"{other[0]} stands from {other[1]} to {other[2]}",
            )
        else:
            found.append((column.name.text, first, last))
    return tuple(found)
