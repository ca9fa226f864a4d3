"""XML, CSV and Excel become values exactly as the shape says; what is hostile is one sentence and little memory."""

from __future__ import annotations

import gzip
import io
import json
import re
import tracemalloc
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from fieldmap.runtime.values.decode import bodies, named_bodies
from fieldmap.runtime.values.failures import TITLES, Unreadable
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import Reading

WORKER = {
    "Id": "text",
    "@no": "text",
    "Name": "text",
    "Active": "bool",
    "Phone": ["text", "?"],
    "Pay": {"#text": "text", "@cur": "text"},
}


def xml(text: str | bytes, schema: Any = WORKER, **more: Any) -> Any:
    content = text.encode() if isinstance(text, str) else text
    ((_, found),) = bodies(content, "xml", Reading(schema=json.dumps(schema), **more))
    return found


def reason(found: Any) -> str:
    assert isinstance(found, Failed)
    assert found.code == "FM2120"
    assert "\n" not in found.reason
    return found.reason


# ---------------------------------------------------------------------------------------------------------------- XML


def test_an_element_is_its_text_also_beside_attributes() -> None:
    found = xml(
        '<W no="7"><Id>1</Id><Name lang="en">A <!-- x -->&amp; B</Name><Active>true</Active><Pay cur="USD"> 5 </Pay></W>'
    )
    assert found == {"@no": "7", "Id": "1", "Name": "A & B", "Active": True, "Pay": {"#text": " 5 ", "@cur": "USD"}}


def test_the_shape_decides_one_or_many() -> None:
    assert xml("<W><Phone>1</Phone></W>") == {"Phone": ["1"]}
    assert xml("<W><Phone>1</Phone><Phone>2</Phone></W>") == {"Phone": ["1", "2"]}
    assert xml("<W/>") == {}
    assert xml("<W/>", {"Phone": ["text"]}) == {"Phone": []}
    twice = xml("<W><Id>1</Id><Id>2</Id><Name>x</Name></W>")
    assert twice["Name"] == "x"
    assert isinstance(twice["Id"], Unreadable)
    assert twice["Id"].code == "FM2134"


def test_nil_is_null_and_empty_is_an_empty_text() -> None:
    nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
    assert xml(f"<W><Id {nil}/><Name/><Pay/></W>") == {"Id": None, "Name": "", "Pay": {"#text": ""}}


def test_namespaces_are_dropped_unless_kept() -> None:
    text = '<w:W xmlns:w="urn:x" w:no="7"><w:Id>1</w:Id></w:W>'
    assert xml(text) == {"@no": "7", "Id": "1"}
    assert xml(text, {"{urn:x}Id": "text"}, namespaces=True) == {"{urn:x}Id": "1"}


def test_elements_within_a_text_are_no_text() -> None:
    found = xml("<W><Id><b>1</b></Id><Name>x</Name></W>")
    assert isinstance(found["Id"], Unreadable)
    assert found["Name"] == "x"


def test_what_the_shape_does_not_name_is_passed_over() -> None:
    assert xml("<W><Photo><Id>9</Id></Photo><Id>1</Id></W>") == {"Id": "1"}


def test_json_members_keep_all() -> None:
    assert xml('<W><x a="1">t<b>2</b><b/></x></W>', {"x": "any"}) == {
        "x": {"@a": "1", "#text": "t", "b": [{"#text": "2"}, {"#text": ""}]}
    }


