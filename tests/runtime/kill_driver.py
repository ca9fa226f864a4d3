"""Runs one sync with death at its k-th point: before or after a call of the storage, or a statement of the database.

    python kill_driver.py BUNDLE ARCHIVE FOLDER_OF_FILES DATABASE_URL K

K counts from 1; 0 never dies and prints how many points there were.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.load import loader
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Connection, Server


class Points:
    """Counts the points at which a run touches the world, and dies at one of them."""

    def __init__(self, kill_at: int) -> None:
        self.passed = 0
        self._kill_at = kill_at

    def point(self) -> None:
        self.passed += 1
        if self.passed == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """Anything whose method calls are points, before and after; what they return is watched too if it is named."""

    def __init__(self, inner: Any, points: Points, calls: frozenset[str], returns: frozenset[str]) -> None:
        self._inner, self._points, self._calls, self._returns = inner, points, calls, returns

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._calls and name not in self._returns:
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            if name in self._calls:
                self._points.point()
            result = found(*arguments, **options)
            if name in self._calls:
                self._points.point()
            return Watched(result, self._points, self._calls, self._returns) if name in self._returns else result

        return call


@dataclass
class WatchedServer:
    server: Server
    points: Points

    def connect(self) -> Connection:
        connection = self.server.connect()
        execute = connection.execute

        def counted(query: Any, *arguments: Any, **options: Any) -> Any:
            self.points.point()
            result = execute(query, *arguments, **options)
            if query == "COMMIT":
                self.points.point()
            return result

        connection.execute = counted  # type: ignore[method-assign]
        return connection


class Quiet:
    def fetched(self, resource: str, pages: int) -> None: ...
    def applied(self, title: str, records: int) -> None: ...
    def cut(self, resource: str, note: str) -> None: ...


def main() -> None:
    bundle, archive, files, url, kill_at = sys.argv[1:]
    points = Points(int(kill_at))
    # Small batches, so that death can fall between them.
    loader.BATCH_RECORDS = 3
    calls, returns = frozenset({"append", "sync", "create", "truncate"}), frozenset({"folder", "create", "open"})
    ports = replace(Ports.real(), storage=Watched(Ports.real().storage, points, calls, returns))
    run = Run(
        bundles.read(Path(bundle)),
        Archive(Path(archive), ports),
        WatchedServer(Server(url), points),
        ports,
        {"FILES": files},
        Quiet(),
    )
    report = run.sync([])
    if report.failed:
        raise SystemExit(str(report.failed))
    print(points.passed)


main()
