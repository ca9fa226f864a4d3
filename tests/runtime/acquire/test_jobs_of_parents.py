"""A job for each record of another resource: submitted once for each, its state kept under resource and parent, and gone on with after a kill."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.test_exports import assert_nowhere
from tests.runtime.archive.fakes import FixedRandomness, VirtualClock
from tests.support import Quiet, compiled

from fieldmap.runtime.acquire.state import LocalState
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
entity Line {
  key number : text
  name       : text?
}
connector hr {
  base env.HR
  retry 0 times on 5xx
  resource teams {
    get     "/teams"
    records $.items[*]
    id      $.id
    changed unknown
    shape   { id: text, code: text pii }
  }
  resource lines {
    for each teams as t post "/teams/{t.code}/exports"
    body json { team: t.id, since: since, until: until }
    idempotency "Idempotency-Key"
    job      $.id
    poll     "/teams/{t.code}/exports/{job}" every 10 s for 30 min
    done     when $.state == "done" otherwise false
    failed   when $.state == "failed" otherwise false
    download "/teams/{t.code}/exports/{job}/file"
    format   csv
    id       (@parent.id, $.no)
    changed  $.at, settles in 1 min
    shape    { no: text, at: datetime, name: text? }
  }
}
map hr.lines to Line {
  number = "{@parent.id}-{$.no}"
  name   = $.name
}
"""
TEAMS = ("a", "b/1 é", "c")
ROWS = [("a-1", "A a"), ("b/1 é-1", "A b/1 é"), ("c-1", "A c")]


class Killed(BaseException):
    pass


class World:
    """polls: how often a job is asked after until it is done. fault: answers by method and path, in the place of what it would say."""

    def __init__(self, root: Path, database: Server, bundle: Bundle) -> None:
        self.polls = 2
        self.jobs: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.left: dict[str, int] = {}
        self.fault: dict[str, Reply] = {}
        self.server = FaultServer(self.answer)
        self.http = BoundedHttp()
        self.clock = VirtualClock()
        self.state = LocalState(root / "state")
        self.root, self.database, self.bundle = root, database, bundle
        self.ports = Ports(
            http=self.http, storage=LocalStorage(), clock=self.clock, random=FixedRandomness(), state=self.state
        )
        self.archive = Archive(root / "archive", self.ports)

    def answer(self, asked: Asked) -> Reply:
        line = f"{asked.method} {asked.target}"
        if line in self.fault:
            return self.fault[line]
        if asked.target == "/teams":
            return reply({"items": [{"id": name, "code": f"canary {name}"} for name in TEAMS]})
        if asked.method == "POST":
            key = asked.headers.get("idempotency-key", "")
            if key in self.keys:
                return reply({"id": f"j{self.keys.index(key) + 1}"})
            self.keys.append(key)
            self.jobs.append(json.loads(asked.body))
            self.left[f"j{len(self.keys)}"] = self.polls
            return reply({"id": f"j{len(self.keys)}"})
        job = asked.target.split("/exports/")[1].split("/")[0]
        team = self.jobs[int(job[1:]) - 1].get("team", "")
        if asked.target.endswith("/file"):
            return reply(f"no,at,name\n1,2026-01-01T00:00:00Z,A {team}\n".encode(), content_type="text/csv")
        self.left[job] -= 1
        return reply({"state": "running" if self.left[job] > 0 else "done"})

    def sync(self, *resources: str, later: float = 0, **wanted: Any) -> Report:
        self.clock.pass_by(later)
        self.server.asked.clear()
        run = Run(self.bundle, self.archive, self.database, self.ports, {"HR": self.server.url}, Quiet())
        return run.sync(list(resources) or ["hr.lines"], Wanted(**wanted))

    @property
    def told(self) -> list[str]:
        return [f"{one.method} {one.target}" for one in self.server.asked if one.target != "/teams"]

    @property
    def kept(self) -> dict[str, Any]:
        data = self.state.read("export hr.lines")
        found: dict[str, Any] = json.loads(data)["jobs"] if data is not None else {}
        return found

    def rows(self) -> list[tuple[str, str]]:
        with self.database.connect() as connection:
            return connection.execute("SELECT number, name FROM canonical.line ORDER BY 1").fetchall()


