"""Runs a scenario with death at chosen points, restarts it until it succeeds, and holds what is left against the undisturbed run."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import conninfo, sql
from tests.faults.points import Point
from tests.faults.scenarios import Scenario, Source, Step
from tests.faults.state import State, accounts, digest, row_versions, safe
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.support import compiled

from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.store.database import Server

ROOT = Path(__file__).parents[2]
RESTARTS = 4
_NUMBERS = itertools.count()


class Failure(AssertionError):
    """A schedule that did not end as the undisturbed run: which, and how to run it alone."""

    def __init__(self, scenario: str, kills: Sequence[int], why: str) -> None:
        numbers = ",".join(map(str, kills))
        super().__init__(f"{why}\nagain: python -m tests.faults.torture --scenario '{scenario}' --kill {numbers}")


@dataclass
class Place:
    """A database and an archive of their own."""

    url: str
    archive: Path


@dataclass
class Course:
    """A scenario made ready: where its step begins, and what it comes to undisturbed."""

    scenario: Scenario
    start: Place
    points: list[Point]
    end: State


class Children:
    """The process whose children are the runs; see `tests/faults/death.py`."""

    def __init__(self, out: Path) -> None:
        self._out = out
        command = [sys.executable, "-m", "tests.faults.death"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, job: dict[str, Any], point: Point | None, sent: int = signal.SIGKILL) -> int:
        """Starts a run that sends itself a signal at a point; gives its process id."""
        self._out.unlink(missing_ok=True)
        at = None if point is None else [point.thread, point.number]
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**job, "at": at, "signal": sent, "out": str(self._out)}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def ended(self) -> tuple[int, Any]:
        """How the run ended, when it has: its exit code, or the negative number of a signal; and what it told."""
        code = self._answer()
        return code, json.loads(self._out.read_text("utf-8")) if self._out.exists() else {}

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


class Stage:
    """The surroundings of scenarios: a server, a source on loopback, and the process whose children die."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._source = Source()
        self._bundles: dict[str, Path] = {}
        self._databases: list[str] = []

    @contextlib.contextmanager
    def open(self) -> Iterator[Stage]:
        with FaultServer(self._answer) as self._http, contextlib.ExitStack() as opened:
            self._children = Children(self._folder / "out.json")
            opened.callback(self._children.close)
            opened.callback(self._drop_all)
            yield self

    # ------------------------------------------------------------------------------------------------ scenarios

    def ready(self, scenario: Scenario) -> Course:
        """Runs what comes before the step, and the step undisturbed; counts its points."""
        start = self.place(None)
        for step in scenario.before:
            self._must(self.run(step, start, None))
        place = self.place(start)
        told = self._must(self.run(scenario.step, place, None))
        assert not told["strays"], f"something touched the world beside the ports: {told['strays']}"
        course = Course(scenario, start, [Point(**point) for point in told["points"]], digest(place.url, place.archive))
        self.whole(course, (), place)
        self.remove(place)
        return course

    def die(self, course: Course, kills: Sequence[int]) -> None:
        """Death at each of `kills` in turn (numbers of points, from 1), each in the run after the one before; then runs until one
        succeeds. A later kill may find its run to be shorter: then that run has succeeded. Raises Failure."""
        place, scenario = self.place(course.start), course.scenario
        try:
            for number, kill in enumerate(kills):
                code, told = self.run(scenario.step, place, course.points[kill - 1])
                if code == 0 and number:
                    break
                assert code == -signal.SIGKILL, f"the run ended with {code}: {told.get('error') or 'no death'}"
                safe(place.url, place.archive)
            self.until_success(scenario.step, place)
            self.whole(course, kills, place)
        except AssertionError as error:
            names = ", ".join(course.points[kill - 1].name for kill in kills)
            raise Failure(scenario.name, kills, f"{scenario.name}, death at {names}: {error}") from None
        finally:
            self.remove(place)

    def until_success(self, step: Step, place: Place) -> None:
        told: Any = None
        for _ in range(RESTARTS):
            code, told = self.run(step, place, None)
            if code == 0:
                assert not told["failed"], told["failed"]
                return
        raise AssertionError(f"no run came to its end: {told}")

    def whole(self, course: Course, kills: Sequence[int], place: Place) -> None:
        """I1, I5 and, by running once more where the world was at a point of its own, I9."""
        step = course.scenario.step
        found = digest(place.url, place.archive)
        assert found.digest == course.end.digest, f"the store differs:\n{course.end.difference(found)}"
        accounts(place.url, place.archive)
        if not all(course.points[kill - 1].telling for kill in kills):
            return
        before = row_versions(place.url)
        self._must(self.run(step, place, None))
        assert row_versions(place.url) == before, "a run that found nothing new wrote rows"
        again = digest(place.url, place.archive)
        assert again.digest == course.end.digest, (
            f"the store differs after one more run:\n{course.end.difference(again)}"
        )

    # ------------------------------------------------------------------------------------------------ parts

    def run(self, step: Step, place: Place, point: Point | None) -> tuple[int, Any]:
        """One run with death at a point, if one is given: how it ended, and what it told."""
        self._children.start(self.job(step, place), point)
        return self._children.ended()

    def job(self, step: Step, place: Place) -> dict[str, Any]:
        """A run for `Children.start`; the source comes to the state of the step."""
        self._source = step.source
        return {
            "bundle": str(self.bundle(step.maps)),
            "archive": str(place.archive),
            "url": place.url,
            "command": step.command,
            "environ": {"FILES": str(self._files(step.source)), "HR": self._http.url},
        }

    def bundle(self, maps: str) -> Path:
        if maps not in self._bundles:
            folder = self._folder / f"maps{len(self._bundles)}"
            made = compiled(folder, all=maps)
            bundles.write(made, folder / "bundle")
            self._bundles[maps] = folder / "bundle"
        return self._bundles[maps]

    def _must(self, ended: tuple[int, Any]) -> Any:
        code, told = ended
        assert code == 0, told
        assert not told["failed"], told["failed"]
        return told

    def _files(self, source: Source) -> Path:
        folder = self._folder / "files"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, records in source.files.items():
            whole = json.dumps({"data": records}) if name.endswith(".json") else ""
            lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
            (folder / name).write_text(whole or lines, "utf-8")
        return folder

    def _answer(self, asked: Asked) -> Reply:
        page = int(asked.target.partition("page=")[2] or 1)
        following = {"next": str(page + 1)} if page < len(self._source.people) else {}
        return reply({"data": list(self._source.people[page - 1]), **following})

    def place(self, like: Place | None) -> Place:
        number = next(_NUMBERS)
        name = f"death_{os.getpid()}_{number}"
        archive = self._folder / f"archive{number}"
        if like is not None and like.archive.exists():
            shutil.copytree(like.archive, archive)
        template = "template1" if like is None else conninfo.conninfo_to_dict(like.url)["dbname"]
        with self._server.connect() as connection:
            make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(make.format(sql.Identifier(name), sql.Identifier(str(template))))
        self._databases.append(name)
        url = conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(self._server.url), "dbname": name})
        return Place(url, archive)

    def remove(self, place: Place) -> None:
        name = str(conninfo.conninfo_to_dict(place.url)["dbname"])
        self._drop(name)
        self._databases.remove(name)
        shutil.rmtree(place.archive, ignore_errors=True)

    def _drop_all(self) -> None:
        for name in self._databases:
            self._drop(name)

    def _drop(self, name: str) -> None:
        with self._server.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
