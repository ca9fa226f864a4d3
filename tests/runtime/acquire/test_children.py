"""Resources that are asked for each record of another, from a socket to rows in PostgreSQL: which are asked, what is kept, what goes on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
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
entity Job {
  key number : text
  worker     : text
  title      : text
}
connector hr {
  base env.HR
  retry 1 times on 5xx
  resource jobs {
    for each workers as w get "/workers/{w.id}/jobs"
    pages   cursor at $.next sent as "cursor"
    on      404 empty
    records $.items[*]
    id      (@parent.id, $.no)
    changed $.at sent as "since"
    deleted by absence, refuse above 60 %
    shape   { no: int, title: text?, at: text? }
  }
  resource workers {
    get     "/workers"
    records $.items[*]
    id      $.id
    changed $.at
    deleted when $.state == "gone" otherwise false
    shape   { id: text, name: text?, at: text?, state: text? }
  }
}
map hr.jobs to Job {
  number = "{@parent.id}-{$.no}"
  worker = @parent.name
  title  = $.title
}
"""
AT = "2026-01-0{}T00:00:00Z"


class World:
    def __init__(self, root: Path, database: Server, bundle: Bundle) -> None:
        self.workers: list[dict[str, Any]] = [
            {"id": name, "name": f"W {name}", "at": AT.format(1)} for name in ("a", "b/1 é", "c")
        ]
        self.jobs: dict[str, list[dict[str, Any]]] = {
            "a": [{"no": n, "title": f"t{n}", "at": AT.format(1)} for n in (1, 2, 3)],
            "b%2F1%20%C3%A9": [{"no": 1, "title": "b", "at": AT.format(1)}],
            "c": [],
        }
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
        if asked.target in self.fault:
            return self.fault[asked.target]
        if path == "/workers":
            return reply({"items": self.workers})
        jobs = self.jobs.get(path.split("/")[2])
        if jobs is None:
            return reply(status=404)
        first = int(query.partition("cursor=")[2] or 0)
        return reply({"items": jobs[first : first + 2], "next": first + 2 if first + 2 < len(jobs) else None})

    def run(self) -> Run:
        return Run(self.bundle, self.archive, self.database, self.ports, {"HR": self.server.url}, self.progress)

    def sync(self, *resources: str, later: float = 7200, **wanted: Any) -> Report:
        self.clock.pass_by(later)
        self.server.asked.clear()
        return self.run().sync(list(resources), Wanted(**wanted))

    @property
    def asked(self) -> list[str]:
        targets = [re.sub(r"since=[^&]*&?", "", target) for target in self.server.targets]
        return [target.rstrip("?&") for target in targets if target != "/workers"]

    def since(self) -> dict[str, bool]:
        return {target.split("/")[2]: "since=" in target for target in self.server.targets if target != "/workers"}

    def rows(self) -> list[tuple[str, str]]:
        with self.database.connect() as connection:
            return connection.execute("SELECT number, worker FROM canonical.job ORDER BY 1").fetchall()


@pytest.fixture
def world(tmp_path: Path, database: Server) -> Iterator[World]:
    made = World(tmp_path, database, compiled(tmp_path / "maps", hr=MAP))
    with made.server:
        yield made
    made.http.close()


ROWS = [("a-1", "W a"), ("a-2", "W a"), ("a-3", "W a"), ("b/1 é-1", "W b/1 é")]


def test_each_parent_is_asked_for_and_goes_along(world: World) -> None:
    assert world.sync().failed == {}
    # The parent is read first, though no map reads it; what stands for its values is encoded.
    assert world.server.targets == [
        "/workers", "/workers/a/jobs", "/workers/a/jobs?cursor=2", "/workers/b%2F1%20%C3%A9/jobs", "/workers/c/jobs"
    ]  # fmt: skip
    assert world.rows() == ROWS


