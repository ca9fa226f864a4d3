"""Whatever the text, reading it ends soon and gives nothing but a tree and mistakes with places in the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dsl.helpers import FIXTURES

from fieldmap.dsl.format import format_source
from fieldmap.dsl.parser import parse
from fieldmap.dsl.render import render_json, render_text
from fieldmap.dsl.source import Source

TEXTS = [path.read_text(encoding="utf-8") for path in FIXTURES]
PIECES = [
    *"{}()[]\"'`\\#$@:=;,-.*%?!\n\t\r\x00é“☃",
    "\n\n", "$.a", "==", "->", "- ", "as ", "in ", "not in [", "if ", "then ", "else ", "otherwise ", "{{", "}}", '"{', '}"',
    "absent ", "map a.b to C {\n", "entity X {", 'example "x" {', "given a.b {", '"a": ', "null", "is ", "case when ", "lookup(",
    "a: ", "a = ", "1e9", "..", "/*", "\ud800",
]  # fmt: skip
QUICK = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        removed = draw(st.sampled_from([0, 0, 1, 3, 40, 300]))
        text = text[:start] + draw(st.sampled_from(["", *PIECES])) + text[start + removed :]
    return text


def check(text: str) -> None:
    source = Source("x.map", text)
    begin = time.monotonic()
    _, found = parse(source)
    assert time.monotonic() - begin < 20
    for one in found:
        assert 0 <= one.span.start <= one.span.end <= len(text)
        assert one.message.strip("` ")
        if one.edit is not None:
            assert 0 <= one.edit.span.start <= one.edit.span.end <= len(text)
    render_text(found, {"x.map": source}, color=True)
    render_json(found, {"x.map": source})
    if not found:
        once = format_source(source)
        assert format_source(Source("x.map", once)) == once


@QUICK
@given(mutated())
def test_mutated_files(text: str) -> None:
    check(text)


@QUICK
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_pieces(text: str) -> None:
    check(text)


@QUICK
@given(st.text(max_size=120))
def test_any_text(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("before", "repeated", "after"),
    [
        ("map a.b to C {\n when ", "not ", "true\n}"),
        ("map a.b to C {\n x = $.a", " otherwise 1", "\n}"),
        ("map a.b to C {\n x = ", "if true then 1 else ", "1\n}"),
        ("map a.b to C {\n", "x;", "}"),
        ('map a.b to C {\n x = "', "{$.a}", '"\n}'),
        ('map a.b to C {\n x = "', "\\", ""),
        ("", '"', ""),
        ("", "}\n", ""),
        ("", "(", ""),
        ("", "map a.b to C {\n x = \n}\n", ""),
        ("entity A { key a : ", "list of ", "text }"),
        ("map a.b to C {\n x = f(", " # y\n", "1)\n}"),
        ('example "x" { given a.b { "a": [', "1,", "1 } }"),
    ],
)
def test_repetition_is_bounded(before: str, repeated: str, after: str) -> None:
    check(before + repeated * (12_000 // len(repeated)) + after)
