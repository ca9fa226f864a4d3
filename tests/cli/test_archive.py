"""`fieldmap archive ls|cat|verify`: responses as they came, with what is personal hidden, also from programs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Worker {
  key number : text
  name : text?  pii
  way  : int?
}
connector hr is files {
  folder "in"
  resource people {
    FILES
    id $.id
    changed unknown
    shape { id: text, name: text? pii, way: WAY?, home: { street: text? pii }? }
  }
}
map hr.people to Worker {
  number = $.id
  name   = $.name
  way    = $.way
}
"""
RECORDS = [
    {"id": "1", "name": "Ada Quorx", "way": 5, "home": {"street": "Quorx Lane"}},
    {"id": "2", "name": None, "way": 10**20},
]


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, database: Server, files: str, way: str = "int") -> None:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(folder)
    (folder / "fieldmap.toml").write_text("", "utf-8")
    (folder / "all.map").write_text(MAPS.replace("FILES", files).replace("WAY", way), "utf-8")
    (folder / "in").mkdir()


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    make(tmp_path, monkeypatch, database, 'files "*.json" as json\n    records $.data[*]')
    for name in ("a", "b"):
        (tmp_path / "in" / f"{name}.json").write_text(json.dumps({"data": RECORDS, "page": name}), "utf-8")
    assert run(["sync"]) == 0
    return tmp_path


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert run(["archive", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["archive", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_ls_and_verify_for_programs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (resource,) = answered(capsys, "ls")
    assert (resource["resource"], resource["pages"]) == ("hr.people", 2)
    pages = answered(capsys, "ls", "hr.people")
    assert [page["format"] for page in pages] == ["json", "json"]
    assert answered(capsys, "ls", "hr.people", "--limit", "1") == pages[1:]
    assert "the last 1 response; there are more (--limit)" in said(capsys, "ls", "hr.people", "--limit", "1")
    (verified,) = answered(capsys, "verify")
    assert (verified["resource"], verified["records"], verified["torn"]) == ("hr.people", 2, None)


def test_a_response_hides_what_is_personal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also what no map reads, where the shape calls it so."""
    text = said(capsys, "cat", "hr.people", "last")
    assert "Quorx" not in text
    assert '"name": "▒▒▒ (pii)"' in text
    assert f'"way": {10**20}' in text
    assert '"page": "b"' in text
    assert "hidden: home, name; --reveal shows them, and is logged" in text
    found = answered(capsys, "cat", "hr.people", "first")
    assert found["bodies"][0]["page"] == "a"
    assert [record["name"] for record in found["bodies"][0]["data"]] == ["▒▒▒ (pii)"] * 2
    position = answered(capsys, "ls", "hr.people")[1]["position"]
    assert answered(capsys, "cat", "hr.people", str(position))["bodies"][0]["page"] == "b"
    place = f"{position >> 40}:{position & ((1 << 40) - 1)}"
    assert answered(capsys, "cat", "hr.people", place, "--record", "1")["bodies"] == [
        {"id": "2", "name": "▒▒▒ (pii)", "way": 10**20}
    ]


def test_revealed_it_is_as_it_came_and_kept_who_asked(
    project: Path, database: Server, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    capfdbinary.readouterr()
    assert run(["archive", "cat", "hr.people", "first", "--reveal"]) == 0
    assert capfdbinary.readouterr().out == (project / "in" / "a.json").read_bytes()
    assert rows(database, "SELECT what FROM fieldmap.revealed") == [("archive cat hr.people first",)]


def test_rows_of_csv(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, monkeypatch, database, 'files "*.csv" as csv', "text")
    (tmp_path / "all.map").write_text(
        (tmp_path / "all.map").read_text("utf-8").replace("$.way", "$.way as int"), "utf-8"
    )
    (tmp_path / "in" / "a.csv").write_text("id,name,way\n1,Ada Quorx,5\n2,Bob Quorx,6\n", "utf-8")
    assert run(["sync"]) == 0
    text = said(capsys, "cat", "hr.people")
    assert "Quorx" not in text
    assert text.count("▒▒▒ (pii)") == 2


def test_what_cannot_be_taken_apart_is_hidden_whole(
    project: Path, capsys: pytest.CaptureFixture[str], database: Server
) -> None:
    for number, body in enumerate(
        ('{"data": [{"id": "1", "name": "Ada Quorx"}', '{"other": [{"name": "Ada Quorx"}]}', '["Quorx"]')
    ):
        (project / "in" / f"c{number}.json").write_text(body, "utf-8")
    assert run(["sync"]) == 0
    for page in answered(capsys, "ls", "hr.people")[2:]:
        text = said(capsys, "cat", "hr.people", str(page["position"]))
        assert "Quorx" not in text
        assert "--reveal shows it as it came" in text


def test_of_a_resource_that_no_map_reads_nobody_knows_what_is_personal(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "all.map").write_text(
        MAPS.partition("map hr.people")[0].replace("FILES", 'files "*.json" as json').replace("WAY", "int")
    )
    assert run(["replay"]) == 0
    text = said(capsys, "cat", "hr.people", code=2)
    assert "No map reads hr.people, so nobody knows what of it is personal" in text
    assert "Quorx" in said(capsys, "cat", "hr.people", "--reveal")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["ls", "hr.nothing"], 2, "The archive has no hr.nothing; it has: hr.people"),
        (["cat", "hr.nothing"], 2, "The archive has no hr.nothing"),
        (["cat", "hr.people", "x"], 2, "x is no place in an archive"),
        (["cat", "hr.people", "1:2:3"], 2, "is no place in an archive"),
        (
            ["cat", "hr.people", "1:7"],
            2,
            "No response of hr.people begins at 1:7; those that there are: fieldmap archive ls hr.people",
        ),
        (["cat", "hr.people", "99"], 2, "No response of hr.people begins at 99"),
        (["cat", "hr.people", "7:99"], 2, "No response of hr.people begins at 7:99"),
        (["cat", "hr.people", "last", "--record", "9"], 2, "has no record 9; they are counted from 0"),
    ],
)
def test_mistakes(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    text = " ".join(said(capsys, *arguments, code=code).split())
    assert says in text
    assert "Traceback" not in text


def test_ls_of_a_resource_reads_no_more_than_it_shows(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies before, damaged here, is not looked at."""
    (project / "in" / "c.json").write_text(json.dumps({"data": RECORDS, "page": "c"}), "utf-8")
    assert run(["sync"]) == 0
    pages = answered(capsys, "ls", "hr.people")
    assert len(pages) == 3
    damage(project, "hr.people", pages[0]["position"])
    assert answered(capsys, "ls", "hr.people", "--limit", "1") == pages[2:]
    assert answered(capsys, "cat", "hr.people", "last")["bodies"][0]["page"] == "c"
    # What is damaged is told as damage, also where it is asked for, and a place behind it too.
    for place in (pages[0]["position"], pages[1]["position"] + 1):
        assert "is damaged at" in said(capsys, "cat", "hr.people", str(place), code=3)


def test_verify_tells_of_every_resource_that_is_damaged(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("hr.a", "hr.b"):
        shutil.copytree(tmp_path / "archive" / "hr.people", tmp_path / "archive" / name)
    text = " ".join(said(capsys, "verify", code=3).split())
    assert "hr.people: 2 responses in 1 segment," in text
    assert "The archive of hr.a is damaged" in text
    assert "The archive of hr.b is damaged" in text
    capsys.readouterr()
    assert run(["archive", "verify", "--json"]) == 3
    found = {item["resource"]: item["damage"] for item in json.loads(capsys.readouterr().out)}
    assert found.pop("hr.people") is None
    assert sorted(found) == ["hr.a", "hr.b"]
    assert all("is damaged" in sentence for sentence in found.values())


def damage(project: Path, resource: str, position: int) -> None:
    path = project / "archive" / resource / "000001.warc.zst"
    data = bytearray(path.read_bytes())
    data[(position & ((1 << 40) - 1)) + 40] ^= 0xFF
    path.write_bytes(data)
