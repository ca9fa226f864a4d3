"""Finds a record of an archived page again, and the bytes of any value in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.deletes import of_page
from fieldmap.compiler.explain.jsonspan import span
from fieldmap.compiler.explain.spots import Spot, spot
from fieldmap.compiler.readings import reading_of
from fieldmap.runtime.archive import Archived
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.surroundings import surrounding
from fieldmap.runtime.values.decode import named_bodies
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.packed import unpacked
from fieldmap.runtime.values.reading import PLAIN, Reading

# What a body of a format is called that has many; the first row of a CSV file is the one below its header.
_BODIES = {"json": "", "ndjson": "line", "csv": "row", "fixed": "row", "xml": "", "excel": "row"}


@dataclass(frozen=True)
class Located:
    """A record: its value, the steps to it from the body's root, and where its body begins in the content (None for CSV).

    member: the file of a packed page that it is in, whose bytes are the content then."""

    record: Any
    keys: tuple[str | int, ...]
    content: bytes
    start: int
    body_start: int | None
    body_number: int
    body_name: str
    format: str = "json"
    reading: Reading = PLAIN
    body: Any = None
    member: str = ""

    def around(self, page: Archived) -> dict[str, Any]:
        """What a map may read of the record's surroundings."""
        constant = {
            name: surrounding(page, self.body, name) for name in ("@page", "@parent", "@fetched_at", "@url", "@header")
        }
        return constant | {"@envelope": interpret.envelope(self.body, self.keys)[1]}

    @property
    def path_text(self) -> str:
        """The path from the response's root: `$.data[4]`; for a format of many bodies their number comes first, and where a
        person can look it up: the line of a CSV file, the row of a sheet."""
        text = f"{self.body_name} {self.body_number + 1}: $" if self.body_name else "$"
        text = f"{self.member}, {text}" if self.member else text
        for key in self.keys:
            text += f"[{key}]" if isinstance(key, int) else f".{key}"
        return text

    def spot(self, keys: Sequence[str | int]) -> Spot | None:
        """Where a value stands in a page that is no JSON."""
        return spot(self.content, self.format, self.reading, self.start, (*self.keys, *keys))

    def span(self, keys: Sequence[str | int]) -> tuple[int, int] | None:
        """The bytes of a value of the record within the content."""
        if self.body_start is None:
            return None
        return span(self.content, [*self.keys, *keys], self.body_start)


def _numbered(found: Iterable[tuple[str, int, Any]]) -> Iterator[tuple[int, tuple[str, int, Any]]]:
    """Bodies with their numbers within their file."""
    for _, group in itertools.groupby(found, lambda one: one[0]):
        yield from enumerate(group)


def _content(content: bytes, format: Any, reading: Reading, member: str) -> bytes:
    """The bytes in which a record stands: of a packed page those of its file."""
    if not reading.packed:
        return content
    found = next((part for name, part in unpacked(content, format, reading) if name == member), b"")
    return found if isinstance(found, bytes) else b""


def find_record(map_: ir.Map, page: Archived, index: int) -> Located:
    """The record of that index, counted through the page as the loader counts. Raises ArchiveError if it is not there."""
    content = page.content()
    map_ = of_page(map_, page.part)
    reading = reading_of(map_)
    passed = 0
    for number, (member, start, body) in _numbered(named_bodies(content, page.format, reading)):
        found: list[Any] = [body]
        keys: list[tuple[str | int, ...]] = [()]
        if not isinstance(body, Failed):
            try:
                places = interpret.places(map_, body)
                found, keys = [value for _, value in places], [keys for keys, _ in places]
            except Failed:
                found, keys = [body], [()]
        if index < passed + len(found):
            return Located(
                found[index - passed],
                keys[index - passed],
                _content(content, page.format, reading, member),
                start,
                start if page.format in ("json", "ndjson") else None,
                number,
                _BODIES[page.format],
                page.format,
                replace(reading, packed=""),
                body,
                member,
            )
        passed += len(found)
    raise ArchiveError(
        f"The archived response at {page.position} of {page.resource} has no record {index}; replay the map: fieldmap replay"
    )
