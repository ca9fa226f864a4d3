"""Finds a record of an archived page again, and the bytes of any value in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.explain.jsonspan import span
from fieldmap.compiler.explain.spots import Spot, spot
from fieldmap.compiler.readings import reading_of
from fieldmap.runtime.archive import Archived
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import PLAIN, Reading

# What a body of a format is called that has many; the first row of a CSV file is the one below its header.
_BODIES = {"json": "", "ndjson": "line", "csv": "row", "xml": "", "excel": "row"}


@dataclass(frozen=True)
class Located:
    """A record: its value, the steps to it from the body's root, and where its body begins in the content (None for CSV)."""

    record: Any
    keys: tuple[str | int, ...]
    content: bytes
    start: int
    body_start: int | None
    body_number: int
    body_name: str
    format: str = "json"
    reading: Reading = PLAIN

    @property
    def path_text(self) -> str:
        """The path from the response's root: `$.data[4]`; for a format of many bodies their number comes first, and where a
        person can look it up: the line of a CSV file, the row of a sheet."""
        text = f"{self.body_name} {self.body_number + 1}: $" if self.body_name else "$"
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


def find_record(map_: ir.Map, page: Archived, index: int) -> Located:
    """The record of that index, counted through the page as the loader counts. Raises ArchiveError if it is not there."""
    content = page.content()
    passed = 0
    for number, (start, body) in enumerate(bodies(content, page.format, reading_of(map_))):
        found: list[Any] = [body]
        if not isinstance(body, Failed):
            try:
                found = interpret.records(map_, body)
            except Failed:
                found = [body]
        if index < passed + len(found):
            keys = _keys(map_.records.segments, body, index - passed)
            return Located(
                found[index - passed],
                keys,
                content,
                start,
                start if page.format in ("json", "ndjson") else None,
                number,
                _BODIES[page.format],
                page.format,
                reading_of(map_),
            )
        passed += len(found)
    raise ArchiveError(
        f"The archived response at {page.position} of {page.resource} has no record {index}; replay the map: fieldmap replay"
    )


def _keys(segments: Sequence[ir.Segment], body: Any, index: int) -> tuple[str | int, ...]:
    """The steps to the record of that number. As in the loader, what a step does not find makes no record."""
    found: list[tuple[tuple[str | int, ...], Any]] = [((), body)]
    for segment in segments:
        found = [item for keys, value in found for item in _step(segment, keys, value)]
    if len(found) == 1 and isinstance(found[0][1], list):
        return (*found[0][0], index)
    return found[index][0] if index < len(found) else ()


def _step(segment: ir.Segment, keys: tuple[str | int, ...], value: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    match segment:
        case ir.Member(name=name):
            return [((*keys, name), value[name])] if isinstance(value, dict) and name in value else []
        case ir.Index(index=place):
            at = place if place >= 0 else len(value or ()) + place
            return [((*keys, at), value[at])] if isinstance(value, list) and 0 <= at < len(value) else []
        case ir.All():
            items: Any = (
                value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            )
            return [((*keys, key), item) for key, item in items]
