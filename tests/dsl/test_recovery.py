"""Planted mistakes: each is told once, at its line or at its opener. tests/bench/recovery.py tries all of them."""

from __future__ import annotations

import re

import pytest
from tests.dsl.helpers import FIXTURES
from tests.dsl.planted import LINE_KINDS, Severals, Singles, planted, texts, told

from fieldmap.dsl import ast
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

SHARE = 12  # one in so many of the files that tests/bench/recovery.py tries


def test_one_mistake_is_one_message_at_its_line() -> None:
    """Every statement of the reference and of the shipped mappings, with each kind of mistake that it can have."""
    broken = [one for text in texts() for one in planted(text)]
    assert {one.kind for one in broken} == {*(kind.__name__ for kind in LINE_KINDS), "no_closing"}
    tried = broken[::SHARE]
    assert len(tried) > 250
    singles = Singles()
    for one in tried:
        singles.add(one)
    assert not singles.inexact, [(one.name, one.kind, one.line, lines) for one, lines in singles.inexact]


def test_every_brace_of_the_fixtures() -> None:
    for path in FIXTURES:
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r"^ *\}$", text, re.MULTILINE):
            _, found = parse(Source(path.name, text[: match.start()] + text[match.end() :]))
            assert [one.code for one in found] == ["FM0102"], match


def test_many_mistakes_at_once() -> None:
    """Twenty random mistakes in about 95 lines: none is missed and none causes another."""
    good = texts()
    severals = Severals()
    for seed in range(0, 200, SHARE):
        severals.add(good, seed)
    assert severals.mistakes == 20 * severals.files
    assert not severals.imperfect


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # A bracket that is forgotten, and one too many at the beginning of the next line.
        ("map a.b to C {\n  x = lower($.x\n  ) y = $.y\n  z = $.z\n}\n", [2, 3]),
        # A name in the first column that only resembles a keyword of the file.
        ("map a.b to C {\n  x = $.x\ncost = $.c\ncable % $.d\n}\n", [4]),
        # A header that resembles a keyword, in a file where the block above is not closed.
        ("entity A {\n  key a : text\nmapp a.b to A {\n  a = $.x\n}\n", [1, 3]),
        # Braces of members, arms and JSON.
        ('connector a {\n  resource b {\n    shape {\n      c :\n        d : text\n      }\n      e : text\n    }\n  }\n}\n', [4]),
        ('connector a {\n  resource b {\n    shape {\n      c : [\n        d : text\n      } ]?\n      e : text\n    }\n  }\n}\n', [4]),
        ('map a.b to C {\n  x = case $.k\n    "A" -> 1\n    else -> 2\n  }\n  y = $.y\n}\n', [2]),
        ('example "e" {\n  given a.b\n    "c": { "d": 1 },\n    "e": 2\n  }\n  expect reject\n}\n', [2]),
        ('example "e" {\n  given like "x with {\n    "c": 1\n  }\n  expect reject\n}\n', [2]),
        ('example "e" {\n  given a.b\n    "c": 1\n    d: 2\n  }\n  expect reject\n}\n', [2]),
    ],
)  # fmt: skip
def test_where_mistakes_are_told(text: str, lines: list[int]) -> None:
    assert told(text) == lines


def test_good_statements_survive() -> None:
    file, found = parse(
        Source("x.map", "map a.b to C {\n  x = $.a\n  y = (\n  z = $.c\n}\nmerge C { z newest\n}\nfoo\n")
    )
    assert [one.code for one in found] == ["FM0104", "FM0101"]
    first, second = file.items
    assert isinstance(first, ast.Map)
    assert [one.field.text for one in first.items if isinstance(one, ast.Assignment)] == ["x", "z"]
    assert isinstance(second, ast.Merge)


def test_nested_statements_survive_their_neighbours() -> None:
    text = (
        'connector a {\n  rety 3\n  resource b {\n    get "/x"\n    shape {\n      m : {\n        x : text\n'
        "        y text\n      }?\n      n : [ {\n        z : text\n      } ]?\n    }\n  }\n}\n"
    )
    file, found = parse(Source("x.map", text))
    assert [one.code for one in found] == ["FM0101", "FM0101"]
    (connector,) = file.items
    assert isinstance(connector, ast.Connector)
    shape = connector.resources[0].shape
    assert shape is not None
    assert [(m.name.text, m.optional) for m in shape.members] == [("m", True), ("n", True)]
    nested = shape.members[0].type
    assert isinstance(nested, ast.ObjectType)
    assert [m.name.text for m in nested.members] == ["x"]


def test_odd_indentation_is_no_mistake() -> None:
    """Indentation only helps to find missing braces; where braces pair up it is never looked at."""
    text = "map a.b to C {\nx = $.a\n      y = (\n  }\n   merge C {\nz newest\n      w oldest }\n"
    file, found = parse(Source("x.map", text))
    assert [one.code for one in found] == ["FM0104"]
    assert len(file.items) == 2
