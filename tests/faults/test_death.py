"""I1, crash equivalence: a run killed at any of its points and started again ends as if nothing had happened.

With it I5 (accounts), I6 and I7 (the store names only what the archive has, also right after a death), I9 (running once more writes no
row) and I12 (no row names a claim that is not there). Here a share of the points, `make torture` takes all of them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.points import Point
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.schedules import Stage

from fieldmap.runtime.store.database import Server

SHARE = 6  # schedules for each scenario


@pytest.fixture(scope="module")
def stage(server: Server) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-death-"))
    with Stage(server, folder).open() as opened:
        yield opened
    shutil.rmtree(folder)


def share(points: list[Point], turn: int) -> list[int]:
    """Points spread over the run, another choice for each scenario: those at which the world has changed, and two within a transaction."""
    telling = [n for n, point in enumerate(points, 1) if point.telling]
    silent = [n for n, point in enumerate(points, 1) if point.thread == "writer" and not point.telling]
    step = len(telling) // (SHARE - 2)
    return [
        *telling[turn % step :: step][: SHARE - 2],
        silent[len(silent) // 3 + turn],
        silent[2 * len(silent) // 3 + turn],
    ]


@pytest.mark.parametrize(
    ("turn", "scenario"), list(enumerate(SCENARIOS)), ids=[one.name.replace(" ", "_") for one in SCENARIOS]
)
def test_I1_death_changes_nothing(stage: Stage, turn: int, scenario: Scenario) -> None:
    course = stage.ready(scenario)
    assert len(course.points) > 300
    for kill in share(course.points, turn * 3):
        stage.die(course, [kill])


def test_I1_death_in_the_recovery_from_a_death_changes_nothing(stage: Stage) -> None:
    course = stage.ready(next(one for one in SCENARIOS if one.name == "incremental"))
    commits = [n for n, point in enumerate(course.points, 1) if point.name == "after database.COMMIT"]
    appends = [n for n, point in enumerate(course.points, 1) if point.name == "after archive.append"]
    stage.die(course, [appends[1], commits[1]])
    stage.die(course, [commits[2], appends[0], commits[1]])