def test_the_root_must_be_the_one_named() -> None:
    assert xml("<W><Id>1</Id></W>", root="W") == {"Id": "1"}
    assert "Fault" in reason(xml("<Fault/>", root="W"))


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'<!DOCTYPE W [<!ENTITY l0 "lol">{LAUGHS}]><W><Id>&l9;</Id></W>', "DOCTYPE"),
        (f'<!DOCTYPE W [<!ENTITY l0 "lol">{LAUGHS}]><W no="&l9;"/>', "DOCTYPE"),
        ('<!DOCTYPE W [<!ENTITY f SYSTEM "file:///etc/passwd">]><W><Id>&f;</Id></W>', "DOCTYPE"),
        ('<!DOCTYPE W SYSTEM "http://127.0.0.1:1/x.dtd"><W/>', "DOCTYPE"),
        ("<W>" + "<a>" * 100_000, "nested deeper than 256|not XML"),
        ("<W><Id>&nothing;</Id></W>", "not XML"),
        ("<W><Id>1</W>", "not XML"),
        ("", "not XML|empty"),
        ("{}", "not XML"),
        ("<W/><W/>", "not XML"),
        ("<W>\0</W>", "not XML"),
        (b'<?xml version="1.0" encoding="utf-8"?><W>\xff</W>', "not XML"),
        (b'<?xml version="1.0" encoding="nonsense"?><W/>', "not XML"),
    ],
)
def test_hostile_xml_is_one_sentence(text: str | bytes, words: str) -> None:
    assert re.search(words, reason(xml(text)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_xml_says_its_own_encoding(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    assert xml(f'<?xml version="1.0" encoding="{name}"?><W><Id>Ä</Id></W>'.encode(encoding)) == {"Id": "Ä"}


# ---------------------------------------------------------------------------------------------------------------- CSV


def table(content: str | bytes, **more: Any) -> list[Any]:
    data = content.encode() if isinstance(content, str) else content
    return [body for _, body in bodies(data, "csv", Reading(**more))]


def test_delimiter_quote_encoding_and_header() -> None:
    assert table(
        "# made by x\n\nName;Ort\n'Ä;b';\"q\"\n".encode("cp1252"),
        delimiter=";",
        quote="'",
        encoding="windows-1252",
        header=3,
    ) == [{"Name": "Ä;b", "Ort": '"q"'}]
    assert table('a\tb\n"1\t2\n', delimiter="\t", quote="") == [{"a": '"1', "b": "2"}]
    assert table("a,b\n1,ü\n".encode("utf-16"), encoding="utf-16") == [{"a": "1", "b": "ü"}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a;b\n1;2\n", r'as csv { delimiter ";" }'),
        ("a\tb\n1\t2\n", r'delimiter "\t"'),
        ("a,b\n1,2\n".encode("utf-16"), 'encoding "utf-16"'),
        (b"a,b\n1,\xe4\n", "not UTF-8"),
        ("a,a\n1,2\n", "twice"),
        ("a,b\n1,2,3\n", "3 cells"),
    ],
)
def test_files_read_the_wrong_way_are_told(content: str | bytes, words: str) -> None:
    assert words in reason(table(content)[0])


def test_columns_without_a_header_and_lines_that_are_no_rows() -> None:
    columns = (("a", 0, 0), ("b c", 0, 0))
    content = 'made 2026\r\n1;x\r\n2;"y\nz"\r\nrows: 2\r\n\r\n'
    assert table(content, columns=columns, skip=1, footer=1, delimiter=";") == [
        {"a": "1", "b c": "x"},
        {"a": "2", "b c": "y\nz"},
    ]
    # More lines at the ends than there are: no rows, and no end without a beginning.
    assert table("1,2\n", columns=columns, skip=1, footer=2) == []
    assert table("1,2\n", columns=columns, skip=9) == []
    assert table("", columns=columns, footer=3) == []


def test_ragged_rows_are_dead_and_leave_the_others() -> None:
    found = table("a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n")
    assert [found[0], found[3]] == [{"a": "1", "b": "2", "c": "3"}, {"a": "10", "b": "11", "c": "12"}]
    assert "2 cells, and the header names 3; if the source" in reason(found[1])
    assert "4 cells, and the header names 3" in reason(found[2])
    found = table("1\n1,2,3\n", columns=(("a", 0, 0), ("b", 0, 0)), short_rows=True)
    assert found[0] == {"a": "1"}
    assert "3 cells, and the columns are 2" in reason(found[1])


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("utf-16", "a,b\n1,Ü😀\n".encode("utf-16")),
        ("utf-16", "a,b\n1,Ü😀\n".encode("utf-16-le")),
        ("utf-16le", "a,b\n1,Ü😀\n".encode("utf-16-le")),
        ("utf-16be", "a,b\n1,Ü😀\n".encode("utf-16-be")),
        ("utf-16be", b"\xff\xfe" + "a,b\n1,Ü😀\n".encode("utf-16-le")),
        ("utf-8", "a,b\n1,Ü😀\n".encode("utf-8-sig")),
        ("gb18030", "a,b\n1,Ü😀\n".encode("gb18030")),
    ],
)
def test_N12_encodings_and_marks(encoding: str, raw: bytes) -> None:
    assert table(raw, encoding=encoding) == [{"a": "1", "b": "Ü😀"}]


