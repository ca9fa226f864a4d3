"""What is declared and named nowhere: often a line that somebody forgot, or a name that was changed in one place only."""

from __future__ import annotations

from collections.abc import Iterable

from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.ast.walk import walk


def check(symbols: Symbols, report: Report) -> None:
    """FM0380 for each code list that no map and no function names. A file of code lists alone is somebody's library, and not asked."""
    if not report.failed:
        # Where something is wrong, what seems unused may be what the mistake is about.
        _names(symbols, report)
    if not symbols.maps:
        return
    users: list[ast.Node] = [*symbols.maps, *symbols.functions.values()]
    named = {node.codes.text for user in users for node in walk(user) if isinstance(node, ast.Via | ast.DataPeriod)}
    for name, codes in symbols.codes.items():
        if name not in named:
            report.warn(
                "FM0380",
                f"nothing uses the code list {name}",
                codes.name.span,
                help=f"write … via {name} where it belongs, or leave the list out",
            )


def _names(symbols: Symbols, report: Report) -> None:
    """FM0215 for each let and parameter that its block does not name; FM0217 for functions that show nothing of what they do."""
    for item in symbols.maps:
        _unnamed(item, [node for node in walk(item) if isinstance(node, ast.Let)], "let", report)
    for function in symbols.functions.values():
        _unnamed(function, function.lets, "let", report)
        _unnamed(function, function.parameters, "parameter", report)
        if not function.expectations:
            shown = ", ".join("…" for _ in function.parameters)
            report.warn(
                "FM0217",
                f"nothing is expected of {function.name.text}",
                function.name.span,
                help=f"add a line that shows what it does: expect {function.name.text}({shown}) == …",
            )


def _unnamed(block: ast.Node, declared: Iterable[ast.Let | ast.Parameter], what: str, report: Report) -> None:
    nodes = list(walk(block))
    names = {node.name for node in nodes if isinstance(node, ast.Bare)}
    names |= {node.root for node in nodes if isinstance(node, ast.Path)}
    for node in declared:
        if node.name.text not in names:
            report.warn(
                "FM0215",
                f"the {what} {node.name.text} is never used",
                node.name.span,
                help="use it, or leave it out",
            )
