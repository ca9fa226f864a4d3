"""Dead letters retried after a fix of their map: read again from the archive, never before a newer version, gone with their claim.

The rule that nothing may break: what the store holds is a function of the archive and the maps. So after a fix, a retry and a replay
everything is as after the fix and the replay alone, wherever the retry was killed and however often it is done.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.support import Quiet, compiled, rows

from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import FieldmapError, FindingsError
from fieldmap.runtime.load.retry import Retry, letters
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Server

ROOT = Path(__file__).parents[2]
STEP = 1 if os.environ.get("FIELDMAP_ALL_POINTS") else 8

SHOWN = (
    "SELECT number, name, state, size::text FROM canonical.worker ORDER BY 1",
    "SELECT _record, _state, _changed::text, _position, _index, encode(_digest, 'hex'), number, name, state, size FROM claims.hr_people__worker ORDER BY 1",
    "SELECT archive_position, record_index, code, field, path, reason, record, changed::text, whole, first_seen, last_seen FROM fieldmap.dead_letters ORDER BY 1, 2",
    "SELECT archive_position, record_index, field, code, record FROM fieldmap.held ORDER BY 1, 2, 3",
    "SELECT archive_position, record_index, field, code, record FROM fieldmap.listed ORDER BY 1, 2, 3",
    "SELECT p.map, v.version, p.applied_through, p.replaying, p.retried FROM fieldmap.positions p JOIN fieldmap.map_versions v ON v.id = p.map_version",
    "SELECT key, field, value, record, archive_position, record_index FROM provenance.worker ORDER BY 1, 2",
)


def maps(folder: Path, *, codes: str = "", when: str = "", **changes: str) -> Bundle:
    text = f"""
