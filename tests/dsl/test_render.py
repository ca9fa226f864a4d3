"""How mistakes are shown: the look, the places, and that no source can steer a terminal."""

from __future__ import annotations

import re

from fieldmap.dsl.diagnostics import Diagnostic, Edit, Label, Severity
from fieldmap.dsl.parser import parse
from fieldmap.dsl.render import render_json, render_text
from fieldmap.dsl.source import Source, Span

WORKDAY = Source("workday.map", "\n" * 51 + "  hired_on     = $.hireDate\n")
PEOPLE = Source("people.map", "\n" * 6 + "  hired_on        : date\n")
AT = WORKDAY.text.index("$.hireDate")
MISTAKE = Diagnostic(
    "FM0304",
    "hired_on is a date, and this gives a text",
    Span("workday.map", AT, AT + 10),
    note="text?",
    labels=(
        Label(Span("people.map", PEOPLE.text.index("date"), PEOPLE.text.index("date") + 4), "this is what is needed"),
    ),
    help="say how the text is written",
    edit=Edit(Span("workday.map", AT + 10, AT + 10), ' as date("MM/dd/yyyy")'),
)
SOURCES = {"workday.map": WORKDAY, "people.map": PEOPLE}


def shown(text: str, *, color: bool = False, width: int = 100) -> str:
    source = Source("x.map", text)
    return render_text(parse(source)[1], {"x.map": source}, color=color, width=width)


def test_the_look() -> None:
    assert render_text([MISTAKE], SOURCES, color=False) == (
        "error FM0304: hired_on is a date, and this gives a text\n"
        "  ┌─ workday.map:52:18\n"
        "52│   hired_on     = $.hireDate\n"
        "  │                  ^^^^^^^^^^ text?\n"
        "  │\n"
        "  ├─ people.map:7:21\n"
        " 7│   hired_on        : date\n"
        "  │                     ---- this is what is needed\n"
        "  │\n"
        "  help: say how the text is written\n"
        '52│   hired_on     = $.hireDate as date("MM/dd/yyyy")\n'
        "  │                            ++++++++++++++++++++++\n"
    )


def test_several_are_in_the_order_of_their_places() -> None:
    later = Diagnostic("FM0101", "b", Span("x.map", 5, 6), severity=Severity.WARNING)
    earlier = Diagnostic("FM0101", "a", Span("x.map", 1, 2))
    text = render_text([later, earlier], {"x.map": Source("x.map", "abc\ndef\n")}, color=False)
    assert text.index("error FM0101: a") < text.index("warning FM0101: b")
    assert "\n\nwarning" in text
    assert render_text([], {}, color=False) == ""


def test_colour_only_adds() -> None:
    text = "map a.b to C {\n  x = $.a = 1\n}"
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown(text, color=True)) == shown(text)
    assert "\x1b" not in shown(text)


def test_a_terminal_cannot_be_steered() -> None:
    for text in (
        'use "a" \x1b[2J\x07',
        "use \u202e",
        "map a.b to C {\n x = '\x9b31m' = 1\n}",
        "\ud800",
        "use \x00",
        "a\u2028b",
    ):
        report = shown(text)
        assert all(char.isprintable() or char == "\n" for char in report), report
        assert "\\x" in report or "\\u" in report or "U+" in report


def test_tabs_and_wide_characters_stay_aligned() -> None:
    report = shown('map a.b to C {\n\tx = "你好" = 1\n}').split("\n")
    line, under = report[2], report[3]
    wide = line.split("│")[1]
    assert wide.startswith('     x = "你好" = 1')
    assert under.split("│")[1].index("^") == len('     x = "你好" ') + 2


def test_long_lines_are_cut_around_the_place() -> None:
    report = shown("map a.b to C {\n  x = " + " + ".join(["$.a"] * 60) + " = 1\n}", width=80)
    assert all(len(line) <= 80 for line in report.split("\n"))
    assert "…" in report
    assert "^" in report


def test_no_source_is_no_crash() -> None:
    assert "gone.map" in render_text([Diagnostic("FM0901", "cannot be read", Span("gone.map", 0, 0))], {}, color=False)


def test_json() -> None:
    (only,) = render_json([MISTAKE], SOURCES)
    assert only == {
        "code": "FM0304",
        "severity": "error",
        "message": "hired_on is a date, and this gives a text",
        "file": "workday.map",
        "line": 52,
        "column": 18,
        "end_line": 52,
        "end_column": 28,
        "note": "text?",
        "help": "say how the text is written",
        "labels": [
            {
                "file": "people.map",
                "line": 7,
                "column": 21,
                "end_line": 7,
                "end_column": 25,
                "text": "this is what is needed",
            }
        ],
        "edit": {
            "file": "workday.map",
            "line": 52,
            "column": 28,
            "end_line": 52,
            "end_column": 28,
            "text": ' as date("MM/dd/yyyy")',
            "safe": False,
        },
    }
