"""I1, crash equivalence: a run killed at any of its points and started again ends as if nothing had happened.

With it I5 (accounts), I6 and I7 (the store names only what the archive has, also right after a death), I9 (running once more writes no
row) and I12 (no row names a claim that is not there). Here a share of the points, `make torture` takes all of them.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.points import Point
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.schedules import Course, Stage

from fieldmap.runtime.store.database import Server

SHARE = 6  # schedules for each scenario
# Where death falls into fetching; the second is another in each second scenario.
FETCHING = (("inside answer", "before archive.sync", "state."), ("inside answer", "after http.send", "state."))
STEPS = [one for one in SCENARIOS if not one.fetches]
WAYS = [one for one in SCENARIOS if one.fetches]


@pytest.fixture(scope="module")
def stage(server: Server) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-death-"))
    with Stage(server, folder).open() as opened:
        yield opened
    shutil.rmtree(folder)


def told() -> dict[str, int]:
    """How many points docs/faults.md says that each scenario has."""
    text = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
    found = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([\d,]+) \|$", text.split("## Two runs")[0], re.M)
    return {name: int(number.replace(",", "")) for name, number in found}


def test_the_manual_tells_every_scenario() -> None:
    assert list(told()) == [one.name for one in SCENARIOS]


def ready(stage: Stage, scenario: Scenario) -> Course:
    course = stage.ready(scenario)
    assert len(course.points) == pytest.approx(told()[scenario.name], rel=0.1)
    return course


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
    ("turn", "scenario"), list(enumerate(STEPS)), ids=[one.name.replace(" ", "_") for one in STEPS]
)
def test_I1_death_changes_nothing(stage: Stage, turn: int, scenario: Scenario) -> None:
    course = ready(stage, scenario)
    assert len(course.points) > 300
    for kill in share(course.points, turn * 3):
        stage.die(course, [kill])


@pytest.mark.parametrize(("turn", "scenario"), list(enumerate(WAYS)), ids=[one.name.replace(" ", "_") for one in WAYS])
def test_P13_death_in_fetching_loses_and_doubles_nothing(stage: Stage, turn: int, scenario: Scenario) -> None:
    """In the middle of an answer, behind it, between write and sync, or where a token or an address is kept: the archive has the pages
    of the undisturbed run, and no more requests were sent than pages and deaths."""
    course = ready(stage, scenario)
    assert len(course.pages) >= 3
    for kind in FETCHING[turn % 2]:
        numbers = [n for n, point in enumerate(course.points, 1) if point.telling and kind in point.name]
        if numbers:
            stage.die(course, [numbers[(1 + turn) % len(numbers)]])


def test_P13_one_death_after_the_other_in_one_sweep(stage: Stage) -> None:
    course = stage.ready(next(one for one in WAYS if one.name == "next link"))
    inside = [n for n, point in enumerate(course.points, 1) if point.name.startswith("inside answer")]
    # Three runs get one page each and die in the answer with the next.
    stage.die(course, [inside[1]] * 3)


def test_I1_death_in_the_recovery_from_a_death_changes_nothing(stage: Stage) -> None:
    course = stage.ready(next(one for one in SCENARIOS if one.name == "incremental"))
    commits = [n for n, point in enumerate(course.points, 1) if point.name == "after database.COMMIT"]
    appends = [n for n, point in enumerate(course.points, 1) if point.name == "after archive.append"]
    stage.die(course, [appends[1], commits[1]])
    stage.die(course, [commits[2], appends[0], commits[1]])


def test_a_death_in_a_world_that_was_tried_is_known(server: Server, tmp_path: Path) -> None:
    """What `make torture` leaves out: the same death leaves the same bytes, and another COMMIT another world."""
    with Stage(server, tmp_path, still=True).open() as stage:
        course = stage.ready(next(one for one in SCENARIOS if one.name == "incremental"))
        commits = [n for n, point in enumerate(course.points, 1) if point.name == "after database.COMMIT"]
        assert stage.die(course, [commits[0]])
        assert not stage.die(course, [commits[0]])
        assert stage.die(course, [commits[1]])
