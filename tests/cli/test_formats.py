"""XML, CSV and Excel files from the folder to the value and back to the place where it stands."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support import rows
from tests.values.test_formats import workbook, zipped

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

ENTITY = """
entity Worker {
  key number : text
  name   : text?
  pay    : decimal(8, 2)?
  born   : date?
  phones : list of text
  code   : text?
}
"""
XML = """
connector drop is files {
  folder "in"
  resource people {
    files   "*.xml" as xml { root "Report" }
    records $.Data.Worker[*]
    id      $["@id"]
    shape {
      "@id" : text
      Name  : text
      Pay   : number with { "@cur": text? }?
      Born  : date?
      Phone : [ text ]
    }
  }
}
map drop.people as worker to Worker {
  number = $["@id"]
  name   = $.Name
  pay    = $.Pay
  code   = $.Pay["@cur"]
  born   = $.Born
  phones = $.Phone[*]
}
"""
REPORT = """<?xml version="1.0" encoding="iso-8859-1"?>
<r:Report xmlns:r="urn:report">
 <r:Data>
  <r:Worker id="1"><r:Name>Zo\xe9</r:Name><r:Pay cur="EUR">12.50</r:Pay><r:Born>2000-01-02</r:Born><r:Phone>1</r:Phone><r:Phone>2</r:Phone></r:Worker>
  <r:Worker id="2"><r:Name>A</r:Name><r:Name>B</r:Name></r:Worker>
  <r:Worker id="3"><r:Phone>7</r:Phone></r:Worker>
  <r:Worker id="4"><r:Name>Bo</r:Name><r:Pay>x</r:Pay></r:Worker>
 </r:Data>
