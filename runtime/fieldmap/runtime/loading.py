"""Loading a resource from the archive: the maps that read it, side by side, from where each of them is."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, Self

from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, describe
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.errors import ArchiveError, AwayError, MissingError, StoppedError
from fieldmap.runtime.load.loader import Loaded, Loader
from fieldmap.runtime.load.mapping import Processes
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Progress
from fieldmap.runtime.store.database import Connection, Database

NOTHING: Final = -1  # of the archive
_TRIES_EVERY = 1.0  # seconds


def check_archive(archive: Archive, title: str, resource: str, applied: int) -> None:
    """Raises ArchiveError if the archive lacks what the database has of it: an older copy of it would be written on at places that
    count as applied, and what is fetched now would never be loaded."""
    try:
        archive.check(resource, applied)
    except MissingError:
        raise ArchiveError(
            f"The database has applied {title} up to {describe(applied)}, which this archive does not hold: the archive is older"
            " than the database, or another one. Bring the newer archive back; or load this one into an empty database:"
            " fieldmap replay"
        ) from None
    except ArchiveError as error:
        raise ArchiveError(
            f"The database has applied {title} up to {describe(applied)}, which this archive does not hold ({error}): the"
            " archive is older than the database, or another one. Bring the newer archive back; or load this one into an"
            " empty database: fieldmap replay"
        ) from None


def catch_up(
    loader: Loader,
    info: MapInfo,
    archive: Archive,
    progress: Progress,
    *,
    through: int | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Applies what the archive holds and the database does not, as after a crash, an import, or a change of the map.

    through: up to and with this position, where the archive is being written on, NOTHING if it was empty before; None: to its end.
    stop: see `Ports`.
    """
    after = loader.applied_through if loader.applied_through >= 0 else None
    if after is not None:
        check_archive(archive, info.title, info.resource, after)
    if through != NOTHING and info.resource in archive.resources():
        entries = archive.entries(info.resource, after, through, durable=True)
        loader.load(stoppable(entries, stop), lambda records: progress.applied(info.title, records))
    loader.finish()


def stoppable(
    pages: Iterable[Archived | ClosedSweep], stop: threading.Event | None
) -> Iterator[Archived | ClosedSweep]:
    for page in pages:
        if stop is not None and stop.is_set():
            raise StoppedError("The run was told to end")
        yield page


class Patient:
    """A database that is waited for when it is away, as while its server is started again: for so many seconds from when it was
    missed first, over all connections."""

    def __init__(self, database: Database, ports: Ports, seconds: float) -> None:
        self._database = database
        self._clock = ports.clock
        self._waits = ports.waits
        self._seconds = seconds
        self._lock = threading.Lock()
        self._missed: float | None = None

    def connect(self) -> Connection:
        """Raises AwayError if it does not come back in time, DatabaseError."""
        while True:
            try:
                connection = self._database.connect()
            except AwayError:
                now = self._clock.monotonic()
                with self._lock:
                    self._missed = now if self._missed is None else self._missed
                    left = self._missed + self._seconds - now
                if left <= 0:
                    raise
                self._waits("", "the database is away, waited for", left)
                self._clock.sleep(min(_TRIES_EVERY, left))
                continue
            with self._lock:
                missed, self._missed = self._missed, None
            if missed is not None:
                self._waits("", "")
            return connection


class Loading:
    """The loaders of one resource's maps; a context manager. For one thread."""

    def __init__(
        self,
        database: Database,
        bundle: Bundle,
        archive: Archive,
        infos: Sequence[MapInfo],
        run: int,
        progress: Progress,
        *,
        dead: Decimal | None,
        workers: Processes,
        stop: threading.Event,
        before: Mapping[str, Loaded],
    ) -> None:
        """before: what an earlier attempt of this run has loaded."""
        self._database = database
        self._run = run
        self._before = before
        self._infos = infos
        self._archive = archive
        self._progress = progress
        self._stop = stop
        self._loaders = [
            Loader(database, bundle, info, run, dead=dead, archive=archive, workers=workers) for info in infos
        ]
        for info, loader in zip(infos, self._loaders, strict=True):
            loader.loaded = before.get(info.id, loader.loaded)
        self._entered = contextlib.ExitStack()
        self.loaded: dict[str, Loaded] = {
            info.id: loader.loaded for info, loader in zip(infos, self._loaders, strict=True)
        }

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as entered:
            for info, loader in zip(self._infos, self._loaders, strict=True):
                entered.enter_context(loader)
                if info.id in self._before:
                    self._count_anew(loader.loaded, info)
            self._entered = entered.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._entered.__exit__(*error)  # type: ignore[arg-type]

    def catch_up(self, through: int | None) -> None:
        """Loads what the archive holds up to a position, of each map what it lacks. through: None if it was empty; what has come
        since may not be durable yet."""
        through = NOTHING if through is None else through
        for loader, info in zip(self._loaders, self._infos, strict=True):
            catch_up(loader, info, self._archive, self._progress, through=through, stop=self._stop)

    def load(self, part: Iterable[Archived | ClosedSweep]) -> None:
        """Loads pages, in the order of the archive. part: can be gone through once for each map."""
        for loader, info in zip(self._loaders, self._infos, strict=True):
            loader.load(
                stoppable(part, self._stop),
                lambda records, info=info: self._progress.applied(info.title, records),  # type: ignore[misc]
            )

    def _count_anew(self, loaded: Loaded, info: MapInfo) -> None:
        """An attempt that broke off may have lost the answer to its last COMMIT: the database knows what the run has done so far."""
        names = ("pages", "read", "claimed", "filtered", "deleted", "dead", "held", "absent")
        with contextlib.closing(self._database.connect()) as connection:
            row = connection.execute(
                "SELECT pages, read, claimed, filtered, deleted, dead, held, absent FROM fieldmap.accounts"
                " WHERE (run, map) = (%s, %s)",
                [self._run, info.id],
            ).fetchone()
        for name, number in zip(names, row or (0,) * len(names), strict=True):
            setattr(loaded.counts, name, number)

    @property
    def refused(self) -> list[str]:
        """Why records that the last full sweep lacks were not taken for deleted."""
        return [loader.loaded.refused for loader in self._loaders if loader.loaded.refused]
