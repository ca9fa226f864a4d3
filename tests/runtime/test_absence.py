"""Deletes by absence, from a source over a socket to canonical rows in PostgreSQL: what a full sweep lacks is gone, and only that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.archive.fakes import FixedRandomness, VirtualClock
from tests.support import Quiet, compiled

from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.acquire.transport import BoundedHttp
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.archive.storage import LocalStorage
from fieldmap.runtime.bundle import Bundle
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
  retry 1 times on 5xx, timeout
  resource workers {
    get     "/workers"
    pages   cursor at $.next sent as "cursor"
    records $.data[*]
    id      $.id
    changed $.at sent as "since"
    deleted by absence, refuse above 40 %
    shape { id: text, name: text?, at: text? }
  }
}
map hr.workers to Worker {
  number = $.id
  name   = $.name if invalid reject
}
"""


class World:
    """A source with so many workers a page, and a project that reads it."""

    def __init__(self, root: Path, database: Server, bundle: Bundle) -> None:
        self.workers: dict[str, object] = {f"{number:02}": f"name {number}" for number in range(1, 11)}
        self.size = 3
        self.fault: Reply | None = None
        self.server = FaultServer(self.answer)
        self.http = BoundedHttp()
        self.clock = VirtualClock()
        self.ports = Ports(http=self.http, storage=LocalStorage(), clock=self.clock, random=FixedRandomness())
        self.database = database
        self.bundle = bundle
        self.archive = Archive(root / "archive", self.ports)

    def answer(self, asked: Asked) -> Reply:
        first = int(asked.target.partition("cursor=")[2] or 0)
        if self.fault is not None and first:
            return self.fault
        keys = sorted(self.workers)
        data = [{"id": key, "name": self.workers[key], "at": "2026-01-01T00:00:00Z"} for key in keys]
        if "since=" in asked.target:
            return reply({"data": data[:1]})
        page = data[first : first + self.size]
        return reply({"data": page, "next": first + self.size if first + self.size < len(data) else None})

    def run(self) -> Run:
        environ = {"HR": self.server.url}
        return Run(self.bundle, self.archive, self.database, self.ports, environ, Quiet())

    def sync(self, **wanted: Any) -> Report:
        self.clock.pass_by(7200)
        return self.run().sync([], Wanted(**{"full": True, **wanted}))

    def rows(self, *, named: bool = False) -> list[str]:
        with self.database.connect() as connection:
            found = connection.execute("SELECT number, number || name FROM canonical.worker ORDER BY 1").fetchall()
        return [row[1 if named else 0] for row in found]


@pytest.fixture
def world(tmp_path: Path, database: Server) -> Iterator[World]:
    made = World(tmp_path, database, compiled(tmp_path / "maps", hr=MAP))
    with made.server:
        yield made
    made.http.close()


def test_what_a_full_sweep_lacks_is_withdrawn(world: World) -> None:
    assert len(world.sync().failed) == 0
    assert len(world.rows()) == 10
    del world.workers["04"]
    del world.workers["10"]
    report = world.sync()
    assert report.failed == {}
    (loaded,) = report.maps.values()
    assert (loaded.counts.absent, loaded.counts.read, loaded.entities["Worker"].gone) == (2, 8, 2)
    assert world.rows() == ["01", "02", "03", "05", "06", "07", "08", "09"]
    # Once more nothing is new, and one that comes back stands again, just as it was.
    assert next(iter(world.sync().maps.values())).counts.absent == 0
    world.workers["04"] = "name 4"
    world.sync()
    assert world.rows() == ["01", "02", "03", "04", "05", "06", "07", "08", "09"]
    with world.database.connect() as connection:
        accounts = connection.execute("SELECT read, deleted, absent FROM fieldmap.accounts ORDER BY run").fetchall()
    assert [row[2] for row in accounts] == [0, 2, 0, 0]


def test_a_sweep_of_what_changed_deletes_nothing(world: World) -> None:
    world.sync()
    del world.workers["04"]
    report = world.sync(full=False)
    assert (report.failed, len(world.rows())) == ({}, 10)


