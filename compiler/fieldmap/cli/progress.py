"""Progress of a run: a live line per resource on a terminal, one plain line at the end of each elsewhere."""

from __future__ import annotations

import sys
import threading
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from fieldmap.cli.console import count, err


class RunProgress:
    """Implements fieldmap.runtime.run.Progress; use as a context manager."""

    def __init__(self, *, quiet: bool) -> None:
        self._live: Progress | None = None
        if sys.stderr.isatty() and not quiet:
            self._live = Progress(
                TextColumn("{task.description:<32}"),
                BarColumn(),
                TextColumn("{task.fields[pages]} pages  {task.fields[records]} records"),
                console=err(),
                transient=True,
            )
        self._tasks: dict[str, TaskID] = {}
        self._totals: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> RunProgress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def fetched(self, resource: str, pages: int) -> None:
        self._move(resource, pages, 0)

    def applied(self, title: str, records: int) -> None:
        self._move(title, 0, records)

    def cut(self, resource: str, note: str) -> None:
        err().print(f"{resource}: {note}")

    def _move(self, name: str, pages: int, records: int) -> None:
        with self._lock:
            old = self._totals.get(name, (0, 0))
            self._totals[name] = (old[0] + pages, old[1] + records)
            if self._live is None:
                return
            if name not in self._tasks:
                self._tasks[name] = self._live.add_task(name, total=None, pages="0", records="0")
            total = self._totals[name]
            self._live.update(self._tasks[name], pages=count(total[0]), records=count(total[1]))
