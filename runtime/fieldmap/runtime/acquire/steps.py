"""A resource that is read in steps of time: one sweep after the other, each with a window of its own, closed before the next begins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from fieldmap.runtime.acquire.paging import Sweep
from fieldmap.runtime.acquire.source import HttpSource
from fieldmap.runtime.acquire.sweeps import Part, Preview, Reading, Wanted, asks_else, say_asks_else
from fieldmap.runtime.acquire.windows import Window, instant, opened, step_end
from fieldmap.runtime.archive import Archived, ClosedSweep, Writer
from fieldmap.runtime.archive.records import Standing
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import HttpResource
from fieldmap.runtime.ports import Ports

_MOST_STEPS: Final = 10_000


class Steps:
    """The upper end of all is fixed before the first is read."""

    def __init__(
        self,
        source: HttpSource,
        resource: HttpResource,
        standing: Standing,
        ports: Ports,
        wanted: Wanted,
        part: Part | None = None,
        until: datetime | None = None,
    ) -> None:
        """part, until: of a resource that is asked for each record of another, the record, and the upper end for all of them."""
        assert resource.delta is not None  # noqa: S101  (steps are of a window)
        self._source, self._resource, self._ports, self._wanted = source, resource, ports, wanted
        self._delta, self._standing, self._part = resource.delta, standing, part
        before = instant(standing.through) if standing.through else None
        self._asks_else = asks_else(resource, standing)
        self._skipped = False
        self._whole = opened(
            self._delta,
            before,
            ports.clock.now(),
            since=wanted.since,
            until=until or wanted.until,
            full=wanted.full or self._asks_else,
        )
        # What is read in steps says from when on there is anything.
        self._lower = self._whole.since if self._whole.since is not None else self._whole.until

    def run(self, writer: Writer) -> Iterator[Archived | ClosedSweep]:
        if self._asks_else:
            say_asks_else(self._wanted)
        lower, standing = self._begin(writer), self._standing
        for _ in range(_MOST_STEPS):
            sweep = self._sweep(lower, writer, standing)
            for item in sweep.run(writer):
                if isinstance(item, ClosedSweep):
                    standing = Standing(through=item.end.through, frames=[], closed_at=item.closed_at, end=item.end)
                yield item
            self._skipped |= sweep.skipped
            if sweep.window is None or sweep.window.until >= self._whole.until:
                return
            lower = sweep.window.until
        raise SourceError(
            f"{self._resource.name} was stopped after {_MOST_STEPS:,} steps, each of which is read; run again to go on,"
            " or make the steps longer"
        )

    def preview(self, pages: Reading) -> Preview:
        return self._sweep(self._begin(pages), pages, self._standing).preview()

    def _begin(self, pages: Reading) -> datetime:
        """Where the first step begins: where that one did which was interrupted, if it is gone on with."""
        frames, wanted, pending = self._standing.frames, self._wanted, self._source.pending
        begun = frames[0].window if frames else pending
        if not begun or wanted.since or wanted.until or wanted.full:
            return self._lower
        try:
            since = Window.parse(begun).since
        except ValueError:
            return self._lower
        if since is None or since < self._lower or since >= self._whole.until:
            return self._lower
        return since if not frames or self._sweep(since, pages, self._standing).goes_on() else self._lower

    def _sweep(self, lower: datetime, pages: Reading, standing: Standing) -> Sweep:
        until = min(step_end(lower, self._delta), self._whole.until)
        window = Window(lower, until, until)
        answers = self._resource.asks
        partly = window.until < self._whole.until or self._skipped or self._wanted.since or self._wanted.until
        if self._asks_else and partly:
            # Not before the last step is read the archive answers what is asked now; a run that is cut off reads all again.
            answers = self._standing.end.asks if self._standing.end is not None else ""
        return Sweep(
            self._source,
            self._resource,
            pages,
            standing,
            self._ports,
            self._wanted,
            self._part,
            window=window,
            answers=answers,
        )
