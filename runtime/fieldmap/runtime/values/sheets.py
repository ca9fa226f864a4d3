"""Rows of an Excel sheet as objects by header. Numbers are exact as far as the file says: Excel keeps the digits of a double, and
these very digits become a decimal. A date is its ISO text without a zone, a duration its ISO text, an empty cell is missing.

The file is measured before it is opened, since a few kilobytes of zip can hold gigabytes: parts are unpacked once, in pieces that are
thrown away, and a sheet whose cells span too large an area is refused, for it would be laid out in memory as a whole.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from fieldmap.runtime.values.failures import Unreadable, shorten
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import Reading

MOST_UNPACKED = 512 << 20
MOST_CELLS = 20_000_000
_CHUNK = 1 << 20
_CELL = re.compile(
    rb"<(?:\w+:)?c\s+r=\"([A-Z]{1,3})([0-9]{1,7})\"(?:[^>]*?\st=\"(e)\"[^>]*>.{0,200}?<(?:\w+:)?v>([^<]{1,20})<)?",
    re.DOTALL,
)
_EXACT_WHOLE = 2**53

Row = tuple[int, dict[str, Any] | Failed]


def sheet_rows(content: bytes, reading: Reading) -> Iterator[Row]:
    """Each row below the header with its number in the sheet; a Failed (FM2120) in place of what cannot be read."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, WorksheetNotFound

    if fault := _measured(content):
        yield 1, Failed("FM2120", fault)
        return
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = workbook.sheet_names
        name = _sheet_name(names, reading.sheet)
        if name is None:
            yield 1, Failed("FM2120", f"the file has no sheet {reading.sheet}; it has: {shorten(', '.join(names))}")
            return
        sheet = workbook.get_sheet_by_name(name)
        table = sheet.to_python(skip_empty_area=False)
    except PasswordError:
        yield 1, Failed("FM2120", "the file is protected by a password")
        return
    except (CalamineError, WorksheetNotFound, ValueError, OSError) as error:
        yield 1, Failed("FM2120", f"the file is not a whole Excel workbook: {shorten(str(error))}")
        return
    yield from _rows(table, reading, _errors(content, names.index(name)))


def _sheet_name(names: list[str], wanted: str | int) -> str | None:
    if isinstance(wanted, int):
        return names[wanted - 1] if 0 < wanted <= len(names) else None
    return wanted if wanted in names else None


def _rows(table: list[list[Any]], reading: Reading, errors: dict[tuple[int, int], str]) -> Iterator[Row]:
    if len(table) < reading.header:
        yield 1, Failed("FM2120", f"the sheet has no row {reading.header}, where the header should be")
        return
    header = [_head(cell) for cell in table[reading.header - 1]]
    if fault := _header_fault(header, reading.header):
        yield reading.header, Failed("FM2120", fault)
        return
    for number, cells in enumerate(table[reading.header :], reading.header + 1):
        row: dict[str, Any] = {}
        surplus = None
        for place, cell in enumerate(cells):
            value = _cell(cell) if cell != "" else None
            if (number, place) in errors:
                value = Unreadable(
                    "FM2104", f"the cell {column(place)}{number} holds the error {errors[number, place]}"
                )
            if value is None:
                continue
            if header[place]:
                row[header[place]] = value
            else:
                surplus = surplus or f"{column(place)}{number}"
        if surplus is not None:
            yield number, Failed("FM2120", f"the cell {surplus} stands below no name in the header")
        elif row:
            yield number, row


def _head(cell: Any) -> str:
    value = _cell(cell) if cell != "" else ""
    return str(value).strip() if not isinstance(value, bool) else str(value).lower()


def _header_fault(header: list[str], row: int) -> str | None:
    if not any(header):
        return f"row {row}, where the header should be, is empty"
    for place, name in enumerate(header):
        if name and name in header[:place]:
            first = column(header.index(name))
            return f'the header names "{shorten(name)}" twice, in {first}{row} and {column(place)}{row}'
    return None


