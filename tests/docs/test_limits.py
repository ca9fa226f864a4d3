"""What the language does not do is refused where somebody tries it: by a mistake of the file, or by a value that is held."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.compiler.project import check

TEXT = (Path(__file__).parents[2] / "docs" / "limits.md").read_text("utf-8")
LIMITS = [line.split("|")[1].strip() for line in TEXT.splitlines() if line.startswith("| ")][2:]

SHAPE = 'get "/x"\n    shape { id: text, y: text?, n: decimal?, on: date?, list: [ decimal ] }'
PROJECT = """
§top
entity A {
  key id : text
  x : §type
}
connector c {
  base "https://c.example.com"
  resource r {
    id $.id
    §resource
  }
}
map c.r to A {
  id = $.id
  x  = §value
  §line
}
"""

# What the page says, where somebody would write it and what; the codes that answer.
TRIED = [
    ("loop, or call itself", "top", "fn f(a: int): int {\n gives f(a)\n expect f(1) == 1\n}", {"FM0216"}),
    ("ask for the time, draw random numbers", "value", "today()", {"FM0207"}),
    ("ask for the time, draw random numbers", "value", "random()", {"FM0207"}),
    ("open files, the network or a database while it maps", "value", 'read("/etc/hosts")', {"FM0207"}),
    ("run Python, or any other program", "value", 'eval("1 + 1")', {"FM0207"}),
    ("count or sum over records", "value", "sum(c.r[*].n)", {"FM0208"}),
    ("match things by likeness", "value", "soundex($.y)", {"FM0207"}),
    ("guess how a date, number or unit is written", "type date?", "$.y", {"FM0304"}),
    ("guess how a date, number or unit is written", "value", 'text($.y as decimal("1,234"))', {"FM0308"}),
    ("guess how a date, number or unit is written", "type decimal(8, 1) in km?", "$.n", {"FM0306"}),
    ("make a number of a text that a shape calls a text", "type int?", "$.y", {"FM0304"}),
    ("convert money between currencies, or pay between periods, by itself", "type money(8, 2) in EUR?", "$.n in USD", {"FM0305"}),
    ("convert money between currencies, or pay between periods, by itself", "type money(8, 2) per year?", "$.n in USD per hour", {"FM0305"}),
    ("take regular expressions that RE2 refuses", "value", "extract($.y, '(?=a)b')", {"FM0364"}),
    ("read XML without a shape", "resource", 'get "/x"\n    format xml', {"FM0406"}),
    ("look outside the project when it is compiled", "top", 'use "../people.map"', {"FM0902"}),
    ("look outside the project when it is compiled", "top", 'codes k from "../k.csv" { columns "a" -> "b" }', {"FM0218"}),
]  # fmt: skip


def project(where: str, text: str) -> str:
    parts = {"top": "", "type": "text?", "resource": SHAPE, "value": "$.y", "line": ""}
    place, _, type_ = where.partition(" ")
    if place == "type":
        parts |= {"type": type_, "value": text}
    else:
        parts[place] = text
    return re.sub("§([a-z]+)", lambda match: parts[match[1]], PROJECT)


@pytest.mark.parametrize(
    ("limit", "where", "text", "codes"), TRIED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_the_language_does_not_do_is_refused(
    limit: str, where: str, text: str, codes: set[str], tmp_path: Path
) -> None:
    assert limit in LIMITS
    (tmp_path / "p").mkdir()
    path = tmp_path / "p" / "limits.map"
    path.write_text(project(where, text), "utf-8")
    found = [item for item in check(path.parent, [path]).diagnostics if item.code not in ("FM0215", "FM0380")]
    assert {item.code for item in found} == codes, [(item.code, item.message) for item in found]


def test_the_number_of_functions_is_true() -> None:
    assert "more than seventy [functions]" in TEXT
    assert 70 < len(FUNCTIONS) < 90
