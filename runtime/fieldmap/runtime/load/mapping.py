"""Who maps the pages of a load: this process, or processes of its own beside it.

Mapping is a pure function of a page's bytes, so where it is done changes nothing but the time it takes. A worker process pays off
when there is much to map: then one core maps while another applies what was mapped before. It is started from the bundle's parts
alone, speaks over its standard input and output, and ends when these close.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeVar, cast

import msgspec

from fieldmap.runtime.archive import Archived, describe
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.load.batch import Batch, Known, Memory
from fieldmap.runtime.load.maker import BatchMaker
from fieldmap.runtime.load.page import Page, Prepared

_Answer = TypeVar("_Answer")
# Of how many bytes the pages may be that are with a worker at a time.
_AHEAD_BYTES: Final = 4 << 20
# How long a worker that was told to end may take.
_GRACE: Final = 5.0
# How long one may be at a page: longer at a large one, of which nobody maps so few bytes a second.
PATIENCE: Final = 60.0
_SLOWEST: Final = 50_000
_LOOKS: Final = 1.0


class Told(Protocol):
    """A page that was taken up, as far as the store is asked about it. indexes, ids, digests: of the records that it is asked about;
    the others an earlier page had, which had the `missing` beside them."""

    @property
    def position(self) -> int: ...
    @property
    def is_quick(self) -> bool: ...
    @property
    def records(self) -> int: ...
    @property
    def indexes(self) -> list[int]: ...
    @property
    def ids(self) -> list[str | None]: ...
    @property
    def digests(self) -> list[str]: ...
    @property
    def missing(self) -> list[tuple[str, str]]: ...


Later = Callable[[], _Answer]
"""Gives an answer once it is there."""


class Mapper(Protocol):
    """ahead: of how many bytes the pages may be asked for before the first answer is taken."""

    @property
    def ahead(self) -> int: ...
    def add(self, page: Page) -> Later[Batch]: ...
    def prepare(self, page: Page, memory: Memory | None) -> Later[Told]: ...
    def put(self, told: Told, known: Known | None) -> Later[Batch]: ...


class Here:
    """Maps in this process, at once."""

    ahead = 0

    def __init__(self, maker: BatchMaker) -> None:
        self._maker = maker

    def add(self, page: Page) -> Later[Batch]:
        batch = self._maker.new()
        self._maker.add(batch, page)
        return lambda: batch

    def prepare(self, page: Page, memory: Memory | None) -> Later[Told]:
        # A property that is kept is one for reading, which not every checker of types knows.
        prepared = cast("Told", self._maker.prepare(page, memory))
        return lambda: prepared

    def put(self, told: Told, known: Known | None) -> Later[Batch]:
        assert isinstance(told, Prepared)  # noqa: S101  (of its own making)
        batch = self._maker.new()
        self._maker.put(batch, told, known)
        return lambda: batch


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A page that a worker has taken up. size: of its content, in bytes."""

    worker: int
    position: int
    size: int
    is_quick: bool
    records: int
    indexes: list[int]
    ids: list[str | None]
    digests: list[str]
    missing: list[tuple[str, str]]


Taken = tuple[bool, int, list[int], list[str | None], list[str], list[tuple[str, str]]]
"""What a worker says of a page: whether it is quick, how many records there are, and of those to be asked about the indexes, ids and
digests; what is missing."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a worker needs to know before the first page."""

    bundle: Bundle
    map: str
    composite_keys: Mapping[int, tuple[int, ...]]


