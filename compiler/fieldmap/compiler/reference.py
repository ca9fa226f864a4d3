"""CSV files of a project: code lists and tables. Nothing outside the project's folder is ever read."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.dsl.source import Source, Span

LARGEST = 32 * 1024 * 1024
MOST_ROWS = 1_000_000
# After so many mistakes in one file the rest is counted only.
MOST_MISTAKES = 20


@dataclass
class DataFile:
    """A CSV file that could be read. rows: the cells of each, and the line that it begins on (from 1)."""

    shown: str
    text: str
    digest: str
    headers: list[str]
    rows: list[tuple[int, list[str]]]
    mistakes: int = 0
    _starts: list[int] = field(default_factory=list)

    def span(self, line: int) -> Span:
        """The place of a line."""
        if not self._starts:
            self._starts = [0, *(match.end() for match in re.finditer("\n", self.text)), len(self.text) + 1]
        end = self._starts[min(line, len(self._starts) - 1)] - 1
        start = self._starts[line - 1]
        return Span(self.shown, start, max(start, len(self.text[:end].rstrip("\r")) if end > start else start))


class DataFiles:
    """Opens the files that declarations name, each once."""

    def __init__(self, root: Path, sources: dict[str, Source], report: Report) -> None:
        self._root = root
        self._sources = sources
        self._report = report
        self._known: dict[str, DataFile | None] = {}

    def open(self, named: ast.Text) -> DataFile | None:
        """The file that a text names, relative to the file that says it; None after a diagnostic."""
        path = self._path(named)
        if path is None:
            return None
        shown = path.relative_to(self._root.resolve()).as_posix()
        if shown not in self._known:
            self._known[shown] = self._read(path, shown, named)
        return self._known[shown]

    def within(self, named: ast.Text, help: str) -> tuple[Path, str] | None:
        """The file of another kind that a text names, and its path as it is shown; None after a diagnostic. help: where it is missing."""
        path = self._path(named, help)
        return None if path is None else (path, path.relative_to(self._root.resolve()).as_posix())

    @property
    def digests(self) -> list[tuple[str, str]]:
        """The names and digests of the files that were read."""
        return [(shown, file.digest) for shown, file in self._known.items() if file is not None]

    def _path(self, named: ast.Text, missing: str = "a path is relative to the file that says it") -> Path | None:
        written = PurePosixPath(named.value)
        help_ = "name a file of the project, relative to this one"
        if (
            not named.value
            or written.is_absolute()
            or ".." in written.parts
            or "\\" in named.value
            or "\0" in named.value
        ):
            self._refuse(named, f'"{named.value}" does not name a file within the project', help_)
            return None
        root = self._root.resolve()
        path = (root / Path(named.span.path).parent / written).resolve()
        if not path.is_relative_to(root):
            self._refuse(named, f"{named.value} leads out of the project's folder", help_)
            return None
        if not path.is_file():
            self._refuse(named, f"there is no file {named.value}", missing)
            return None
        return path

    def _refuse(self, named: ast.Text, message: str, help_: str = "") -> None:
        self._report.error("FM0218", message, named.span, help=help_)

    def _read(self, path: Path, shown: str, named: ast.Text) -> DataFile | None:
        try:
            size = path.stat().st_size
            if size > LARGEST:
                self._refuse(
                    named,
                    f"{shown} has {size // 2**20} MB, and {LARGEST // 2**20} MB are read",
                    "split it, or load it as a source",
                )
                return None
            content = path.read_bytes()
        except OSError as error:
            self._refuse(named, f"{shown} cannot be read: {error.strerror}")
            return None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self._refuse(named, f"line {line} of {shown} is not written in UTF-8", "save the file as CSV UTF-8")
            return None
        file = DataFile(shown, text, hashlib.sha256(content).hexdigest(), [], [])
        return file if self._parse(file, named) else None

    def _parse(self, file: DataFile, named: ast.Text) -> bool:
        begins, reader = 1, csv.reader(io.StringIO(file.text, newline=""), strict=True)
        try:
            for cells in reader:
                line, begins = begins, reader.line_num + 1
                if not cells:
                    continue
                if not file.headers:
                    file.headers = cells
                elif len(cells) != len(file.headers):
                    self.mistake(
                        file,
                        line,
                        f"this line has {_cells(len(cells))}, and the first line names {_cells(len(file.headers))}",
                        "a cell that holds a comma stands in double quotes",
                    )
                elif len(file.rows) == MOST_ROWS:
                    self._refuse(named, f"{file.shown} has more than {MOST_ROWS:,} rows", "load it as a source")
                    return False
                else:
                    file.rows.append((line, cells))
        except csv.Error as error:
            self.mistake(file, min(begins, file.text.count("\n") + 1), f"this line does not read as CSV: {error}")
            return False
        if not file.headers:
            self._refuse(named, f"{file.shown} is empty", "its first line names the columns")
            return False
        if len(set(file.headers)) < len(file.headers):
            twice = next(name for name in file.headers if file.headers.count(name) > 1)
            self.mistake(file, 1, f'two columns are called "{twice}"', code="FM0366")
            return False
        return file.mistakes == 0

    def column(self, file: DataFile, header: str, place: Span) -> int | None:
        """The index of a column; None after a diagnostic."""
        if header in file.headers:
            return file.headers.index(header)
        name = ast.Name(text=header, span=place)
        if len(file.headers) == 1 and ";" in file.headers[0]:
            self._report.error(
                "FM0219",
                f"there is no column {header}, for the columns of {file.shown} are separated by semicolons",
                place,
                help="save it with commas between the columns",
            )
        else:
            self._report.unknown("FM0219", f"column of {file.shown} called", name, file.headers)
        return None

    def mistake(
        self,
        file: DataFile,
        line: int,
        message: str,
        help_: str = "",
        *,
        code: str = "FM0365",
        first: int | None = None,
    ) -> None:
        """Something wrong with a line of the file."""
        file.mistakes += 1
        if file.mistakes > MOST_MISTAKES:
            return
        self._sources.setdefault(file.shown, Source(file.shown, file.text))
        if file.mistakes == MOST_MISTAKES:
            message, help_ = "there are more mistakes in this file, which are not listed", ""
        labels = [Label(file.span(first), "the first")] if first is not None else []
        self._report.error(code, message, file.span(line), labels=labels, help=help_)


def _cells(count: int) -> str:
    return "one cell" if count == 1 else f"{count} cells"


def pairs(files: DataFiles, file: DataFile, columns: tuple[int, int]) -> Iterator[tuple[int, str, str]]:
    """Line, code and value of each row; a row without a code is reported."""
    for line, cells in file.rows:
        code, value = cells[columns[0]], cells[columns[1]]
        if code == "" or value == "":
            files.mistake(
                file, line, f"the {'code' if code == '' else 'value'} is empty", "fill it in, or take the line out"
            )
            continue
        yield line, code, value