def _cell(cell: Any) -> Any:
    """A cell as a value of JSON: text, bool, int or Decimal."""
    match cell:
        case bool() | str():
            return cell
        case float():
            return int(cell) if cell.is_integer() and abs(cell) < _EXACT_WHOLE else Decimal(repr(cell))
        case int():
            return cell
        case datetime():
            return cell.isoformat()
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return _duration(cell)
        case _:
            return str(cell)


def _duration(cell: timedelta) -> str:
    """`PT25H30M`, as ISO 8601 has it."""
    sign, seconds = ("-", -cell) if cell < timedelta(0) else ("", cell)
    whole, rest = divmod(seconds // timedelta(microseconds=1), 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{sign}PT{whole // 3600}H{whole // 60 % 60}M{whole % 60}{fraction}S"


def column(place: int) -> str:
    """The letters of a column, counted from 0: `A`, `Z`, `AA`."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _number(letters: bytes) -> int:
    """The column of letters, from 0."""
    value = 0
    for letter in letters:
        value = value * 26 + letter - 64
    return value - 1


# ------------------------------------------------------------------------------------------------------------ measuring


def _measured(content: bytes) -> str | None:
    """What keeps the file from being opened, None if nothing does. Unpacks every part once, without keeping it."""
    if content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "the file is an old or protected Excel file (.xls); save it as .xlsx without a password"
    if content[:2] != b"PK":
        return "the file is no Excel workbook (.xlsx)"
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for part in packed.infolist():
                widest = deepest = 0
                for piece in _pieces(packed, part):
                    total += len(piece)
                    if total > MOST_UNPACKED:
                        return f"the file unpacks to more than {MOST_UNPACKED >> 20} MiB; split it"
                    if "worksheets/" in part.filename:
                        for letters, row, _, _ in _CELL.findall(piece):
                            widest, deepest = max(widest, _number(letters) + 1), max(deepest, int(row))
                if widest * deepest > MOST_CELLS:
                    return f"the cells of a sheet span {deepest:,} rows and {widest:,} columns, too many to be laid out"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        return f"the file is not a whole Excel workbook: {shorten(str(error) or 'it is damaged')}"
    return None


def _pieces(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """A part's bytes in pieces that overlap, so that no cell falls between two of them."""
    rest = b""
    with packed.open(part) as stream:
        while piece := stream.read(_CHUNK):
            yield rest + piece
            rest = piece[-400:]


def _errors(content: bytes, sheet: int) -> dict[tuple[int, int], str]:
    """The cells that hold an error such as `#N/A`, which the reading library gives as empty: (row from 1, column from 0)."""
    found: dict[tuple[int, int], str] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        part = _part_of(packed, sheet)
        if part is not None:
            for piece in _pieces(packed, part):
                for letters, row, error, text in _CELL.findall(piece):
                    if error:
                        found[int(row), _number(letters)] = text.decode("utf-8", "replace")
    return found


def _part_of(packed: zipfile.ZipFile, sheet: int) -> zipfile.ZipInfo | None:
    """The part of the sheet of that number: the workbook names its relation, the relations name the part."""
    try:
        book = packed.read("xl/workbook.xml")
        relations = packed.read("xl/_rels/workbook.xml.rels")
    except KeyError:
        return None
    ids = re.findall(rb"<(?:\w+:)?sheet\s[^>]*?\b\w+:id=\"([^\"]+)\"", book)
    if sheet >= len(ids):
        return None
    for relation in re.findall(rb"<(?:\w+:)?Relationship\s[^>]*>", relations):
        identity, target = re.search(rb"\bId=\"([^\"]+)\"", relation), re.search(rb"\bTarget=\"([^\"]+)\"", relation)
        if identity and target and identity.group(1) == ids[sheet]:
            path = target.group(1).decode()
            name = path.lstrip("/") if path.startswith("/") else f"xl/{path}"
            return next((part for part in packed.infolist() if part.filename == name), None)
    return None
