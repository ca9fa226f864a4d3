"""CSV and fixed width: rows as objects by header, or by the columns that the resource names, in the encoding that it names."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from fieldmap.runtime.values.failures import shorten
from fieldmap.runtime.values.lines import Lines, text_of
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import Reading

_OTHERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


Row = tuple[int, dict[str, str] | Failed]


def csv_rows(content: bytes, reading: Reading) -> Iterator[Row]:
    """Each row with the byte where it starts; one that cannot be read is a Failed, and the rows after it go on."""
    try:
        text, encoding = text_of(content, reading)
    except Failed as failed:
        yield 0, failed
        return
    header = [name for name, _, _ in reading.columns]
    lines = Lines(text, encoding, reading.skip if header else reading.header - 1, reading.footer)
    if reading.quote:
        reader = csv.reader(lines, strict=True, delimiter=reading.delimiter, quotechar=reading.quote)
    else:
        reader = csv.reader(lines, strict=True, delimiter=reading.delimiter, quoting=csv.QUOTE_NONE)
    said = "columns" if header else "header"
    while True:
        start = lines.next
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            yield start, _unreadable(error, reading, "row" if header else "header row")
            if not header:
                return
            continue
        if not row:
            continue
        if not header:
            header = row
            if fault := _header_fault(header, reading.delimiter):
                yield start, Failed("FM2120", fault)
                return
        elif len(row) != len(header) and not (reading.short_rows and len(row) < len(header)):
            yield start, Failed("FM2120", _ragged(len(row), len(header), said))
        else:
            yield start, {name: cell for name, cell in zip(header, row, strict=False) if cell}


def _unreadable(error: Exception, reading: Reading, what: str) -> Failed:
    if isinstance(error, UnicodeDecodeError):
        return Failed("FM2120", f"the {what} is not {reading.encoding.upper()}")
    return Failed("FM2120", f"the {what} is not CSV: {error}")


def _ragged(cells: int, names: int, said: str) -> str:
    named = f"the header names {names}" if said == "header" else f"the columns are {names}"
    found = f"a row has {cells} cell{'' if cells == 1 else 's'}, and {named}"
    return found if cells > names else f"{found}; if the source leaves empty ones out, say: short_rows allowed"


def fixed_rows(content: bytes, reading: Reading) -> Iterator[Row]:
    """Each line with the byte where it starts, cut into its columns. An empty cell is missing, blanks round a cell are left out."""
    try:
        text, encoding = text_of(content, reading)
    except Failed as failed:
        yield 0, failed
        return
    lines = Lines(text, encoding, reading.skip, reading.footer)
    width = max(last for _, _, last in reading.columns)
    while True:
        start = lines.next
        try:
            line = next(lines).rstrip("\r\n")
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            yield start, _unreadable(error, reading, "line")
            continue
        if not line.strip(" \x1a"):  # the mark of the end that old systems write
            continue
        yield start, _cut(line, width, reading)


def _cut(line: str, width: int, reading: Reading) -> dict[str, str] | Failed:
    if len(line) < width and not reading.short_rows:
        short = "if the source leaves blanks at the end out, say: short_rows allowed"
        return Failed("FM2120", f"a line has {len(line)} characters, and the columns take {width}; {short}")
    if line[width:].strip():
        return Failed("FM2120", f"a line goes on behind its last column, which ends at {width}")
    cells = ((name, line[first - 1 : last].strip(" ")) for name, first, last in reading.columns)
    return {name: cell for name, cell in cells if cell}


def _header_fault(header: list[str], delimiter: str) -> str | None:
    for other, called in _OTHERS.items():
        if len(header) == 1 and other != delimiter and other in header[0]:
            written = "\\t" if other == "\t" else other
            return f'the header is one cell with {called} in it: say what separates the cells, as csv {{ delimiter "{written}" }}'
    known: set[str] = set()
    for number, name in enumerate(header, 1):
        if not name:
            return f"column {number} has no name in the header"
        if name in known:
            return f'the header names "{shorten(name)}" twice'
        known.add(name)
    return None
