"""The first half of a sync: a resource's archive is opened for one run, and what the source has is written there, page by page."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.family import Family, Memory
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, Writer
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import ArchiveBusyError, FieldmapError
from fieldmap.runtime.load import intake
from fieldmap.runtime.loading import check_archive
from fieldmap.runtime.plan import HttpResource, PushConnector
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Progress, Report

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.flow import Flows

LOOKS: Final = 0.2  # seconds after which a run looks again: the main thread for signals, others for what they wait for


@dataclass(frozen=True)
class Unwritten:
    """Stands for the writer of a resource that is only pushed: who takes deliveries holds that, and what came is loaded all the same.
    last: where the archive ends."""

    last: int | None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Fetcher:
    """Of one run. wait: for another run of a resource, instead of saying that there is one. applied: by resource the titles of its maps
    and the archive position through which the database has them."""

    def __init__(
        self,
        bundle: Bundle,
        archive: Archive,
        ports: Ports,
        environ: Mapping[str, str],
        progress: Progress,
        *,
        report: Report,
        wanted: Wanted,
        wait: bool,
        flows: Flows,
        applied: Mapping[str, list[tuple[str, int]]],
    ) -> None:
        self._bundle = bundle
        self._archive = archive
        self._ports = ports
        self._environ = environ
        self._progress = progress
        self._report = report
        self._wanted = wanted
        self._wait = wait
        self._flows = flows
        self._applied = applied

    def opened(self, resource: str) -> Writer | Unwritten:
        """The writer of a resource, once no other run has it. Raises ArchiveBusyError if that is not waited for, ArchiveError if the
        archive is older than the database."""
        if isinstance(self._bundle.connector(resource.split(".")[0]), PushConnector):
            self._check_archive(resource)
            return Unwritten(self._archive.last(resource))
        waits = False
        while True:
            try:
                writer = self._archive.writer(resource)
                break
            except ArchiveBusyError as busy:
                if not self._wait:
                    raise
                if not waits:
                    self._progress.cut(resource, f"waits: {str(busy).partition(';')[0]}")  # what to do is done
                    self._progress.waits(resource, "another run has it")
                waits = True
            self._ports.clock.sleep(LOOKS)
        if waits:
            self._progress.waits(resource, "")
        try:
            if writer.cut is not None:
                self._progress.cut(resource, str(writer.cut))
            self._check_archive(resource)
        except BaseException:
            writer.close()
            raise
        return writer

    def _check_archive(self, resource: str) -> None:
        for title, through in self._applied.get(resource, ()):
            check_archive(self._archive, title, resource, through)

    def pages(self, resource: str, writer: Writer | Unwritten) -> Iterator[Archived | ClosedSweep]:
        """Fetches; gives each page when it is durable."""
        if isinstance(writer, Unwritten):
            self._progress.stands(resource, "loading")
            return
        self._progress.stands(resource, "fetching")
        through = ""
        wanted = replace(self._wanted, note=functools.partial(self._progress.cut, resource))
        state = self._ports.state
        memory = Memory(state, self._ports.clock, self._bundle.apart) if state is not None else None
        for page in acquire(
            self._bundle.connector(resource.split(".")[0]),
            resource,
            writer=writer,
            ports=self._ports,
            environ=self._environ,
            wanted=wanted,
            flows=self._flows,
            family=Family(self._archive, self._bundle.parent, memory),
        ):
            if isinstance(page, ClosedSweep):
                through = page.end.through
            else:
                self._report.pages[resource] = self._report.pages.get(resource, 0) + 1
                self._progress.fetched(resource, 1)
            yield page
        self._progress.stands(resource, "loading", through)


def parts(pages: Iterable[Archived | ClosedSweep]) -> Iterator[list[Archived | ClosedSweep]]:
    """Pages in portions of bounded size, as `Handover` makes them. When the source fails in the middle, what was archived is
    loaded before it is said."""
    part: list[Archived | ClosedSweep] = []
    size = 0
    try:
        for page in pages:
            part.append(page)
            size += 0 if isinstance(page, ClosedSweep) else len(page.content())
            if size >= intake.BATCH_BYTES:
                yield part
                part, size = [], 0
    except FieldmapError:
        if part:
            yield part
        raise
    if part:
        yield part


def parent_of(bundle: Bundle, resource: str) -> str | None:
    """The resource for each record of which another is asked; None if it is asked by itself."""
    connector = bundle.connector(resource.split(".")[0])
    found = next((one for one in connector.resources if one.name == resource), None)
    return found.parent.resource if isinstance(found, HttpResource) and found.parent is not None else None
