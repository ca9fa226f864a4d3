"""Where a value stands in a page of XML, CSV or Excel, in words with which a person finds it. For explaining single values."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from fieldmap.compiler.explain.jsontext import json_text
from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.lines import text_of
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import TEXT, Reading
from fieldmap.runtime.values.xml import local


@dataclass(frozen=True)
class Spot:
    """words: `line 14, /Report/Worker[2]/Name`; `line 3, column Name`; `People!C5`. text: what stands there."""

    words: str
    text: str


def spot(content: bytes, format: str, reading: Reading, start: int, keys: Sequence[str | int]) -> Spot | None:
    """The spot of a value in a body that begins at `start` (see `bodies`); None where the format has its own bytes to show."""
    match format:
        case "xml":
            return _xml(content, reading, keys)
        case "csv" | "fixed":
            return _row(content, format, reading, start, keys)
        case "excel":
            return _excel(content, reading, start, keys)
        case _:
            return None


def _xml(content: bytes, reading: Reading, keys: Sequence[str | int]) -> Spot:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    element: Any = etree.fromstring(content, parser)
    found: list[Any] = [element]
    text: str | None = None
    for key in keys:
        if isinstance(key, int):
            found = found[key : key + 1]
        elif key.startswith("@"):
            text = (
                next((v for k, v in found[0].attrib.items() if _name(k, reading) == key[1:]), None) if found else None
            )
            break
        elif key != TEXT:
            found = [child for child in found[0] if _is(child, key, reading)] if found else []
        if not found:
            return Spot("missing", "missing")
    element = found[0]
    path = element.getroottree().getpath(element)
    last = keys[-1] if keys else ""
    if isinstance(last, str) and last.startswith("@"):
        return Spot(f"line {element.sourceline}, {path}/{last}", text if text is not None else "missing")
    return Spot(f"line {element.sourceline}, {path}", "".join(element.itertext()))


def _is(child: Any, name: str, reading: Reading) -> bool:
    return isinstance(child.tag, str) and _name(child.tag, reading) == name


def _name(tag: str, reading: Reading) -> str:
    return tag if reading.namespaces else local(tag)


def _row(content: bytes, format: str, reading: Reading, start: int, keys: Sequence[str | int]) -> Spot:
    # Where a row starts is counted in the text that is read; of UTF-16 that is not the bytes of the page.
    text, _ = text_of(content, reading)
    line = text.count(b"\n", 0, start) + 1
    column = str(keys[0]) if keys else ""
    row = _body(content, format, reading, start)
    cell = row.get(column) if isinstance(row, dict) else None
    places = [f", characters {first} to {last}" for name, first, last in reading.columns if name == column and first]
    where = f"line {line}, column {column}{''.join(places)}"
    return Spot(where, cell if cell is not None else "missing")


def _excel(content: bytes, reading: Reading, start: int, keys: Sequence[str | int]) -> Spot:
    from python_calamine import CalamineWorkbook

    from fieldmap.runtime.values.sheets import column

    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheet = reading.sheet if isinstance(reading.sheet, str) else workbook.sheet_names[reading.sheet - 1]
    table = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    header = [str(cell).strip() for cell in table[reading.header - 1]]
    name = str(keys[0]) if keys else ""
    place = header.index(name) if name in header else 0
    row = _body(content, "excel", reading, start)
    value = row.get(name) if isinstance(row, dict) else None
    return Spot(f"{sheet}!{column(place)}{start}", json_text(value) if value is not None else "missing")


def _body(content: bytes, format: Any, reading: Reading, start: int) -> Any:
    """The body that begins there."""
    found = next((body for at, body in bodies(content, format, reading) if at == start), None)
    return None if isinstance(found, Failed) else found
