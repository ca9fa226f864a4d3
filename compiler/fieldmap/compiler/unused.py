"""What is declared and named nowhere: often a line that somebody forgot, or a name that was changed in one place only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from fieldmap.compiler.remembered import Remembered
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.ast.walk import walk

_Declared = ast.Codes | ast.OwnUnit | ast.UnitCodes | ast.Table | ast.Rates | ast.Function
# Most nodes of a project, of which none names anything that is declared.
_SILENT = (ast.Name, ast.Text, ast.Path, ast.Tag, ast.Bool)
# Between the units of a compound: kg/m^3.
_SIGN = re.compile(r"[*/·]|\^-?[0-9]+")


def check(symbols: Symbols, report: Report, memory: Remembered) -> None:
    """FM0380 for what is declared and named nowhere. A project without a map is somebody's library, and not asked."""
    if not report.failed:
        # Where something is wrong, what seems unused may be what the mistake is about.
        _names(symbols, report)
    if symbols.maps:
        _declared(symbols, report, memory)


def _declared(symbols: Symbols, report: Report, memory: Remembered) -> None:
    named = _named(symbols, memory)
    declared: list[tuple[Iterable[_Declared], set[str], str, str]] = [
        (symbols.codes.values(), named["codes"], "nothing uses the code list {}", "… via {}"),
    ]
    if not report.failed:
        declared += [
            (symbols.units.values(), named["units"], "nothing is measured in the unit {}", "… in {}"),
            (symbols.unit_codes.values(), named["systems"], "nothing uses the unit codes {}", "… in unit($.unit, {})"),
            (symbols.tables.values(), named["tables"], "nothing is looked up in the table {}", "lookup({}, …)"),
            (symbols.rates.values(), named["rates"], "nothing is exchanged by the rates {}", "… using {} on $.date"),
            (symbols.functions.values(), named["functions"], "nothing calls the function {}", "{}(…)"),
        ]
    for nodes, used, message, sample in declared:
        for node in nodes:
            name = node.name.text
            if name not in used:
                help_text = f"write {sample.format(name)} where it belongs, or leave it out"
                report.warn("FM0380", message.format(name), node.name.span, help=help_text)


def _named(symbols: Symbols, memory: Remembered) -> dict[str, set[str]]:
    """What the statements of a project name, by kind."""
    kept: tuple[Iterable[ast.Item], ...] = (
        *(symbols.entities.values(), symbols.connectors.values(), symbols.maps, symbols.merges.values()),
        *(symbols.examples.values(), symbols.functions.values(), symbols.properties.values(), symbols.tables.values()),
        *(symbols.units.values(), symbols.unit_codes.values()),
    )
    found: dict[str, set[str]] = {kind: set() for kind in _KINDS}
    for nodes in kept:
        for item in nodes:
            for kind, _, name in (one.partition(" ") for one in memory.of("named", item, partial(_in, item))):
                found[kind].add(name)
    return found


_KINDS = ("codes", "units", "systems", "tables", "rates", "functions")


def _in(item: ast.Item) -> Iterator[str]:
    """`codes states`: what a statement names. A function that calls itself, and a unit that is made of itself, name nothing."""
    own = item.name.text if isinstance(item, ast.Function) else ""
    for node in walk(item, _SILENT):
        match node:
            case ast.Via() | ast.DataPeriod():
                yield f"codes {node.codes.text}"
            case ast.InUnitOf() if node.system is not None:
                yield f"systems {node.system.text}"
            case ast.RateTable():
                yield f"rates {node.name.text}"
            case ast.Call():
                if node.function.text != own:
                    yield f"functions {node.function.text}"
                if node.function.text == "lookup" and node.arguments and isinstance(node.arguments[0], ast.Bare):
                    yield f"tables {node.arguments[0].name}"
            case _:
                pass
        for attribute in ("unit", "period", "per"):
            unit = getattr(node, attribute, None)
            if isinstance(unit, ast.Name):
                yield from (f"units {one}" for one in _SIGN.split(unit.text))


def _names(symbols: Symbols, report: Report) -> None:
    """FM0215 for each let and parameter that its block does not name; FM0217 for functions that show nothing of what they do."""
    for item in symbols.maps:
        lets = list(_lets(item))
        _unnamed(list(walk(item)) if lets else [], lets, "let", report)
    for function in symbols.functions.values():
        nodes = list(walk(function))
        _unnamed(nodes, function.lets, "let", report)
        _unnamed(nodes, function.parameters, "parameter", report)
        if not function.expectations:
            shown = ", ".join("…" for _ in function.parameters)
            report.warn(
                "FM0217",
                f"nothing is expected of {function.name.text}",
                function.name.span,
                help=f"add a line that shows what it does: expect {function.name.text}({shown}) == …",
            )


def _lets(block: ast.Map | ast.Each | ast.Also) -> Iterator[ast.Let]:
    for item in block.items:
        if isinstance(item, ast.Let):
            yield item
        elif isinstance(item, ast.Each | ast.Also):
            yield from _lets(item)


def _unnamed(nodes: Sequence[ast.Node], declared: Sequence[ast.Let | ast.Parameter], what: str, report: Report) -> None:
    if not declared:
        return
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