def test_N12_utf_16_that_is_not_said_or_not_whole() -> None:
    plain = "a,b\n1,2\n".encode("utf-16-le")
    assert "UTF-16 without a mark" in reason(table(plain)[0])
    assert "not UTF-16" in reason(table(plain[:-1], encoding="utf-16le")[0])


# -------------------------------------------------------------------------------------------------------- fixed width

WIDE = (("code", 1, 4), ("name", 5, 10), ("rest", 13, 14))


def cut(content: bytes, **more: Any) -> list[tuple[int, Any]]:
    return list(bodies(content, "fixed", Reading(**{"columns": WIDE, **more})))


def test_fixed_width() -> None:
    text = "HEAD\n0001Zoé     ab\r\n0002               \n\nEND 2\n\x1a"
    for encoding in ("utf-8", "latin-1", "utf-16"):
        found = cut(text.encode(encoding), encoding=encoding, skip=1, footer=1)
        assert [row for _, row in found] == [
            {"code": "0001", "name": "Zoé", "rest": "ab"},
            {"code": "0002"},
        ]


def test_lines_that_are_too_short_or_too_long_are_dead_and_leave_the_others() -> None:
    found = cut(b"0001Ada     ab\n0002Ada\n0003Ada     ab  \n0004Ada     abX\n0005\xff\n0006Ada     ab\n")
    assert [row["code"] for _, row in found if isinstance(row, dict)] == ["0001", "0003", "0006"]
    assert "7 characters, and the columns take 14" in reason(found[1][1])
    assert "behind its last column, which ends at 14" in reason(found[3][1])
    assert "not UTF-8" in reason(found[4][1])
    assert found[5][0] == 62
    assert cut(b"0002Ad\n", short_rows=True) == [(0, {"code": "0002", "name": "Ad"})]


# ------------------------------------------------------------------------------------------------------------- packed


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, content in members:
            packed.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 0, 0, 0)), content, method)
    return file.getvalue()


def within(content: bytes, packed: str, format: Any = "csv", **more: Any) -> list[Any]:
    return [body for _, body in bodies(content, format, Reading(packed=packed, **more))]


