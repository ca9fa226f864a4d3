"""What is declared and named nowhere: often a line that somebody forgot, or a name that was changed in one place only."""

from __future__ import annotations

from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.ast.walk import walk


def check(symbols: Symbols, report: Report) -> None:
    """FM0380 for each code list that no map names. A file of code lists alone is somebody's library, and not asked."""
    if not symbols.maps:
        return
    named = {node.codes.text for item in symbols.maps for node in walk(item) if isinstance(node, ast.Via)}
    for name, codes in symbols.codes.items():
        if name not in named:
            report.warn(
                "FM0380",
                f"no map uses the code list {name}",
                codes.name.span,
                help=f"write … via {name} where it belongs, or leave the list out",
            )