entity Worker {{
  key number : text
  name  : text?
  state : enum {{ active, leave }}?
  size  : decimal(8, 1)?
  {changes.get("field", "")}
}}
codes hr_state {{
  "A" -> active
  {codes}
}}
connector hr is files {{
  folder env.FILES
  resource people {{
    files "*.json" as json
    {changes.get("records", "records $.data[*]")}
    id $.id
    changed {changes.get("changed", "$.at")}
    deleted when $.gone otherwise false
    shape {{ id: text, name: text?, at: {changes.get("at", "datetime")}, state: text?, size: text?, gone: bool? }}
  }}
}}
map hr.people to Worker {{
  {when}
  number = $.id
  name   = $.name
  state  = $.state via hr_state if invalid reject
  size   = $.size as decimal if invalid hold up to 100 %
}}
merge Worker {{ default {changes.get("rule", "newest")} }}
"""
    return compiled(folder, all=text)


class World:
    """A folder of files, an archive and a database."""

    def __init__(self, home: Path, database: Server) -> None:
        self.home, self.database = home, database
        self.archive = home / "archive"
        self.files = home / "files"
        self.files.mkdir()

    def write(self, name: str, *records: dict[str, Any]) -> None:
        (self.files / name).write_text(
            json.dumps({"data": [{"at": "2026-01-01T00:00:00Z", **record} for record in records]}), "utf-8"
        )

    def run(self, bundle: Bundle, database: Server | None = None) -> Run:
        archive = Archive(self.archive, Ports.real())
        return Run(bundle, archive, database or self.database, Ports.real(), {"FILES": str(self.files)}, Quiet())

    def state(self, database: Server | None = None) -> list[Any]:
        return [rows(database or self.database, statement) for statement in SHOWN]


@pytest.fixture
def world(tmp_path: Path, database: Server) -> World:
    return World(tmp_path, database)


def people(world: World) -> None:
    """Two files: rejected, held and good records, and later versions of some."""
    world.write(
        "1.json",
        {"id": "1", "name": "Ada", "state": "A", "size": "1"},
        {"id": "2", "name": "Bob", "state": "Q", "size": "x"},
        {"id": "3", "name": "Cid", "state": "A"},
        {"id": "4", "name": "Dan", "state": "Q", "gone": False},
        {"id": "5", "name": "Eve", "state": "R"},
    )
    world.write(
        "2.json",
        {"id": "3", "name": "Cid", "state": "Q", "at": "2026-02-01T00:00:00Z"},
        {"id": "1", "name": "Ada B", "state": "A", "at": "2026-02-01T00:00:00Z"},
    )


def outcomes(report: Report) -> dict[str | None, str]:
    return {item.letter.record: item.outcome for item in report.retried}


def test_a_fix_is_applied_to_the_letters_alone(world: World, tmp_path: Path) -> None:
    people(world)
    old, new = maps(tmp_path / "a"), maps(tmp_path / "b", codes='"Q" -> leave')
    world.run(old).sync([])
    assert [row[0] for row in rows(world.database, "SELECT number FROM canonical.worker ORDER BY 1")] == ["1", "3"]
    report = world.run(new).retry(None)
    assert outcomes(report) == {"2": "claimed", "4": "claimed", "5": "rejected", "3": "claimed"}
    assert rows(world.database, "SELECT number, state FROM canonical.worker ORDER BY 1") == [
        ("1", "active"),
        ("2", "leave"),
        ("3", "leave"),
        ("4", "leave"),
    ]
    assert rows(world.database, "SELECT record FROM fieldmap.dead_letters") == [("5",)]
    assert rows(world.database, "SELECT record, field FROM fieldmap.held") == [("2", "size")]
    assert rows(
        world.database,
        "SELECT command, read, claimed, filtered, deleted, dead, held FROM fieldmap.runs r JOIN fieldmap.accounts a ON a.run = r.id WHERE command = 'retry'",
    ) == [("retry", 4, 3, 0, 0, 1, 1)]


def replayed_alone(world: World, old: Bundle, new: Bundle, server: Server) -> list[Any]:
    with empty_database(server) as other:
        world.run(old, other).replay([])
        world.run(new, other).replay([])
        return world.state(other)


def test_after_a_replay_all_is_as_if_nothing_had_been_retried(world: World, tmp_path: Path, server: Server) -> None:
    people(world)
    old, new = maps(tmp_path / "a"), maps(tmp_path / "b", codes='"Q" -> leave')
    world.run(old).sync([])
    world.run(new).retry(None)
    with pytest.raises(FindingsError, match=r"The map hr.people to Worker changed since"):
        world.run(new).sync([])
    world.run(new).replay([])
    assert world.state() == replayed_alone(world, old, new, server)
    assert world.run(new).sync([]).failed == {}


def test_back_to_the_map_before_needs_a_replay_too(world: World, tmp_path: Path, server: Server) -> None:
    """Otherwise claims of the fix would stand among those of a map that rejects them."""
    people(world)
    old, new = maps(tmp_path / "a"), maps(tmp_path / "b", codes='"Q" -> leave')
    world.run(old).sync([])
    before = world.state()
    world.run(new).retry(None)
    with pytest.raises(FindingsError, match=r"Dead letters of hr.people to Worker were retried with another version"):
        world.run(old).sync([])
    world.run(old).replay([])
    assert world.state() == before


def test_twice_is_once(world: World, tmp_path: Path) -> None:
    people(world)
    world.run(maps(tmp_path / "a")).sync([])
    new = maps(tmp_path / "b", codes='"Q" -> leave')
    world.run(new).retry(None)
    versions = "SELECT ctid::text, xmin::text FROM {} ORDER BY 1"
    tables = ("claims.hr_people__worker", "canonical.worker", "fieldmap.dead_letters", "fieldmap.held")
    before = [rows(world.database, versions.format(name)) for name in tables]
    assert outcomes(world.run(new).retry(None)) == {"5": "rejected"}
    assert [rows(world.database, versions.format(name)) for name in tables] == before


def test_with_the_map_unchanged_nothing_changes(world: World, tmp_path: Path) -> None:
    people(world)
    old = maps(tmp_path / "a")
    world.run(old).sync([])
    before = world.state()
    assert set(outcomes(world.run(old).retry(None)).values()) == {"rejected"}
    assert world.state() == before
    assert world.run(old).sync([]).failed == {}


def test_O5_an_older_record_never_replaces_a_newer(world: World, tmp_path: Path, server: Server) -> None:
    """O5. The letter of a record whose time could not be read seemed new; under the mended map its time is older than what stands."""
    world.write("1.json", {"id": "1", "name": "new", "at": "01.05.2026 12:00", "state": "A"})
    world.write("2.json", {"id": "1", "name": "old", "at": "2026-02-01 12:00", "state": "A"})
    world.write("3.json", {"id": "2", "name": "new", "at": "2026-02-01 12:00", "state": "A"})
    old = maps(tmp_path / "a", at="text", changed='$.at as datetime("dd.MM.yyyy HH:mm") at "UTC"')
    new = maps(tmp_path / "b", at="text", changed='$.at as datetime("dd.MM.yyyy HH:mm", "yyyy-MM-dd HH:mm") at "UTC"')
    world.run(old).sync([])
    assert rows(world.database, "SELECT code, record, changed FROM fieldmap.dead_letters ORDER BY 2") == [
        ("FM2103", "1", None),
        ("FM2103", "2", None),
    ]
    assert outcomes(world.run(new).retry(None)) == {"1": "superseded", "2": "claimed"}
    assert rows(world.database, "SELECT number, name FROM canonical.worker ORDER BY 1") == [("1", "new"), ("2", "new")]
    assert rows(world.database, "SELECT FROM fieldmap.dead_letters") == []
    world.run(new).replay([])
    assert world.state() == replayed_alone(world, old, new, server)


def test_filtered_and_deleted_records_leave_too(world: World, tmp_path: Path, server: Server) -> None:
    people(world)
    old = maps(tmp_path / "a")
    new = maps(tmp_path / "b", when='when not (($.state == "Q") otherwise false)')
    world.run(old).sync([])
    assert outcomes(world.run(new).retry(None)) == {"2": "filtered", "4": "filtered", "5": "rejected", "3": "filtered"}
    assert [row[0] for row in rows(world.database, "SELECT number FROM canonical.worker ORDER BY 1")] == ["1"]
    world.run(new).replay([])
    assert world.state() == replayed_alone(world, old, new, server)


def test_one_letter_alone(world: World, tmp_path: Path) -> None:
    people(world)
    world.run(maps(tmp_path / "a")).sync([])
    with world.database.connect() as connection:
        second = next(item for item in letters(connection, None) if item.record == "4")
    report = world.run(maps(tmp_path / "b", codes='"Q" -> leave')).retry([second.number])
    assert outcomes(report) == {"4": "claimed"}
    assert len(rows(world.database, "SELECT FROM fieldmap.dead_letters")) == 3


def test_a_letter_that_another_run_wrote_anew_is_left_to_it(world: World, tmp_path: Path) -> None:
    """It has the number of the one before: what would be read is the older version, and the letter of the newer would be lost."""
    people(world)
    old, new = maps(tmp_path / "a"), maps(tmp_path / "b", codes='"Q" -> leave')
    world.run(old).sync([])
    with world.database.connect() as connection:
        seen = [item for item in letters(connection, None) if item.record == "2"]
    world.write("3.json", {"id": "2", "name": "Bob", "state": "Y", "at": "2026-03-01T00:00:00Z"})
    world.run(old).sync([])
    with world.database.connect() as connection:
        again = [item for item in letters(connection, None) if item.record == "2"]
    assert [item.number for item in again] == [item.number for item in seen]
    before = world.state()
    with (
        Retry(world.database, new, new.catalogue.maps[0], again[0].run) as loader,
        pytest.raises(FieldmapError, match="Another run has read some of these dead letters"),
    ):
        list(loader.retry(seen, Archive(world.archive, Ports.real())))
    assert world.state() == before


def test_a_change_of_more_than_the_reading_wants_a_replay(world: World, tmp_path: Path) -> None:
    people(world)
    world.run(maps(tmp_path / "a")).sync([])
    before = world.state()
    for name, changes in {"b": {"field": "more : text?"}, "c": {"rule": "oldest"}}.items():
        report = world.run(maps(tmp_path / name, codes='"Q" -> leave', **changes)).retry(None)
        assert "the whole archive is needed for that: fieldmap replay" in report.failed["hr.people"]
        assert not report.retried
    assert world.state() == before


def test_a_page_that_could_not_be_taken_apart(world: World, tmp_path: Path, server: Server) -> None:
    (world.files / "1.json").write_text(
        json.dumps({"rows": [{"id": str(n), "at": "2026-01-01T00:00:00Z"} for n in range(3)]}), "utf-8"
    )
    old = maps(tmp_path / "a")
    new = maps(tmp_path / "b", records="records $.rows[*]")
    world.run(old).sync([])
    assert rows(world.database, "SELECT code, whole FROM fieldmap.dead_letters") == [("FM2121", True)]
    assert outcomes(world.run(new).retry(None)) == {None: "claimed"}
    assert len(rows(world.database, "SELECT FROM canonical.worker")) == 3
    world.run(new).replay([])
    assert world.state() == replayed_alone(world, old, new, server)


def test_I5_a_page_that_is_read_now_gives_each_of_its_bad_records_a_letter(
    world: World, tmp_path: Path, server: Server
) -> None:
    """One bad record holds none of the others back, and the accounts say what became of each."""
    (world.files / "1.json").write_text(
        json.dumps({"rows": [{"id": str(n), "at": "2026-01-01T00:00:00Z", "state": s} for n, s in enumerate("AQAR")]}),
        "utf-8",
    )
    old = maps(tmp_path / "a")
    new = maps(tmp_path / "b", records="records $.rows[*]")
    world.run(old).sync([])
    report = world.run(new).retry(None)
    assert outcomes(report) == {None: "apart"}
    assert [(one.record_id, one.code) for one in report.retried[0].records] == [("1", "FM2110"), ("3", "FM2110")]
    assert rows(world.database, "SELECT number FROM canonical.worker ORDER BY 1") == [("0",), ("2",)]
    assert rows(world.database, "SELECT read, claimed, dead FROM fieldmap.accounts ORDER BY run DESC LIMIT 1") == [
        (4, 2, 2)
    ]
    assert rows(
        world.database, "SELECT record, whole, archive_position IS NOT NULL FROM fieldmap.dead_letters ORDER BY 1"
    ) == [("1", False, True), ("3", False, True)]
    # Read again as it was, nothing changes but the count of a letter.
    assert outcomes(world.run(new).retry(None)) == {"1": "rejected", "3": "rejected"}
    world.run(new).replay([])
    assert world.state() == replayed_alone(world, old, new, server)


def test_I5_a_page_that_cannot_be_read_again_counts_as_one(world: World, tmp_path: Path) -> None:
    (world.files / "1.json").write_text(json.dumps({"rows": []}), "utf-8")
    old = maps(tmp_path / "a")
    world.run(old).sync([])
    before = world.state()
    assert outcomes(world.run(old).retry(None)) == {None: "rejected"}
    assert rows(world.database, "SELECT read, claimed, dead FROM fieldmap.accounts ORDER BY run DESC LIMIT 1") == [
        (1, 0, 1)
    ]
    assert world.state() == before


def test_a_record_that_is_not_where_it_was_stays(world: World, tmp_path: Path) -> None:
    """A fix that takes the page apart in another way would give the letter's place to another record."""
    people(world)
    world.run(maps(tmp_path / "a")).sync([])
    before = world.state()
    new = maps(tmp_path / "b", codes='"Q" -> leave', records="records $.data[1:]")
    report = world.run(new).retry(None)
    assert outcomes(report)["2"] == "moved"
    assert "2" not in [row[0] for row in rows(world.database, "SELECT number FROM canonical.worker")]
    assert before[2][0] in world.state()[2]


