"""The archive of a project: its resources, each with its own records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldmap.runtime.archive import warc
from fieldmap.runtime.archive.census import Census, take
from fieldmap.runtime.archive.position import position
from fieldmap.runtime.archive.records import Archived, ClosedSweep, Parts, Standing, TornTail, Verified
from fieldmap.runtime.archive.segments import Entry, Segments, damaged
from fieldmap.runtime.archive.standing import parts, standing
from fieldmap.runtime.archive.writer import Writer
from fieldmap.runtime.errors import ArchiveError, MissingError
from fieldmap.runtime.ports import Folder, Ports

SEGMENT_BYTES = 256 << 20
_RESOURCE = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


class Archive:
    """root: a folder with one folder a resource. segment_bytes: a segment of this size is followed by a new one.

    Reading takes no lock and may go on while another process writes. Every method raises ArchiveError for what it cannot
    read.
    """

    def __init__(self, root: Path, ports: Ports, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.root = root
        self._ports = ports
        self._segment_bytes = segment_bytes

    def resources(self) -> list[str]:
        """The resources that have a folder, sorted."""
        with self._readable("the archive"):
            return [name for name in self._ports.storage.folders(self.root) if _RESOURCE.fullmatch(name)]

    def writer(self, resource: str) -> Writer:
        """The one writer of a resource, to be used in a `with`. Raises ArchiveError if another has it."""
        _check_name(resource)
        try:
            folder = self._ports.storage.folder(self.root, resource, create=True)
        except OSError as error:
            raise self._unwritable(resource, error) from None
        try:
            return Writer(folder, resource, self._ports, self._segment_bytes)
        except OSError as error:
            folder.close()
            raise self._unwritable(resource, error) from None
        except BaseException:
            folder.close()
            raise

    def entries(
        self,
        resource: str,
        after: int | None,
        through: int | None = None,
        *,
        rejected: bool = False,
        durable: bool = False,
    ) -> Iterator[Archived | ClosedSweep]:
        """Every response and every mark of a closed sweep after a position (None: from the beginning), in order; up to and with
        another, if one is given: nothing behind that is looked at, so that it may be written meanwhile. rejected: also answers that
        are none. durable: what is there when the first is asked for, made durable before; for whoever writes down elsewhere what he read.

        A torn tail ends the iteration quietly (`torn_tail` tells of it); damage raises.
        """
        if after is not None and through is not None and after >= through:
            return
        with self._opened(resource) as folder:
            if folder is None:
                return
            segments = Segments(folder, resource)
            for entry in segments.entries(after, segments.settle() if durable else None):
                aside = entry.record.closes_part or (entry.record.is_rejected and not rejected)
                if entry.record.kind != "warcinfo" and not aside:
                    yield _item(segments, resource, entry)
                if through is not None and entry.position >= through:
                    return

    def read(
        self, resource: str, after: int | None, *, rejected: bool = False, durable: bool = False
    ) -> Iterator[Archived]:
        """Every response after a position (None: from the beginning), in order; see `entries`."""
        found = self.entries(resource, after, rejected=rejected, durable=durable)
        return (item for item in found if isinstance(item, Archived))

    def latest(self, resource: str, *, rejected: bool = False) -> Iterator[Archived]:
        """Every response from the last to the first, digests checked; no more of the archive is read than is asked for. rejected:
        also answers that are none."""
        with self._opened(resource) as folder:
            if folder is None:
                return
            segments = Segments(folder, resource)
            for entry in segments.backwards():
                if entry.record.kind in ("response", "resource", "revisit") and (
                    rejected or not entry.record.is_rejected
                ):
                    yield segments.received(entry)

    def sweep(self, mark: ClosedSweep) -> Iterator[Archived]:
        """The pages of a sweep that was closed, in order."""
        if mark.end.first < 0:
            return
        first = self.read_one(mark.resource, mark.end.first)
        yield first
        for item in self.read(mark.resource, first.position):
            if item.position > mark.position:
                return
            if item.sweep == mark.sweep:
                yield item

    def standing(self, resource: str, part: str = "") -> Standing:
        """How far it is: the position of the last closed sweep, and what an interrupted one left behind it. part: see `standing`."""
        with self._opened(resource) as folder:
            if folder is None:
                return Standing(through="", frames=[], closed_at=None)
            return standing(Segments(folder, resource), resource, part)

    def parts(self, resource: str) -> Parts:
        """How far the parts of a resource are that is asked for each record of another."""
        with self._opened(resource) as folder:
            return Parts() if folder is None else parts(Segments(folder, resource), resource)

    def last(self, resource: str) -> int | None:
        """The position of the last record of any kind, None if there is none."""
        with self._opened(resource) as folder:
            entry = next(Segments(folder, resource).backwards(), None) if folder is not None else None
            return entry.position if entry is not None else None

    def closed_sweeps(self, resource: str, after: int | None = None) -> Iterator[ClosedSweep]:
        """The marks of sweeps that reached their end; see `entries`."""
        return (item for item in self.entries(resource, after) if isinstance(item, ClosedSweep))

    def read_one(self, resource: str, position: int) -> Archived:
        """The response at a position, its digest checked."""
        item = self.item(resource, position)
        if isinstance(item, Archived):
            return item
        raise self._nothing(resource, position)

    def item(self, resource: str, position: int) -> Archived | ClosedSweep:
        """The response, or the mark of a sweep's end, at a position."""
        with self._opened(resource) as folder:
            if folder is not None:
                segments = Segments(folder, resource)
                return _item(segments, resource, segments.entry(position))
        raise self._nothing(resource, position)

    def _nothing(self, resource: str, position: int) -> ArchiveError:
        return ArchiveError(
            f"The archive of {resource} has no response at {position}; see: fieldmap archive ls {resource}"
        )

    def size(self, resource: str) -> int:
        """How many bytes of it there are, as they are kept."""
        with self._opened(resource) as folder, self._readable(resource):
            return sum(folder.size(name) for name in folder.names()) if folder is not None else 0

    def census(self, resource: str, known: bytes | None = None) -> tuple[Census, bytes | None]:
        """How many responses there are, and what an earlier census is remembered by: `known`, so that segments that others follow are
        not read again. That these are as they were is told by their sizes and the last record of them; `verify` reads them."""
        with self._opened(resource) as folder:
            if folder is None:
                return Census(), None
            return take(folder, Segments(folder, resource), resource, known)

    def check(self, resource: str, position: int) -> None:
        """Raises ArchiveError if nothing stands at a position: neither a response nor the mark of a sweep's end."""
        with self._opened(resource) as folder:
            if folder is None:
                raise MissingError(f"The archive has nothing of {resource}")
            Segments(folder, resource).entry(position)

    def end(self, resource: str) -> int | None:
        """The position of the last response, or None if there is none."""
        with self._opened(resource) as folder:
            if folder is None:
                return None
            segments = Segments(folder, resource)
            for number in reversed(segments.numbers):
                offsets, _, _ = segments.scan(number)
                for offset in reversed(offsets):
                    place = position(number, offset)
                    record = segments.entry(place).record
                    if record.kind in ("response", "resource", "revisit") and not record.is_rejected:
                        return place
        return None

    def torn_tail(self, resource: str) -> TornTail | None:
        """What an interrupted write left at the end. The next writer cuts it off."""
        with self._opened(resource) as folder:
            if folder is None:
                return None
            segments = Segments(folder, resource)
            return segments.scan(segments.numbers[-1])[2] if segments.numbers else None

    def verify(self, resource: str) -> Verified:
        """Reads every record and checks its digest, chain and headers. Raises ArchiveError at the first damage."""
        records = sweeps = size = 0
        with self._opened(resource) as folder:
            if folder is None:
                return Verified(records=0, closed_sweeps=0, segments=0, bytes=0, torn=None)
            segments = Segments(folder, resource)
            for entry in segments.entries(None):
                size += entry.length
                if entry.record.kind != "warcinfo":
                    item = _item(segments, resource, entry)
                    records += isinstance(item, Archived)
                    sweeps += isinstance(item, ClosedSweep) and not item.part
            return Verified(
                records=records, closed_sweeps=sweeps, segments=len(segments.numbers), bytes=size, torn=segments.torn
            )

    # ------------------------------------------------------------------------------------------------- parts

    @contextmanager
    def _opened(self, resource: str) -> Iterator[Folder | None]:
        """The resource's folder for reading, None if it has none yet."""
        _check_name(resource)
        with self._readable(f"the archive of {resource}"):
            try:
                folder = self._ports.storage.folder(self.root, resource)
            except FileNotFoundError:
                yield None
                return
            try:
                yield folder
            finally:
                folder.close()

    @contextmanager
    def _readable(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchiveError(
                f"{what.capitalize()} in {self.root} cannot be read ({error.strerror or error});"
                " check the folder and its permissions"
            ) from None

    def _unwritable(self, resource: str, error: OSError) -> ArchiveError:
        return ArchiveError(
            f"The archive of {resource} in {self.root} cannot be opened for writing ({error.strerror or error});"
            " check the folder, its permissions and the room on the disk"
        )


def _check_name(resource: str) -> None:
    if not _RESOURCE.fullmatch(resource):
        raise ArchiveError(f"{resource!r} is not the name of a resource; it must be of the form connector.resource")


def _item(segments: Segments, resource: str, entry: Entry) -> Archived | ClosedSweep:
    if entry.record.kind != "metadata":
        return segments.received(entry)
    try:
        return warc.closed_sweep(entry.record, entry.position, entry.length)
    except warc.MalformedError as error:
        raise damaged(resource, entry.position, f"the record {error}") from None