</r:Report>
"""
CSV = """
connector drop is files {
  folder "in"
  resource people {
    files "*.csv" as csv { delimiter ";"; encoding "windows-1252"; header 2 }
    id    $.Nr
  }
}
map drop.people to Worker {
  number = $.Nr
  name   = $.Name
  pay    = $.Lohn as decimal("1.234,56")
}
"""
EXCEL = """
connector drop is files {
  folder "in"
  resource people {
    files "*.xlsx" as excel { sheet "People"; header 2 }
    id    $.Nr
    shape { Nr: int, Name: text?, Pay: number?, Born: date? }
  }
}
map drop.people to Worker {
  number = text($.Nr)
  name   = $.Name
  pay    = $.Pay
  born   = $.Born
}
"""


@pytest.fixture
def folder(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "in").mkdir()
    return tmp_path


def synced(folder: Path, text: str, name: str, content: bytes) -> None:
    (folder / "all.map").write_text(ENTITY + text)
    (folder / "in" / name).write_bytes(content)
    assert run(["sync"]) == 0


def explained(key: str, field: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["explain", "Worker", key, field, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recomputed"]
    return dict(found)


def test_xml(folder: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    synced(folder, XML, "a.xml", REPORT.encode("iso-8859-1"))
    assert rows(
        database, "SELECT number, name, pay::text, code, born::text, phones FROM canonical.worker ORDER BY 1"
    ) == [
        ("1", "Zoé", "12.50", "EUR", "2000-01-02", ["1", "2"]),
        ("2", None, None, None, None, []),
        ("4", "Bo", None, None, None, []),
    ]
    held = rows(database, "SELECT code, field, record FROM fieldmap.held ORDER BY record")
    assert held == [("FM2134", "name", "2"), ("FM2104", "pay", "4")]
    assert rows(database, "SELECT code, record FROM fieldmap.dead_letters") == [("FM2102", "3")]
    raw = explained("1", "pay", capsys)["raw"]
    assert [(item["path"], item["text"]) for item in raw] == [
        ("$.Data.Worker[0].Pay (line 4, /r:Report/r:Data/r:Worker[1]/r:Pay)", "12.50")
    ]
    raw = explained("1", "code", capsys)["raw"]
    assert raw[0]["path"].endswith("(line 4, /r:Report/r:Data/r:Worker[1]/r:Pay/@cur)")
    assert [item["text"] for item in explained("1", "phones", capsys)["raw"]] == ["1", "2"]
    assert run(["dlq", "show", "1", "--reveal"]) == 0
    assert "Phone" in capsys.readouterr().out


def test_csv(folder: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    synced(folder, CSV, "a.csv", 'Stand 2026\nNr;Name;Lohn\n1;"Zoë\nZ.";1.234,50\n2;;7\n'.encode("cp1252"))
    assert rows(database, "SELECT number, name, pay::text FROM canonical.worker ORDER BY 1") == [
        ("1", "Zoë\nZ.", "1234.50"),
        ("2", None, "7.00"),
    ]
    (raw,) = explained("2", "pay", capsys)["raw"]
    assert (raw["path"], raw["text"]) == ("row 2: $.Lohn (line 5, column Lohn)", "7")


def test_excel(folder: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import date

    content = workbook(
        [["Report"], ["Nr", "Name", "Pay", "Born"], [1, "Zoë", 12.5, date(2000, 1, 2)], [], [2, None, 0.1, None]]
    )
    synced(folder, EXCEL, "a.xlsx", content)
    assert rows(database, "SELECT number, name, pay::text, born::text FROM canonical.worker ORDER BY 1") == [
        ("1", "Zoë", "12.50", "2000-01-02"),
        ("2", None, "0.10", None),
    ]
    (raw,) = explained("2", "pay", capsys)["raw"]
    assert (raw["path"], raw["text"]) == ("row 2: $.Pay (People!C5)", "0.1")


WIDE = """
connector drop is files {
  folder "in"
  resource people {
    files "*.zip" as fixed in zip "*.txt" {
      columns  { Nr: 1 to 3, Name: 4 to 9, Lohn: 10 to 15 }
      encoding "latin-1"
      skip     1
    }
    id $.Nr
  }
}
map drop.people to Worker {
  number = $.Nr
  name   = $.Name
  pay    = $.Lohn as decimal("1.234,56")
}
"""


def test_fixed_width_in_a_zip(folder: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = "Stand\n001Zoë    12,50\n", "Stand\n002Al\n003Bo     7,00 \n"
    content = zipped(("x/a.txt", first.encode("latin-1")), ("b.txt", second.encode()), ("c.doc", b"?"))
    synced(folder, WIDE, "a.zip", content)
    query = "SELECT number, name, pay::text FROM canonical.worker ORDER BY 1"
    found = rows(database, query)
    assert found == [("001", "Zoë", "12.50"), ("003", "Bo", "7.00")]
    (raw,) = explained("003", "pay", capsys)["raw"]
    assert (raw["path"], raw["text"]) == (
        "b.txt, row 2: $.Lohn (line 3, column Lohn, characters 10 to 15)",
        "7,00",
    )
    (letter,) = rows(database, "SELECT id, code, reason FROM fieldmap.dead_letters")
    assert letter[1] == "FM2120"
    assert letter[2].startswith("b.txt: a line has 5 characters, and the columns take 15")
    # The archive holds the file as it came, and is all that a replay needs.
    (folder / "in" / "a.zip").unlink()
    (folder / "all.map").write_text(ENTITY + WIDE.replace("skip     1", "skip     1\n      short_rows allowed"))
    assert run(["replay"]) == 0
    assert rows(database, query) == [("001", "Zoë", "12.50"), ("002", "Al", None), ("003", "Bo", "7.00")]
    capsys.readouterr()
    assert run(["archive", "verify"]) == 0


def test_lines_in_gzip_are_shown_where_they_stand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r'files "\*\.csv" as csv \{.*\}', 'files "*.gz" as ndjson in gzip', CSV)
    text = text.replace(' as decimal("1.234,56")', "")
    synced(folder, text, "a.gz", gzip.compress(b'{"Nr":"1","Lohn":5}\n') + gzip.compress(b'{"Nr":"2","Lohn":6}\n'))
    (raw,) = explained("2", "pay", capsys)["raw"]
    assert (raw["path"], raw["text"], raw["body_start"]) == ("line 2: $.Lohn", "6", 37)


@pytest.mark.parametrize(
    ("text", "name", "good", "bad", "words"),
    [
        (WIDE, "a.txt.zip", zipped(("a.txt", b"x\n001Bo    12,50 ")), b"PK", "not a whole zip file"),
        (XML, "a.xml", REPORT.encode("iso-8859-1"), b"<Fault/>", "the root element is Fault"),
        (XML, "a.xml", REPORT.encode("iso-8859-1"), b"<Report><Data></Report>", "not XML"),
        (CSV, "a.csv", b"x\nNr;Name\n1;A\n", b"x\nNr,Name\n1,A\n", "one cell with a comma"),
        (EXCEL, "a.xlsx", workbook([["R"], ["Nr"], [1]]), b"PK\3\4", "not a whole Excel workbook"),
    ],
)
def test_imports(
    text: str, name: str, good: bytes, bad: bytes, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "all.map").write_text(ENTITY + text)
    (folder / name).write_bytes(bad)
    assert run(["archive", "import", name, "--resource", "drop.people"]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    (folder / name).write_bytes(good)
    assert run(["archive", "import", name, "--resource", "drop.people"]) == 0
    assert run(["replay"]) == 0


def test_a_damaged_file_is_one_dead_letter(folder: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    synced(folder, EXCEL, "a.xlsx", b"PK nothing")
    assert [row[0] for row in rows(database, "SELECT code FROM fieldmap.dead_letters")] == ["FM2120"]
    capsys.readouterr()
    assert run(["dlq", "show", "1"]) == 0
    assert "not a whole Excel workbook" in capsys.readouterr().out
