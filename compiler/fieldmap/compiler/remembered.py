"""What a long-lived process need not find out again when one file of a project changed: the meaning of maps that reach nothing of it.

A map means the same as before if it is the same statement, and so is every declaration whose name its text has, or the text of such a
declaration, and so on. That is more than it can depend on, and never less: a name is found by its letters alone. What every map may
depend on without a name is compared as a whole: the project's own units and unit codes, and its CSV files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fieldmap.compiler import ir
from fieldmap.compiler.emit import data
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic, Severity
from fieldmap.dsl.source import Source

_WORD = re.compile(r"\w+")
_DECLARED = (ast.Entity, ast.Connector, ast.Codes, ast.Rates, ast.Merge, ast.Function, ast.Table)
# Units that the data names fill tables of the project as they are met; a reference `by id` may mean the records of any map.
_NEVER = {"unit", "by"}


@dataclass(frozen=True)
class _Known:
    reached: tuple[ast.Item, ...]
    general: tuple[object, ...]
    lowered: ir.Map
    warnings: tuple[Diagnostic, ...]
    looked_up: frozenset[str]


class Remembered:
    """The maps that were lowered before. One for as long as the process keeps the trees of the files."""

    def __init__(self) -> None:
        self._maps: dict[int, tuple[ast.Map, _Known]] = {}
        self._sets: dict[tuple[str, int], tuple[ast.Item, frozenset[str]]] = {}

    def words(self, node: ast.Item, sources: dict[str, Source]) -> frozenset[str]:
        """All words of a statement's text."""
        source = sources[node.span.path]
        return self.of("words", node, lambda: _WORD.findall(source.text[node.span.start : node.span.end]))

    def of(self, what: str, node: ast.Item, find: Callable[[], Iterable[str]]) -> frozenset[str]:
        """What is to be found in a statement, whatever else the project says."""
        known = self._sets.get((what, id(node)))
        if known is None or known[0] is not node:
            known = self._sets[what, id(node)] = node, frozenset(find())
        return known[1]

    def keep(self, living: Iterable[ast.Item]) -> None:
        """Forgets what is of no statement that is left."""
        ids = {id(node) for node in living}
        self._maps = {number: one for number, one in self._maps.items() if number in ids}
        self._sets = {name: one for name, one in self._sets.items() if name[1] in ids}

    def find(self, node: ast.Map) -> _Known | None:
        known = self._maps.get(id(node))
        return known[1] if known is not None and known[0] is node else None

    def put(self, node: ast.Map, known: _Known) -> None:
        self._maps[id(node)] = node, known


class Lowering:
    """Lowers the maps of one check. files: the trees of all files. digests: of the CSV files that were read."""

    def __init__(
        self,
        memory: Remembered,
        files: Iterable[ast.File],
        sources: dict[str, Source],
        digests: Iterable[tuple[str, str]],
        report: Report,
    ) -> None:
        self._memory = memory
        self._sources = sources
        self._report = report
        items = [item for file in files for item in file.items]
        memory.keep(items)
        self._declared: dict[str, list[ast.Item]] = {}
        for item in items:
            if isinstance(item, _DECLARED):
                name = item.entity.text if isinstance(item, ast.Merge) else item.name.text
                self._declared.setdefault(name, []).append(item)
        units = (item for item in items if isinstance(item, ast.OwnUnit | ast.UnitCodes))
        self._general: tuple[object, ...] = (*units, *sorted(digests))
        self.looked_up: set[str] = set()

    def maps(self, nodes: Iterable[ast.Map], lower: Callable[[ast.Map], ir.Map | None]) -> list[ir.Map]:
        """What the maps mean; what they look something up in is in `looked_up` afterwards."""
        made = []
        for node in nodes:
            known = self._memory.find(node)
            reached = self._reached(node)
            if known is None or not self._is_as_before(known, reached):
                known = self._lowered(node, reached, lower)
            else:
                self._report.again(known.warnings)
            if known is not None:
                made.append(known.lowered)
                self.looked_up |= known.looked_up
        return made

    def _is_as_before(self, known: _Known, reached: tuple[ast.Item, ...]) -> bool:
        same = len(known.reached) == len(reached) and len(known.general) == len(self._general)
        return (
            same
            and all(one is other for one, other in zip(known.reached, reached, strict=True))
            and all(one is other or one == other for one, other in zip(known.general, self._general, strict=True))
        )

    def _lowered(
        self, node: ast.Map, reached: tuple[ast.Item, ...], lower: Callable[[ast.Map], ir.Map | None]
    ) -> _Known | None:
        before = len(self._report.diagnostics)
        lowered = lower(node)
        if lowered is None:
            return None
        found = tuple(self._report.diagnostics[before:])
        known = _Known(reached, self._general, lowered, found, frozenset(data.used([lowered])))
        certain = self._report.whole and all(item.severity is Severity.WARNING for item in found)
        if certain and _NEVER.isdisjoint(self._memory.words(node, self._sources)):
            self._memory.put(node, known)
        return known

    def _reached(self, node: ast.Map) -> tuple[ast.Item, ...]:
        found: dict[int, ast.Item] = {}
        waiting: list[ast.Item] = [node]
        while waiting:
            words = self._memory.words(waiting.pop(), self._sources)
            for name in words & self._declared.keys():
                for item in self._declared[name]:
                    if id(item) not in found:
                        found[id(item)] = item
                        # A map asks a merge for its own lines alone; it names all the sources of the entity.
                        if not isinstance(item, ast.Merge):
                            waiting.append(item)
        return tuple(sorted(found.values(), key=lambda item: (item.span.path, item.span.start)))