@pytest.mark.parametrize("workers", [0, 1])
def test_a_replay_needs_the_archive_alone(world: World, tmp_path: Path, at_once: None, workers: int) -> None:
    world.sync()
    world.workers[0] |= {"name": "another", "at": AT.format(2)}
    world.sync("hr.workers")
    asked = len(world.server.asked)
    other = compiled(tmp_path / "other", hr=MAP.replace("title  = $.title", 'title  = "{@parent.id}: {$.title!}"'))
    Run(other, world.archive, world.database, world.ports, {}, Quiet(), workers=workers).replay([])
    assert (world.rows(), len(world.server.asked)) == (ROWS, asked)
    # What is asked for the newer version brings what it says.
    world.bundle = other
    world.sync(full=True)
    assert world.rows()[0] == ("a-1", "another")


def test_parents_that_are_gone_are_not_asked_for(world: World) -> None:
    world.workers[0] |= {"state": "gone"}
    world.sync()
    assert world.asked == ["/workers/b%2F1%20%C3%A9/jobs", "/workers/c/jobs"]
    # An older version that comes late changes nothing; a newer one does.
    world.workers[0] = {"id": "a", "name": "W a", "at": "2025-01-01T00:00:00Z"}
    world.sync()
    assert "/workers/a/jobs" not in world.asked
    world.workers[0] = {"id": "a", "name": "W a", "at": AT.format(2)}
    world.sync()
    assert world.asked[:2] == ["/workers/a/jobs", "/workers/a/jobs?cursor=2"]
    assert world.since() == {"a": False, "b%2F1%20%C3%A9": True, "c": True}


def test_S16_a_parent_that_fails_keeps_its_position_and_the_others_go_on(world: World) -> None:
    world.sync()
    target = "/workers/a/jobs"
    world.jobs["c"] = [{"no": 9, "title": "new", "at": AT.format(2)}]
    report = world.sync(full=True)
    assert report.failed == {}
    del world.jobs["a"][0]
    world.fault = {target: reply(status=500)}
    failed = world.sync(full=True).failed["hr.jobs"]
    assert "could not be read for 1 of 3 records of hr.workers, whose positions stay" in failed
    assert target in failed
    # Nothing is deleted while a part is missing.
    assert ("a-1", "W a") in world.rows()
    world.fault = {}
    world.sync(full=True)
    assert [row[0] for row in world.rows()] == ["a-2", "a-3", "b/1 é-1", "c-9"]


def test_S16_positions_are_of_parents(world: World) -> None:
    world.fault = {"/workers/a/jobs": reply(status=400)}
    assert "hr.jobs" in world.sync().failed
    assert len(world.rows()) == 1
    world.fault = {}
    assert world.sync().failed == {}
    assert world.since() == {"a": False, "b%2F1%20%C3%A9": True, "c": True}
    assert world.rows() == ROWS
    world.sync()
    assert set(world.since().values()) == {True}


def test_404_of_a_parent_is_no_failure(world: World) -> None:
    del world.jobs["c"]
    assert world.sync().failed == {}
    assert world.rows() == ROWS
    (mark,) = world.archive.closed_sweeps("hr.jobs")
    assert (mark.pages, mark.end.records, mark.end.full) == (3, 4, True)


def test_deletes_by_absence_of_children(world: World) -> None:
    world.sync()
    del world.jobs["a"][1:]
    world.sync(full=True)
    assert [row[0] for row in world.rows()] == ["a-1", "b/1 é-1"]


@pytest.mark.parametrize("broken", ["/workers/a/jobs?cursor=2", "/workers/b%2F1%20%C3%A9/jobs", "/workers/c/jobs"])
def test_a_sweep_that_was_cut_off_asks_for_no_page_twice(world: World, broken: str) -> None:
    def cut(asked: Asked) -> Reply:
        if asked.target == broken and not seen:
            seen.append(asked.target)
            return reply(status=400)
        return world.answer(asked)

    seen: list[str] = []
    world.server.answer = cut
    assert "hr.jobs" in world.sync("hr.workers", "hr.jobs").failed
    first = world.asked
    assert world.sync("hr.jobs", later=60).failed == {}
    asked = Counter([*first, *world.asked])
    assert {target: count for target, count in asked.items() if count > 1} == {broken: 2}
    assert world.rows() == ROWS
    (mark,) = world.archive.closed_sweeps("hr.jobs")
    assert (mark.pages, mark.end.records) == (4, 4)


