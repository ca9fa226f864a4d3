"""Records that the archive holds already: what the checker can say of the data beyond the types. Reads, and never asks a source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.readings import reading_of
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.plan import DELETES
from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.outcome import Failed

# Enough to know a source's habits by, and read within a second.
PAGES = 20
RECORDS = 1_000


def records(archive: Archive, map: ir.Map) -> list[Any]:
    """The first archived records of the map's resource; what cannot be read is left out, since `dlq` tells of it."""
    return list(islice(_records(archive, map), RECORDS))


def _records(archive: Archive, map: ir.Map) -> Iterator[Any]:
    try:
        for page in islice(archive.read(f"{map.connector}.{map.resource}", None), PAGES):
            if page.part == DELETES:
                continue
            for _, body in bodies(page.content(), map.format, reading_of(map)):  # type: ignore[arg-type]
                if not isinstance(body, Failed):
                    yield from interpret.records(map, body)
    except (FieldmapError, Failed):
        # A damaged archive is `archive verify`'s to tell; advice needs no complete sample.
        return
