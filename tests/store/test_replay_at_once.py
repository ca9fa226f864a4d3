"""A replay of a map that changed brings each row to its new state at once: no reader, no count and no history sees one between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support import Quiet, compiled, rows

from fieldmap.runtime.archive import Archive, Received
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Server

START = datetime(2026, 1, 1, tzinfo=UTC)
MAPS = """
entity Worker {
  key number : text
  name : text
  km   : int?
  mail : text?
  keeps history
}
entity Seat { key number : text; km : int? }
connector hr is files {
  folder "x"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, name: text, km: int?, mail: text?, at: datetime }
  }
}
connector it is files {
  folder "y"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, name: text, km: int?, mail: text?, at: datetime }
  }
}
map hr.people as p to Worker { number = p.id; name = p.name; km = p.km; also to Seat { number = p.id; km = p.km } }
map it.people to Worker { number = $.id; name = $.name; mail = $.mail }
merge Worker { same number of hr, it; default prefer hr, it }
"""
NAMED = MAPS.replace("name = p.name", "name = upper(p.name)")
OTHER = MAPS.replace("mail = $.mail", "mail = lower($.mail)").replace("default prefer hr, it", "default prefer it, hr")


@pytest.fixture(autouse=True)
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 1)


def archived(folder: Path, resource: str, records: list[list[dict[str, Any]]]) -> None:
    """A page for each day."""
    with Archive(folder, Ports.real()).writer(resource) as writer:
        for day, page in enumerate(records):
            at = START + timedelta(days=day)
            body = msgspec.json.encode([{**record, "at": at.isoformat()} for record in page])
            writer.append(
                Received(
                    resource=resource,
                    url="https://x/x",
                    fetched_at=at,
                    status=200,
                    headers={},
                    body=body,
                    format="json",
                    request=f"{day}",
                    sweep=f"{day}",
                    page=1,
                )
            )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    versions = [[{"id": f"{n}", "name": f"n{n}", "km": km, "mail": f"M{n}"} for n in (1, 2)] for km in (1, 2, 3)]
    archived(folder, "hr.people", versions)
    archived(folder, "it.people", [[{"id": "1", "name": "it1", "mail": mail}] for mail in ("X0", "X1")])
    return folder


def run(database: Server, bundle: Bundle, archive: Path) -> Run:
    return Run(bundle, Archive(archive, Ports.real()), database, Ports.real(), {}, Quiet())


def replay(database: Server, bundle: Bundle, archive: Path) -> Report:
    report = run(database, bundle, archive).replay([])
    assert not report.failed
    return report


def counted(database: Server, report: Report) -> dict[str, tuple[int, int, int]]:
    found = rows(database, "SELECT entity, made, changed, gone FROM fieldmap.changed_rows WHERE run = %s", report.run)
    return {entity: (made, changed, gone) for entity, made, changed, gone in found}


def test_what_changes_and_changes_back_is_not_counted(tmp_path: Path, archive: Path, database: Server) -> None:
    replay(database, compiled(tmp_path / "a", all=MAPS), archive)
    report = replay(database, compiled(tmp_path / "b", all=NAMED), archive)
    assert rows(database, "SELECT number, name, km FROM canonical.worker ORDER BY 1") == [
        ("1", "N1", 3),
        ("2", "N2", 3),
    ]
    assert counted(database, report) == {"Worker": (0, 2, 0)}
    told = report.remerged["Worker"]
    assert (told.fields, sorted(told.samples)) == ({"name": 2}, [("1", "name", "n1", "N1"), ("2", "name", "n2", "N2")])
    again = replay(database, compiled(tmp_path / "c", all=NAMED + "\n"), archive)
    assert counted(database, again) == {}


def test_a_reader_sees_a_row_as_it_was_or_as_it_is(
    tmp_path: Path, archive: Path, database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(database, compiled(tmp_path / "a", all=MAPS), archive)
    seen: list[Any] = []
    usual = Loader._flush

    def flush(self: Loader, *arguments: Any) -> None:
        usual(self, *arguments)
        seen.append(rows(database, "SELECT number, name, km FROM canonical.worker ORDER BY 1"))

    monkeypatch.setattr(Loader, "_flush", flush)
    replay(database, compiled(tmp_path / "b", all=NAMED), archive)
    assert len(seen) == 3
    assert all(one == [("1", "n1", 3), ("2", "n2", 3)] for one in seen), seen


def test_history_has_no_row_of_the_old_map_by_the_new_rules(tmp_path: Path, archive: Path, database: Server) -> None:
    replay(database, compiled(tmp_path / "a", all=MAPS), archive)
    report = replay(database, compiled(tmp_path / "b", all=OTHER), archive)
    assert rows(database, "SELECT number, name, mail FROM canonical.worker ORDER BY 1") == [
        ("1", "it1", "x1"),
        ("2", "n2", None),
    ]
    assert counted(database, report) == {"Worker": (0, 1, 0)}
    written = rows(
        database,
        "SELECT DISTINCT name, mail FROM history.worker WHERE number = '1' AND _run = %s ORDER BY 1",
        report.run,
    )
    assert written == [("it1", "x0"), ("it1", "x1")]


@pytest.mark.parametrize("text", [NAMED, OTHER], ids=["map", "map and rules"])
def test_a_replay_that_was_killed_goes_on_and_merges(
    tmp_path: Path, archive: Path, database: Server, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    replay(database, compiled(tmp_path / "a", all=MAPS), archive)
    before = canonical(database)
    bundle, usual, left = compiled(tmp_path / "b", all=text), Loader._flush, [2]

    def flush(self: Loader, *arguments: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        usual(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Loader, "_flush", flush)
        with pytest.raises(KeyboardInterrupt):
            run(database, bundle, archive).replay([])
    assert canonical(database) == before
    replay(database, bundle, archive)
    found = canonical(database)
    assert rows(database, "SELECT entity FROM fieldmap.entities WHERE deferred") == []
    with database.connect() as connection:
        connection.execute("DROP SCHEMA claims, canonical, history, versions, provenance, fieldmap, identity CASCADE")
    replay(database, bundle, archive)
    assert found == canonical(database) != before


def canonical(database: Server) -> list[Any]:
    return [
        rows(
            database,
            f"SELECT to_jsonb(t) - '{{_claims,_made_by,_changed_by}}'::text[] FROM canonical.{name} t ORDER BY number",
        )
        for name in ("worker", "seat")
    ]


WAITING = """
entity Team { key code : text }
entity Worker {
  key number : text
  name : text
  team : Team? must exist
  must number != "9" "nine"
}
connector hr is files {
  folder "x"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, name: text?, team: text?, at: datetime }
  }
}
connector it is files {
  folder "y"
  resource people {
    files "*.json" as json; id $.id; changed $.at
    shape { id: text, name: text?, team: text?, at: datetime }
  }
}
map hr.people to Worker { number = $.id; name = $.name; team = $.team }
"""
ALSO = """
map it.people to Worker { number = $.id; name = $.name; team = $.team }
merge Worker { same number of hr, it; default prefer hr, it }
"""


@pytest.mark.parametrize("text", [WAITING, WAITING + ALSO], ids=["one source", "two sources"])
def test_nothing_is_left_of_a_key_that_is_claimed_no_more(tmp_path: Path, database: Server, text: str) -> None:
    """Neither a row that waits, and would come when what it needs does, nor a note of one that was not complete."""
    folder = tmp_path / "archive"
    lacks: list[dict[str, Any]] = [
        {"id": "1", "name": "a", "team": "t1"},
        {"id": "2", "name": None},
        {"id": "9", "name": "n"},
    ]
    archived(folder, "hr.people", [[*lacks, {"id": "3", "name": "c"}]])
    archived(folder, "it.people", [[{"id": "4", "name": None}]])
    replay(database, compiled(tmp_path / "a", all=text), folder)
    assert rows(database, "SELECT number FROM waiting.worker") == [("1",)]
    few = text.replace("{ number = $.id", '{ when $.id == "3"\n number = $.id')
    replay(database, compiled(tmp_path / "b", all=few), folder)
    assert rows(database, "SELECT number FROM canonical.worker") == [("3",)]
    assert rows(database, "SELECT number FROM waiting.worker") == []
    assert rows(database, "SELECT * FROM fieldmap.incomplete") == []
    replay(database, compiled(tmp_path / "c", all=text), folder)
    assert rows(database, "SELECT number FROM waiting.worker") == [("1",)]
    assert [key for (key,) in rows(database, "SELECT key FROM fieldmap.incomplete ORDER BY 1")][:3] == [
        "1",
        "2",
        "4" if ALSO in text else "9",
    ]
