"""`explain` of what is gone leads to what withdrew it: the record that says so, the feed of deletes, or the sweep that lacks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Worker { key number : int; name : text }
entity Order { key code : text }
entity Line { key (code, n); code : text; n : int; x : text }
connector hr {
  base env.HR
  resource people {
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    when $.kind != "draft" otherwise true
    deletes { get "/deleted"; records $.data[*]; id $.id; changed $.at }
    shape { id: text, no: int, name: text, at: datetime, gone: bool?, kind: text? }
  }
}
connector pay {
  base env.HR
  resource slips {
    get "/slips"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape { id: text, no: int, name: text, at: datetime, gone: bool? }
  }
}
connector shop {
  base env.HR
  resource orders {
    get "/orders"
    records $.data[*]
    id $.id
    deleted by absence, refuse above 90 %
    shape { id: text, lines: [ { n: int, x: text } ] }
  }
}
map hr.people to Worker { number = $.no; name = $.name }
map pay.slips to Worker { number = $.no; name = $.name }
merge Worker { same number of hr, pay; default prefer hr, pay }
map shop.orders as o to Order { code = o.id; each o.lines[*] as l to Line { code = o.id; n = l.n; x = l.x } }
"""


def person(no: int, day: int, **more: Any) -> dict[str, Any]:
    return {"id": f"r{no}", "no": no, "name": f"W{no}", "at": f"2026-01-0{day}T00:00:00Z", **more}


@pytest.fixture
def answers(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Any]]]:
    given: dict[str, list[Any]] = {
        "people": [person(no, 1) for no in (1, 2, 3)],
        "deleted": [],
        "slips": [person(3, 1)],
        "orders": [{"id": "A", "lines": [{"n": 1, "x": "a"}]}, {"id": "B", "lines": [{"n": 1, "x": "c"}]}],
    }

    def answer(asked: Asked) -> Reply:
        return reply({"data": given[asked.target.partition("?")[0].strip("/")]})

    with FaultServer(answer) as server:
        monkeypatch.setenv("HR", server.url)
        monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "fieldmap.toml").write_text("")
        (tmp_path / "all.map").write_text(MAPS)
        yield given


def gone(answers: dict[str, list[Any]]) -> None:
    answers["people"] = [person(1, 1), person(2, 3, gone=True), person(3, 4, kind="draft")]
    answers["deleted"] = [{"id": "r1", "at": "2026-01-02T00:00:00Z"}]
    answers["orders"] = answers["orders"][:1]


def explained(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["explain", *words, "--json"]) == code
    return dict(json.loads(capsys.readouterr().out))


def check(capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        words: explained(capsys, *words)
        for words in (("Worker", "1", "name"), ("Worker", "2", "name"), ("Worker", "3", "name"), ("Line", "B,1", "x"))
    }
    told = {
        words[1]: [(w["source"], w["record"], w["kind"], w["changed"], w["record_index"]) for w in one["withdrawn"]]
        for words, one in found.items()
    }
    assert told == {
        "1": [("hr.people", "r1", "feed", "2026-01-02T00:00:00Z", 0)],
        "2": [("hr.people", "r2", "deleted", "2026-01-03T00:00:00Z", 1)],
        "3": [("hr.people", "r3", "filtered", "2026-01-04T00:00:00Z", 2)],
        "B,1": [("shop.orders", "B", "absent", None, None)],
    }
    # What another source claims stands, beside what is gone.
    assert [one["value"] for one in found.values()] == [None, None, "W3", None]
    assert found["Worker", "3", "name"]["winner"]["source"] == "pay.slips"
    for words, key in ((("Worker", "1", "name"), "id"), (("Worker", "2", "name"), "id")):
        (one,) = found[words]["withdrawn"]
        place = [one["source"], str(one["response"]["position"]), "--record", str(one["record_index"])]
        assert run(["archive", "cat", *place]) == 0
        assert json.loads(capsys.readouterr().out)[key] == one["record"]


def test_what_is_gone_leads_to_what_withdrew_it(
    answers: dict[str, list[Any]], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sync"]) == 0
    gone(answers)
    assert run(["sync"]) == 0
    check(capsys)
    # A store that is made anew from the archive sees a record and its end in one batch.
    with database.connect() as connection:
        connection.execute(
            "DROP SCHEMA claims, canonical, provenance, fieldmap, identity, versions, history, waiting CASCADE"
        )
    assert run(["replay"]) == 0
    check(capsys)


def test_it_is_said_in_words(answers: dict[str, list[Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync"]) == 0
    gone(answers)
    assert run(["sync"]) == 0
    capsys.readouterr()
    assert run(["explain", "Worker", "1", "name"]) == 0
    text = capsys.readouterr().out
    assert "no source claims it any more" in text
    assert "hr.people, record r1, changed 2026-01-02 00:00:00Z: the feed of deletes names it" in text
    assert "chosen by" not in text
    assert run(["explain", "Line", "B,1", "x"]) == 0
    text = capsys.readouterr().out
    assert "shop.orders, record B: the full sweep " in text
    assert " of 1 page, which ended at " in text
    assert "mark at byte" in text


def test_what_comes_back_is_not_told_to_be_gone(
    answers: dict[str, list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sync"]) == 0
    gone(answers)
    assert run(["sync"]) == 0
    answers["people"] = [person(2, 5)]
    assert run(["sync"]) == 0
    found = explained(capsys, "Worker", "2", "name")
    assert (found["value"], found["withdrawn"]) == ("W2", [])


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["Worker", "99", "name"], 1, "No Worker has the key 99, and no source claims one"),
        (
            ["Line", "B,9", "x"],
            1,
            "No Line has the key B, 9, and no source claims one now; if it was an element of a list, the newest version of its record"
            " (of shop.orders) has it no more",
        ),
        (["Worker", "x", "name"], 1, "No Worker has the key x, and no source can claim one"),
        (["Line", "B,x", "x"], 1, "No Line has the key B, x, and no source can claim one"),
        (["Order", "B"], 2, "Order has no field besides its key; see: fieldmap query Order --key B --provenance"),
    ],
)
def test_a_key_that_nothing_ever_had(
    answers: dict[str, list[Any]], words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sync"]) == 0
    assert run(["explain", *words]) == code
    assert says in capsys.readouterr().err.replace("\n", " ")


def test_a_row_is_found_by_the_index_of_its_key(
    answers: dict[str, list[Any]], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan of the statement as the command sends it, of a key that is no text and of one with several parts."""
    assert run(["sync"]) == 0
    rows(
        database,
        "INSERT INTO canonical.worker SELECT n, 'x', '{1}', 1, 0 FROM generate_series(1000, 20000) n RETURNING 1",
    )
    rows(
        database,
        "INSERT INTO canonical.line SELECT 'Z', n, 'x', '{1}', 1, 0 FROM generate_series(1, 20000) n RETURNING 1",
    )
    before = scanned(database)
    assert run(["explain", "Worker", "3", "name"]) == 0
    assert run(["explain", "Line", "A,1", "x"]) == 0
    assert scanned(database) == before


def scanned(database: Server) -> list[tuple[Any, ...]]:
    """How often the tables of rows were read whole, as the server counts."""
    return rows(
        database,
        "SELECT pg_stat_force_next_flush()::text, relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'canonical' AND relname IN ('worker', 'line')"
        " ORDER BY relname",
    )
