"""Single mistakes, planted in every line of the whole example: each is reported once, at its line or at its opener."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.dsl.helpers import FIXTURES

from fieldmap.dsl import ast
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

_OPENS = re.compile(r"\{\s*$")


def _junk(line: str) -> str | None:
    return None if _OPENS.search(line) or line.strip() == "}" else f"{line} )"


def _junk_before(line: str) -> str | None:
    return None if line.strip().startswith("}") else re.sub(r"^(\s*)", r"\1) ", line)


def _open_quote(line: str) -> str | None:
    return line.replace('"', "", 1) if '"' in line else None


def _wrong_sign(line: str) -> str | None:
    return re.sub(r"\s[:=]\s", " % ", line, count=1) if re.search(r"\s[:=]\s", line) else None


def _open_bracket(line: str) -> str | None:
    return line.replace(")", "", 1) if ")" in line else None


def _no_opening(line: str) -> str | None:
    return _OPENS.sub("", line) if _OPENS.search(line) else None


def _no_end(line: str) -> str | None:
    return re.sub(r"\s+\S+$", " @", line) if re.search(r"\S\s+\S+$", line) and not _OPENS.search(line) else None


KINDS: list[Callable[[str], str | None]] = [
    _junk,
    _junk_before,
    _open_quote,
    _wrong_sign,
    _open_bracket,
    _no_opening,
    _no_end,
]


def planted(path: Path) -> list[tuple[int, str, str]]:
    """Every broken variant of a file: the line, what was done to it, and the text."""
    lines = path.read_text(encoding="utf-8").split("\n")
    found = []
    for number, line in enumerate(lines):
        code = re.sub(r"\s+#.*", "", line)
        if not code.strip() or code.startswith("#"):
            continue
        for kind in KINDS[number % 2 :: 2]:  # every kind meets every sort of line, at half the cost
            broken = kind(code)
            if broken not in (None, code):
                found.append(
                    (number + 1, kind.__name__, "\n".join([*lines[:number], str(broken), *lines[number + 1 :]]))
                )
    return found


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_one_mistake_is_one_message_at_its_line(path: Path) -> None:
    for line, kind, text in planted(path):
        source = Source(path.name, text)
        _, found = parse(source)
        assert [source.position(one.span.start)[0] for one in found] == [line], (
            kind,
            text.split("\n")[line - 1],
            found,
        )


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_missing_closing_brace_is_told_at_its_opener(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for match in re.finditer(r"^ *\}$", text, re.MULTILINE):
        _, found = parse(Source(path.name, text[: match.start()] + text[match.end() :]))
        assert [one.code for one in found] == ["FM0102"], match


def test_many_mistakes_at_once() -> None:
    """Twenty random mistakes in a file: none is missed and none causes another."""
    lines = "\n".join(path.read_text(encoding="utf-8") for path in FIXTURES).split("\n")
    kinds = [_junk, _junk_before, _open_quote, _wrong_sign, _open_bracket, _no_end]
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311
        broken, planted_lines = list(lines), set[int]()
        for number in chance.sample(range(len(lines)), len(lines)):
            code = re.sub(r"\s+#.*", "", lines[number])
            if not code.strip() or code.startswith("#") or {number - 1, number + 1} & planted_lines:
                continue
            choices = [new for new in (kind(code) for kind in kinds) if new not in (None, code)]
            if choices and len(planted_lines) < 20:
                broken[number] = str(chance.choice(choices))
                planted_lines.add(number)
        source = Source("x.map", "\n".join(broken))
        found = [source.position(one.span.start)[0] - 1 for one in parse(source)[1]]
        assert sorted(found) == sorted(planted_lines)


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
