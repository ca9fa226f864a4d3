"""Collects the diagnostics of a compilation, with the phrasings that many checks share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fieldmap.compiler import ir
from fieldmap.compiler.units.systems import System
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic, Edit, Label, Severity
from fieldmap.dsl.source import Span


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
            help_text = (
                f"there {'is' if len(names) == 1 else 'are'} {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
            )
        else:
            help_text = f"no {kind} is declared in the files that this one uses"
        self.error(code, f"there is no {kind} {name.text}", name.span, help=help_text, edit=edit)

    def twice(self, what: str, second: Span, first: Span) -> None:
        self.error(
            "FM0205",
            f"{what} is declared twice",
            second,
            labels=[Label(first, "first here")],
            help="keep one of the two",
        )

    def broken(self, span: Span) -> bool:
        """Whether a statement within this block did not even read: what seems missing from it may stand there."""
        return any(
            item.code.startswith("FM01") and item.span.path == span.path and span.start <= item.span.start <= span.end
            for item in self.diagnostics
        )

    @property
    def failed(self) -> bool:
        return any(item.severity is Severity.ERROR for item in self.diagnostics)
