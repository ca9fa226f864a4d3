"""`fieldmap fetch`: one page of a source, raw and mapped, and nothing kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply

from fieldmap.cli.main import run

MAP = """
entity Worker {
  key number : text
  name       : text
  email      : text? pii
  hired_on   : date?
}
connector hr {
  base env.HR
  resource workers {
    get     "/workers"
    pages   cursor at $.next sent as "cursor"
    records $.data[*]
    id      $.id
    when    $.id != "4" otherwise true
    shape { id: text, name: text?, mail: text? pii, hired: text? }
  }
}
map hr.workers to Worker {
  number   = $.id
  name     = $.name if invalid reject
  email    = $.mail
  hired_on = $.hired as date("dd.MM.yyyy")
}
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    def answer(asked: Asked) -> Reply:
        if "cursor" in asked.target:
            return reply({"data": [{"id": "9", "name": "Grace"}]})
        records: list[dict[str, object]] = [
            {"id": "1", "name": "Ada", "mail": "ada@example.com", "hired": "01.03.2021"},
            {"id": "2", "name": "Bob", "hired": "soon"},
            {"id": "3", "name": {"first": "Cy"}, "extra": [1, 2]},
            {"id": "4", "name": "Dan"},
        ]
        return reply({"data": records, "next": "b"})

    with FaultServer(answer) as made:
        monkeypatch.setenv("HR", made.url)
        (tmp_path / "hr.map").write_text(MAP)
        (tmp_path / "fieldmap.toml").write_text("")
        monkeypatch.chdir(tmp_path)
        yield made


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured.out + captured.err


def test_a_page_raw_and_mapped(server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "hr.workers"]) == 0
    text = said(capsys)
    for line in (
        f"{server.url}/workers → 200,",
        "4 records",
        '    name: "Ada"',
        "    mail: ▒▒▒ (pii)",
        "    hr.workers to Worker: claimed",
        "      number = 1",
        "      email = ▒▒▒ (pii)",
        "      hired_on = 2021-03-01",
        "      hired_on is held: FM21",
        "    hr.workers to Worker: rejected FM21",
        "    extra: [1,2]",
        "  and 1 more record on this page",
        "--reveal shows what is hidden",
        "Nothing was archived or loaded: fieldmap sync",
    ):
        assert line in text, text
    assert "ada@example.com" not in text
    assert len(server.asked) == 1
    assert not (tmp_path / "archive").exists()


def test_several_pages_for_machines(server: FaultServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "hr.workers", "--limit", "5", "--json", "--reveal"]) == 0
    first, second = json.loads(said(capsys))
    assert first["records"][0]["maps"][0]["values"]["email"] == "ada@example.com"
    assert first["records"][0]["raw"]["mail"] == '"ada@example.com"'
    assert second["number_of_records"] == 1
    assert len(server.asked) == 2


def test_mistakes(server: FaultServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["fetch", "hr.jobs"]) == 2
    assert "There is no resource hr.jobs; there are: hr.workers" in said(capsys)
    monkeypatch.delenv("HR")
    assert run(["fetch", "hr.workers"]) == 2
    assert "needs the environment variable HR" in said(capsys)
    monkeypatch.setenv("HR", server.url)
    server.answer = [reply({}, 404)]
    assert run(["fetch", "hr.workers"]) == 1
    assert "answered 404: there is nothing" in " ".join(said(capsys).split())


UNREAD = """
connector hr {
  base env.HR
  resource workers {
    get     "/workers"
    records $.data[*]
    id      $.id
  }
  resource jobs {
    for each workers as w get "/workers/{w.id}/jobs"
    records $.items[*]
    id      (@parent.id, $.no)
  }
  resource shifts {
    get    "/shifts"
    format csv
    id     $.no
    shape { no: text, name: text? pii }
  }
}
"""


@pytest.fixture
def unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A connector whose resources no map reads."""

    def answer(asked: Asked) -> Reply:
        if asked.target.endswith("/jobs"):
            return reply({"items": [{"no": 1, "title": "Cook"}]})
        if asked.target == "/shifts":
            return reply(b"no,name\n1,Ada\n", content_type="text/csv")
        records = [{"id": "7", "name": "Ada", "tags": [{"a": 1}], "at": {"x": 1.5, "y": None}}, "odd", *[{}] * 3]
        return reply({"data": records})

    with FaultServer(answer) as made:
        monkeypatch.setenv("HR", made.url)
        (tmp_path / "hr.map").write_text(UNREAD)
        (tmp_path / "fieldmap.toml").write_text("")
        monkeypatch.chdir(tmp_path)
        yield made


def test_a_resource_that_no_map_reads(unread: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "hr.workers"]) == 0
    text = said(capsys)
    for line in (
        f"{unread.url}/workers → 200,",
        "5 records",
        "    name: a text\n",
        "    tags: a list of 1, the first an object: a\n",
        "    at: an object: x, y\n",
        "  and 2 more records on this page",
        "--reveal shows what is hidden",
        "No map reads hr.workers yet; to have one proposed: fieldmap draft hr.workers to ENTITY",
    ):
        assert line in text
    # Nobody said what of it is personal.
    assert "Ada" not in text
    assert run(["fetch", "hr.workers", "--reveal"]) == 0
    assert '    name: "Ada"' in said(capsys)
    assert run(["fetch", "hr.shifts", "--reveal", "--json"]) == 0
    (page,) = json.loads(said(capsys))
    assert page["records"] == [{"raw": {"no": '"1"', "name": '"Ada"'}, "hidden": [], "maps": []}]
    assert not (tmp_path / "archive").exists()


def test_a_child_of_a_parent_that_was_never_read(unread: FaultServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "hr.jobs", "--reveal"]) == 0
    assert '    title: "Cook"' in said(capsys)
    assert [asked.target for asked in unread.asked] == ["/workers", "/workers/7/jobs"]
    unread.answer = [reply({"data": []}), reply({}, 500)]
    assert run(["fetch", "hr.jobs"]) == 2
    assert "hr.jobs has nothing to show: the source gave no records" in said(capsys)
    unread.answer = [reply({}, 404)]
    assert run(["fetch", "hr.jobs"]) == 1
    assert "hr.workers at" in said(capsys)


def test_what_of_a_page_cannot_be_read(unread: FaultServer, capsys: pytest.CaptureFixture[str]) -> None:
    unread.answer = [reply({"other": []})]
    assert run(["fetch", "hr.workers"]) == 0
    assert "FM2121" in said(capsys)


def test_sync_says_that_no_map_reads_it(unread: FaultServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync", "hr.workers"]) == 2
    assert (
        "No map reads hr.workers, so nothing of it would be loaded; see what it gives with fieldmap fetch hr.workers, and"
        " write a map, or have one proposed: fieldmap draft hr.workers to ENTITY"
    ) in " ".join(said(capsys).split())
    for command in (["sync"], ["sync", "--dry-run"]):
        assert run(command) == 2
        assert "There is no map yet, so there is nothing to fetch for; see what hr.workers gives" in " ".join(
            said(capsys).split()
        )
    assert run(["replay", "hr.workers"]) == 2
    assert "No map reads hr.workers" in said(capsys)
    assert unread.asked == []
