"""Paths as jsonpath-ng expressions, whose matches know the full path that led to them.

The steps are nodes of our own round those of jsonpath-ng, because a step that cannot be taken is a failure in Fieldmap (and
silence in jsonpath-ng), and because jsonpath-ng reads a member called `*` as all members. Chains are lazy, so that
failures are met element by element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jsonpath_ng.jsonpath import Child, DatumInContext, Index, JSONPath, This, Wildcard

from fieldmap.compiler import ir
from fieldmap.runtime.values.failures import wrong
from fieldmap.runtime.values.outcome import Rejected

Keys = tuple[str | int, ...]


class Named(JSONPath):  # type: ignore[misc,unused-ignore]
    """A member of an object."""

    def __init__(self, name: str, required: bool, path: str) -> None:
        self.name, self.required, self.path = name, required, path

    def find(self, data: Any) -> list[DatumInContext]:
        datum = DatumInContext.wrap(data)
        if datum.value is None:
            return []
        if not isinstance(datum.value, dict):
            raise wrong(datum.value, f'an object with "{self.name}"', self.path)
        if self.required and datum.value.get(self.name) is None:
            raise Rejected(
                "FM2102", f'"{self.name}" of {self.path} is missing or null, and the resource promises it', self.path
            )
        if self.name not in datum.value:
            return []
        return [DatumInContext(datum.value[self.name], path=self, context=datum)]


class Position(JSONPath):  # type: ignore[misc,unused-ignore]
    """An element of a list."""

    def __init__(self, index: int, path: str) -> None:
        self.index, self.path = index, path

    def find(self, data: Any) -> list[DatumInContext]:
        datum = DatumInContext.wrap(data)
        if datum.value is None:
            return []
        if not isinstance(datum.value, list):
            raise wrong(datum.value, "a list", self.path)
        index = self.index if self.index >= 0 else len(datum.value) + self.index
        return list(Index(index).find(datum)) if index >= 0 else []


class Every(JSONPath):  # type: ignore[misc,unused-ignore]
    """All elements of a list, or all values of an object."""

    def __init__(self, path: str) -> None:
        self.path = path

    def find(self, data: Any) -> list[DatumInContext]:
        datum = DatumInContext.wrap(data)
        if datum.value is None:
            return []
        if not isinstance(datum.value, list | dict):
            raise wrong(datum.value, "a list", self.path)
        return list(Wildcard().find(datum))


class Chain(Child):  # type: ignore[misc,unused-ignore]
    """One step and then the others, match by match, so that the first failure met is the first in the data."""

    def find(self, datum: Any) -> Any:
        for match in self.left.find(datum):
            yield from self.right.find(match)


def matches(segments: Sequence[ir.Segment], path: str, datum: DatumInContext) -> Iterator[DatumInContext]:
    """What the steps find from a datum on; `path` is blamed for a failure."""
    chain: Any = This()
    for segment in reversed(segments):
        chain = Chain(_node(segment, path), chain)
    return iter(chain.find(datum))


def one(segments: Sequence[ir.Segment], path: str, datum: DatumInContext) -> DatumInContext | None:
    """The one match of steps without All, None if they find nothing."""
    return next(matches(segments, path, datum), None)


def _node(segment: ir.Segment, path: str) -> Any:
    match segment:
        case ir.Member():
            return Named(segment.name, segment.required, path)
        case ir.Index():
            return Position(segment.index, path)
        case ir.All():
            return Every(path)


def keys(datum: DatumInContext) -> Keys:
    """The names and indexes that lead from the record to a match."""
    found: list[str | int] = []
    current: DatumInContext | None = datum
    while current is not None and current.context is not None:
        step = current.path
        if isinstance(step, Named):
            found.append(step.name)
        elif isinstance(step, Index):
            found.append(step.indices[0])
        else:
            found.append(step.fields[0])  # type: ignore[attr-defined]  # a member found by Wildcard
        current = current.context
    return tuple(reversed(found))


def split(segments: Sequence[ir.Segment]) -> tuple[Sequence[ir.Segment], Sequence[ir.Segment]]:
    """The steps before the first All, and the rest."""
    for index, segment in enumerate(segments):
        if isinstance(segment, ir.All):
            return segments[:index], segments[index:]
    return segments, ()
