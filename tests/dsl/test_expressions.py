"""Expressions: how they bind, what they stand for, and where each part is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.dsl.helpers import good, item, mistakes, plain, says, spans, value

from fieldmap.dsl import ast


@pytest.mark.parametrize(
    ("written", "bound"),
    [
        ("$.a + $.b * 2", "($.a + ($.b * 2))"),
        ("$.a - $.b - 1", "(($.a - $.b) - 1)"),
        ("- $.a * 2", "((-$.a) * 2)"),
        ("-$.a as int", "(-($.a as int))"),
        ("-5 degC", "-5degC"),
        ("$.a - -5", "($.a - -5)"),
        ("$.a as decimal in lb", "(($.a as decimal) in lb)"),
        ("$.a in kg / $.n", "(($.a in kg) / $.n)"),
        ("$.a in kg/m^3", "($.a in kg/m^3)"),
        ("$.a in lbf*ft", "($.a in lbf*ft)"),
        ("$.a in 1/min", "($.a in 1/min)"),
        ("5 % + 1", "(5% + 1)"),
        ("19.3km", "19.3km"),
        ("5000 USD", "5000USD"),
        ("2e3", "2E+3"),
        ("$.a in USD per year", "($.a in USD per year)"),
        ("$.a in $.c per year", "($.a in $.c per year)"),
        ("$.a in order.c", "($.a in order.c)"),
        ("$.a in (last($.c))", "($.a in [last($.c)])"),
        ("$.a via codes_of", "($.a via codes_of)"),
        ("$.a == 1 and $.b == 2 or not $.c == 3", "((($.a == 1) and ($.b == 2)) or (not ($.c == 3)))"),
        ('$.a in ["A", "B"]', "($.a in template|template)"),
        ('$.a not in ["A"]', "($.a not in template)"),
        ("$.a is absent", "($.a is absent)"),
        ("$.a is not absent", "($.a is not absent)"),
        ("$.a is missing and $.b is json null", "(($.a is missing) and ($.b is json null))"),
        ("$.a otherwise $.b otherwise 3", "($.a otherwise ($.b otherwise 3))"),
        ("$.a == 1 and $.b == 2 otherwise true", "((($.a == 1) and ($.b == 2)) otherwise true)"),
        ("if $.a == 1 then 2 else 3 otherwise 4", "(if ($.a == 1) then 2 else (3 otherwise 4))"),
        ("$.a otherwise if $.b then 1 else 2", "($.a otherwise (if $.b then 1 else 2))"),
        ("($.a + $.b) in lb", "([($.a + $.b)] in lb)"),
        ("$.a in lb + $.b in lb", "(($.a in lb) + ($.b in lb))"),
        ("5 kg + $.b in kg", "(5kg + ($.b in kg))"),
        ("f()", "f()"),
        ("f($.a, g(1),)", "f($.a, g(1))"),
        ("order.items[*].no", "order.items[].no"),
        ("env.HOME", "env.HOME"),
        ("absent", "absent"),
        ("`in`", "in"),
        ('$.a as datetime("x") at "Europe/Berlin"', "($.a as datetime at Europe/Berlin)"),
        ('$.a as date at "America/New_York"', "($.a as date at America/New_York)"),
        ("insert", "insert"),
        ("true", "true"),
        ("truely", "truely"),
    ],
)
def test_binding(written: str, bound: str) -> None:
    assert says(value(written)) == bound


def test_numbers_are_exact() -> None:
    number = value("12345678901234567.89")
    assert isinstance(number, ast.Number)
    assert number.value == Decimal("12345678901234567.89")


def test_paths() -> None:
    path = value('$["Email_-_Work"].a[0][-1][*].*["it\'s"]')
    assert isinstance(path, ast.Path)
    assert plain(path.segments) == (
        ("MemberSegment", ("name", "Email_-_Work")),
        ("MemberSegment", ("name", "a")),
        ("IndexSegment", ("index", 0)),
        ("IndexSegment", ("index", -1)),
        ("WildcardSegment",),
        ("WildcardSegment",),
        ("MemberSegment", ("name", "it's")),
    )


def test_a_member_may_be_called_like_a_keyword_and_in_any_alphabet() -> None:
    path = value("$.in.case.when.größe")
    assert isinstance(path, ast.Path)
    assert [s.name for s in path.segments if isinstance(s, ast.MemberSegment)] == ["in", "case", "when", "größe"]


@pytest.mark.parametrize(
    ("written", "patterns", "words"),
    [
        ('$.a as date("p1", "p2")', ["p1", "p2"], []),
        ("$.a as date('p')", ["p"], []),
        ("$.a as date(odata)", [], ["odata"]),
        ("$.a as datetime(epoch ms)", [], ["epoch", "ms"]),
        ('$.a as decimal("1.234,56")', ["1.234,56"], []),
        ('$.a as bool("Y", "N")', ["Y", "N"], []),
        ("$.a as date(as written)", [], ["as", "written"]),
        ("$.a as country", [], []),
    ],
)
def test_conversions(written: str, patterns: list[str], words: list[str]) -> None:
    conversion = value(written)
    assert isinstance(conversion, ast.Conversion)
    assert [one.value for one in conversion.patterns] == patterns
    assert [one.text for one in conversion.words] == words


def parts(written: str) -> list[tuple[str, str]]:
    template = value(written)
    assert isinstance(template, ast.Template)
    return [(p.value, "") if isinstance(p, ast.Text) else (says(p.value), "hole" + p.absence) for p in template.parts]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('""', []),
        ('"a"', [("a", "")]),
        ('"BHR-{$.supervisor!}"', [("BHR-", ""), ("$.supervisor", "hole!")]),
        ('"{$.a?} {$.b}"', [("$.a", "hole?"), (" ", ""), ("$.b", "hole")]),
        ('"{{x}}"', [("{x}", "")]),
        (r'"a\"b\\c\n\u00e9\ud83d\ude00"', [('a"b\\c\né😀', "")]),
        ('"{f("a}}", \'}\')}"', [("f(template, '}')", "hole")]),
        ('"{$.x otherwise "?"}"', [("($.x otherwise template)", "hole")]),
        ('"{f("{g("x")}")}"', [("f(template)", "hole")]),
    ],
)
def test_templates(written: str, found: list[tuple[str, str]]) -> None:
    assert parts(written) == found


def test_single_quotes_are_plain() -> None:
    assert plain(value(r"'[A-Z]{2}\d'")) == ("Text", ("value", r"[A-Z]{2}\d"))


def test_holes_have_places_in_the_file() -> None:
    text = 'map a.b to C {\n  x = "é {lower($.name)?}!"\n}'
    written = {text[span.start : span.end] for _, span in spans(good(text))}
    assert {"lower($.name)", "lower", "$.name", "{lower($.name)?}", "!"} <= written


@pytest.mark.parametrize(
    "written",
    [
        "lower($.a)  ",
        '$.a as date("x")   # comment',
        "($.a + 1)   ",
        "$.a in USD per year  # x",
    ],
)
def test_places_are_tight(written: str) -> None:
    text = f"map a.b to C {{\n  x = {written}\n\n}}"
    for name, span in spans(item(text)):
        piece = text[span.start : span.end]
        assert piece == piece.strip(), (name, piece)
        assert "#" not in piece or name == "Map", (name, piece)


def test_lines_go_on() -> None:
    text = """map a.b to C {
  x = $.a            # why
      # and more
    otherwise $.b
  y = f(
    $.a,  # one
    $.b
  )
    as int
  z = $.a
    .b
  if_ = $.a
    if invalid hold
  then = 1
  as : 2
}"""
    assert [one.code for one in mistakes(text)] == ["FM0105"]  # only the colon
    good_text = text.replace("  as : 2\n", "  as = 2\n")
    assert [a.field.text for a in item(good_text).items] == ["x", "y", "z", "if_", "then", "as"]


def test_a_comment_is_no_continuation() -> None:
    found = item("map a.b to C {\n  x = $.a\n  # .b otherwise 3\n  # wd1.map\n  y = $.b\n}")
    assert [says(a.value) for a in found.items] == ["$.a", "$.b"]


def test_deep_and_long_expressions_are_refused_in_words() -> None:
    for expression in ("not " * 500 + "true", "1" + " + 1" * 500, "(" * 80 + "1" + ")" * 80, "$.a" + " as int" * 500):
        (only,) = mistakes(f"map a.b to C {{\n  x = {expression}\n}}")
        assert only.code == "FM0111"
