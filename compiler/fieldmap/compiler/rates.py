"""Rate tables: what a currency was worth on a day, out of a CSV file of the project."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from fieldmap.compiler import ir
from fieldmap.compiler.places import place
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.dsl.source import Source, Span
from fieldmap.runtime.values.currencies import CURRENCIES
from fieldmap.runtime.values.dates import iso_date
from fieldmap.runtime.values.numbers import plain

COLUMNS = ("date", "from", "to", "rate")
LARGEST_FILE = 20_000_000
MOST_MISTAKES = 20
# A rate counts over a week-end and a holiday, and no longer unless the author says so.
VALID_DAYS = 7
LONGEST_VALID = 3_660


def key(name: str) -> str:
    """The name of a rate table among the tables of a project; no author can write it."""
    return f"rates {name}"


def lower_rates(symbols: Symbols, root: Path, report: Report) -> dict[str, ir.Table]:
    """All rate tables that could be read, by their keys."""
    found: dict[str, ir.Table] = {}
    for node in symbols.rates.values():
        table = _table(node, symbols, root, report)
        if table is not None:
            found[table.name] = table
    return found


def _table(node: ast.Rates, symbols: Symbols, root: Path, report: Report) -> ir.Rates | None:
    valid = _valid(node, report)
    across = node.across.text if node.across is not None else None
    if node.across is not None and across not in CURRENCIES:
        report.error(
            "FM0303",
            f"{across} is no currency code",
            node.across.span,
            help="write the three capitals of ISO 4217, such as EUR",
        )
        return None
    read = _read(node, root, report)
    if read is None or valid is None:
        return None
    source, digest = read
    symbols.sources.setdefault(source.path, source)
    rates = _Lines(source, node, report).rates()
    if rates is None:
        return None
    return ir.Rates(
        name=key(node.name.text),
        file=source.path,
        digest=digest,
        rates=tuple(sorted(rates, key=lambda rate: (rate.source, rate.target, rate.day))),
        place=place(symbols.sources, node.name.span),
        valid=valid,
        inverse=node.inverse,
        across=across,
    )


def _valid(node: ast.Rates, report: Report) -> int | None:
    if node.valid is None:
        return VALID_DAYS
    days = node.valid.value
    if days != days.to_integral_value() or not 0 <= days <= LONGEST_VALID:
        report.error(
            "FM0333",
            f"a rate counts for 0 to {LONGEST_VALID} whole days after its own",
            node.valid.span,
            help="write valid 7 days",
        )
        return None
    return int(days)


def _read(node: ast.Rates, root: Path, report: Report) -> tuple[Source, str] | None:
    """The file, which must lie within the project's folder whatever links lead to it."""
    written = node.path.value
    path = (root / node.span.path).parent / written
    inside = root.resolve()
    try:
        real = path.resolve()
        if Path(written).is_absolute() or not real.is_relative_to(inside):
            report.error(
                "FM0332",
                f"{written} lies outside the project's folder",
                node.path.span,
                help="copy the file into the project",
            )
            return None
        if real.exists() and not real.is_file():
            report.error(
                "FM0332",
                f"{written} is no file that can be read",
                node.path.span,
                help="name a CSV file of the project",
            )
            return None
        if real.stat().st_size > LARGEST_FILE:
            report.error(
                "FM0332",
                f"{written} is larger than {LARGEST_FILE // 1_000_000} MB",
                node.path.span,
                help="leave out years that no record has",
            )
            return None
        data = real.read_bytes()
        shown = real.relative_to(inside).as_posix()
        return Source(shown, data.decode("utf-8-sig")), hashlib.sha256(data).hexdigest()
    except FileNotFoundError:
        report.error(
            "FM0332", f"there is no file {written}", node.path.span, help="a path is relative to the file that says it"
        )
    except UnicodeDecodeError:
        report.error("FM0332", f"{written} is not written in UTF-8", node.path.span, help="save it as UTF-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name is not one of a file"
        report.error("FM0332", f"{written} cannot be read: {reason}", node.path.span)
    return None


@dataclass(frozen=True)
class _Row:
    """A line of the file with its cells. line: from 1; span: the whole line."""

    cells: list[str]
    line: int
    span: Span


class _Lines:
    """The lines of one file, each mistake reported at its own line."""

    def __init__(self, source: Source, node: ast.Rates, report: Report) -> None:
        self._source = source
        self._node = node
        self._report = report
        self._mistakes = 0

    def rates(self) -> list[ir.Rate] | None:
        rows = self._rows()
        try:
            head = next(rows, None)
            if head is None or not self._heads(head):
                if head is None:
                    self._file("has no lines")
                return None
            places = [self._names(head).index(column) for column in COLUMNS]
            found: dict[tuple[str, str, str], ir.Rate] = {}
            for row in rows:
                rate = self._rate(row, places)
                if rate is not None:
                    self._keep(rate, row, found)
                if self._mistakes >= MOST_MISTAKES:
                    break
        except csv.Error as error:
            self._file(f"is no CSV file: {error}")
            return None
        if not found and not self._mistakes:
            self._file("has no rates")
        return list(found.values()) if found and not self._mistakes else None

    def _rows(self) -> Iterator[_Row]:
        start = 0
        for number, line in enumerate(self._source.text.split("\n"), 1):
            text = line.removesuffix("\r")
            if text.strip():
                cells = next(csv.reader([text], strict=True), [])
                yield _Row([cell.strip() for cell in cells], number, Span(self._source.path, start, start + len(text)))
            start += len(line) + 1

    @staticmethod
    def _names(head: _Row) -> list[str]:
        return [cell.lower() for cell in head.cells]

    def _heads(self, head: _Row) -> bool:
        names = self._names(head)
        missing = [column for column in COLUMNS if names.count(column) != 1]
        if missing:
            self._line(
                head, f"the first line names no column {missing[0]}, or names it twice", "it reads: date,from,to,rate"
            )
        return not missing

    def _rate(self, row: _Row, places: list[int]) -> ir.Rate | None:
        if len(row.cells) <= max(places):
            return self._line(row, "this line has too few columns", "each line has a date, two currencies and a rate")
        day, source, target, written = (row.cells[place] for place in places)
        if iso_date(day) is None:
            return self._line(row, f'"{day}" is no date', "dates are written as in 2026-03-01")
        for code in (source, target):
            if code not in CURRENCIES:
                return self._line(row, f'"{code}" is no currency', "write the three capitals of ISO 4217, such as USD")
        if source == target:
            return self._line(row, f"a rate from {source} to itself says nothing", "leave the line out")
        value = plain(written)
        if value is None or value <= 0:
            return self._line(row, f'"{written}" is no rate', "rates are plain numbers above zero, as in 1.0842")
        return ir.Rate(
            day=day, source=source, target=target, value=format(Decimal(value).normalize(), "f"), line=row.line
        )

    def _keep(self, rate: ir.Rate, row: _Row, found: dict[tuple[str, str, str], ir.Rate]) -> None:
        pair = (rate.source, rate.target, rate.day)
        first = found.setdefault(pair, rate)
        if first is not rate:
            self._line(
                row,
                f"{rate.source} to {rate.target} of {rate.day} stands in line {first.line} already",
                "keep one of the two",
            )

    def _line(self, row: _Row, message: str, help: str) -> ir.Rate | None:
        self._mistakes += 1
        label = Label(self._node.path.span, "the table is read here")
        self._report.error("FM0333", message, row.span, labels=[label], help=help)
        return None

    def _file(self, what: str) -> None:
        self._mistakes += 1
        self._report.error(
            "FM0332", f"{self._source.path} {what}", self._node.path.span, help="its first line is date,from,to,rate"
        )
