"""Steps of time of a resource that is asked for each record of another: each parent has its own, and all end where the first run said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.runtime.acquire.faultserver import Asked, Reply, reply
from tests.runtime.acquire.test_children import AT, MAP, World
from tests.support import compiled

from fieldmap.runtime.archive import Archived
from fieldmap.runtime.store.database import Server

STEPS = MAP.replace("deleted by absence, refuse above 60 %\n", "").replace(
    'changed $.at sent as "since"\n',
    'changed $.at sent as "since", until sent as "until", in steps of 30 days from "{begins}", overlap 1 h\n',
)


class Stepped(World):
    """Each parent has one job, of the last step."""

    def answer(self, asked: Asked) -> Reply:
        target = asked.target.partition("&until")[0]
        if target in self.fault:
            return self.fault[target]
        if asked.target == "/workers":
            return reply({"items": self.workers})
        name = asked.target.split("/")[2]
        return reply(
            {"items": [{"no": 1, "title": f"{name} {len(self.server.asked)}", "at": AT.format(1)}], "next": None}
        )

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """What was asked: the parent, and the days between which."""
        found = []
        for target in self.server.targets:
            path, _, query = target.partition("?")
            if path != "/workers":
                asks = dict(one.split("=") for one in query.split("&"))
                found.append((path.split("/")[2], asks["since"][:10], asks["until"][:10]))
        return found


@pytest.fixture
def world(tmp_path: Path, database: Server) -> Iterator[Stepped]:
    begins = Stepped(tmp_path / "clock", database, None).clock.now() - timedelta(days=70)  # type: ignore[arg-type]
    bundle = compiled(tmp_path / "maps", hr=STEPS.replace("{begins}", f"{begins:%Y-%m-%d}"))
    made = Stepped(tmp_path, database, bundle)
    made.workers = [{"id": name, "name": f"W {name}", "at": AT.format(1)} for name in "abc"]
    with made.server:
        yield made
    made.http.close()


def days(world: World, *ago: int) -> list[str]:
    start = world.clock.now().replace(hour=0) - timedelta(days=70)
    return [f"{start + timedelta(days=day):%Y-%m-%d}" for day in ago]


def positions(world: World) -> dict[str, str]:
    """How far each parent is, by the number of its place."""
    return dict(sorted(world.archive.parts("hr.jobs").through.items()))


def test_each_parent_is_read_step_by_step(world: Stepped) -> None:
    first, second, third, now = days(world, 0, 30, 60, 70)
    assert world.sync(later=0).failed == {}
    spans = [(first, second), (second, third), (third, now)]
    # Steps touch; only where a run begins there is an overlap.
    assert world.steps == [(name, *span) for name in "abc" for span in spans]
    assert len(set(positions(world).values())) == 1
    assert [mark.pages for mark in world.archive.closed_sweeps("hr.jobs")] == [9]
    # The next run begins where each is, and a new parent at the beginning.
    world.workers.append({"id": "d", "name": "W d", "at": AT.format(1)})
    world.sync(later=3600)
    assert [one[0] for one in world.steps] == ["a", "b", "c", "d", "d", "d"]
    assert world.steps[3][1] == first
    assert [row[0] for row in world.rows()] == ["a-1", "b-1", "c-1", "d-1"]


def test_S16_a_step_that_fails_keeps_the_steps_before_it(world: Stepped) -> None:
    second = days(world, 30)[0]
    world.fault = {f"/workers/b/jobs?since={second}T00%3A00%3A00Z": reply(status=500)}
    failed = world.sync(later=0).failed["hr.jobs"]
    assert "could not be read for 1 of 3 records" in failed
    assert [one[0] for one in world.steps] == [
        "a",
        "a",
        "a",
        "b",
        "b",
        "b",
        "c",
        "c",
        "c",
    ]  # the second of b is tried twice
    ends = [datetime.fromisoformat(text) for text in positions(world).values()]
    assert f"{min(ends):%Y-%m-%d}" <= second
    assert list(world.archive.closed_sweeps("hr.jobs")) == []
    # The run that goes on asks for nothing that is there, though time has passed.
    world.fault = {}
    assert world.sync(later=600).failed == {}
    assert [one[0] for one in world.steps] == ["b", "b"]
    assert [mark.pages for mark in world.archive.closed_sweeps("hr.jobs")] == [9]
    pages = [item for item in world.archive.read("hr.jobs", None) if isinstance(item, Archived)]
    assert len({page.request for page in pages}) == len(pages) == 9


def test_a_full_reading_reads_every_step_of_every_parent(world: Stepped) -> None:
    world.sync(later=0)
    world.sync(later=60, full=True)
    assert [one[0] for one in world.steps] == [*"aaabbbccc"]
    world.sync(later=86_400, until=world.clock.now() - timedelta(days=5), since=world.clock.now() - timedelta(days=40))
    assert [one[0] for one in world.steps] == [*"aabbcc"]


def test_what_an_operator_is_shown(world: Stepped) -> None:
    from fieldmap.runtime.acquire.children import preview_children
    from fieldmap.runtime.acquire.family import Family
    from fieldmap.runtime.acquire.sweeps import Wanted
    from fieldmap.runtime.plan import HttpConnector

    world.sync("hr.workers", later=0)
    connector = world.bundle.connector("hr")
    assert isinstance(connector, HttpConnector)
    resource = next(one for one in connector.resources if one.name == "hr.jobs")
    told = preview_children(
        connector,
        resource,
        archive=world.archive,
        ports=world.ports,
        environ={"HR": world.server.url},
        wanted=Wanted(),
        family=Family(world.archive, world.bundle.parent),
    )
    assert told.until is not None
    assert told.since is not None
    assert told.until - told.since == timedelta(days=30)