class Processes:
    """Processes that map pages for the loads of a run, started once there is much to map; to be closed. For several threads."""

    def __init__(self, number: int | None = None) -> None:
        """number: how many; the usual number if it is None."""
        self._number = usual_workers() if number is None else number
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []

    def start(self) -> None:
        """Starts them, if they are not started yet. Where that cannot be, there are none."""
        with self._lock:
            number, self._number = self._number, 0
            with contextlib.suppress(OSError):
                for _ in range(number):
                    self._workers.append(_Worker())

    @property
    def are_ready(self) -> bool:
        """Whether there are some, and they have begun: until then nobody need wait for them."""
        with self._lock:
            return bool(self._workers) and all(worker.is_ready for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        with self._lock:
            return [worker.pid for worker in self._workers]

    def mapper(self, bundle: Bundle, info: MapInfo, composite_keys: Mapping[int, tuple[int, ...]]) -> Workers:
        with self._lock:
            return Workers(list(self._workers), bundle, info, composite_keys)

    def close(self) -> None:
        with self._lock:
            workers, self._workers, self._number = self._workers, [], 0
        for worker in workers:
            worker.close()
        for worker in workers:
            worker.wait()


class Workers:
    """Maps the pages of one map in processes beside this one, which take them in turn."""

    def __init__(
        self,
        workers: list[_Worker],
        bundle: Bundle,
        info: MapInfo,
        composite_keys: Mapping[int, tuple[int, ...]],
    ) -> None:
        parts = {
            path: part
            for path, part in bundle.parts.items()
            if path.startswith("data/") or path in (f"transform/{info.id}.py", f"deletes/{info.id}.py")
        }
        alone = msgspec.structs.replace(bundle.catalogue, maps=(info,), entities=(), tables=(), views=())
        beginning = Beginning(Bundle(bundle.manifest, alone, parts), info.id, composite_keys)
        self._map = info.id
        self._resource = info.resource
        self._workers = workers
        self._begun = [worker.ask("begin", info.id, beginning) for worker in workers]
        self._turn = 0

    @property
    def ahead(self) -> int:
        return _AHEAD_BYTES * len(self._workers)

    def add(self, page: Page) -> Later[Batch]:
        return self._ask(self._next(), "add", page, page.position, len(page.content()))

    def prepare(self, page: Page, memory: Memory | None) -> Later[Told]:
        number, position, size = self._next(), page.position, len(page.content())
        answer: Later[Taken] = self._ask(number, "prepare", (page, memory), position, size)
        return lambda: Elsewhere(number, position, size, *answer())

    def put(self, told: Told, known: Known | None) -> Later[Batch]:
        assert isinstance(told, Elsewhere)  # noqa: S101  (of its own making)
        return self._ask(told.worker, "put", (told.position, known), told.position, told.size)

    def _ask(self, number: int, what: str, of: object, position: int, size: int) -> Later[Any]:
        about = f"{describe(position)} of {self._resource}"
        return self._workers[number].ask(what, self._map, of, about, size)

    def _next(self) -> int:
        self._turn = (self._turn + 1) % len(self._workers)
        return self._turn


def usual_workers() -> int:
    """How many processes map a large load where nobody says: one for each core, at most four; none where there is one core only.
    The loader and the database mostly wait for them, and take what the cores have left."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if cores == 1 else min(4, cores)


def opened(page: Page) -> Page:
    """The page as mapping needs it: with its content, unpacked once, instead of the body that was archived."""
    content = page.content()
    return replace(page, body=b"", unpacked=content) if isinstance(page, Archived) else page


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question without an answer yet. about: the page, in words. patience: seconds that the answer may take."""

    answer: Future[Any]
    about: str
    patience: float


class _Worker:
    """One process; the threads that give it what it is asked and take its answers, so that whoever asks waits for neither; and one that
    ends it if it hangs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # -P: what lies in the current folder, which may be anybody's project, is not imported.
            [sys.executable, "-P", "-m", "fieldmap.runtime.load.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None  # noqa: S101  (a pipe)
        assert self._process.stdout is not None  # noqa: S101
        self._asks = Connection(os.dup(self._process.stdin.fileno()), readable=False)
        self._answers = Connection(os.dup(self._process.stdout.fileno()), writable=False)
        self._process.stdin.close()
        self._process.stdout.close()
        self._open: deque[_Asked] = deque()
        # What is to be sent, in the order of `_open`; None at the end.
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._lost: BaseException | None = None
        self._hung = ""
        self._over = threading.Event()
        # What is asked first is answered first.
        self._order = threading.Lock()
        self._threads = [
            threading.Thread(target=work, name="fieldmap-mapping", daemon=True)
            for work in (self._give, self._take_answers, self._watch)
        ]
        for thread in self._threads:
            thread.start()
        # Nobody waits for it to begin.
        self._ready = self._asked("greet", "", None, "", math.inf)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, what: str, map_: str, of: object, about: str = "", size: int = 0) -> Later[Any]:
        """about: the page that is asked about, in words; size: of its content. Raises FieldmapError, when the answer is taken, if there will
        be none."""
        return self._asked(what, map_, of, about, PATIENCE + size / _SLOWEST).result

    def _asked(self, what: str, map_: str, of: object, about: str, patience: float) -> Future[Any]:
        future: Future[Any] = Future()
        asked = pickle.dumps((what, map_, of), pickle.HIGHEST_PROTOCOL)
        with self._order:
            if self._lost is not None:
                future.set_exception(self._lost)
            else:
                self._open.append(_Asked(future, about, patience))
                self._outgoing.put(asked)
        return future

    @property
    def is_ready(self) -> bool:
        """Whether it has begun, or failed to."""
        return self._ready.done()

    def close(self) -> None:
        """It ends when it has done what it is at; what it was not sent yet is forgotten."""
        with contextlib.suppress(Empty):
            while True:
                self._outgoing.get_nowait()
        self._outgoing.put(None)

    def wait(self) -> None:
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._answers.close()

    def _give(self) -> None:
        try:
            while (asked := self._outgoing.get()) is not None:
                self._asks.send_bytes(asked)
        except OSError:
            self._lose(self._ended())
        finally:
            self._asks.close()

    def _take_answers(self) -> None:
        try:
            while True:
                answer = pickle.loads(self._answers.recv_bytes())  # noqa: S301  (written by our own process into our own pipe)
                future = self._open.popleft().answer
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        except (EOFError, OSError):
            self._lose(self._ended())
        except BaseException as error:  # noqa: BLE001  (such as too little memory; raised where the answers are waited for)
            self._lose(error)
            self._process.kill()

    def _watch(self) -> None:
        """Ends the process if it is at one thing for too long. Counted by looks and not by the clock: if this process was stopped for a
        while, so may the other have been."""
        at: _Asked | None = None
        waited = 0.0
        while not self._over.wait(_LOOKS):
            try:
                asked = self._open[0]
            except IndexError:
                at = None
                continue
            waited = waited + _LOOKS if asked is at else 0.0
            at = asked
            if waited >= asked.patience:
                self._hung = (
                    f" gave no answer for {waited:.0f} seconds{asked.about and f' at {asked.about}'}, and was ended"
                )
                self._process.kill()
                return

    def _lose(self, error: BaseException) -> None:
        """There will be no more answers."""
        with self._order:
            self._lost = self._lost or error
            lost = list(self._open)
            self._open.clear()
        self._over.set()
        for one in lost:
            with contextlib.suppress(InvalidStateError):
                one.answer.set_exception(error)

    def _ended(self) -> FieldmapError:
        return FieldmapError(
            f"A process that maps pages{self._hung or ' ended before its work was done'}; nothing of these pages was kept, run the command"
            " again, or let this process map them: workers = 0 in fieldmap.toml"
        )
