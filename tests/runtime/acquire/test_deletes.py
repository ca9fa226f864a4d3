"""A feed of deletes, from a socket to rows in PostgreSQL: what is gone, what a stale tombstone may not do, and that no page is asked for twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.runtime.archive.fakes import FixedRandomness, VirtualClock
from tests.support import Quiet, compiled

from fieldmap.cli.main import run
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.acquire.transport import BoundedHttp
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.archive.storage import LocalStorage
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.plan import DELETES
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Server

MAP = """
entity Worker {
  key number : text
  name       : text
}
connector hr {
  base env.HR
  resource workers {
    get     "/workers"
    pages   cursor at $.next sent as "cursor"
    records $.items[*]
    id      $.id
    changed $.at sent as "since"
    shape   { id: text, name: text?, at: text? }
    deletes {
      get     "/deleted"
      pages   offset sent as "from"
      records $.keys[*]
      id      $.key
      changed $.deletedAt sent as "after"
    }
  }
}
map hr.workers to Worker {
  number = $.id
  name   = $.name
}
"""
AT = "2026-01-0{}T00:00:00Z"


def worker(name: str, day: int) -> dict[str, Any]:
    return {"id": name, "name": f"W {name}", "at": AT.format(day)}


def gone(name: str, day: int) -> dict[str, Any]:
    return {"key": name, "deletedAt": AT.format(day)}


class World:
    """Workers two a page, deleted keys two a page."""

    def __init__(self, root: Path, database: Server, bundle: Bundle) -> None:
        self.workers = [worker(name, 2) for name in "abcd"]
        self.gone: list[dict[str, Any]] = []
        self.fault: dict[str, Reply] = {}
        self.server = FaultServer(self.answer)
        self.http = BoundedHttp()
        self.clock = VirtualClock()
        self.ports = Ports(http=self.http, storage=LocalStorage(), clock=self.clock, random=FixedRandomness())
        self.database, self.bundle = database, bundle
        self.archive = Archive(root / "archive", self.ports)
        self.progress = Quiet()

    def answer(self, asked: Asked) -> Reply:
        path, _, query = asked.target.partition("?")
        values = dict(one.split("=") for one in query.split("&") if one)
        if path in self.fault and values.get("from", "0") != "0":
            return self.fault[path]
        if path == "/deleted":
            first = int(values["from"])
            return reply({"keys": self.gone[first : first + 2]})
        first = int(values.get("cursor", "0"))
        more = first + 2 < len(self.workers)
        return reply({"items": self.workers[first : first + 2], "next": first + 2 if more else None})

    def run(self, bundle: Bundle | None = None) -> Run:
        environ = {"HR": self.server.url}
        return Run(bundle or self.bundle, self.archive, self.database, self.ports, environ, self.progress)

    def sync(self, later: float = 7200, **wanted: Any) -> Report:
        self.clock.pass_by(later)
        self.server.asked.clear()
        return self.run().sync([], Wanted(**wanted))

    @property
    def asked(self) -> list[str]:
        """What was asked for, without the bounds."""
        return [
            target.split("?")[0]
            + "".join(f" {one}" for one in target.split("?")[-1].split("&") if one[:4] in ("from", "curs"))
            for target in self.server.targets
        ]

    def rows(self) -> str:
        with self.database.connect() as connection:
            found = connection.execute("SELECT number FROM canonical.worker ORDER BY 1").fetchall()
        return "".join(row[0] for row in found)

    def claims(self) -> list[tuple[Any, ...]]:
        """All that the store holds of the records: state, version, place, content."""
        with self.database.connect() as connection:
            table = self.bundle.catalogue.maps[0].claims[0].table
            found = sql.SQL("SELECT _record, _state, _changed, _position, _index, _digest FROM {} ORDER BY 1")
            return connection.execute(found.format(sql.Identifier("claims", table))).fetchall()


@pytest.fixture
def world(tmp_path: Path, database: Server) -> Iterator[World]:
    made = World(tmp_path, database, compiled(tmp_path / "maps", hr=MAP))
    with made.server:
        yield made
    made.http.close()


def test_what_the_feed_names_is_gone_and_counted(world: World) -> None:
    world.gone = [gone("b", 3), gone("d", 3), gone("zz", 3)]
    report = world.sync()
    assert report.failed == {}
    assert world.asked == ["/workers", "/workers cursor=2", "/deleted from=0", "/deleted from=2", "/deleted from=3"]
    assert world.rows() == "ac"
    (loaded,) = report.maps.values()
    counts = loaded.counts
    assert (counts.read, counts.claimed, counts.deleted, counts.dead) == (7, 4, 3, 0)
    assert counts.balanced


def test_each_of_the_two_has_a_position_of_its_own(world: World) -> None:
    world.sync()
    assert ["since=" in t or "after=" in t for t in world.server.targets] == [False, False, False]
    through = world.archive.standing("hr.workers").through, world.archive.standing("hr.workers", DELETES).through
    assert all(through)
    world.fault["/workers"] = reply(status=400)
    world.workers = [worker("a", 3)]
    world.gone = [gone("b", 3)]
    world.sync()
    assert ["since=" in t for t in world.server.targets if t.startswith("/workers")] == [True]
    assert ["after=" in t for t in world.server.targets if t.startswith("/deleted")] == [True, True]
    assert world.rows() == "acd"


def test_S18_a_stale_tombstone_deletes_nothing_and_a_newer_record_stands_again(world: World) -> None:
    world.workers = [worker("a", 4), worker("b", 2)]
    world.gone = [gone("a", 3), gone("b", 3)]
    world.sync()
    assert world.rows() == "a"
    # The tombstone comes again, and so does the old version of the record: both are known.
    world.sync(full=True)
    assert world.rows() == "a"
    world.workers[1] = worker("b", 5)
    world.sync(full=True)
    assert world.rows() == "ab"


def test_S19_deleted_in_the_moment_of_its_last_change(world: World) -> None:
    world.gone = [gone("a", 2)]
    world.sync()
    assert world.rows() == "bcd"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_replay_needs_the_archive_alone(world: World, at_once: None, workers: int) -> None:
    world.gone = [gone("b", 3), gone("c", 1)]
    world.sync()
    world.workers, world.gone = [worker("b", 4), worker("e", 4)], [gone("a", 5)]
    world.sync()
    before, asked = world.claims(), len(world.server.asked)
    assert world.rows() == "bcde"
    with world.database.connect() as connection:
        for schema in ("canonical", "claims", "fieldmap"):
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        connection.commit()
    Run(world.bundle, world.archive, world.database, world.ports, {}, Quiet(), workers=workers).replay([])
    assert (world.rows(), world.claims(), len(world.server.asked)) == ("bcde", before, asked)


def test_a_map_that_has_no_feed_any_more_takes_its_pages_for_nothing(world: World, tmp_path: Path) -> None:
    world.gone = [gone("b", 3)]
    world.sync()
    begin, end = MAP.index("    deletes {"), MAP.index("  }\n}\nmap")
    other = compiled(tmp_path / "other", hr=MAP[:begin] + MAP[end:])
    world.run(other).replay([])
    assert world.rows() == "abcd"


def test_a_run_that_was_cut_off_in_the_feed_asks_for_no_page_twice(world: World) -> None:
    world.gone = [gone("b", 3), gone("c", 3), gone("d", 3)]
    world.fault["/deleted"] = reply(status=400)
    assert "hr.workers" in world.sync().failed
    first = world.asked
    assert world.rows() == "ad"
    world.fault.clear()
    assert world.sync(later=60).failed == {}
    assert world.asked == ["/deleted from=2", "/deleted from=3"]
    twice = {target for target, count in Counter([*first, *world.asked]).items() if count > 1}
    assert twice == {"/deleted from=2"}  # it was answered with an error
    assert world.rows() == "a"
    # Whoever wants all gets all; and after it all is as usual.
    world.sync(later=60, full=True)
    assert world.asked[0] == "/workers"


def test_absence_is_judged_by_the_records_alone(world: World, tmp_path: Path) -> None:
    world.bundle = compiled(
        tmp_path / "absence",
        hr=MAP.replace("    deletes {", "    deleted by absence, refuse above 30 %\n    deletes {"),
    )
    world.gone = [gone("b", 3)]
    world.sync()
    assert world.rows() == "acd"
    # No key is in the feed any more, and one record is absent: it is withdrawn, and the feed's end withdraws nobody else.
    world.workers, world.gone = [worker(name, 2) for name in "ad"], []
    world.sync(full=True)
    assert world.rows() == "acd"  # 1 of 3 is more than 30 %
    world.sync(full=True, confirmed=True)
    assert world.rows() == "ad"


def test_a_key_that_cannot_be_read_is_a_dead_letter(world: World) -> None:
    world.gone = [{"deletedAt": AT.format(3)}, gone("b", 3) | {"deletedAt": "soon"}, gone("c", 3)]
    report = world.sync()
    (loaded,) = report.maps.values()
    assert (loaded.counts.deleted, loaded.counts.dead) == (1, 2)
    assert loaded.counts.balanced
    assert world.rows() == "abd"


# ------------------------------------------------------------------------------------------------- as an operator sees it


def test_from_the_command_line(
    world: World, tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hr.map").write_text(MAP)
    (tmp_path / "fieldmap.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.setenv("HR", world.server.url)
    world.gone = [gone("b", 3)]
    assert run(["check"]) == 0
    assert run(["sync", "--dry-run", "--json"]) == 0
    told = json.loads(_json(capsys))
    assert [one["resource"] for one in told] == ["hr.workers", "hr.workers, its deletes"]
    assert world.server.asked == []
    assert run(["fetch", "hr.workers"]) == 0
    shown = capsys.readouterr().out
    assert "/workers" in shown
    assert "hr.workers to Worker: deleted" in shown
    assert run(["sync"]) == 0
    capsys.readouterr()
    assert run(["archive", "ls", "hr.workers"]) == 0
    listed = capsys.readouterr().out
    parts = [
        line.split()[6]
        for line in listed.splitlines()
        if line.split()[:1] and line.split()[0].replace(":", "").isdecimal() and "json" in line
    ]
    assert parts == ["records", "records", DELETES, DELETES]
    assert run(["archive", "ls", "hr.workers", "--json"]) == 0
    assert [one.get("part", "") for one in json.loads(_json(capsys))] == ["", "", DELETES, DELETES]
    assert run(["status"]) == 0
    assert "up to date" in capsys.readouterr().out
    assert run(["archive", "verify"]) == 0
    capsys.readouterr()
    assert run(["archive", "cat", "hr.workers", "last"]) == 0
    assert '"keys": []' in capsys.readouterr().out
    assert run(["explain", "Worker", "b", "name"]) == 0
    assert "hr.workers, record b, changed 2026-01-03 00:00:00Z: the feed of deletes names it" in capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str]) -> str:
    out = capsys.readouterr().out
    return out[out.index("[") :]
