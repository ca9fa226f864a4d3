"""Exactness from JSON text to numeric: no digit is lost on the way through archive bytes, decoding, transform, COPY and merge."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import Pages, compiled, load, ready, rows

from fieldmap.runtime.store.database import Server

MAPS = """
entity Part {
  key number : text
  d2     : decimal(30, 2)?
  d12    : decimal(42, 12)?
  whole  : decimal(40, 0)?
  mass   : decimal(20, 8) in kg?
  length : decimal(20, 6) in mm?
  heat   : decimal(12, 4) in degC?
  big    : int?
  raw    : json?
}
connector erp {
  base env.ERP
  resource parts {
    get "/parts"
    records $[*]
    id $.no
    shape { no: text, d2: number?, d12: number?, whole: number?, lb: number?, inch: number?, f: number?, big: int?, raw: json? }
  }
}
map erp.parts to Part {
  number = $.no
  d2     = $.d2
  d12    = $.d12
  whole  = $.whole
  mass   = $.lb in lb
  length = $.inch in inch
  heat   = $.f in degF
  big    = $.big
  raw    = $.raw
}
"""

CASES = [
    ("d2", "0.1", "d2", "0.10"),
    ("d2", "12345678901234567.89", "d2", "12345678901234567.89"),
    ("d2", "1234567890123456789012345678.91", "d2", "1234567890123456789012345678.91"),
    ("d2", '"12345678901234567.89"', "d2", None),
    ("d12", "123456789012345678901234567890", "d12", "123456789012345678901234567890.000000000000"),
    ("d12", "0.123456789012", "d12", "0.123456789012"),
    ("whole", "123456789012345678901234567890", "whole", "123456789012345678901234567890"),
    ("whole", "1e30", "whole", "1000000000000000000000000000000"),
    ("d2", "0.005", "d2", "0.01"),
    ("d2", "-0.005", "d2", "-0.01"),
    ("d2", "2.675", "d2", "2.68"),
    ("lb", "1", "mass", "0.45359237"),
    ("lb", "0.1", "mass", "0.04535924"),
    ("inch", "1", "length", "25.400000"),
    ("f", "212", "heat", "100.0000"),
    ("f", "-40", "heat", "-40.0000"),
    ("f", "0", "heat", "-17.7778"),
    ("big", "9223372036854775807", "big", "9223372036854775807"),
    ("big", "9223372036854775808", "big", None),
    (
        "raw",
        '{"a": [0.10, 12345678901234567.89, 123456789012345678901234567890]}',
        "raw",
        '{"a": [0.10, 12345678901234567.89, 123456789012345678901234567890]}',
    ),
]


def test_every_digit_arrives(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    records = ",".join(f'{{"no": "{number}", "{member}": {text}}}' for number, (member, text, _, _) in enumerate(CASES))
    load(database, bundle, "erp_parts__part", [Pages().page(f"[{records}]".encode())])
    for number, (_, text, column, wanted) in enumerate(CASES):
        if text.startswith('"'):
            wanted = text.strip('"')  # a number's text is read exactly where the shape says that it is a number
        found = rows(database, f"SELECT {column}::text FROM canonical.part WHERE number = %s", str(number))
        assert found == [(wanted,)], text


@pytest.mark.parametrize("text", ["1e400", "1e1000000", "9" * 500])
def test_M4_a_number_that_is_a_bomb_is_held_quickly(tmp_path: Path, database: Server, text: str) -> None:
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    loader = load(
        database,
        bundle,
        "erp_parts__part",
        [Pages().page(f'[{{"no": "1", "whole": {text}}}, {{"no": "2", "whole": 2}}]'.encode())],
    )
    assert loader.loaded.counts.read in (1, 2)
    assert rows(database, "SELECT number FROM canonical.part WHERE whole IS NOT NULL") == [("2",)]


def test_a_json_that_differs_in_its_digits_alone_is_another(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    pages = Pages()
    for text in ('{"a": 1.0}', '{"a": 1.00}', '{"a": 1}'):
        load(database, bundle, "erp_parts__part", [pages.page(f'[{{"no": "1", "raw": {text}}}]'.encode())])
        assert rows(database, "SELECT raw::text FROM canonical.part") == [(text,)]
