"""Paths as jsonpath-ng expressions, whose matches know the full path that led to them.

The steps are nodes of our own round those of jsonpath-ng, where that departs from RFC 9535 (a member called `*`, filters, slices,
the order of descendants) and because a step that cannot be taken is a failure in Fieldmap, and silence in the RFC. Chains are
lazy, so that failures are met element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jsonpath_ng.jsonpath import Child, DatumInContext, Index, JSONPath, Root, This

from fieldmap.compiler import ir
from fieldmap.runtime.values.failures import wrong
from fieldmap.runtime.values.outcome import Rejected

Keys = tuple[str | int, ...]
Test = Callable[[Any], bool]


def children(datum: DatumInContext) -> Iterator[DatumInContext]:
    """The elements of a list, the values of an object, in order; of anything else nothing."""
    if isinstance(datum.value, list):
        for index, value in enumerate(datum.value):
            yield DatumInContext(value, path=Index(index), context=datum)
    elif isinstance(datum.value, dict):
        for name, value in datum.value.items():
            yield DatumInContext(value, path=TheMember(name), context=datum)


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
        return list(TheMember(self.name).find(datum))


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
        return list(TheElement(self.index).find(datum))


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
        return list(children(datum))


class Chosen(JSONPath):  # type: ignore[misc,unused-ignore]
    """What several selectors take of a list or object, one selector after the other."""

    def __init__(self, selectors: Sequence[JSONPath], path: str) -> None:
        self.selectors, self.path = selectors, path

    def find(self, data: Any) -> list[DatumInContext]:
        datum = DatumInContext.wrap(data)
        if datum.value is None:
            return []
        if not isinstance(datum.value, list | dict):
            raise wrong(datum.value, "a list or an object", self.path)
        return list(Selected(self.selectors).find(datum))


# ------------------------------------------------------------------------- as in the RFC: what does not fit finds nothing


class TheMember(JSONPath):  # type: ignore[misc,unused-ignore]
    def __init__(self, name: str) -> None:
        self.name = name

    def find(self, data: Any) -> Any:
        if isinstance(data.value, dict) and self.name in data.value:
            yield DatumInContext(data.value[self.name], path=self, context=data)


class TheElement(JSONPath):  # type: ignore[misc,unused-ignore]
    def __init__(self, index: int) -> None:
        self.index = index

    def find(self, data: Any) -> Any:
        if not isinstance(data.value, list):
            return
        index = self.index if self.index >= 0 else len(data.value) + self.index
        if 0 <= index < len(data.value):
            yield from Index(index).find(data)


class Children(JSONPath):  # type: ignore[misc,unused-ignore]
    def find(self, data: Any) -> Any:
        return children(data)


class Sliced(JSONPath):  # type: ignore[misc,unused-ignore]
    """Counted as RFC 9535 2.3.4.2.2 writes it down."""

    def __init__(self, slice_: ir.Slice) -> None:
        self.start, self.end = slice_.start, slice_.end
        self.step = 1 if slice_.step is None else slice_.step

    def find(self, data: Any) -> Any:
        if not isinstance(data.value, list) or self.step == 0:
            return
        length, step = len(data.value), self.step
        start = self.start if self.start is not None else (0 if step > 0 else length - 1)
        end = self.end if self.end is not None else (length if step > 0 else -length - 1)
        start, end = (bound if bound >= 0 else length + bound for bound in (start, end))
        if step > 0:
            lower, upper = min(max(start, 0), length), min(max(end, 0), length)
            while lower < upper:
                yield from Index(lower).find(data)
                lower += step
        else:
            upper, lower = min(max(start, -1), length - 1), min(max(end, -1), length - 1)
            while lower < upper:
                yield from Index(upper).find(data)
                upper += step


class Kept(JSONPath):  # type: ignore[misc,unused-ignore]
    """The children for which a condition holds."""

    def __init__(self, holds: Test) -> None:
        self.holds = holds

    def find(self, data: Any) -> Any:
        return (child for child in children(data) if self.holds(child.value))


class Selected(JSONPath):  # type: ignore[misc,unused-ignore]
    def __init__(self, selectors: Sequence[JSONPath]) -> None:
        self.selectors = selectors

    def find(self, data: Any) -> Any:
        for selector in self.selectors:
            yield from selector.find(data)


class Below(JSONPath):  # type: ignore[misc,unused-ignore]
    """What selectors take of a value and of everything within it, each value before what it holds."""

    def __init__(self, selectors: Sequence[JSONPath]) -> None:
        self.selected = Selected(selectors)

    def find(self, data: Any) -> Any:
        waiting = [data]
        while waiting:
            current = waiting.pop()
            yield from self.selected.find(current)
            waiting.extend(reversed(list(children(current))))


class Chain(Child):  # type: ignore[misc,unused-ignore]
    """One step and then the others, match by match, so that the first failure met is the first in the data."""

    def find(self, datum: Any) -> Any:
        for match in self.left.find(datum):
            yield from self.right.find(match)


# --------------------------------------------------------------------------------------------------------- from the IR


def matches(segments: Sequence[ir.Segment], path: str, datum: DatumInContext, dollar: Any) -> Iterator[DatumInContext]:
    """What the steps find from a datum on; `path` is blamed for a failure. dollar: the value that `$` is in filters."""
    nodes, as_rfc = [], False
    for segment in segments:
        as_rfc = as_rfc or (isinstance(segment, ir.Choice) and segment.descendant)
        nodes.append(rfc_node(segment, dollar) if as_rfc else _node(segment, path, dollar))
    return _found(nodes, datum)


def nodes_of(segments: Sequence[ir.Segment], value: Any, dollar: Any) -> Iterator[DatumInContext]:
    """The nodelist of RFC 9535: where a step does not fit, nothing is found, and nothing fails."""
    return _found([rfc_node(segment, dollar) for segment in segments], DatumInContext(value, Root()))


def _found(nodes: Sequence[JSONPath], datum: DatumInContext) -> Iterator[DatumInContext]:
    chain: Any = This()
    for node in reversed(nodes):
        chain = Chain(node, chain)
    return iter(chain.find(datum))


def one(segments: Sequence[ir.Segment], path: str, datum: DatumInContext) -> DatumInContext | None:
    """The one match of steps without All and Choice, None if they find nothing."""
    return next(matches(segments, path, datum, None), None)


def _node(segment: ir.Segment, path: str, dollar: Any) -> JSONPath:
    match segment:
        case ir.Member():
            return Named(segment.name, segment.required, path)
        case ir.Index():
            return Position(segment.index, path)
        case ir.All():
            return Every(path)
        case ir.Choice():
            return Chosen([_selector(selector, dollar) for selector in segment.selectors], path)


def rfc_node(segment: ir.Segment, dollar: Any) -> JSONPath:
    if not isinstance(segment, ir.Choice):
        return _selector(segment, dollar)
    selectors = [_selector(selector, dollar) for selector in segment.selectors]
    return Below(selectors) if segment.descendant else Selected(selectors)


def _selector(selector: ir.Selector, dollar: Any) -> JSONPath:
    match selector:
        case ir.Member():
            return TheMember(selector.name)
        case ir.Index():
            return TheElement(selector.index)
        case ir.All():
            return Children()
        case ir.Slice():
            return Sliced(selector)
        case ir.Filter(condition=condition):
            from fieldmap.compiler.interpret.filters import holds  # filters hold paths, which hold filters

            return Kept(lambda value: holds(condition, value, dollar))


def keys(datum: DatumInContext) -> Keys:
    """The names and indexes that lead from the record to a match."""
    found: list[str | int] = []
    current: DatumInContext | None = datum
    while current is not None and current.context is not None:
        step = current.path
        found.append(step.name if isinstance(step, TheMember) else step.indices[0])  # type: ignore[attr-defined]
        current = current.context
    return tuple(reversed(found))


def split(segments: Sequence[ir.Segment]) -> tuple[Sequence[ir.Segment], Sequence[ir.Segment]]:
    """The steps before the first that may find several, and the rest."""
    for index, segment in enumerate(segments):
        if isinstance(segment, ir.All | ir.Choice):
            return segments[:index], segments[index:]
    return segments, ()
