"""What is told of one value. Frozen data; the command line shows it as text or JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

# How many votes another value has; that value follows.
_OF_VOTES = re.compile(r"(against \d+ votes?) for .*", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One step of the computation. value: after it, as text; how: in words ("× 1.609344 km/mi, exactly")."""

    value: str
    how: str


@dataclass(frozen=True)
class Raw:
    """A value as received. path: from the response's root, `$.data[4].commuteMiles`, and where XML, CSV or Excel is read the
    place that a person can look up; text: the JSON as it stands in the bytes, or the text or cell.

    body_start, body_end: its bytes in the decoded body (exclusive end); None where the format has no such place.
    """

    path: str
    text: str
    body_start: int | None
    body_end: int | None


@dataclass(frozen=True)
class Response:
    """The archived response. archive: file within the archive; offset: of its record in that file, in bytes."""

    url: str
    status: int | None
    fetched_at: datetime
    archive: str
    offset: int
    position: int


@dataclass(frozen=True)
class Candidate:
    """A claim of this field for this key. outcome: "won", or why it lost. joined: how a claim with another key came to this row.
    stale: that a newer version of its record was rejected, and why; "" if none was. absence: of a claim without a value, what the
    record has in its place: nothing, null, or what stands for absent; "" if that is not why. archive_position, record_index: where
    its record lies in the archive."""

    source: str
    map: str
    record: str
    changed: datetime | None
    value: str | None
    outcome: str
    file: str
    line: int
    statement: str
    joined: str = ""
    stale: str = ""
    absence: str = ""
    archive_position: int | None = None
    record_index: int | None = None

    def without_value(self, instead: str) -> Candidate:
        """See `Explanation.without_values`."""
        return replace(
            self,
            value=instead if self.value is not None else None,
            outcome="held" if self.outcome.startswith("held: ") else _OF_VOTES.sub(r"\1", self.outcome),
            stale=self.stale.partition(" (")[0],
            absence="",
        )


@dataclass(frozen=True)
class Withdrawal:
    """A record that claimed the key and does no more. kind: "deleted" (its record says so), "filtered", "feed" (of deletes) or "absent"
    (from a full sweep); how: in words. changed: since when, by the source. response: where that stands in the archive; record_index: which
    record of it, None of the mark of a sweep."""

    source: str
    map: str
    record: str
    kind: str
    how: str
    changed: datetime | None
    response: Response
    record_index: int | None


@dataclass(frozen=True)
class Explanation:
    """entity, key, field, value (None: absent), unit; the winning claim's origin; the claims that lost.

    recomputed: whether the value was computed from the archive just now and is equal; differs says how if not, pending if a replay is still to make
    it so.
    hidden: what stands in place of the values of a personal or restricted field.
    note: why there is no value, where there is none. withdrawn: the records that claimed the key and are gone. assumed: why a currency that
    the source does not name is taken for granted.
    """

    entity: str
    key: str
    field: str
    value: str | None
    unit: str
    rule: str
    rule_file: str
    rule_line: int
    winner: Candidate | None = None
    map_version: str = ""
    raw: tuple[Raw, ...] = ()
    steps: tuple[Step, ...] = ()
    response: Response | None = None
    recomputed: bool = False
    differs: str = ""
    pending: str = ""
    lost: tuple[Candidate, ...] = ()
    note: str = ""
    assumed: tuple[str, ...] = ()
    withdrawn: tuple[Withdrawal, ...] = ()
    hidden: str = ""

    def without_values(self, instead: str) -> Explanation:
        """The same with `instead` in place of each value of the field, and without what may quote one: steps and reasons."""
        return replace(
            self,
            value=instead if self.value is not None else None,
            unit="",
            winner=self.winner and self.winner.without_value(instead),
            raw=tuple(replace(raw, text=instead) for raw in self.raw),
            steps=(),
            differs=instead if self.differs else "",
            pending=instead if self.pending else "",
            lost=tuple(one.without_value(instead) for one in self.lost),
            hidden=instead,
        )
