"""XML without a shape: elements as the values that a shape will make of them. What comes more than once anywhere is a list everywhere."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from fieldmap.compiler.infer.places import EACH, Steps
from fieldmap.runtime.values.reading import TEXT
from fieldmap.runtime.values.xml import local

# A tree of it takes a multiple of its size in memory.
MOST_BYTES = 16 << 20


@dataclass(slots=True)
class Markup:
    """many: places that come more than once in one element; parents: those with elements in them; attributed: those with attributes."""

    many: set[Steps] = field(default_factory=set)
    parents: set[Steps] = field(default_factory=set)
    attributed: set[Steps] = field(default_factory=set)

    def learn(self, element: Any, at: Steps = ()) -> None:
        """Goes through a body as the schema "any" gives it."""
        for name, below in (element or {}).items():
            if name.startswith("@"):
                self.attributed.add(at)
            elif name != TEXT:
                self.parents.add(at)
                if len(below) > 1:
                    self.many.add((*at, name))
                for one in below:
                    self.learn(one, (*at, name))

    def value(self, element: Any, at: Steps = ()) -> Any:
        """The element as a shape reads it."""
        if element is None:
            return None
        if at not in self.parents and at not in self.attributed:
            return element.get(TEXT, "")
        made: dict[str, Any] = {}
        for name, below in element.items():
            steps = (*at, name)
            if name.startswith("@"):
                made[name] = below
            elif name != TEXT:
                values = [self.value(one, steps) for one in below]
                made[name] = values if steps in self.many else values[0]
        if at not in self.parents:
            made[TEXT] = element.get(TEXT, "")
        return made

    def single(self, steps: Steps) -> Steps:
        """The way to the records where the samples hold one record: down the elements that stand alone, to the last with values in it."""
        if steps or not self.parents:
            return steps
        below = [place for place in self.parents if len(place) == 1]
        if len(below) != 1 or () in self.attributed:
            return ()
        self.many.add(below[0])
        return (*below[0], EACH)


def root_of(content: bytes) -> str:
    """The local name of the root element, "" if there is none."""
    try:
        for _, element in etree.iterparse(
            io.BytesIO(content[: 1 << 20]),
            events=("start",),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        ):
            return local(str(element.tag))
    except etree.XMLSyntaxError:
        return ""
    return ""