def test_a_replay_comes_to_the_same_end(world: World, tmp_path: Path) -> None:
    world.sync()
    del world.workers["02"]
    world.sync()
    world.workers["02"] = "back"
    del world.workers["03"]
    world.sync()
    before = world.rows(named=True)
    assert "02back" in before
    assert not any(row.startswith("03") for row in before)
    asked = len(world.server.asked)
    changed = MAP.replace("= $.name if", "= trim($.name) if")
    world.bundle = compiled(tmp_path / "changed", hr=changed)
    report = world.run().replay([])
    assert report.failed == {}
    assert world.rows(named=True) == before
    assert len(world.server.asked) == asked


def test_S20_an_empty_answer_deletes_nothing(world: World) -> None:
    world.sync()
    world.workers, kept = {}, world.workers
    report = world.sync()
    assert len(world.rows()) == 10
    assert report.failed["hr.workers"] == (
        "Nothing of hr.workers to Worker was deleted: the source gave no record at all; see whether the source is in order,"
        " and if it is right, run: fieldmap sync hr.workers --full --confirm-deletes"
    )
    world.workers = kept
    assert world.sync().failed == {}


def test_S20_more_than_the_share_waits_for_an_operator(world: World) -> None:
    world.sync()
    for key in ("01", "02", "03", "04", "05"):
        del world.workers[key]
    report = world.sync()
    assert "5 of 10 records (50.0 %) are absent, more than 40 %" in report.failed["hr.workers"]
    assert len(world.rows()) == 10
    # Said once: a run that goes on from there does not repeat it, and does not do it either.
    assert world.sync(full=False).failed == {}
    assert len(world.rows()) == 10
    report = world.sync(confirmed=True)
    assert (report.failed, len(world.rows())) == ({}, 5)


def test_exactly_the_share_is_allowed(world: World) -> None:
    world.sync()
    for key in ("01", "02", "03", "04"):
        del world.workers[key]
    assert (world.sync().failed, len(world.rows())) == ({}, 6)


@pytest.mark.parametrize(
    "fault",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        reply({}, 500),
        reply(b"<html>Sign in</html>", content_type="text/html"),
        reply({"error": "denied"}),
    ],
)
def test_I16_a_sweep_that_did_not_end_deletes_nothing(world: World, fault: Reply) -> None:
    world.sync()
    del world.workers["09"]
    world.fault = fault
    report = world.sync()
    assert "hr.workers" in report.failed
    assert len(world.rows()) == 10
    # S21: the sweep that goes on after it counts the pages from before too.
    world.fault = None
    world.clock.pass_by(-7100)
    assert world.sync().failed == {}
    assert world.rows() == ["01", "02", "03", "04", "05", "06", "07", "08", "10"]


def test_I16_an_unframed_page_deletes_nothing(world: World) -> None:
    world.sync()
    del world.workers["09"]
    answer = world.answer

    def unframed(asked: Asked) -> Reply:
        whole = b"".join(piece for piece in answer(asked).pieces if isinstance(piece, bytes))
        body = whole.partition(b"\r\n\r\n")[2]
        return raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body)

    world.server.answer = unframed
    assert (world.sync().failed, len(world.rows())) == ({}, 10)
    world.server.answer = answer
    assert (world.sync().failed, len(world.rows())) == ({}, 9)


def test_records_without_an_identity_may_be_any(world: World) -> None:
    world.sync()
    del world.workers["09"]
    answer = world.answer

    def nameless(asked: Asked) -> Reply:
        whole = b"".join(piece for piece in answer(asked).pieces if isinstance(piece, bytes))
        body = json.loads(whole.partition(b"\r\n\r\n")[2])
        body["data"].append({"name": "who?"})
        return reply(body)

    world.server.answer = nameless
    report = world.sync()
    assert "3 records of the sweep have no identity" in report.failed["hr.workers"]
    assert len(world.rows()) == 10


def test_a_rejected_record_is_there_all_the_same(world: World) -> None:
    world.sync()
    world.workers["04"] = 5
    world.sync()
    assert "04" in world.rows()
