"""What a project declares about units: its own, and the lists that say what its unit codes mean."""

from __future__ import annotations

from fieldmap.compiler import types, units
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.compiler.units import kinds, systems
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label

# How many units may be made of each other, and how many digits the fraction may have that is the size of one.
DEEPEST, LARGEST = 50, 200


def declare(symbols: Symbols, report: Report) -> None:
    """Makes the project's units and lists known to all that read units; mistakes in them are reported here."""
    _Units(symbols, report).declare()
    for node in symbols.unit_codes.values():
        found = _list(node, symbols, report)
        if found is not None:
            report.unit_lists[node.name.text] = found


class _Units:
    """One unit may be made of another, wherever that one stands; a circle of them has no size."""

    def __init__(self, symbols: Symbols, report: Report) -> None:
        self._nodes = symbols.units
        self._report = report
        self._waiting: list[str] = []
        self._broken: set[str] = set()

    def declare(self) -> None:
        for name, node in self._nodes.items():
            self._unit(name, node)
        self._report.lose(self._broken)

    def _unit(self, name: str, node: ast.OwnUnit) -> None:
        if name in self._report.units or name in self._broken:
            return
        if name in self._waiting:
            self._circle(name, node)
            return
        if self._is_taken(name, node):
            self._broken.add(name)
            return
        if len(self._waiting) == DEEPEST:
            self._broken.add(name)
            self._report.error(
                "FM0322",
                f"more than {DEEPEST} units are made of each other, one of the next",
                node.unit.span,
                help="say one of them in a unit that is known, such as kg or each",
            )
            return
        self._waiting.append(name)
        for part, _ in _names(node.unit.text):
            if part in self._nodes:
                self._unit(part, self._nodes[part])
        self._waiting.pop()
        if name not in self._broken:
            self._size(name, node)

    def _circle(self, name: str, node: ast.OwnUnit) -> None:
        circle = self._waiting[self._waiting.index(name) :]
        self._broken.update(circle)
        others = [Label(self._nodes[other].name.span, f"{other} is made of this") for other in circle if other != name]
        self._report.error(
            "FM0322",
            f"units are made of each other in a circle: {' → '.join([*circle, name])}",
            node.unit.span,
            labels=others,
            help="say one of them in a unit that is known, such as kg or each",
        )

    def _is_taken(self, name: str, node: ast.OwnUnit) -> bool:
        report = self._report
        if types.is_currency(name):
            report.error("FM0321", f"{name} is a currency of ISO 4217", node.name.span, help="choose another name")
            return True
        try:
            known = units.parse(name)
        except units.UnknownUnitError as error:
            if not error.reason:
                return False
            report.error(
                "FM0321", f"{name} is a unit without an exact size", node.name.span, help="choose another name"
            )
            return True
        report.error(
            "FM0321",
            f"{name} is {units.describe(known)} already, and would mean two things",
            node.name.span,
            help=f"choose a name that says whose it is: our_{name}",
        )
        return True

    def _size(self, name: str, node: ast.OwnUnit) -> None:
        if any(part in self._broken for part, _ in _names(node.unit.text)):
            self._broken.add(name)
            return
        of = types.lower_unit_or_money(node.unit, self._report)
        if of is None:
            self._broken.add(name)
            return
        problem = ""
        if of.dimension == kinds.TEMPERATURE:
            problem = f"{of.text} is a temperature, which has no multiple"
        elif units.is_pure_currency(of):
            problem = f"{of.text} is a currency, whose worth is no unit"
        if problem:
            self._broken.add(name)
            self._report.error(
                "FM0323", problem, node.unit.span, help="say the size in a unit of what it measures: 24 each, 1.7018 m"
            )
            return
        made = units.scaled(name, node.size, of)
        if len(made.factor) > LARGEST:
            self._broken.add(name)
            self._report.error(
                "FM0323",
                f"{name} is beyond all that is measured",
                node.unit.span,
                help="say the size in a unit of what it measures: 24 each, 1.7018 m",
            )
            return
        self._report.units[name] = made


def _names(text: str) -> list[tuple[str, int]]:
    try:
        return units.parts(text)
    except units.UnknownUnitError:
        return []


def _list(node: ast.UnitCodes, symbols: Symbols, report: Report) -> systems.System | None:
    name = node.name.text
    if name in systems.STANDARD:
        report.error(
            "FM0321",
            f"{name} is a system of unit codes already",
            node.name.span,
            help="choose another name for your list",
        )
        return None
    if name in symbols.codes:
        report.twice(f"code list {name}", node.name.span, symbols.codes[name].name.span)
        return None
    codes: dict[str, systems.Code] = {}
    first: dict[str, ast.Text] = {}
    fallback: systems.System | None = None
    for arm in node.arms:
        if not arm.codes:
            fallback = _fallback(arm, report)
            continue
        unit = types.lower_unit(arm.unit, report)
        for code in arm.codes:
            if code.value in first:
                report.twice(f'the code "{code.value}"', code.span, first[code.value].span)
                continue
            first[code.value] = code
            codes[code.value] = systems.Code(name=arm.unit.text, unit=unit)
    rest = fallback.codes if fallback is not None else {}
    title = f"{name} or {fallback.title}" if fallback is not None else name
    return systems.System(name=name, title=title, codes={**rest, **codes})


def _fallback(arm: ast.UnitArm, report: Report) -> systems.System | None:
    """`else -> unece`"""
    if arm.unit.text in systems.STANDARD:
        return systems.system(arm.unit.text)
    report.error(
        "FM0326",
        f"else is followed by a system that knows the other codes, and {arm.unit.text} is none",
        arm.unit.span,
        help=f"write one of: else -> {', else -> '.join(systems.STANDARD)}; or leave the line out",
    )
    return None
