"""What goes into the archive and what comes out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final

from fieldmap.runtime.archive.coding import CodingError, decoded
from fieldmap.runtime.archive.position import describe
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.plan import Format

# Response headers that are kept. Any other may hold a cookie, a token or an address with one in it.
KEPT_HEADERS: Final = frozenset(
    ("content-encoding", "content-language", "content-length", "content-type", "date", "etag", "last-modified")
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST: Final = 1000
_LONGEST_TEXT: Final = 4000


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of a response's headers those that may be archived, sorted, repeated ones joined; without what only an attack sends."""
    kept: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in KEPT_HEADERS:
            value = _CONTROL.sub(" ", value).encode("latin-1", "replace").decode("latin-1").strip(" ")
            before = kept.get(name.lower())
            kept[name.lower()] = value if before is None else f"{before}, {value}"
    return {name: value for name, value in sorted(kept.items()) if len(value) <= _LONGEST}


def kept_text(text: str) -> str:
    """A text as a header of the archive holds it: on one line, of bounded length."""
    return _CONTROL.sub(" ", text).strip(" ")[:_LONGEST_TEXT].strip(" ")


def renewed(before: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """The headers of a page that was not modified: those of then, and over them what came with the 304. How the body is written down
    stays as it was."""
    return dict(sorted({**before, **{k: v for k, v in told.items() if not k.startswith("content-")}}.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisited:
    """The archived response that a source says is not modified. position, url, fetched_at: of that. headers: of the 304, as in
    `Received`."""

    position: int
    url: str
    fetched_at: datetime
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A response, a file or a part of one, as it came.

    resource: `workday.workers`. url: without secrets. fetched_at: aware, in UTC. status: None for what no HTTP brought.
    headers: names in lower case, of KEPT_HEADERS only. body: as on the wire, content coding included.
    request: fingerprint of what was asked, or of the file. sweep: one pass over the resource; page: from 1 within it.
    framed: false if only the end of the connection marked the end of the body, so that a cut could not be seen.
    window: what part of the source's time the sweep reads, "" where it reads all.
    asked: what was sent, such as `POST {"page":1}`, without secrets; "" of a GET. rejected: why nothing is mapped of it, "" of a page.
    parent: the record that it was asked for, and the parents of that, as a JSON list; part: what tells it from other parents' pages, or
    "deletes" of a feed of deletes.
    asker: tells who asked, of a page that says how to ask whether it was modified; "" where nobody had to say.
    revisited: where the source only said that it is not modified; status, body and digest are those of then.
    unpacked: the body without its coding; digest: SHA-256 of the body in hexadecimal; each if it is at hand.
    """

    resource: str
    url: str
    fetched_at: datetime
    status: int | None
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    format: Format
    request: str
    sweep: str
    page: int
    framed: bool = True
    window: str = ""
    asked: str = ""
    rejected: str = ""
    parent: str = ""
    part: str = ""
    asker: str = ""
    revisited: Revisited | None = None
    unpacked: bytes | None = field(default=None, repr=False, compare=False)
    digest: str | None = field(default=None, repr=False, compare=False)

    def content(self) -> bytes:
        """The body without its content coding. Raises CodingError."""
        if self.unpacked is not None:
            return self.unpacked
        return decoded(self.body, self.headers.get("content-encoding", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived(Received):
    """A record that is durable. position: where it lies. length: in the archive, in bytes."""

    position: int
    length: int

    def content(self) -> bytes:
        """The body without its content coding. Raises ArchiveError if that cannot be undone."""
        try:
            # The zero-argument form does not work in a class with slots.
            return Received.content(self)
        except CodingError as error:
            raise ArchiveError(
                f"The archived response {describe(self.position)} of {self.resource} cannot be decoded: {error};"
                f" fetch it again: fieldmap sync {self.resource}"
            ) from None

    @classmethod
    def of(cls, received: Received, position: int, length: int) -> Archived:
        values = {item.name: getattr(received, item.name) for item in fields(Received)}
        return cls(**values, position=position, length=length)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepEnd:
    """What is known of a sweep when it ends. framed: false if any page may have been cut unseen. full: it read all there is, not only
    what changed. first: position of its first page, -1 of none. records: raw ones in its pages, None if nobody counted. window: what
    part of the source's time it read; through: the position that leaves behind ("" : none). capped: it has so round a number of
    records that the source may have cut it there. confirmed: an operator said that what is absent from it is gone, however much. skipped: a rule of the
    resource passed something over that was asked for. listing: of files, which ones there were
    and what of each is archived; lines of JSON in ASCII. begin: position of the first record of a sweep in parts, be it a page or no. asks: tells the
    question that all of the archive up to here answers from any other one; "": nobody tells them apart."""

    framed: bool
    full: bool = False
    first: int = -1
    records: int | None = None
    window: str = ""
    through: str = ""
    capped: bool = False
    confirmed: bool = False
    skipped: bool = False
    listing: bytes = field(default=b"", repr=False)
    begin: int = -1
    asks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSweep:
    """The mark that a sweep reached its end: its pages are all there is. part: of a mark that only the pages of one parent's record
    are, with the fingerprint of what was asked first."""

    resource: str
    sweep: str
    pages: int
    closed_at: datetime
    end: SweepEnd
    position: int = -1
    length: int = 0
    part: str = ""
    request: str = ""

    @property
    def framed(self) -> bool:
        return self.end.framed


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A page of a sweep without its body."""

    position: int
    sweep: str
    page: int
    request: str
    window: str
    fetched_at: datetime
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """How far the parts of a resource are that is asked for each record of another. through: by part the position that its last reading
    left; asks: the question that its reading answers (`SweepEnd.asks`). sweep: of a reading of all that did not come to its end, "" if
    there is none; begin: where it began; done: the last marks of its parts that came to their end, be it of one step; frames: the pages
    behind them; windows: those of all marks; pages: of all of them; at: when it was at work last."""

    through: dict[str, str] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)
    sweep: str = ""
    begin: int = -1
    first: int = -1
    done: dict[str, ClosedSweep] = field(default_factory=dict)
    frames: dict[str, list[Frame]] = field(default_factory=dict)
    windows: set[str] = field(default_factory=set)
    pages: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an archive is. through: the position of the last closed sweep. frames: the pages of a sweep that was not closed.
    closed_at: when the last one was, None if none ever was. end: what its mark says."""

    through: str
    frames: list[Frame]
    closed_at: datetime | None
    end: SweepEnd | None = None


@dataclass(frozen=True, slots=True)
class TornTail:
    """What a writer that was stopped left at the end of the last segment. length: in bytes. reason: how that shows."""

    resource: str
    position: int
    length: int
    reason: str

    def __str__(self) -> str:
        return (
            f"the last write to {self.resource} was interrupted: {self.length:,} bytes at the end"
            f" of {describe(self.position)} ({self.reason})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What `Archive.verify` read and found whole."""

    records: int
    closed_sweeps: int
    segments: int
    bytes: int
    torn: TornTail | None

    def __str__(self) -> str:
        text = f"{self.records:,} records in {self.segments} segments ({self.bytes:,} bytes) are whole"
        return text if self.torn is None else f"{text}; {self.torn}"
