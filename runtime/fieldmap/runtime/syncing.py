"""A sync: each resource is fetched into the archive and loaded from there, several at once or one after the other.

Fetching and loading are two lines of threads with the resources in the same order. Neither waits for the other's slowness: pages that
are not loaded yet lie in the archive (`handover`). With one resource at a time all is done in the caller's thread. What fetching
is of one resource is in `fetching`.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import psycopg

from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, Writer
from fieldmap.runtime.arenas import share_memory
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import (
    ArchiveBusyError,
    AwayError,
    DatabaseError,
    FieldmapError,
    FindingsError,
    StoppedError,
)
from fieldmap.runtime.fetching import LOOKS, Fetcher, Unwritten, parent_of, parts
from fieldmap.runtime.handover import GivenUpError, Handover, Part, Room
from fieldmap.runtime.load import intake
from fieldmap.runtime.load.loader import Loaded
from fieldmap.runtime.load.mapping import Processes
from fieldmap.runtime.loading import Loading, Patient
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Progress, Report, standing
from fieldmap.runtime.store.database import Database, told
from fieldmap.runtime.store.reconcile import first_line

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.flow import Flows

# A thread that waits for a name to be resolved or a connection to come about cannot be told to end; it dies with the process.
_ENDS_WITHIN: Final = 10.0
# So often the loading of a resource is begun anew after a connection that broke where the loader does not see to it itself.
_ATTEMPTS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a sync goes about. at_once: so many resources at a time. wait: for another run of a resource, instead of saying that there
    is one. patience: seconds that the database may be away. a_second: so many requests to all hosts together; 0 for any number."""

    at_once: int = 1
    room: Room = field(default_factory=Room)
    wait: bool = False
    patience: float = 60.0
    a_second: int = 0


class _Taken:
    """Parts, and how far those that were taken go in the archive."""

    def __init__(self, parts: Iterator[Iterable[Archived | ClosedSweep]], last: int | None) -> None:
        self._parts = parts
        self.through = last

    def __iter__(self) -> Iterator[Iterable[Archived | ClosedSweep]]:
        for part in self._parts:
            self.through = part.last if isinstance(part, Part) else [page.position for page in part][-1]
            yield part


@dataclass
class _Course:
    """A resource on its way through the threads. begun: set when `writer` or `error` is; fetched: when it is through. parent:
    the resource for each record of which it is asked, if that is fetched in this run too. last: where its archive ended before."""

    resource: str
    parent: _Course | None = None
    begun: threading.Event = field(default_factory=threading.Event)
    fetched: threading.Event = field(default_factory=threading.Event)
    writer: Writer | Unwritten | None = None
    last: int | None = None
    handover: Handover | None = None
    error: BaseException | None = None


