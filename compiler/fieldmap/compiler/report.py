"""Collects the diagnostics of a compilation, with the phrasings that many checks share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from fieldmap.compiler import ir
from fieldmap.compiler.units.systems import System
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic, Edit, Label, Severity
from fieldmap.dsl.source import Source, Span

# Mistakes that say of a name that nothing declares it, and warnings that nothing uses it.
_OF_NAMES = {
    "FM0201", "FM0202", "FM0203", "FM0204", "FM0206", "FM0207", "FM0208", "FM0211", "FM0219", "FM0332", "FM0380", "FM0215", "FM0601", "FM0602",
}  # fmt: skip
_UNUSED = {"FM0380", "FM0215"}
# Those among them of names that another file may declare.
_OF_FILES = {"FM0201", "FM0203", "FM0204", "FM0207", "FM0211", "FM0219", "FM0332"}
_NAME = re.compile(r"[`\w.]+")


class Report:
    """A list of diagnostics that phases add to; no phase stops at its first mistake."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        # The units that the project itself declares: wherever a unit is read, the report is at hand.
        self.units: dict[str, ir.Unit] = {}
        # Its own lists of unit codes, and the tables of codes that its maps turned out to need.
        self.unit_lists: dict[str, System] = {}
        # Where a unit is named by the data: nothing says what is measured until it meets a unit that is written.
        self.unit_places: dict[ir.Expr, Span] = {}
        self.unit_tables: dict[str, ir.Table] = {}
        # What did not read: the words of broken statements, and whether a whole file is missing.
        self._sources: dict[str, Source] = {}
        self._lost: set[str] = set()
        self._lost_uses: set[str] = set()
        self._unread = False
        self._lost_blocks: list[Span] = []

    def add(self, source: Source, file: ast.File, mistakes: Iterable[Diagnostic]) -> None:
        """Takes over what reading a file gave. A name in a statement that did not read may be declared or used there, so that no
        check says the contrary of it."""
        self._sources[source.path] = source
        for mistake in mistakes:
            self.diagnostics.append(mistake)
            self._lost.update(re.findall(r"\w+", source.line(source.position(mistake.span.start)[0])))
        for span in file.lost:
            first, *below = source.text[span.start : span.end].split("\n")
            words = re.findall(r"\w+", first)
            self._lost.update(words)
            self._lost_uses.update(re.findall(r"\w+", " ".join(below)))
            self._unread = self._unread or "use" in words[:1]

    def lose(self, names: Iterable[str]) -> None:
        """Names whose declaration has a mistake: that there is no such thing is not said as well."""
        self._lost.update(names)

    def unread(self) -> None:
        """A file that another uses cannot be read: what it declares is not known."""
        self._unread = True

    @property
    def whole(self) -> bool:
        """Whether every file was read, to its last statement."""
        return not (self._lost or self._lost_uses or self._unread)

    def again(self, known: Iterable[Diagnostic]) -> None:
        """What was found before, of statements that are as they were."""
        self.diagnostics.extend(item for item in known if not self._follows(item.code, item.span))

    def _follows(self, code: str, span: Span) -> bool:
        """Whether this only follows from a statement or a file that did not read."""
        if code not in _OF_NAMES or span.path not in self._sources or not (self._lost or self._unread):
            return False
        lost = self._lost | self._lost_uses if code in _UNUSED else self._lost
        if code == "FM0380" and "via" in lost:
            return True  # which list was meant did not read
        name = self._sources[span.path].text[span.start : span.end]
        if _NAME.fullmatch(name) is None:
            return False
        return (self._unread and code in _OF_FILES) or not lost.isdisjoint(re.findall(r"\w+", name))

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        note: str = "",
        labels: Iterable[Label] = (),
        help: str = "",
        edit: Edit | None = None,
        table: tuple[str, ...] = (),
    ) -> None:
        if self._follows(code, span):
            return
        self.diagnostics.append(
            Diagnostic(code, message, span, note=note, labels=tuple(labels), help=help, edit=edit, table=table)
        )

    def warn(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        labels: Iterable[Label] = (),
        help: str = "",
        edit: Edit | None = None,
    ) -> None:
        if self._follows(code, span):
            return
        self.diagnostics.append(
            Diagnostic(code, message, span, labels=tuple(labels), help=help, edit=edit, severity=Severity.WARNING)
        )

    def unknown(self, code: str, kind: str, name: ast.Name, known: Iterable[str]) -> None:
        """There is no such `kind`; offers the nearest names, or says which there are."""
        names = sorted(set(known))
        near = difflib.get_close_matches(name.text, names, n=1, cutoff=0.6)
        edit = None
        if near:
            help_text = f"did you mean {near[0]}?"
            edit = Edit(name.span, near[0])
        elif names:
            listed = f"{', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
            help_text = f"there is only {listed}" if len(names) == 1 else f"it is one of: {listed}"
        else:
            help_text = f"no {kind.removesuffix(' called')} is declared in the files that this one uses"
        self.error(code, f"there is no {kind} {name.text}", name.span, help=help_text, edit=edit)

    def twice(self, what: str, second: Span, first: Span) -> None:
        self.error(
            "FM0205",
            f"{what} is declared twice",
            second,
            labels=[Label(first, "first here")],
            help="keep one of the two",
        )

    def lose_block(self, span: Span) -> None:
        """A block that holds nothing at all: that something is missing from it is not said as well."""
        self._lost_blocks.append(span)

    def broken(self, span: Span) -> bool:
        """Whether a statement within this block did not even read: what seems missing from it may stand there."""
        return span in self._lost_blocks or any(
            item.code.startswith("FM01") and item.span.path == span.path and span.start <= item.span.start <= span.end
            for item in self.diagnostics
        )

    @property
    def failed(self) -> bool:
        return any(item.severity is Severity.ERROR for item in self.diagnostics)
