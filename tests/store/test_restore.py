"""Backup and restore: archive and database need no common snapshot, as long as the archive is not the older of the two."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import conninfo, sql
from tests.conftest import empty_database
from tests.support import Quiet, compiled, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Worker {
  key number : text
  name : text
}
connector hr is files {
  folder env.FILES
  resource people {
    files "*.json" as json
    records $[*]
    id $.id
    changed $.at
    shape { id: text, name: text, at: datetime }
  }
}
map hr.people to Worker {
  number = $.id
  name   = $.name
}
"""
STATE = (
    "SELECT number, name FROM canonical.worker ORDER BY 1",
    "SELECT _record, _state, _changed, _position, _index, _digest, number, name FROM claims.hr_people__worker ORDER BY 1",
    "SELECT archive_position, record_index, code, record FROM fieldmap.dead_letters ORDER BY 1, 2",
    "SELECT map, applied_through, replaying FROM fieldmap.positions",
)


class World:
    """A source that changes from day to day, an archive, and databases."""

    def __init__(self, home: Path, bundle: Bundle) -> None:
        self.home, self.bundle = home, bundle
        (home / "files").mkdir()

    def day(self, number: int) -> None:
        people = [
            {"id": "1", "name": f"Ada {number}", "at": f"2026-01-{number:02d}T00:00:00Z"},
            {"id": f"new{number}", "name": "X", "at": f"2026-01-{number:02d}T00:00:00Z"},
            {"id": f"bad{number}", "name": None, "at": f"2026-01-{number:02d}T00:00:00Z"},
        ]
        (self.home / "files" / f"{number}.json").write_text(json.dumps(people), "utf-8")

    def run(self, database: Server, archive: str = "archive") -> Run:
        kept = Archive(self.home / archive, Ports.real())
        return Run(self.bundle, kept, database, Ports.real(), {"FILES": str(self.home / "files")}, Quiet())

    def sync(self, database: Server, archive: str = "archive") -> Report:
        return self.run(database, archive).sync([])


def state(database: Server) -> list[Any]:
    return [rows(database, statement) for statement in STATE]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, compiled(tmp_path / "maps", all=MAPS))


@pytest.fixture
def copy(server: Server, database: Server) -> Iterator[Server]:
    """A database of another name, as a restored dump is."""
    name = f"{conninfo.conninfo_to_dict(database.url)['dbname']}_copy"
    yield Server(conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(server.url), "dbname": name}))
    with server.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def back_up(server: Server, database: Server, copy: Server) -> None:
    names = [conninfo.conninfo_to_dict(one.url)["dbname"] for one in (copy, database)]
    with server.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*(sql.Identifier(str(name)) for name in names))
        )


def test_O8_an_older_database_catches_up_from_the_newer_archive(
    world: World, server: Server, database: Server, copy: Server
) -> None:
    world.day(1)
    world.sync(database)
    back_up(server, database, copy)
    for number in (2, 3):
        world.day(number)
        assert not world.sync(database).failed
    assert state(copy) != state(database)
    shutil.rmtree(world.home / "files")
    (world.home / "files").mkdir()
    world.run(copy).replay([])
    assert state(copy) == state(database)


def test_an_older_database_catches_up_by_a_sync_too(
    world: World, server: Server, database: Server, copy: Server
) -> None:
    world.day(1)
    world.sync(database)
    back_up(server, database, copy)
    world.day(2)
    world.sync(database)
    before = len(list(Archive(world.home / "archive", Ports.real()).read("hr.people", None)))
    assert not world.sync(copy).failed
    assert state(copy) == state(database)
    assert len(list(Archive(world.home / "archive", Ports.real()).read("hr.people", None))) == before


def test_a_lost_database_is_made_anew(world: World, server: Server, database: Server) -> None:
    for number in (1, 2):
        world.day(number)
        world.sync(database)
    with empty_database(server) as fresh:
        world.run(fresh).replay([])
        assert state(fresh) == state(database)


def test_an_archive_older_than_the_database_is_refused(world: World, database: Server) -> None:
    """Written on, it would have new pages at places that the database takes for applied: they would never be loaded."""
    world.day(1)
    world.sync(database)
    shutil.copytree(world.home / "archive", world.home / "older")
    world.day(2)
    world.sync(database)
    before = state(database)
    world.day(3)
    report = world.sync(database, "older")
    assert "the archive is older than the database, or another one" in report.failed["hr.people"]
    with pytest.raises(ArchiveError, match="which this archive does not hold"):
        world.run(database, "older").replay([])
    assert state(database) == before
    # Nothing was written into the older archive either, and the newer one goes on.
    assert len(list(Archive(world.home / "older", Ports.real()).read("hr.people", None))) == 1
    assert not world.sync(database).failed


def test_a_changed_map_is_not_replayed_from_an_older_archive(world: World, tmp_path: Path, database: Server) -> None:
    """The replay would end by sweeping away what only the newer archive has."""
    world.day(1)
    world.sync(database)
    shutil.copytree(world.home / "archive", world.home / "older")
    world.day(2)
    world.sync(database)
    before = state(database)
    world.bundle = compiled(tmp_path / "changed", all=MAPS.replace("= $.name", "= upper($.name)"))
    with pytest.raises(ArchiveError, match="the archive is older than the database, or another one"):
        world.run(database, "older").replay([])
    assert state(database) == before


def test_a_lost_archive_is_refused(world: World, database: Server) -> None:
    world.day(1)
    world.sync(database)
    shutil.rmtree(world.home / "archive")
    world.day(2)
    assert "the archive is older than the database, or another one" in world.sync(database).failed["hr.people"]


def test_an_archive_copied_in_the_middle_of_a_write_serves(
    world: World, server: Server, database: Server, copy: Server
) -> None:
    """The database is copied first, then the archive: whatever is being written to it then is a torn tail, which is cut."""
    world.day(1)
    world.sync(database)
    back_up(server, database, copy)
    world.day(2)
    world.sync(database)
    shutil.copytree(world.home / "archive", world.home / "copied")
    segment = next((world.home / "copied").rglob("*.warc.zst"))
    segment.write_bytes(segment.read_bytes()[:-7])
    report = world.sync(copy, "copied")
    assert not report.failed
    assert state(copy)[0] == state(database)[0]