class Sync:
    """dead: of a resource's records so many percent may be dead letters. workers: that map for all of them. applied: as of `Fetcher`."""

    def __init__(
        self,
        bundle: Bundle,
        archive: Archive,
        database: Database,
        ports: Ports,
        environ: Mapping[str, str],
        progress: Progress,
        *,
        run: int,
        report: Report,
        wanted: Wanted,
        options: Options,
        dead: Mapping[str, Decimal],
        workers: Processes,
        flows: Flows,
        applied: Mapping[str, list[tuple[str, int]]],
    ) -> None:
        self._bundle = bundle
        self._archive = archive
        self._ports = replace(ports, waits=progress.waits)
        self._database = Patient(database, self._ports, options.patience)
        self._fetcher = Fetcher(
            bundle,
            archive,
            self._ports,
            environ,
            progress,
            report=report,
            wanted=wanted,
            wait=options.wait,
            flows=flows,
            applied=applied,
        )
        self._progress = progress
        self._run = run
        self._report = report
        self._options = options
        self._dead = dead
        self._workers = workers
        self._lock = threading.Lock()
        self._away: AwayError | None = None
        self._broken: DatabaseError | None = None
        self._crash: BaseException | None = None

    def resources(self, names: list[str]) -> None:
        """Fetches and loads them; what a source, a map or the archive of one does wrong is in the report. Raises DatabaseError, once
        all are through, if the database refused something or stayed away: then what was fetched is in the archive."""
        for name in names:
            self._progress.stands(name, "waiting")
        if self._options.at_once > 1:
            self._at_once(names)
        else:
            for name in names:
                with self._noted(name), self._fetcher.opened(name) as writer:
                    self._load(name, writer.last, parts(self._fetcher.pages(name, writer)))
        if self._crash is not None:
            raise self._crash
        self._put_in_order(names)
        if self._broken is not None:
            raise self._told(self._broken)
        if self._away is not None:
            pages = sum(self._report.pages.values())
            raise self._told(
                AwayError(
                    f"{self._away} It did not come back within {self._options.patience:g} seconds; the {pages:,} pages that were"
                    " fetched are in the archive, and the next sync loads from there what is not loaded yet"
                )
            )

    # ------------------------------------------------------------------------------------------------ in threads

    def _at_once(self, names: list[str]) -> None:
        share_memory()
        courses: dict[str, _Course] = {}
        for name in names:
            # Parents come before their children, so that a thread waits for one that another thread is at, or is done with.
            courses[name] = _Course(name, courses.get(parent_of(self._bundle, name) or ""))
        threads = [
            threading.Thread(target=self._line, args=(work, waiting), name=f"fieldmap-{what}-{number}", daemon=True)
            for what, work in (("fetch", self._fetch), ("load", self._load_fetched))
            for waiting in [_queue(courses.values())]
            for number in range(min(self._options.at_once, len(courses)))
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    # In short waits, between which Python looks for signals.
                    thread.join(LOOKS)
        except BaseException:
            self._ports.stop.set()
            self._end(threads)
            raise

    def _end(self, threads: Iterable[threading.Thread]) -> None:
        """Waits for those that can be told to end; a transaction under way comes to its end."""
        ends = self._ports.clock.monotonic() + _ENDS_WITHIN
        for thread in threads:
            thread.join(max(0.0, ends - self._ports.clock.monotonic()))

    def _line(self, work: Callable[[_Course], None], waiting: queue.SimpleQueue[_Course]) -> None:
        try:
            while not self._ports.stop.is_set():
                work(waiting.get_nowait())
        except queue.Empty:
            return
        except BaseException as error:  # noqa: BLE001  (raised in the caller's thread)
            self._crash = self._crash or error
            self._ports.stop.set()

    def _fetch(self, course: _Course) -> None:
        """Fetches a resource and hands its pages over."""
        try:
            self._fetch_in_turn(course)
        finally:
            course.fetched.set()

    def _fetch_in_turn(self, course: _Course) -> None:
        try:
            while course.parent is not None and not course.parent.fetched.wait(LOOKS):
                self._progress.waits(course.resource, f"waits for {course.parent.resource}")
                self._look()
            self._progress.waits(course.resource, "")
            course.writer = writer = self._fetcher.opened(course.resource)
            course.last = writer.last
            course.handover = Handover(
                self._archive, course.resource, writer.last, self._options.room, intake.BATCH_BYTES
            )
        except BaseException as error:  # noqa: BLE001  (raised where it is loaded)
            course.error = error
            return
        finally:
            course.begun.set()
        try:
            for page in self._fetcher.pages(course.resource, writer):
                self._look()
                course.handover.put(page)
        except GivenUpError:
            course.handover.end()
        except BaseException as error:  # noqa: BLE001  (raised where it is loaded)
            course.handover.end(error)
        else:
            course.handover.end()

    def _load_fetched(self, course: _Course) -> None:
        """Loads what is handed over of a resource; waits until it is fetched, whatever becomes of the loading."""
        with self._noted(course.resource):
            while not course.begun.wait(LOOKS):
                self._look()
            if course.writer is None or course.handover is None:
                assert course.error is not None  # noqa: S101  (one of the two is set)
                raise course.error
            with course.writer:
                try:
                    self._load(course.resource, course.last, course.handover.parts())
                finally:
                    course.handover.give_up()
                    course.handover.wait()

    def _look(self) -> None:
        if self._ports.stop.is_set():
            raise StoppedError("The run was told to end")

    # ------------------------------------------------------------------------------------------------ one resource

    def _load(self, resource: str, last: int | None, parts: Iterator[Iterable[Archived | ClosedSweep]]) -> None:
        """Loads what the archive has through `last`, then the parts. Without a database they are only taken off, so that fetching
        comes to its end. Raises what fetching raised, FindingsError if a map stops."""
        refused: list[str] = []
        taken = _Taken(parts, last)
        before: dict[str, Loaded] = {}
        for attempt in range(_ATTEMPTS):
            if self._away is not None:
                continue
            loading = self._loading(resource, before)
            self._report.maps.update(loading.loaded)
            try:
                with loading:
                    # Anew after a broken connection: from where the database is, what was taken of the parts included.
                    loading.catch_up(taken.through)
                    for part in taken:
                        loading.load(part)
            except AwayError as error:
                self._missed(error)
            except psycopg.OperationalError as error:
                before = loading.loaded
                if attempt == _ATTEMPTS - 1:
                    self._missed(AwayError(f"The database went away: {first_line(error)}."))
            else:
                refused = loading.refused
                break
        else:
            self._progress.stands(resource, "failed")
        for _ in parts:
            pass
        # Only now: what stands beside it is loaded all the same.
        if refused:
            raise FindingsError(" ".join(refused))

    def _loading(self, resource: str, before: dict[str, Loaded]) -> Loading:
        return Loading(
            self._database,
            self._bundle,
            self._archive,
            [info for info in self._bundle.catalogue.maps if info.resource == resource],
            self._run,
            self._progress,
            dead=self._dead.get(resource, self._dead.get("")),
            workers=self._workers,
            stop=self._ports.stop,
            before=before,
        )

    def _missed(self, error: AwayError) -> None:
        with self._lock:
            self._away = self._away or error

    @contextlib.contextmanager
    def _noted(self, resource: str) -> Iterator[None]:
        """One source, map or archive that is out of order does not keep the others from being loaded."""
        try:
            with told("the sync"), standing(self._progress, resource):
                yield
        except StoppedError:
            if not self._ports.stop.is_set():
                raise
        except DatabaseError as error:
            with self._lock:
                self._broken = self._broken or error
        except FieldmapError as error:
            self._report.failed[resource] = str(error)
            if isinstance(error, ArchiveBusyError):
                self._report.left.add(resource)

    def _told(self, error: DatabaseError) -> DatabaseError:
        """With such an end there is no report, so what failed beside it is said now."""
        for resource, sentence in self._report.failed.items():
            self._progress.cut(resource, sentence)
        return error

    def _put_in_order(self, names: list[str]) -> None:
        """What threads wrote down as they came, in the order of the bundle, so that it reads the same each time."""
        report = self._report
        order = [info.id for info in self._bundle.catalogue.maps]
        report.maps = {key: report.maps[key] for key in sorted(report.maps, key=order.index)}
        report.pages = {name: report.pages[name] for name in names if name in report.pages}
        report.failed = {name: report.failed[name] for name in names if name in report.failed}


def _queue(courses: Iterable[_Course]) -> queue.SimpleQueue[_Course]:
    waiting: queue.SimpleQueue[_Course] = queue.SimpleQueue()
    for course in courses:
        waiting.put(course)
    return waiting
