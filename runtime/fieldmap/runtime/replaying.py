"""The maps of a replay: one after the other, or two beside each other where neither looks at what the other writes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.errors import FindingsError
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.load.mapping import Processes
from fieldmap.runtime.loading import catch_up
from fieldmap.runtime.reports import Progress, Report, standing
from fieldmap.runtime.store.database import Database

# While the database takes the last batch of one map, the first of the next is made. More than two would only take more memory.
_BESIDE: Final = 2


@dataclass(frozen=True)
class Replay:
    """deferred: entities that are merged when all their maps are loaded, so that a map of these alone writes nothing but its claims.
    dead: by resource, and "" for all others, how many percent of a map's records may be dead letters. large: whether there is so much
    to load that it pays to do it in two threads."""

    bundle: Bundle
    archive: Archive
    database: Database
    progress: Progress
    run: int
    report: Report
    dead: Mapping[str, Decimal]
    workers: Processes
    deferred: Collection[str]
    large: bool

    def load(self, infos: Sequence[MapInfo]) -> None:
        """What a map does wrong is in the report, and stops it alone. Raises DatabaseError, ArchiveError."""
        for info in infos:
            self.progress.stands(info.resource, "waiting")
        apart = [info for info in infos if self.large and self._is_apart(info)]
        if len(apart) > 1:
            self._beside(apart)
        else:
            apart = []
        for info in infos:
            if info not in apart:
                self._load(info, None)
        # In the order in which they are told of, whichever was done first.
        loaded = {info.id: self.report.maps.pop(info.id) for info in infos if info.id in self.report.maps}
        self.report.maps.update(loaded)

    def _is_apart(self, info: MapInfo) -> bool:
        names = {claim.entity for claim in info.claims if claim.entity is not None}
        return bool(names) and names <= set(self.deferred)

    def _beside(self, infos: Sequence[MapInfo]) -> None:
        stop = threading.Event()
        with ThreadPoolExecutor(_BESIDE, "fieldmap-replay") as pool:
            loads = [pool.submit(self._load, info, stop) for info in infos]
            try:
                for load in as_completed(loads):
                    load.result()
            except BaseException:
                # Those that are at it end between two pages.
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _load(self, info: MapInfo, stop: threading.Event | None) -> None:
        self.progress.stands(info.resource, "loading")
        try:
            with (
                standing(self.progress, info.resource),
                Loader(
                    self.database,
                    self.bundle,
                    info,
                    self.run,
                    detailed=True,
                    dead=self.dead.get(info.resource, self.dead.get("")),
                    archive=self.archive,
                    workers=self.workers,
                    deferred=self.deferred,
                ) as loader,
            ):
                self.report.maps[info.id] = loader.loaded
                catch_up(loader, info, self.archive, self.progress, stop=stop)
        except FindingsError as error:
            # A map that holds too much stops alone.
            self.report.failed[info.resource] = str(error)