def way(number: int, name: str, polls: int = 2) -> list[str]:
    """What is asked for one job."""
    code = {"a": "canary%20a", "b/1 é": "canary%20b%2F1%20%C3%A9", "c": "canary%20c"}[name]
    job = f"GET /teams/{code}/exports/j{number}"
    return [f"POST /teams/{code}/exports", *[job] * polls, f"{job}/file"]


Made = Callable[..., World]


@pytest.fixture
def worlds(tmp_path: Path, database: Server) -> Iterator[Made]:
    opened: list[World] = []

    def make(text: str = MAP) -> World:
        made = World(tmp_path, database, compiled(tmp_path / "maps", hr=text))
        made.server.__enter__()
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.server.__exit__(None, None, None)
        one.http.close()


@pytest.fixture
def world(worlds: Made) -> World:
    made = worlds()
    made.sync("hr.teams")
    return made


def killed_at(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A sync that is killed while it waits for the so-and-so-many-th time."""
    slept = list[float]()
    sleep = world.clock.sleep

    def sleeping(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == number:
            raise Killed
        sleep(seconds)

    with monkeypatch.context() as patched:
        patched.setattr(world.clock, "sleep", sleeping)
        with pytest.raises(Killed):
            world.sync()


def test_each_parent_has_a_job_of_its_own(world: World, tmp_path: Path) -> None:
    assert world.sync().failed == {}
    assert world.told == [*way(1, "a"), *way(2, "b/1 é"), *way(3, "c")]
    assert [job["team"] for job in world.jobs] == list(TEAMS)
    assert len(set(world.keys)) == 3
    assert world.rows() == ROWS
    assert world.kept == {}
    # What a shape calls personal is in no address that is kept or shown.
    pages = list(world.archive.read("hr.lines", None))
    assert {page.url for page in pages} == {f"{world.server.url}/teams/***/exports"}
    # The next sync asks each for what changed since its own position.
    world.sync(later=7200)
    assert [job["since"] < job["until"] for job in world.jobs[3:]] == [True] * 3
    assert all("since" not in job for job in world.jobs[:3])
    assert len(world.keys) == len(set(world.keys)) == 6


def test_a_run_that_was_killed_submits_no_job_twice_and_asks_for_no_page_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(world, monkeypatch, 2)
    assert world.told == [*way(1, "a"), *way(2, "b/1 é")[:2]]
    assert [one["job"] for one in world.kept.values()] == ["j2"]
    assert world.sync(later=60).failed == {}
    assert world.told == [*way(2, "b/1 é", 1)[1:], *way(3, "c")]
    assert world.kept == {}
    assert world.rows() == ROWS
    assert len({job["until"] for job in world.jobs[:2]}) == 2  # each job has the window of its own submission


def test_a_kill_between_the_answer_and_the_keeping_of_it_is_the_same_submission(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, wrote = world.state.write, list[bytes]()

    def dying(name: str, data: bytes) -> None:
        wrote.append(data)
        if len(wrote) == 5:  # of the second job what tells it
            raise Killed
        write(name, data)

    with monkeypatch.context() as patched:
        patched.setattr(world.state, "write", dying)
        with pytest.raises(Killed):
            world.sync()
    assert world.told[-1].startswith("POST ")
    assert world.sync(later=60).failed == {}
    assert world.told == [*way(2, "b/1 é"), *way(3, "c")]
    assert len(world.jobs) == len(world.keys) == 3


def test_after_an_hour_the_jobs_that_have_outlived_their_time_are_submitted_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(world, monkeypatch, 2)
    world.sync(later=3 * 3600)
    assert len(world.jobs) == 5
    assert world.told == [*way(3, "a"), *way(4, "b/1 é"), *way(5, "c")]
    assert world.kept == {}


def test_a_job_that_fails_keeps_its_parent_back_alone(world: World) -> None:
    path = way(2, "b/1 é")[1]
    world.fault[path] = reply({"state": "failed"})
    told = world.sync().failed["hr.lines"]
    assert re.match(
        r"hr.lines could not be read for 1 of 3 records of hr.teams, whose positions stay where they were; nothing is deleted."
        r" The first: hr.lines at http://127.0.0.1:\d+/teams/\*\*\*/exports/j2 says that the job failed; run again to submit another$",
        told,
    )
    assert world.rows() == [ROWS[0], ROWS[2]]
    world.fault.clear()
    assert world.sync(later=60).failed == {}
    assert world.told == way(4, "b/1 é")
    assert world.rows() == ROWS


def test_jobs_of_several_parents_that_could_not_be_asked_after_are_gone_on_with(world: World) -> None:
    for number, name in ((1, "a"), (3, "c")):
        world.fault[way(number, name)[1]] = reply({}, 503)
    assert "for 2 of 3 records" in world.sync().failed["hr.lines"]
    assert sorted(one["job"] for one in world.kept.values()) == ["j1", "j3"]
    world.fault.clear()
    assert world.sync(later=60).failed == {}
    assert world.told == [*way(1, "a")[1:], *way(3, "c")[1:]]
    assert (len(world.jobs), world.kept) == (3, {})
    assert world.rows() == ROWS


def test_a_job_of_a_parent_that_is_gone_is_forgotten_once_it_has_outlived_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fault[way(1, "a")[1]] = reply({}, 503)
    world.sync()
    assert len(world.kept) == 1
    monkeypatch.setattr("tests.runtime.acquire.test_jobs_of_parents.TEAMS", ("b/1 é",))
    monkeypatch.setattr(
        world,
        "bundle",
        compiled(
            world.root / "other",
            hr=MAP.replace("changed unknown", "changed unknown\n    deleted by absence, refuse above 90 %"),
        ),
    )
    world.sync("hr.teams", later=7200)
    world.sync(full=True)
    assert world.kept == {}


def test_the_same_request_for_each_parent_has_a_key_for_each(worlds: Made) -> None:
    text = MAP.replace('post "/teams/{t.code}/exports"', 'post "/exports"')
    text = text.replace("team: t.id, since: since, until: until", 'report: "lines"')
    made = worlds(text.replace("changed  $.at, settles in 1 min", "changed unknown"))
    made.sync("hr.teams")
    assert made.sync().failed == {}
    assert len(set(made.keys)) == len(made.jobs) == 3
    assert [line for line in made.told if line.startswith("POST")] == ["POST /exports"] * 3
    assert made.jobs == [{"report": "lines"}] * 3


def test_what_tells_a_job_could_not_be_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(world.state, "write", full)
        told = world.sync().failed["hr.lines"]
    assert "cannot keep what tells a job of its source (No space left on device); make room" in told
    assert world.told == []
    assert world.sync().failed == {}


def test_steps_of_jobs_of_parents(worlds: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = 'changed  $.at, settles in 1 min, in steps of 1 day from "2026-02-27T12:00:00Z"'
    made = worlds(MAP.replace("changed  $.at, settles in 1 min", changed))
    made.sync("hr.teams")
    killed_at(made, monkeypatch, 3)
    # The first parent is read, and of the second the first step.
    asked = [(job["team"], job["since"]) for job in made.jobs]
    assert asked[:2] == [("a", "2026-02-27T12:00:00Z"), ("a", "2026-02-28T12:00:00Z")]
    assert asked[2][0] == "b/1 é"
    assert made.sync(later=60).failed == {}
    # No step of a parent is asked for twice, and each begins where the one before it ended.
    assert len({(job["team"], job["since"]) for job in made.jobs}) == len(made.jobs) == len(made.keys)
    for team in TEAMS:
        steps = [job for job in made.jobs if job["team"] == team]
        assert [one["since"] for one in steps[1:]] == [one["until"] for one in steps[:-1]]
        assert steps[0]["since"] == "2026-02-27T12:00:00Z"
    assert len({max(job["until"] for job in made.jobs if job["team"] == team) for team in TEAMS}) == 1


def test_answers_that_are_lost_one_after_the_other_lose_no_job(world: World) -> None:
    """The first answer to each request is lost behind the source's doing of it; each run gets one step further with each parent."""
    lost: set[str] = set()

    def losing(asked: Asked) -> Reply:
        line, given = f"{asked.method} {asked.target}", world.answer(asked)
        if line in lost:
            return given
        lost.add(line)
        return raw(b"")

    world.server.answer = losing
    runs = [world.sync(later=30).failed for _ in range(4)]
    assert [bool(failed) for failed in runs] == [True, True, True, False]
    assert len(lost) == 9
    assert world.rows() == ROWS
    assert (len(world.jobs), len(world.keys), world.kept) == (3, 3, {})


def test_what_is_personal_is_in_no_message_and_nothing_beside_the_parents_archive(world: World) -> None:
    for name in TEAMS:
        world.fault[way(1, name)[0]] = reply({}, 400)
    told = world.sync().failed["hr.lines"]
    assert "canary" not in told
    assert_nowhere(world.root / "state", b"canary")
