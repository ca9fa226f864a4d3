"""The members of a resource's records, each with its type and what samples of it say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.coverage import values_at
from fieldmap.compiler.infer.evidence import Seen
from fieldmap.compiler.infer.places import path_of
from fieldmap.compiler.steps import EACH, Steps

_DEEPEST = 5
SAMPLES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMember:
    """steps: the way to it, with EACH where it goes through a list. type: as the shape says. seen: of the samples."""

    steps: Steps
    type: ir.Type
    how: ir.How | None
    optional: bool
    sentinels: tuple[str, ...]
    seen: Seen

    @property
    def name(self) -> str:
        return next(step for step in reversed(self.steps) if step != EACH)

    @property
    def within(self) -> str:
        """The object that it stands in, "" at the top."""
        named = [step for step in self.steps if step != EACH]
        return named[-2] if len(named) > 1 else ""

    @property
    def lists(self) -> int:
        return self.steps.count(EACH)

    @property
    def path(self) -> str:
        return path_of(self.steps)

    @property
    def texts(self) -> list[str]:
        """The sample texts that say something."""
        return [value for value in self.seen.values if isinstance(value, str) and value not in self.sentinels]


def members(shape: shapes.ObjectShape, records: Iterable[Any]) -> list[SourceMember]:
    """The members in the order of the shape."""
    found = list(_members(shape, (), False))
    for record in records:
        for member in found:
            for value in values_at(record, member.steps):
                member.seen.add(value)
    return found


def _members(node: shapes.ObjectShape, before: Steps, optional: bool) -> Iterator[SourceMember]:
    for name, member in node.members.items():
        steps, below = (*before, name), member.node
        while isinstance(below, shapes.ListShape):
            steps, below = (*steps, EACH), below.element
        missing = optional or member.optional
        if isinstance(below, shapes.ObjectShape):
            if len(steps) < _DEEPEST * 2:
                yield from _members(below, steps, missing)
        else:
            sentinels = tuple(one.value for one in member.sentinels if isinstance(one, ir.TextConstant))
            yield SourceMember(
                steps=steps, type=below.type, how=below.how, optional=missing, sentinels=sentinels, seen=Seen()
            )
