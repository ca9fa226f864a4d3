"""Code lists: what the codes of a source mean."""

from __future__ import annotations

import re

from fieldmap.compiler import ir
from fieldmap.compiler.places import place
from fieldmap.compiler.reference import DataFiles, pairs
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label

# Values of a CSV file that are written so can be values of an enum.
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


def lower_codes(symbols: Symbols, files: DataFiles, report: Report) -> dict[str, ir.CodeTable]:
    """All code lists."""
    return {name: _Lowering(node, symbols, files, report).table() for name, node in symbols.codes.items()}


class _Lowering:
    def __init__(self, node: ast.Codes, symbols: Symbols, files: DataFiles, report: Report) -> None:
        self._node = node
        self._symbols = symbols
        self._files = files
        self._report = report
        self._entries: dict[str, str] = {}
        self._first: dict[str, ast.Text | ast.Number] = {}
        self._default: str | None = None
        self._kinds: dict[str, ast.CodeArm] = {}

    def table(self) -> ir.CodeTable:
        node = self._node
        for number, arm in enumerate(node.arms):
            self._arm(arm, last=number == len(node.arms) - 1)
        numeric = self._numeric()
        if len(self._kinds.keys() - {""}) > 1:
            self._report.error(
                "FM0310",
                f"{node.name.text} answers with texts in some lines and with enum values in others",
                node.name.span,
                help="write all answers with quotes, or all without",
            )
        digest = self._from_file()
        words = all(map(_WORD.fullmatch, self._entries.values())) and "text" not in self._kinds
        return ir.CodeTable(
            name=node.name.text,
            entries=self._entries,
            default=self._default,
            place=place(self._symbols.sources, node.name.span),
            numeric=numeric,
            enum="enum" in self._kinds or (bool(digest) and words),
            digest=digest,
        )

    def _arm(self, arm: ast.CodeArm, *, last: bool) -> None:
        value, kind = _value(arm, self._report)
        self._kinds.setdefault(kind, arm)
        if not arm.codes:
            self._default = value
            if not last:
                after = self._node.arms[self._node.arms.index(arm) + 1]
                self._report.error(
                    "FM0360",
                    "this line can never be reached",
                    after.span,
                    labels=[Label(arm.span, "else takes every other code, so it stands last")],
                    help="put else at the end of the list",
                )
        for code in arm.codes:
            key = code.value if isinstance(code, ast.Text) else _digits(code)
            if key in self._first:
                self._report.twice(f'the code "{key}"', code.span, self._first[key].span)
                continue
            self._first[key] = code
            self._entries[key] = value

    def _numeric(self) -> bool:
        """Whether the codes are numbers; all or none."""
        numbers = [code for code in self._first.values() if isinstance(code, ast.Number)]
        if numbers and len(numbers) < len(self._first):
            text = next(code for code in self._first.values() if isinstance(code, ast.Text))
            self._report.error(
                "FM0310",
                f"{self._node.name.text} has codes that are texts and codes that are numbers",
                numbers[0].span,
                labels=[Label(text.span, "a text")],
                help="write all codes with quotes, or all without",
            )
        return bool(numbers) and len(numbers) == len(self._first)

    def _from_file(self) -> str:
        """Adds the codes of the CSV file; answers with its digest."""
        node = self._node
        if node.source is None:
            return ""
        if self._first:
            code = next(iter(self._first.values()))
            self._report.error(
                "FM0310",
                f"the codes of {node.name.text} stand in a file",
                code.span,
                help="write this one into the file too; only else may stand here",
            )
        file = self._files.open(node.source)
        if file is None:
            return ""
        columns = node.columns
        if columns is None:
            if len(file.headers) != 2:
                self._report.error(
                    "FM0219",
                    f"{file.shown} has {len(file.headers)} columns, and nothing says which of them are the codes and the values",
                    node.source.span,
                    help=f'add a line: columns "{file.headers[0]}" -> "{file.headers[-1]}"',
                )
                return ""
            indexes = (0, 1)
        else:
            code_at = self._files.column(file, columns[0].text, columns[0].span)
            value_at = None if code_at is None else self._files.column(file, columns[1].text, columns[1].span)
            if code_at is None or value_at is None:
                return ""
            indexes = (code_at, value_at)
        first: dict[str, int] = {}
        for line, code_, value in pairs(self._files, file, indexes):
            known = self._entries.setdefault(code_, value)
            if known != value:
                message = f'the code "{code_}" stands for "{known}" already, and for "{value}" here'
                self._files.mistake(file, line, message, "keep one of the two", code="FM0366", first=first[code_])
            first.setdefault(code_, line)
        return file.digest


def _digits(code: ast.Number) -> str:
    """The number as `text(…)` writes it."""
    text = format(code.value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


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
