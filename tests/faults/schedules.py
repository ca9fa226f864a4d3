"""Runs a scenario with death at chosen points, restarts it until it succeeds, and holds what is left against the undisturbed run."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import conninfo, sql
from tests.faults.fetching import Memory
from tests.faults.points import Point
from tests.faults.scenarios import Scenario, Source, Step
from tests.faults.state import State, accounts, digest, fetched, row_versions, safe
from tests.faults.worlds import left
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.support import compiled

from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.store.database import Server

ROOT = Path(__file__).parents[2]
RESTARTS = 4
_NUMBERS = itertools.count()
_WRITTEN = 1_700_000_000.0  # seconds since 1970


class Failure(AssertionError):
    """A schedule that did not end as the undisturbed run: which, and how to run it alone."""

    def __init__(self, scenario: str, kills: Sequence[int], why: str) -> None:
        numbers = ",".join(map(str, kills))
        super().__init__(f"{why}\nagain: python -m tests.faults.torture --scenario '{scenario}' --kill {numbers}")


@dataclass
class Place:
    """A database, an archive and a folder of what is kept beside it, and what the source remembers. requests: that the source was sent
    since the place was made, those for tokens and those that it refused for their token (401) left out. runs: that were started there."""

    url: str
    archive: Path
    memory: Memory = field(default_factory=Memory)
    requests: int = 0
    runs: int = 0

    @property
    def state(self) -> Path:
        return self.archive.with_name(f"{self.archive.name}-state")


@dataclass
class Course:
    """A scenario made ready: where its step begins, and what it comes to undisturbed. pages: that the step archived, each as a text;
    sweeps: that it closed; beside: how many requests of it brought no page. again: how many pages a run archives that follows it; later: the store after that, of which only the
    position is another, where there was nothing to read in a later window. worlds: that deaths left from which the way to the end was tried."""

    scenario: Scenario
    start: Place
    points: list[Point]
    end: State
    pages: list[str]
    sweeps: int
    beside: int
    again: int
    later: State
    worlds: set[tuple[str, bool]] = field(default_factory=set)


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
    """The surroundings of scenarios: a server, a source on loopback, and the process whose children die. still: their clock stands
    still and their chance has a seed, so that a world is seen again when it comes again, and not tried twice."""

    def __init__(self, server: Server, folder: Path, *, still: bool = False) -> None:
        # Files that were written just now are looked at more closely.
        self._now = (datetime.now(UTC) + timedelta(days=1)).isoformat() if still else ""
        self._server = server
        self._folder = folder
        self._source = Source()
        self._place: Place | None = None
        # Of the run under way: its process id once it is known, how many requests it has sent, and the one in whose answer it dies.
        self._pid, self._started = 0, threading.Event()
        self._sent, self._dies_in = 0, 0
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
        place.requests = place.memory.beside = 0
        told = self._must(self.run(scenario.step, place, None))
        assert not told["strays"], f"something touched the world beside the ports: {told['strays']}"
        points = [Point(**point) for point in told["points"]]
        points += [Point("source", n, f"inside answer {n}", True) for n in range(1, self._sent + 1)]
        pages, sweeps = self._fetched(start, place)
        beside = place.memory.beside
        end = digest(place.url, place.archive)
        accounts(place.url, place.archive)
        later = self._once_more(scenario.step, place)
        moved = {table: rows for table, rows in later.tables.items() if rows != end.tables[table]}
        assert not moved.keys() - {"fieldmap.positions"}, f"another run changes the store:\n{end.difference(later)}"
        again = len(self._fetched(start, place)[0]) - len(pages)
        self.remove(place)
        return Course(scenario, start, points, end, pages, sweeps, beside, again, later)

    def die(self, course: Course, kills: Sequence[int]) -> bool:
        """Death at each of `kills` in turn (numbers of points, from 1), each in the run after the one before; then runs until one
        succeeds. A later kill may find its run to be shorter: then that run has succeeded. Gives whether the last death left another
        world than those before it; if not, what follows was tried. Raises Failure."""
        place, scenario = self.place(course.start), course.scenario
        try:
            for number, kill in enumerate(kills):
                code, told = self.run(scenario.step, place, course.points[kill - 1])
                if code == 0 and number:
                    break
                assert code == -signal.SIGKILL, f"the run ended with {code}: {told.get('error') or 'no death'}"
                if self._now and number + 1 == len(kills) and not self._new(course, kills, place):
                    return False
                safe(place.url, place.archive)
            self.until_success(scenario.step, place)
            self.asked(course, kills, place)
            self.whole(course, kills, place)
            return True
        except AssertionError as error:
            names = ", ".join(course.points[kill - 1].name for kill in kills)
            raise Failure(scenario.name, kills, f"{scenario.name}, death at {names}: {error}") from None
        finally:
            self.remove(place)

    def _new(self, course: Course, kills: Sequence[int], place: Place) -> bool:
        """Whether nobody was started yet in the world that there is."""
        memory = {name: value for name, value in vars(place.memory).items() if name != "kept"}
        world = left(place.url, [place.archive, place.state], memory, place.requests, place.runs, len(kills))
        fresh = (world, self._telling(course, kills)) not in course.worlds
        course.worlds.add((world, self._telling(course, kills)))
        return fresh

    def _telling(self, course: Course, kills: Sequence[int]) -> bool:
        return all(course.points[kill - 1].telling for kill in kills)

    def until_success(self, step: Step, place: Place) -> None:
        told: Any = None
        for _ in range(RESTARTS):
            code, told = self.run(step, place, None)
            if code == 0 and not self._authorised_anew(place, told["failed"]):
                assert not told["failed"], told["failed"]
                return
        raise AssertionError(f"no run came to its end: {told}")

    def whole(self, course: Course, kills: Sequence[int], place: Place) -> None:
        """I1, I5 and, by running once more where the world was at a point of its own, I9."""
        found = digest(place.url, place.archive)
        # Whoever died behind the end of a sweep begins another.
        ends = {course.end.digest: course.end}
        if self._fetched(course.start, place)[1] > course.sweeps:
            ends[course.later.digest] = course.later
        assert found.digest in ends, f"the store differs:\n{course.end.difference(found)}"
        accounts(place.url, place.archive)
        if not self._telling(course, kills):
            return
        again = self._once_more(course.scenario.step, place)
        assert again.digest == course.later.digest, (
            f"the store differs after one more run:\n{course.later.difference(again)}"
        )

    def _once_more(self, step: Step, place: Place) -> State:
        """The store after a run that finds nothing new."""
        before = row_versions(place.url)
        self._must(self.run(step, place, None))
        assert row_versions(place.url) == before, "a run that found nothing new wrote rows"
        return digest(place.url, place.archive)

    def asked(self, course: Course, kills: Sequence[int], place: Place) -> None:
        """P13, I21 and I8: what was archived is not asked for again, and what was lost is at most a page for each death. The archive has
        the pages of the undisturbed run, in their order; behind them only those of sweeps that began when these were complete."""
        pages, sweeps = self._fetched(course.start, place)
        more, beside = max(0, sweeps - course.sweeps), place.memory.beside
        requests = place.requests - beside
        assert requests <= len(pages) + len(kills), f"{requests} requests for {len(pages)} pages"
        # Jobs are submitted and asked after beside the pages.
        assert beside <= course.beside * (1 + more) + len(kills), f"{beside} requests beside pages, of {course.beside}"
        # (Behind the records of a resource that has a feed of deletes, and before the feed, another sweep of the records begins.)
        rest = iter(pages)
        assert all(page in rest for page in course.pages), f"pages are missing: {pages}, of {course.pages}"
        assert len(pages) <= len(course.pages) + more * course.again, f"pages were fetched that were there: {pages}"
        assert not place.memory.wrong, place.memory.wrong

    # ------------------------------------------------------------------------------------------------ parts

    def run(self, step: Step, place: Place, point: Point | None) -> tuple[int, Any]:
        """One run with death at a point, if one is given: how it ended, and what it told."""
        self._sent = 0
        self._started.clear()
        inside = point is not None and point.thread == "source"
        self._dies_in = point.number if point is not None and inside else 0
        self._pid = self._children.start(self.job(step, place), None if inside else point)
        self._started.set()
        return self._children.ended()

    def job(self, step: Step, place: Place) -> dict[str, Any]:
        """A run for `Children.start`; the source comes to the state of the step."""
        self._source, self._place = step.source, place
        place.memory.kept = place.state
        place.runs += 1
        environ = {"FILES": str(self._files(step.source)), "HR": self._http.url, "REFRESH": place.memory.consent}
        return {
            "bundle": str(self.bundle(step.maps)),
            "archive": str(place.archive),
            "state": str(place.state),
            "url": place.url,
            "command": step.command,
            "environ": environ,
            "now": step.source.now or self._now,
            "seed": f"run {place.runs}" if self._now else "",
            "records": step.records,
        }

    def _fetched(self, start: Place, place: Place) -> tuple[list[str], int]:
        """The pages that were archived since the start, and how many sweeps were closed."""
        pages, sweeps = fetched(place.archive)
        before, closed = fetched(start.archive)
        fresh: list[str] = []
        for resource, those in pages.items():
            known = before.get(resource, [])
            assert those[: len(known)] == known, f"the beginning of the archive of {resource} has changed"
            fresh += those[len(known) :]
        return fresh, sweeps - closed

    def _authorised_anew(self, place: Place, failed: dict[str, str]) -> bool:
        """Whether the run said that a person has to consent again; that is done then. Only a token that no disk has may be told so."""
        if not any("authorise again" in text for text in failed.values()):
            return False
        memory = place.memory
        assert memory.refresh, "a token is said to be lost that was never given"
        assert not memory.keeps(memory.refresh[-1]), "the newest refresh token is kept, and said to be lost"
        assert memory.spent.count(memory.spent[-1]) == 2, "a token that was refused was used again"
        memory.authorise()
        return True

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
            # Long written, so that none is waited for.
            os.utime(folder / name, (_WRITTEN, _WRITTEN))
        return folder

    def _answer(self, asked: Asked) -> Reply:
        self._sent += 1
        given = self._given(asked)
        whole = b"".join(piece for piece in given.pieces if isinstance(piece, bytes))
        assert self._place is not None
        self._place.requests += asked.target != "/token" and not whole.startswith(b"HTTP/1.1 401")
        if self._sent != self._dies_in:
            return given
        return Reply([whole[: len(whole) - len(whole) // 4], 0.01, self._kill], close=True)

    def _kill(self) -> None:
        """Death of the run that waits for the rest of an answer."""
        assert self._started.wait(10)
        os.kill(self._pid, signal.SIGKILL)

    def _given(self, asked: Asked) -> Reply:
        if self._source.answer is not None:
            assert self._place is not None
            return self._source.answer(asked, self._place.memory)
        page = int(asked.target.partition("page=")[2] or 1)
        following = {"next": str(page + 1)} if page < len(self._source.people) else {}
        return reply({"data": list(self._source.people[page - 1]), **following})

    def place(self, like: Place | None) -> Place:
        number = next(_NUMBERS)
        name = f"death_{os.getpid()}_{number}"
        archive = self._folder / f"archive{number}"
        made = Place("", archive) if like is None else Place("", archive, copy.deepcopy(like.memory), runs=like.runs)
        for there, copied in ((like.archive, archive), (like.state, made.state)) if like is not None else ():
            if there.exists():
                shutil.copytree(there, copied)
        template = "template1" if like is None else conninfo.conninfo_to_dict(like.url)["dbname"]
        with self._server.connect() as connection:
            make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(make.format(sql.Identifier(name), sql.Identifier(str(template))))
        self._databases.append(name)
        made.url = conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(self._server.url), "dbname": name})
        return made

    def remove(self, place: Place) -> None:
        name = str(conninfo.conninfo_to_dict(place.url)["dbname"])
        self._drop(name)
        self._databases.remove(name)
        shutil.rmtree(place.archive, ignore_errors=True)
        shutil.rmtree(place.state, ignore_errors=True)

    def _drop_all(self) -> None:
        for name in self._databases:
            self._drop(name)

    def _drop(self, name: str) -> None:
        with self._server.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
