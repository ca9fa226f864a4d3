"""Code lists and tables in CSV files: what they give, what is wrong with them, and that nothing else is ever read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fieldmap.compiler import interpret
from fieldmap.compiler.project import Checked, check, compile_project
from fieldmap.dsl.render import render_json, render_text
from fieldmap.runtime import bundle
from fieldmap.runtime.values.outcome import Claimed, Outcome

HEAD = """
connector c {
  base "https://c.example.com"
  resource r { get "/r"; id $.id; shape { id: text, a: text?, n: number?, day: date? } }
}
entity A { key k : text; x : text?; n : decimal(9, 2)?; d : date?; b : bool?; status : enum { on, off }? }
"""
TABLE = 'table t from "t.csv" { key a : text; key n : int; x : text?; value : decimal from "The value"; d : date; b : bool }\n'
ROWS = "a,n,x,The value,d,b\nK,1,one,1.50,2020-01-31,true\nK,2,,2,2020-02-01,false\n"
MAP = """
map c.r to A {
  k = $.id
  x = lookup(t, a: $.a, n: $.n as int).x
  n = lookup(t, n: $.n as int, a: $.a).value
  d = lookup(t, a: $.a, n: $.n as int).d
  b = lookup(t, a: $.a, n: $.n as int).b
}
"""


def project(folder: Path, text: str, **files: str) -> Checked:
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, "utf-8")
    path = folder / "a.map"
    path.write_text(HEAD + text, "utf-8")
    return check(folder, [path])


def mistakes(result: Checked) -> list[tuple[str, int, str, str]]:
    render_text(result.diagnostics, result.sources, color=False)
    return [
        (one["file"], one["line"], one["code"], one["message"])
        for one in render_json(result.diagnostics, result.sources)
    ]


def both(result: Checked, record: dict[str, Any], folder: Path) -> Outcome:
    """The outcome by the interpreter, which the compiled bundle, written and read again, must give too."""
    assert mistakes(result) == []
    wanted = interpret.run_record(result.project.maps[0], result.project.codes, record)
    bundle.write(compile_project(result), folder / "bundle")
    found: Outcome = bundle.read(folder / "bundle").transform(result.project.maps[0].id).transform(record)
    assert repr(found) == repr(wanted)
    return found


def test_a_row_is_found_by_its_whole_key(tmp_path: Path) -> None:
    result = project(tmp_path, TABLE + MAP, t=ROWS)
    found = both(result, {"id": "1", "a": "K", "n": 1}, tmp_path)
    assert isinstance(found, Claimed)
    assert [str(cell) for cell in found.rows[0][0]] == ["1", "one", "1.50", "2020-01-31", "True"]
    found = both(result, {"id": "1", "a": "K", "n": 2}, tmp_path)
    assert isinstance(found, Claimed)
    assert found.rows[0][0][1] is None, "an empty cell is absent"


def test_an_absent_key_is_absent_and_an_unknown_one_fails(tmp_path: Path) -> None:
    result = project(tmp_path, TABLE + MAP, t=ROWS)
    found = both(result, {"id": "1", "n": 2}, tmp_path)
    assert isinstance(found, Claimed)
    assert not found.held
    found = both(result, {"id": "1", "a": "K", "n": 3}, tmp_path)
    assert isinstance(found, Claimed)
    assert {held.code for held in found.held} == {"FM2166"}
    assert found.held[0].reason == 'no row of t has the key "K, 3"'


def test_the_parts_of_a_key_cannot_be_confused(tmp_path: Path) -> None:
    text = 'table t from "t.csv" { key a : text; key b : text; x : text }\nmap c.r to A { k = $.id; x = lookup(t, a: $.a, b: $.id).x }\n'
    result = project(tmp_path, text, t="a,b,x\np,q,1\n")
    found = both(result, {"id": "q", "a": "p"}, tmp_path)
    assert isinstance(found, Claimed)
    assert found.rows[0][0][1] == "1"
    found = both(result, {"id": "", "a": "p\x1fq"}, tmp_path)
    assert [held.code for held in found.held] == ["FM2166"]  # type: ignore[union-attr]


def test_a_large_table_is_a_file_of_the_bundle(tmp_path: Path) -> None:
    rows = "a,n,x,The value,d,b\n" + "".join(f"K{n},{n},row {n},{n}.25,2020-01-31,true\n" for n in range(20_000))
    result = project(tmp_path, TABLE + MAP, t=rows)
    found = both(result, {"id": "1", "a": "K19999", "n": 19999}, tmp_path)
    assert isinstance(found, Claimed)
    assert found.rows[0][0][1] == "row 19999"
    made = compile_project(result)
    data = [name for name in made.parts if name.startswith("data/")]
    assert len(data) == 4
    assert len(made.parts["transform/c_r__a.py"]) < 20_000
    assert made.parts == compile_project(result).parts


def test_codes_from_a_file(tmp_path: Path) -> None:
    text = 'codes s from "s.csv" { columns "code" -> "means"; else -> off }\nmap c.r to A { k = $.id; status = $.a via s; x = $.a via s }\n'
    result = project(tmp_path, text, s="means,code,note\non,A,x\noff,B,\non,C,\non,A,again\n")
    found = both(result, {"id": "1", "a": "A"}, tmp_path)
    assert isinstance(found, Claimed)
    assert found.rows[0][0][1:] == ("on", "on")
    assert both(result, {"id": "1", "a": "Z"}, tmp_path).rows[0][0][1] == "off"  # type: ignore[union-attr]


def test_a_changed_file_changes_the_version(tmp_path: Path) -> None:
    versions = []
    for rows in (ROWS, ROWS.replace("one", "uno"), ROWS.replace("one", "uno") + "L,1,x,1,2020-01-01,true\n"):
        versions.append(project(tmp_path, TABLE + MAP, t=rows).versioned.maps[0].version)
    assert len(set(versions)) == 3
    unused = TABLE + "map c.r to A { k = $.id }\n"
    assert (
        project(tmp_path, unused, t=ROWS).versioned.maps[0].version
        == project(tmp_path, unused, t=ROWS.replace("one", "uno")).versioned.maps[0].version
    )


@pytest.mark.parametrize(
    ("rows", "line", "code", "message"),
    [
        (
            "a,n,x,The value,d,b\nK,1,x,1,2020-01-01\n",
            2,
            "FM0365",
            "this line has 5 cells, and the first line names 6 cells",
        ),
        ("a,n,x,The value,d,b\nK,one,x,1,2020-01-01,true\n", 2, "FM0365", 'n is an int: "one" is not a whole number'),
        ("a,n,x,The value,d,b\nK,1,x,1,01.01.2020,true\n", 2, "FM0365", "d is a date"),
        ("a,n,x,The value,d,b\nK,1,x,1,2020-01-01,yes\n", 2, "FM0365", 'b is a bool: "yes" is neither'),
        ("a,n,x,The value,d,b\nK,1,x,,2020-01-01,true\n", 2, "FM0365", "value is empty"),
        ('a,n,x,The value,d,b\nK,1,"x,1,2020-01-01,true\n', 2, "FM0365", "this line does not read as CSV"),
        ('a,n,x,The value,d,b\nK,1,"x\ny",1,2020-01-01,true\nK,2,x,1,2020-01-01,1\n', 4, "FM0365", "b is a bool"),
        (f"{ROWS}K,1,other,1,2020-01-01,true\n", 4, "FM0366", "the key K, 1 has a row already"),
        ("a,n,x,x,d,b\n", 1, "FM0366", 'two columns are called "x"'),
    ],
)
def test_mistakes_in_a_table(rows: str, line: int, code: str, message: str, tmp_path: Path) -> None:
    (found,) = [one for one in mistakes(project(tmp_path, TABLE + MAP, t=rows)) if one[0] == "t.csv"]
    assert found[:3] == ("t.csv", line, code)
    assert message in found[3]


@pytest.mark.parametrize(
    ("text", "rows", "code", "message"),
    [
        ('codes s from "s.csv"', "a,b,c\n", "FM0219", "s.csv has 3 columns"),
        ('codes s from "s.csv" { columns a -> d }', "a,b,c\n", "FM0219", "no column of s.csv called d"),
        ('codes s from "s.csv" { columns a -> b }', "a;b;c\n1;2;3\n", "FM0219", "separated by semicolons"),
        ('codes s from "s.csv" { "x" -> on }', "a,b\nx,on\n", "FM0310", "stand in a file"),
        ('codes s from "s.csv"', "a,b\nx,on\nx,off\n", "FM0366", 'stands for "on" already, and for "off" here'),
        ('codes s from "s.csv"', "a,b\nx,\n", "FM0365", "the value is empty"),
        ('codes s from "s.csv"', "", "FM0218", "s.csv is empty"),
    ],
)
def test_mistakes_in_a_code_list(text: str, rows: str, code: str, message: str, tmp_path: Path) -> None:
    found = mistakes(project(tmp_path, f"{text}\nmap c.r to A {{ k = $.id; x = $.a via s }}\n", s=rows))
    assert [one[2] for one in found] == [code], found
    assert message in found[0][3]


def test_very_many_mistakes_are_counted(tmp_path: Path) -> None:
    found = mistakes(project(tmp_path, TABLE + MAP, t="a,n,x,The value,d,b\n" + "K\n" * 5_000))
    assert len([one for one in found if one[0] == "t.csv"]) == 20


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,n,x,The value,d,b\nM\xfcller,1,x,1,2020-01-01,true\n")
    (found,) = mistakes(project(tmp_path, TABLE + MAP))
    assert (found[2], found[3]) == ("FM0218", "line 2 of t.csv is not written in UTF-8")


def test_nothing_outside_the_project_is_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "project", tmp_path / "secret.csv"
    inside.mkdir()
    outside.write_text(ROWS, "utf-8")
    (inside / "t.csv").symlink_to(outside)
    (found,) = mistakes(project(inside, TABLE + MAP))
    assert (found[2], found[3]) == ("FM0218", "t.csv leads out of the project's folder")