def test_files_of_a_zip_by_pattern_and_gzip_of_several_members() -> None:
    content = zipped(
        ("b/x.csv", b"a\n1\n"), ("notes.txt", b"?"), ("a.csv", b"a\n2\n3\n"), ("d/", b""), ("__MACOSX/._a.csv", b"\0")
    )
    assert within(content, "zip", members="*.csv") == [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    assert within(content, "zip", members="b/*.csv") == [{"a": "1"}]
    assert [
        (name, start) for name, start, _ in named_bodies(content, "csv", Reading(packed="zip", members="*.csv"))
    ] == [
        ("b/x.csv", 2),
        ("a.csv", 2),
        ("a.csv", 4),
    ]
    lines = gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n')
    assert within(lines, "gzip", "ndjson") == [{"a": 1}, {"a": 2}]
    assert within(zipped(("p.xlsx", workbook([["a"], [1]], sheet="S"))), "zip", "excel", sheet="S") == [{"a": 1}]
    assert within(zipped(("p.json", b'{"a":1}')), "zip", "json") == [{"a": 1}]


def test_N03_packed_files_cut_anywhere_are_told() -> None:
    whole = zipped(("a.csv", b"a\n" + b"1\n" * 50))
    for length in range(len(whole)):
        assert all(isinstance(body, Failed) for body in within(whole[:length], "zip")), length
    whole = gzip.compress(b"a\n" + b"1\n" * 50)
    for length in range(len(whole)):
        reason(within(whole[:length], "gzip")[0])


def test_A03_each_bit_of_a_zip_flipped_gives_the_rows_or_a_reason() -> None:
    """Bits of times and the like change nothing; no bit may change a row, or lose one, without a word."""
    content = b"a,b\n1,x\n2,y\n"
    whole = zipped(("a.csv", content))
    rows = within(whole, "zip")
    for place in range(len(whole) * 8):
        broken = bytearray(whole)
        broken[place // 8] ^= 1 << place % 8
        found = within(bytes(broken), "zip")
        assert found == rows or any(isinstance(body, Failed) for body in found), place


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../a.csv", b"a\n1\n")], "leads out of the zip file"),
        ([("/etc/a.csv", b"a\n1\n")], "leads out"),
        ([("x/../../a.csv", b"a\n1\n")], "leads out"),
        ([("C:/a.csv", b"a\n1\n")], "leads out"),
        ([("a\n.csv", b"a\n1\n")], "signs that no name has"),
        ([("a.txt", b"a\n1\n")], 'no file in the zip fits "*.csv"; it holds a.txt'),
        ([], "it holds nothing"),
        ([("a.csv", gzip.compress(b"a\n1\n"))], "is itself a gzip file"),
    ],
)
def test_N05_hostile_zips(members: list[tuple[str, bytes]], words: str) -> None:
    (found,) = within(zipped(*members), "zip", members="*.csv")
    assert words in reason(found)


def test_N05_nested_and_doubled_files_links_and_passwords() -> None:
    assert "itself a zip file" in reason(within(zipped(("a.csv", zipped(("b.csv", b"a\n1\n")))), "zip")[0])
    assert "itself a gzip file" in reason(within(gzip.compress(gzip.compress(b"a\n1\n")), "gzip")[0])
    with pytest.warns(UserWarning, match="Duplicate"):
        doubled = zipped(("a.csv", b"a\n1\n"), ("a.csv", b"a\n2\n"))
    found = within(doubled, "zip")
    assert found[0] == {"a": "1"}
    assert "two files of this name" in reason(found[1])
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(link, "/etc/passwd")
    assert "is a link" in reason(within(file.getvalue(), "zip")[0])
    for method, said in ((zipfile.ZIP_BZIP2, "method 12"), (zipfile.ZIP_LZMA, "method 14")):
        assert said in reason(within(zipped(("a.csv", b"a\n1\n"), method=method), "zip")[0])
    locked = bytearray(zipped(("a.csv", b"a\n1\n")))
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        locked[locked.index(mark) + offset] |= 1
    assert "by a password" in reason(within(bytes(locked), "zip")[0])


def test_N05_bombs_are_stopped_by_their_size() -> None:
    zeros = b"\0" * (64 << 20)
    # A zip file says how long its files are: of one that is too long nothing is unpacked.
    for packed, content, most in (("gzip", gzip.compress(zeros), 40), ("zip", zipped(("a.csv", zeros)), 4)):
        tracemalloc.start()
        try:
            assert "unpacks to more than" in reason(within(content, packed)[0])
            assert tracemalloc.get_traced_memory()[1] < most << 20
        finally:
            tracemalloc.stop()
    small = [(f"{number}.csv", b"\0" * (1 << 20)) for number in range(40)]
    found = within(zipped(*small), "zip")
    assert "unpacks to more than" in reason(found[-1])
    assert len(found) < 20
    many = zipped(*((f"{number}.csv", b"") for number in range(10_001)), method=zipfile.ZIP_STORED)
    assert "more than 10,000 files" in reason(within(many, "zip")[0])


# -------------------------------------------------------------------------------------------------------------- Excel


