"""How the bytes of a page are read beyond the name of their format: what the resource says of delimiter, sheet, elements."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

# In an object that an element of XML became: its text beside the attributes.
TEXT = "#text"

# The encodings that a resource may name, as Python calls them. All but UTF-16 keep the bytes of ASCII.
# "utf-16" goes by the mark at the beginning, and is little-endian without one.
ENCODINGS: dict[str, str] = {
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "ascii": "ascii",
    "latin-1": "iso8859-1",
    **{f"windows-{number}": f"cp{number}" for number in (1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
    **{f"cp{number}": f"cp{number}" for number in (437, 850, 852)},
    "shift_jis": "shift_jis",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-kr": "euc_kr",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """delimiter, quote ("" for none), encoding (a key of ENCODINGS): of CSV and fixed width. header: the line of CSV or the row of a
    sheet that names the columns, from 1. columns: name, first and last character of each, from 1, where no header names them (0, 0 but
    for fixed width). skip, footer: how many lines at the beginning and the end are no rows. short_rows: whether a row may lack
    cells. sheet: its name, or its number from 1. root: the name that the root element of XML must have, if said. namespaces: whether
    names of XML keep theirs, `{urn:x}name`. schema: of XML, as JSON text, see `fieldmap.runtime.values.xml`. packed: "zip" or "gzip"
    if the page is such a file, members: the pattern of the names in a zip that are read.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: int = 1
    columns: tuple[tuple[str, int, int], ...] = ()
    skip: int = 0
    footer: int = 0
    short_rows: bool = False
    packed: str = ""
    members: str = "*"
    sheet: str | int = 1
    root: str = ""
    namespaces: bool = False
    schema: str = ""
    tree: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", json.loads(self.schema) if self.schema else {})


PLAIN = Reading()
