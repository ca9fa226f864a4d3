"""A batch that is pushed through a pipe. It is archived as a file without a name: what the last batch was is not archived again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from fieldmap.runtime.acquire.files import Sweep
from fieldmap.runtime.acquire.listing import begun
from fieldmap.runtime.acquire.shelves import Found, Pattern, Readable
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archived, ClosedSweep, Writer
from fieldmap.runtime.plan import Composed, FilesConnector, FilesResource, Format
from fieldmap.runtime.ports import Ports

NAME: Final = "batch"


def ingest(
    source: Readable, resource: str, format: Format, *, writer: Writer, ports: Ports
) -> Iterator[Archived | ClosedSweep]:
    """Archives all that comes, in parts, and gives each when it is durable, then the mark of the batch's end.

    Of a batch that is the same as the last one nothing is archived; of one that was cut off, what is missing. Raises SourceError for what is
    too long, ArchiveError.
    """
    standing = writer.standing()
    # Something else came since the last batch, so that it is not the last word any more.
    other = bool(standing.frames) and begun(standing) is None
    connector = FilesConnector(name=resource.split(".")[0], folder=Composed((NAME,)))
    files = FilesResource(name=resource, pattern=NAME, format=format)
    return Sweep(connector, files, _Pipe(source), writer, ports, Wanted(full=other)).run()


class _Pipe:
    shown = "the batch"

    def __init__(self, source: Readable) -> None:
        self._source = source

    def files(self, pattern: Pattern) -> Iterator[Found]:
        yield Found(NAME, 0, 0.0, "", fresh=True)

    @contextlib.contextmanager
    def open(self, found: Found) -> Iterator[_Open]:
        yield _Open(self._source)

    def url(self, name: str) -> str:
        return f"push:{name}"


class _Open:
    def __init__(self, source: Readable) -> None:
        self._source = source

    def read(self, size: int, /) -> bytes:
        parts, have = [], 0
        # A pipe gives what is there, which is less than is wanted.
        while have < size and (part := self._source.read(min(size - have, 1 << 20))):
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def changed(self) -> bool:
        return False
