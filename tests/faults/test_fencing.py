"""I10 and A15: of two runs of one sync each may sleep at any moment; nothing is lost, nothing is doubled, and the older one stops."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.points import Point
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedules import Children, Course, Stage
from tests.runtime.archive.fakes import RESOURCE, received
from tests.store.test_replay import MAP, maps
from tests.support import load, ready, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.archive.records import SweepEnd
from fieldmap.runtime.errors import ArchiveError, FieldmapError
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

TRIES = int(os.environ.get("FIELDMAP_STOPS", "3"))
# What a run may say that finds another one: nothing else.
MEETS = ("Another run has taken over", "is being written by", "was taken over by another process", "is not ready for")

# The moment between a writer's look at its lock and its write, in which it could sleep without being seen (docs/faults.md).
OPEN = (
    "after archive.held",
    "before archive.size",
    "after archive.size",
    "before archive.append",
    "before archive.create",
)


@pytest.fixture(scope="module")
def stage(server: Server) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-fencing-"))
    with Stage(server, folder).open() as opened:
        yield opened
    shutil.rmtree(folder)


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def until_stopped(pid: int) -> None:
    ends = time.monotonic() + 30
    while not stopped(pid):
        assert time.monotonic() < ends, "the first run did not come to its point"
        time.sleep(0.005)


def sleeps(stage: Stage, course: Course, first: Children, second: Children, point: Point, *, unlocked: bool) -> None:
    """The first run sleeps at a point while a second one works; then it goes on.

    unlocked: the archive's lock is lost meanwhile, as on a file system that forgets locks.
    """
    place, step = stage.place(course.start), course.scenario.step
    job = stage.job(step, place)
    pid = first.start(job, point, signal.SIGSTOP)
    until_stopped(pid)
    try:
        if unlocked:
            for lock in place.archive.glob("*/lock"):
                lock.unlink()
        second.start(job, None)
        # It may have to wait for the first, whose transaction holds the map; then both go on.
        time.sleep(0.7)
    finally:
        os.kill(pid, signal.SIGCONT)
    told = [children.ended() for children in (first, second)]
    said = [(str(one.get("error") or one["failed"] or "").strip().splitlines() or [""])[-1] for _, one in told]
    for text in said:
        assert not text or any(words in text for words in MEETS), text
    stage.until_success(step, place)
    stage.whole(course, (), place)
    stage.remove(place)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="tells by /proc whether a process sleeps")
@pytest.mark.parametrize("name", ["incremental", "replay"])
@pytest.mark.parametrize("unlocked", [False, True], ids=["locked", "unlocked"])
def test_I10_a_run_that_slept_loses_and_doubles_nothing(
    stage: Stage, tmp_path: Path, name: str, unlocked: bool
) -> None:
    course = stage.ready(next(one for one in SCENARIOS if one.name == name))
    first, second = Children(tmp_path / "first"), Children(tmp_path / "second")
    dice = random.Random(os.environ.get("FIELDMAP_SEED", f"{name} {unlocked}"))  # noqa: S311
    try:
        for _ in range(TRIES):
            point = dice.choice(
                [one for one in course.points if one.thread != "source" and not (unlocked and one.name in OPEN)]
            )
            sleeps(stage, course, first, second, point, unlocked=unlocked)
    finally:
        first.close()
        second.close()


def test_A15_a_writer_that_slept_writes_nothing_over_its_successor(tmp_path: Path) -> None:
    archive = Archive(tmp_path, Ports.real())
    with archive.writer(RESOURCE) as old:
        old.append(received(1))
        (tmp_path / RESOURCE / "lock").unlink()
        with archive.writer(RESOURCE) as new:
            new.append(received(2))
            with pytest.raises(
                ArchiveError, match=r"workday\.workers was taken over by another process; this one stops"
            ):
                old.append(received(3))
            with pytest.raises(ArchiveError, match="takes nothing more: another process has taken it over"):
                old.close_sweep("s", 1, SweepEnd(framed=True))
            new.append(received(4))
    assert [page.page for page in archive.read(RESOURCE, None)] == [1, 2, 4]
    assert archive.verify(RESOURCE).torn is None


def test_A15_a_writer_that_slept_begins_no_segment(tmp_path: Path) -> None:
    archive = Archive(tmp_path, Ports.real(), segment_bytes=1)
    with archive.writer(RESOURCE) as old:
        old.append(received(1))
        (tmp_path / RESOURCE / "lock").unlink()
        with archive.writer(RESOURCE) as new:
            with pytest.raises(ArchiveError, match="was taken over"):
                old.append(received(2))
            new.append(received(3))
    assert [page.page for page in archive.read(RESOURCE, None)] == [1, 3]


def test_O1_a_run_loads_nothing_into_a_version_that_another_began(database: Server, tmp_path: Path) -> None:
    """Between making the database ready and taking a map another run may have begun with changed maps."""
    mine, theirs = maps(tmp_path / "mine"), maps(tmp_path / "theirs", value="$.size in m")
    ready(database, mine)
    prepare(database, theirs, replay=True)
    with pytest.raises(
        FieldmapError, match=r"is not ready for .* another run has begun with another version of the map"
    ):
        load(database, mine, MAP, [])
    with Loader(database, theirs, theirs.map(MAP), 0):
        pass
    assert rows(database, "SELECT epoch FROM fieldmap.positions") == [(2,)]


def test_a_run_that_was_overtaken_leaves_the_shares_of_its_successor(database: Server, tmp_path: Path) -> None:
    bundle = maps(tmp_path)
    ready(database, bundle)
    with Loader(database, bundle, bundle.map(MAP), 0) as old:
        old._shares._present[0, "name"] += 1
        with Loader(database, bundle, bundle.map(MAP), 0):
            rows(database, "INSERT INTO fieldmap.held_shares VALUES (%s, 0, 'name', 60, 1) RETURNING 1", MAP)
            old.__exit__(None)
    assert rows(database, "SELECT present FROM fieldmap.held_shares") == [(60,)]
