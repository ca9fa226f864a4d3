"""Identity: which keys of different sources are about the same thing, and what a key or a reference of a source means.

A *numbering* is a set of sources whose keys are one: equal keys are one thing. Every entity has a numbering of the entity's
own keys (`base`); sources that are joined by `match` have numberings of their own. A key `k` of a numbering `n` becomes a
canonical key:

base      `k`; but `base:k` if `k` begins with the name of one of the entity's numberings and a colon, so that no key of the
          base can look like one that is qualified
own       the canonical key to which a match or an operator's decision joins it; else `n:k`

so a canonical key always names the same source key, and none is ever given to another.
"""

from __future__ import annotations

from fieldmap.compiler.ir.nodes import Node, Place


class Match(Node, frozen=True):
    """A `match` line. source, target: numberings. sources, targets: the claims that are compared, as indexes into Entity.sources.

    A value is what one claim says of all the fields. It joins a key of the source to a key of the target if it is a value of
    exactly one key of each (it is ambiguous otherwise)."""

    source: str
    target: str
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    fields: tuple[str, ...]
    text: str
    place: Place


class Identity(Node, frozen=True):
    """The numberings of an entity and what joins them. own: in the order in which they are resolved, each after those that its
    matches lead to. For each of them its matches are tried in their order on the keys that are not joined yet; of each line,
    all candidate joins are judged at once. A candidate is refused, and listed, if

    apart      an operator decided so
    disagree   both sides say something of a field of `agree`, and have no value of it in common
    taken      another key of the source was joined to that thing before
    several    the key's values lead to several things
    contested  several keys of the source lead to that thing
    """

    base: str
    own: tuple[str, ...]
    matches: tuple[Match, ...]
    agree: tuple[str, ...]
    place: Place

    @property
    def numberings(self) -> tuple[str, ...]:
        return (self.base, *self.own)


class Reference(Node, frozen=True):
    """How a reference of one source is resolved. entity: whose numberings count. numbering: that of the value, "" if the entity
    has one numbering only. numberings: all of the entity's, the base first. records: the claim table whose records' ids the
    values are (`by id`), with the column of its key; "" if the values are keys."""

    field: str
    entity: str
    numbering: str
    numberings: tuple[str, ...]
    records: str = ""
    records_key: str = ""
