"""CSV: rows of RFC 4180 as objects by header, with the delimiter, quotes and encoding that the resource names."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from fieldmap.runtime.values.failures import shorten
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import ENCODINGS, Reading

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


def csv_rows(content: bytes, start: int, reading: Reading) -> Iterator[tuple[int, dict[str, str] | Failed]]:
    """Each row with the byte where it starts; one that cannot be read is a Failed, and the rows after it go on."""
    encoding = ENCODINGS.get(reading.encoding, reading.encoding)
    if encoding == "utf-16":
        try:
            content, start, encoding = content.decode("utf-16").encode(), 0, "utf-8"
        except UnicodeError:
            yield 0, Failed("FM2120", "the file is not UTF-16")
            return
    elif content.startswith(_UTF16):
        yield 0, Failed("FM2120", 'the file is UTF-16: say so with as csv { encoding "utf-16" }')
        return
    position = _Position(content, start, encoding)
    position.skip(reading.header - 1)
    if reading.quote:
        reader = csv.reader(iter(position), strict=True, delimiter=reading.delimiter, quotechar=reading.quote)
    else:
        reader = csv.reader(iter(position), strict=True, delimiter=reading.delimiter, quoting=csv.QUOTE_NONE)
    header: list[str] | None = None
    while True:
        start = position.next
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            name = reading.encoding.upper()
            what = f"row is not {name}" if isinstance(error, UnicodeDecodeError) else f"row is not CSV: {error}"
            yield start, Failed("FM2120", f"the {'header ' if header is None else ''}{what}")
            if header is None:
                return
            continue
        if not row:
            continue
        if header is None:
            header = row
            if fault := _header_fault(header, reading.delimiter):
                yield start, Failed("FM2120", fault)
                return
        elif len(row) > len(header):
            yield start, Failed("FM2120", f"a row has {len(row)} cells, and the header names {len(header)}")
        else:
            yield start, {name: cell for name, cell in zip(header, row, strict=False) if cell}


def _header_fault(header: list[str], delimiter: str) -> str | None:
    for other, called in _OTHERS.items():
        if len(header) == 1 and other != delimiter and other in header[0]:
            written = "\\t" if other == "\t" else other
            return f'the header is one cell with {called} in it: say what separates the cells, as csv {{ delimiter "{written}" }}'
    for index, name in enumerate(header):
        if not name:
            return f"column {index + 1} has no name in the header"
        if name in header[:index]:
            return f'the header names "{shorten(name)}" twice'
    return None


class _Position:
    """Hands out the lines of a text and knows the byte where the next one starts."""

    def __init__(self, content: bytes, start: int, encoding: str) -> None:
        self.content = content
        self.next = start
        self._encoding = encoding

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.next >= len(self.content):
            raise StopIteration
        return self._line().decode(self._encoding)

    def skip(self, lines: int) -> None:
        for _ in range(lines):
            self._line()

    def _line(self) -> bytes:
        end = self.content.find(b"\n", self.next) + 1 or len(self.content)
        line = self.content[self.next : end]
        self.next = end
        return line
