"""The formatter: canonical, idempotent, and never a change of meaning or the loss of a comment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dsl.helpers import FIXTURES, good, plain

from fieldmap.dsl.format import Unformattable, format_source
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

TEXTS = [path.read_text(encoding="utf-8") for path in FIXTURES]

MESSY = """

# top
use "a.map";use "b.map" # two
entity A{ key a:text;b:enum{ # c1
  x,y,
  # c2
  z }?
  # dangling

}
map a.b to A strict{a=$.x;b=f( $.x,
  # in
  $.y , )
   otherwise - $.z    # tail
  c=$.x
    otherwise 3


  # before d
  dd="x #no" if invalid use "q"
  when $.a in["x" ,'y']and not(  $.b is  absent )
  each $.lines[ * ] as l to B partial {q=l.a}
} # end
connector c { headers { "X-A":"b",c:secret.D,
 }
 auth none
 resource r { shape { s : [
   { t: [ text ],
   u:text? } ]?
   longer : text absent when ""  or  "x"
 } } }
example "x" { given a.b {
   "a":   [1,
     2] # no comment here: inside JSON it would be none
 }
 expect A { a=1 , b = -$.x } ; expect reject
  # last
}
# free

# eof
""".replace(" # no comment here: inside JSON it would be none", "")

CANONICAL = """# top
use "a.map"
use "b.map"  # two
entity A {
  key a : text
  b     : enum {  # c1
    x
    y
    # c2
    z
  }?
  # dangling
}
map a.b to A strict {
  a = $.x
  b = f($.x,
      # in
      $.y)
      otherwise -$.z  # tail
  c = $.x
      otherwise 3

  # before d
  dd = "x #no" if invalid use "q"
  when $.a in ["x", 'y'] and not ($.b is absent)
  each $.lines[*] as l to B partial { q = l.a }
}  # end
connector c {
  headers {
    "X-A": "b"
    c: secret.D
  }
  auth none
  resource r {
    shape {
      s : [ {
        t : [ text ]
        u : text?
      } ]?
      longer : text  absent when "" or "x"
    }
  }
}
example "x" {
  given a.b {
   "a":   [1,
     2]
 }
  expect A { a = 1, b = -$.x }
  expect reject
  # last
}
# free

# eof
"""


def formatted(text: str) -> str:
    return format_source(Source("x.map", text))


def test_a_comment_keeps_how_it_ends() -> None:
    text = "# one, two,\n# three;\nentity A {\n  # x,\n  key a : text  # y,\n}\n"
    assert format_source(Source("a.map", text)) == text


def comments(text: str) -> list[str]:
    """The comments of a text, by the simplest of readings: no text of these files has a `#` but MESSY's one."""
    return [match.group().rstrip() for match in re.finditer(r"#.*", text.replace("x #no", ""))]


def same_meaning(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once
    assert plain(good(once)) == plain(good(text))
    assert comments(once) == comments(text)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_the_whole_example_is_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


def test_a_messy_file() -> None:
    assert formatted(MESSY) == CANONICAL
    same_meaning(MESSY)


def test_a_file_with_mistakes_is_not_touched() -> None:
    with pytest.raises(Unformattable) as caught:
        formatted("map a.b to C {\n  x =\n}")
    assert [one.code for one in caught.value.diagnostics] == ["FM0104"]


def test_small_files() -> None:
    assert formatted("") == ""
    assert formatted("\n\n") == ""
    assert formatted("# a\r\n\r\n\r\n# b") == "# a\n\n# b\n"
    assert formatted("merge A { }") == "merge A {}\n"


def test_records_over_several_lines() -> None:
    messy = (
        "map a.b to A {\n  pay={ amount:$.x,\n currency:$.c, # of the firm\n  day : $.d }\n  one = {a:$.a,b:$.b}\n}\n"
    )
    wanted = (
        "map a.b to A {\n  pay = {\n    amount: $.x\n    currency: $.c  # of the firm\n    day: $.d\n  }\n"
        "  one = { a: $.a, b: $.b }\n}\n"
    )
    assert format_source(Source("a.map", messy)) == wanted
    assert format_source(Source("a.map", wanted)) == wanted


def test_columns_of_entities() -> None:
    text = 'entity A {\n key a : text "doc"\n bb : decimal(8, 2) in kg pii deprecated "x" "doc"\n c : text?\n}'
    assert formatted(text) == (
        "entity A {\n"
        '  key a : text                                     "doc"\n'
        '  bb    : decimal(8, 2) in kg  pii deprecated "x"  "doc"\n'
        "  c     : text?\n"
        "}\n"
    )


@st.composite
def disturbed(draw: st.DrawFn) -> str:
    """A good file with its blanks, line ends and comments changed where that has no meaning."""
    lines = draw(st.sampled_from([*TEXTS, MESSY])).split("\n")
    out = []
    for line in lines:
        change = draw(st.integers(0, 11))
        inside_json = '": ' in line or line.strip() in ("2]",) or '"a":' in line or "given" in line
        if change == 0 and not inside_json:
            out.append("   # a comment of its own")
        if change == 1 and not inside_json:
            out.append("")
        if change == 2:
            line = line.rstrip() + "   "
        if change == 3 and "#" not in line and not inside_json and not line.strip().startswith("}"):
            line += "  # behind"
        if change == 4 and not inside_json:
            line = re.sub(r"^ *", " " * draw(st.integers(0, 9)), line)
        if change == 5 and '"' not in line and "'" not in line:
            line = re.sub(r" ([=:]) ", r"    \1 ", line)
        if change == 6:
            line += "\r"
        out.append(line)
    return "\n".join(out)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(disturbed())
def test_formatting_keeps_the_meaning_and_every_comment(text: str) -> None:
    if not parse(Source("x.map", text))[1]:
        same_meaning(text)