def test_a_source_that_fails_throughout_is_left_alone(world: World) -> None:
    world.workers = [{"id": f"{n}", "name": "x"} for n in range(30)]
    failed = world.sync().failed
    assert failed == {}
    world.fault = {f"/workers/{n}/jobs": reply(status=403) for n in range(30)}
    failed = world.sync(full=True).failed
    assert len(world.asked) == 10
    assert "they failed one behind the other" in failed["hr.jobs"]


@pytest.mark.parametrize("name", ["..", ".", "", None])
def test_a_parent_that_cannot_be_asked_for(world: World, name: Any) -> None:
    deep = MAP.replace("{w.id}", "{w.name}").replace("name: text?", "name: text?")
    world.bundle = compiled(Path(world.archive.root).parent / f"m{name}", hr=deep)
    world.jobs = {"W%20a": [], "W%20c": []}
    world.workers[1]["name"] = name
    failed = world.sync().failed["hr.jobs"]
    assert "w.name" in failed
    assert world.asked == ["/workers/W%20a/jobs", "/workers/W%20c/jobs"]


def test_without_any_parents_read(world: World) -> None:
    assert "read them first: fieldmap sync hr.workers" in world.sync("hr.jobs").failed["hr.jobs"]
    assert world.asked == []


NESTED = """
entity Task {
  key number : text
}
connector hr {
  base env.HR
  resource workers { get "/workers"; records $.items[*]; id $.id; shape { id: text } }
  resource jobs {
    for each workers as w get "/workers/{w.id}/jobs"
    records $.items[*]
    id      (@parent.id, $.no)
    shape   { no: int }
  }
  resource tasks {
    for each jobs as j post "/tasks"
    body json { worker: w.id, job: j.no, path: "{w.id}/{j.no}" }
    records $.items[*]
    id      (@parent.no, $.t)
    shape   { t: text }
  }
}
map hr.tasks to Task { number = "{@parent.no}-{$.t}" }
"""


def test_two_levels(world: World, tmp_path: Path) -> None:
    bodies: list[Any] = []

    def answer(asked: Asked) -> Reply:
        if asked.target == "/workers":
            return reply({"items": [{"id": "a"}, {"id": "b"}]})
        if asked.target.startswith("/workers/"):
            return reply({"items": [{"no": 1}, {"no": 2}]})
        bodies.append(json.loads(asked.body))
        return reply({"items": [{"t": bodies[-1]["worker"]}]})

    world.server.answer = answer
    world.bundle = compiled(tmp_path / "nested", hr=NESTED)
    assert world.sync().failed == {}
    assert bodies == [{"worker": w, "job": n, "path": f"{w}/{n}"} for w in ("a", "b") for n in (1, 2)]
    with world.database.connect() as connection:
        rows = connection.execute("SELECT number FROM canonical.task ORDER BY 1").fetchall()
    assert [row[0] for row in rows] == ["1-a", "1-b", "2-a", "2-b"]


def test_what_is_personal_is_not_shown_in_addresses(world: World, tmp_path: Path) -> None:
    text = MAP.replace("{w.id}/jobs", "{w.name}/jobs").replace("name: text?", "name: text? pii")
    text = text.replace("worker     : text", "worker     : text pii")
    world.bundle = compiled(tmp_path / "pii", hr=text)
    world.jobs = {"W%20a": [{"no": 1, "title": "t"}], "W%20c": []}
    world.fault = {"/workers/W%20b%2F1%20%C3%A9/jobs": reply(status=400)}
    told = world.sync().failed["hr.jobs"]
    assert "/workers/***/jobs answered 400" in told
    assert "W " not in told
    assert "W%20" not in told
    assert {page.url for page in world.archive.read("hr.jobs", None)} == {f"{world.server.url}/workers/***/jobs"}
    assert len({page.request for page in world.archive.read("hr.jobs", None)}) == 2


def test_a_parent_that_is_too_large_keeps_no_other_from_being_read(world: World) -> None:
    world.workers[0]["note"] = "x" * (300 << 10)
    told = world.sync().failed["hr.jobs"]
    assert "has more than 256 kB" in told
    assert world.asked == ["/workers/b%2F1%20%C3%A9/jobs", "/workers/c/jobs"]
