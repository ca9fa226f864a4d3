"""Death at every point of every scenario, then at random pairs of points: `make torture`.

python -m tests.faults.torture                                    all of it
python -m tests.faults.torture --scenario replay --kill 212       one schedule again, as a failure names it
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.schedules import Course, Failure, Stage

from fieldmap.runtime.store.database import Server, open_database

_MEMORY = Path("/dev/shm")
_SILENCE = 60.0  # seconds


def chosen(course: Course, options: argparse.Namespace) -> Iterator[Sequence[int]]:
    """The schedules of a scenario, each the numbers of the points to die at, one run after the other."""
    if options.kill:
        yield [int(one) for one in options.kill.split(",")]
        return
    numbers = [n for n, point in enumerate(course.points, 1) if point.telling or not options.telling]
    yield from ([number] for number in numbers[:: options.every])
    dice = random.Random(f"{options.seed} {course.scenario.name}")  # noqa: S311
    yield from ((dice.choice(numbers), dice.choice(numbers)) for _ in range(options.pairs))


def torture(server: Server, folder: Path, scenario: Scenario, options: argparse.Namespace) -> list[str]:
    """Tries all schedules of a scenario; prints a line and gives the failures."""
    began, tried, fresh, failures = time.monotonic(), 0, 0, list[str]()
    folder.mkdir()
    with Stage(server, folder, still=True).open() as stage:
        course = stage.ready(scenario)
        schedules = list(chosen(course, options))
        told = began
        for kills in schedules:
            if time.monotonic() - told > _SILENCE:
                told = time.monotonic()
                print(f"{scenario.name}: {tried} of {len(schedules)} schedules", file=sys.stderr, flush=True)
            tried += 1
            try:
                fresh += stage.die(course, kills)
            except Exception as error:  # noqa: BLE001  (one schedule that breaks must not end the others)
                failure = error if isinstance(error, Failure) else Failure(scenario.name, kills, f"broken: {error!r}")
                failures.append(str(failure))
                print(failure, flush=True)
    took = time.monotonic() - began
    print(
        f"{scenario.name:14} {len(course.points):5} points  {tried:5} schedules  {fresh:5} worlds  {len(failures):3} failed  {took:6.0f} s",
        flush=True,
    )
    return failures


def _roomy() -> Path | None:
    """Memory as a disk, where there is: what dies here are processes, and no disk takes part in that."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 4 << 30 else None


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.torture", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--scenario", help="only this one: " + ", ".join(s.name for s in SCENARIOS))
    parser.add_argument(
        "--kill",
        help="only this schedule: the number of the point to die at; several, with commas, one run after the other",
    )
    parser.add_argument("--every", type=int, default=1, help="only each n-th point")
    parser.add_argument(
        "--telling", action="store_true", help="only points at which the world is another than at the one before"
    )
    parser.add_argument("--pairs", type=int, default=100, help="random pairs for each scenario (default 100)")
    parser.add_argument("--seed", default="1", help="of the pairs (default 1)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--folder", type=Path, help=f"for databases and archives (default: {_MEMORY} where it has 4 GB)"
    )
    options = parser.parse_args()
    scenarios = [one for one in SCENARIOS if options.scenario in (None, one.name)]
    if not scenarios:
        parser.error(f"there is no scenario {options.scenario}")
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-torture-", dir=options.folder or _roomy()))
    folder.chmod(0o755)
    try:
        with open_database("", folder / "pg") as server, ThreadPoolExecutor(options.workers) as pool:
            with server.connect() as connection:
                # The processes that die are clients: what the server's disk holds is not in question here.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            works = [
                pool.submit(torture, server, folder / one.name.replace(" ", "-"), one, options) for one in scenarios
            ]
            failures = [failure for work in works for failure in work.result()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if failures:
        sys.exit(f"{len(failures)} schedules failed")


if __name__ == "__main__":
    main()