def retry(world: World, url: str, kill_at: int) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "tests.store.retry_driver",
        str(world.home / "bundle"),
        str(world.archive),
        url,
        str(kill_at),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)


def test_I15_death_at_every_point_leaves_a_letter_or_a_claim(world: World, tmp_path: Path, server: Server) -> None:
    people(world)
    old, new = maps(tmp_path / "a"), maps(tmp_path / "b", codes='"Q" -> leave')
    bundles.write(new, world.home / "bundle")
    world.run(old).sync([])
    with empty_database(server) as whole:
        world.run(old, whole).replay([])
        undisturbed = retry(world, whole.url, 0)
        assert undisturbed.returncode == 0, undisturbed.stderr
        points, expected = int(undisturbed.stdout), world.state(whole)
    assert points > 20
    for kill_at in range(1, points + 1, STEP):
        with empty_database(server) as database:
            world.run(old, database).replay([])
            assert retry(world, database.url, kill_at).returncode == -signal.SIGKILL
            both = rows(
                database,
                "SELECT (SELECT count(*) FROM fieldmap.dead_letters WHERE record IN ('2', '4')), (SELECT count(*) FROM canonical.worker WHERE number IN ('2', '4'))",
            )
            assert both in ([(2, 0)], [(0, 2)]), f"after death at point {kill_at} of {points}"
            again = retry(world, database.url, 0)
            assert again.returncode == 0, (kill_at, again.stderr)
            assert world.state(database) == expected, f"after death at point {kill_at} of {points}"
