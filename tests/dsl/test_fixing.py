"""`check --fix`: what it changes is what leaves no doubt, and nothing else in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmap.dsl.fixing import fixed
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

HEAD = "map hr.people to Worker {   # kept\n"


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ('when $.a = "x" && $.b <> "y" or $.c is null', 'when $.a == "x" and $.b != "y" or $.c is absent'),
        ("name : $.name", "name = $.name"),
        ('when $.a in ("A", "B") otherwise false', 'when $.a in ["A", "B"] otherwise false'),
        ("when 1 < $.n < 5 otherwise false", "when 1 < $.n and $.n < 5 otherwise false"),
        ("name = TRUE", "name = true"),
        ("name = $.a  -- old", "name = $.a  # old"),
    ],
)
def test_what_leaves_no_doubt_is_changed(written: str, mended: str) -> None:
    text, applied = fixed(Source("x.map", f"{HEAD}  {written}\n}}\n"))
    assert text == f"{HEAD}  {mended}\n}}\n"
    assert applied
    assert parse(Source("x.map", text))[1] == []


@pytest.mark.parametrize(
    "written",
    [
        "name = $.a || $.b",  # SQL joins texts so, programs conditions
        "name = $.flag otherwise true and $.x == 1",  # two readings
        "nmae $.name",
        "naem = case when $.a == 1 then 2 else 3 end",
    ],
)
def test_a_doubt_is_left_to_the_author(written: str) -> None:
    source = Source("x.map", f"{HEAD}  {written}\n}}\n")
    assert parse(source)[1]
    assert fixed(source) == (source.text, [])


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "errors").glob("*.map")), ids=lambda path: path.stem)
def test_no_file_gets_worse(path: Path) -> None:
    """However broken a file is: an edit takes its mistake away, and a second run finds nothing to do."""
    source = Source("x.map", path.read_text("utf-8"))
    text, applied = fixed(source)
    assert len(parse(Source("x.map", text))[1]) <= len(parse(source)[1])
    assert len(text) < 2 * len(source.text)
    assert bool(applied) == (text != source.text)
    assert fixed(Source("x.map", text))[0] == text