def workbook(rows: list[list[Any]], *, sheet: str = "People", merged: str = "") -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    days, stamps, times = (book.add_format({"num_format": f}) for f in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm", "[h]:mm:ss"))
    book.add_worksheet("Notes").write(0, 0, "nothing")
    page: Any = book.add_worksheet(sheet)
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if isinstance(cell, datetime | date | time | timedelta):
                form = stamps if isinstance(cell, datetime) else days if isinstance(cell, date) else times
                page.write_datetime(r, c, cell, form)
            elif isinstance(cell, str) and cell.startswith("="):
                page.write_formula(r, c, cell, None, "#DIV/0!")
            elif cell is not None:
                page.write(r, c, cell)
    if merged:
        page.merge_range(merged, "both")
    book.close()
    return file.getvalue()


def sheet(content: bytes, **more: Any) -> list[Any]:
    return list(bodies(content, "excel", Reading(**{"sheet": "People", **more})))


def test_cells_keep_their_kind() -> None:
    found = sheet(
        workbook(
            [
                ["a", "b", "c", "d", "e", "f", "g"],
                ["x", 0.1, 12345678901, True, date(2026, 3, 1), datetime(2026, 3, 1, 12, 30), timedelta(hours=25)],
            ]
        )
    )
    ((row, record),) = found
    assert row == 2
    assert record == {
        "a": "x",
        "b": Decimal("0.1"),
        "c": 12345678901,
        "d": True,
        "e": "2026-03-01",
        "f": "2026-03-01T12:30:00",
        "g": "PT25H0M0S",
    }
    assert isinstance(record["c"], int)


def test_empty_rows_empty_cells_and_merged_cells() -> None:
    found = sheet(workbook([["a", "b"], [None, None], ["1", None], [None, "2"], []], merged="A6:B6"))
    assert found == [(3, {"a": "1"}), (4, {"b": "2"}), (6, {"a": "both"})]


def test_sheets_by_name_and_number_and_headers_below() -> None:
    content = workbook([["Report"], ["a"], [1]])
    assert sheet(content, header=2) == [(3, {"a": 1})]
    assert sheet(content, sheet=2, header=2) == [(3, {"a": 1})]
    assert "no sheet Staff; it has: Notes, People" in reason(sheet(content, sheet="Staff")[0][1])


def test_an_error_in_a_cell_harms_only_its_reader() -> None:
    ((_, record),) = sheet(workbook([["a", "b"], ["x", "=1/0"]]))
    assert record["a"] == "x"
    assert isinstance(record["b"], Unreadable)
    assert "B2 holds the error #DIV/0!" in record["b"].reason


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["a", "a"], ["1", "2"]], "twice, in A1 and B1"),
        ([[None], ["1"]], "is empty"),
        ([["a", None], ["1", "2"]], "B2 stands below no name"),
    ],
)
def test_headers_that_do_not_name(rows: list[list[Any]], words: str) -> None:
    assert words in reason(sheet(workbook(rows))[0][1])


def packed(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zip_:
        for name, data in parts.items():
            zip_.writestr(name.replace("__", "/") + ".xml", data)
    return file.getvalue()


def test_hostile_workbooks_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldmap.runtime.values import sheets

    whole = workbook([["a"], [1]])
    monkeypatch.setattr(sheets, "MOST_UNPACKED", 8 << 20)
    bomb = packed(xl__worksheets__sheet1=b"\0" * (16 << 20))
    assert len(bomb) < 100_000
    assert "unpacks to more than 8 MiB" in reason(sheet(bomb)[0][1])
    wide = packed(xl__worksheets__sheet1=b'<c r="A1"/><c r="XFD1048576"/>')
    assert "1,048,576 rows" in reason(sheet(wide)[0][1])
    for damaged in (
        b"",
        b"PK",
        b"x" * 100,
        whole[:-50],
        whole[: len(whole) // 2],
        whole[:200] + b"\0" * 50 + whole[250:],
    ):
        reason(sheet(damaged)[0][1])
    assert ".xls" in reason(sheet(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100)[0][1])


def test_codes_are_registered() -> None:
    assert {"FM2131", "FM2132", "FM2134"} <= TITLES.keys()
