"""One record as WARC 1.1 bytes, and back. Pure: nothing here touches a file.

Each record carries `Fieldmap-Chain`, the last of its header lines: the SHA-256 of the previous record's chain and of all
header lines before it. Among those are the digest of the block and everything that is said about it, so that no byte of a
record and no record can be changed, left out or put elsewhere without the chain breaking at that place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, Literal, cast, get_args

from fieldmap.runtime.archive.records import (
    KEPT_HEADERS,
    Archived,
    ClosedSweep,
    Frame,
    Received,
    Revisited,
    SweepEnd,
    renewed,
)
from fieldmap.runtime.plan import DELETES, Format

VERSION: Final = "2"
# Of each record the first that knows it, so that an older one reads on until it meets what it does not know.
_SINCE: Final = {"revisit": "2"}
_UNMODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
FIRST_CHAIN: Final = "0" * 64

Pieces = tuple[bytes, ...]  # of a record, one behind the other
Kind = Literal["warcinfo", "response", "resource", "metadata", "revisit"]

_CRLF: Final = b"\r\n"
_MOST_HEAD: Final = 1 << 20  # bytes; a record of a parent is in it
_TYPES: Final[dict[str, str]] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "fixed": "text/plain",
    "xml": "application/xml",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HEAD_LINE: Final = re.compile(r"([0-9A-Za-z-]+): ?(.*)")


class MalformedError(Exception):
    """These bytes are not a record of this archive; the text goes on from "the record"."""


class NewerError(MalformedError):
    """A record of a format that this version does not know."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record taken apart. before_chain: its header lines up to Fieldmap-Chain."""

    kind: Kind
    head: Mapping[str, str]
    block: memoryview
    before_chain: bytes

    @property
    def chain(self) -> str:
        return self.head["fieldmap-chain"]

    @property
    def is_rejected(self) -> bool:
        """Whether it is an answer of which nothing is mapped."""
        return "fieldmap-rejected" in self.head

    @property
    def closes_part(self) -> bool:
        """Whether it marks the end of what was read for one record of a parent, or of a feed of deletes."""
        return "fieldmap-part-closed" in self.head

    @property
    def is_of_feed(self) -> bool:
        """Whether it is of the resource's feed of deletes."""
        return DELETES in (self.head.get("fieldmap-part"), self.head.get("fieldmap-part-closed"))

    def check(self, previous_chain: str | None) -> None:
        """Raises MalformedError if the block is not what was written, or not what follows from the previous chain."""
        if self.head.get("warc-block-digest") != f"sha256:{hashlib.sha256(self.block).hexdigest()}":
            raise MalformedError("has another content than its digest says")
        if previous_chain is not None and self.chain != _chained(previous_chain, self.before_chain):
            raise MalformedError("does not follow from the record before it: the chain is broken")


def _chained(previous: str, before_chain: bytes) -> str:
    return hashlib.sha256(previous.encode("ascii") + before_chain).hexdigest()


# ------------------------------------------------------------------------------------------------------------- writing


def received(item: Received, record_id: str, previous_chain: str, block_digest: str = "") -> tuple[Pieces, str]:
    """The record of a response or file, and its chain. record_id: 32 random hexadecimal digits. block_digest: as `block_digest` gives
    it, where that is at hand."""
    told = item.revisited.headers if item.revisited is not None else {}
    stray = (item.headers.keys() | told.keys()) - KEPT_HEADERS
    if stray:
        raise ValueError(f"Headers that the archive must not hold: {', '.join(sorted(stray))}")
    digest = item.digest or hashlib.sha256(item.body).hexdigest()
    content_type = "application/http;msgtype=response"
    if item.revisited is not None:
        kind = "revisit"
    elif item.status is None:
        kind, content_type = "resource", _TYPES[item.format]
    else:
        kind = "response"
    fields = {
        "Fieldmap-Resource": item.resource,
        "Fieldmap-Format": item.format,
        "Fieldmap-Sweep": item.sweep,
        "Fieldmap-Page": str(item.page),
        "Fieldmap-Request": item.request,
        "Fieldmap-Framed": "yes" if item.framed else "no",
        **({"Fieldmap-Window": item.window} if item.window else {}),
        **({"Fieldmap-Asked": item.asked} if item.asked else {}),
        **({"Fieldmap-Rejected": item.rejected} if item.rejected else {}),
        **({"Fieldmap-Part": item.part} if item.part else {}),
        **({"Fieldmap-Asker": item.asker} if item.asker else {}),
        **({"Fieldmap-Parent": item.parent} if item.part and item.parent else {}),
        **(_refers(item.revisited) if item.revisited is not None else {}),
        "WARC-Target-URI": item.url,
        "WARC-Payload-Digest": f"sha256:{digest}",
        "Content-Type": content_type,
    }
    return _record(kind, item.fetched_at, record_id, fields, _block(item), previous_chain, block_digest)


def block_digest(item: Received) -> str:
    """SHA-256 of what the record of a response or file holds behind its headers, in hexadecimal."""
    return _hashed(_block(item))


def _block(item: Received) -> Pieces:
    if item.revisited is not None:
        return (_http_head(HTTPStatus.NOT_MODIFIED, item.revisited.headers),)
    if item.status is None:
        return (item.body,)
    return (_http_head(item.status, item.headers), item.body)


def _hashed(block: Pieces) -> str:
    hashed = hashlib.sha256()
    for part in block:
        hashed.update(part)
    return hashed.hexdigest()


def _refers(revisited: Revisited) -> dict[str, str]:
    return {
        "Fieldmap-Refers-To": str(revisited.position),
        "WARC-Profile": _UNMODIFIED,
        "WARC-Refers-To-Target-URI": revisited.url,
        "WARC-Refers-To-Date": _written(revisited.fetched_at),
    }


def closed(mark: ClosedSweep, record_id: str, previous_chain: str) -> tuple[Pieces, str]:
    end = mark.end
    told = {
        "Fieldmap-Full": "yes" if end.full else "",
        "Fieldmap-First": str(end.first) if end.first >= 0 else "",
        "Fieldmap-Records": "" if end.records is None else str(end.records),
        "Fieldmap-Window": end.window,
        "Fieldmap-Through": end.through,
        "Fieldmap-Capped": "yes" if end.capped else "",
        "Fieldmap-Confirmed": "yes" if end.confirmed else "",
        "Fieldmap-Skipped": "yes" if end.skipped else "",
        "Fieldmap-Begin": str(end.begin) if end.begin >= 0 else "",
        "Fieldmap-Part-Closed": mark.part,
        "Fieldmap-Request": mark.request,
        "Fieldmap-Asks": end.asks,
    }
    fields = {
        "Fieldmap-Resource": mark.resource,
        "Fieldmap-Sweep": mark.sweep,
        "Fieldmap-Pages": str(mark.pages),
        "Fieldmap-Framed": "yes" if end.framed else "no",
        **{name: value for name, value in told.items() if value},
        "Content-Type": "application/warc-fields",
    }
    return _record("metadata", mark.closed_at, record_id, fields, (_CLOSED, end.listing), previous_chain)


def opening(resource: str, segment: int, now: datetime, record_id: str, previous_chain: str) -> tuple[Pieces, str]:
    """The warcinfo that begins a segment; the chain goes through it from segment to segment."""
    fields = {
        "Fieldmap-Resource": resource,
        "Fieldmap-Segment": str(segment),
        "Content-Type": "application/warc-fields",
    }
    block = b"software: Fieldmap\r\nformat: WARC File Format 1.1\r\n"
    return _record("warcinfo", now, record_id, fields, (block,), previous_chain)


def _record(
    kind: str,
    at: datetime,
    record_id: str,
    fields: Mapping[str, str],
    block: Pieces,
    previous_chain: str,
    block_digest: str = "",
) -> tuple[Pieces, str]:
    lines = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{_uuid(record_id)}>",
        "WARC-Date": _written(at),
        "Fieldmap-Archive": _SINCE.get(kind, "1"),
        **fields,
        "WARC-Block-Digest": f"sha256:{block_digest or _hashed(block)}",
        "Content-Length": str(sum(map(len, block))),
    }
    for name, value in lines.items():
        if _CONTROL.search(value) or value != value.strip(" "):
            raise ValueError(f"{name} has a control character or a space at an end")
    before_chain = b"WARC/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode()
    chain = _chained(previous_chain, before_chain)
    if len(before_chain) > _MOST_HEAD // 2:
        raise ValueError("The headers of a record are too long")
    return (before_chain + b"Fieldmap-Chain: " + chain.encode() + b"\r\n\r\n", *block, b"\r\n\r\n"), chain


def _http_head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers in the encoding of HTTP, so that any octet that came is stored as it came."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in _KNOWN else ''}"]
    for name, value in headers.items():
        if _CONTROL.search(value) or value != value.strip(" "):
            raise ValueError(f"The header {name} has a control character or a space at an end")
        lines.append(f"{name}: {value}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if len(head) > _MOST_HEAD:
        raise ValueError("The headers of a response are too long")
    return head


_KNOWN: Final = frozenset(HTTPStatus)
_CLOSED: Final = b"sweep: closed\r\n"


def _uuid(digits: str) -> str:
    """32 random digits as a version 4 UUID."""
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


# ------------------------------------------------------------------------------------------------------------- reading


def parse(data: bytes, resource: str) -> Record:
    """Takes a record apart without checking its digests. Raises MalformedError."""
    end = data.find(b"\r\n\r\n", 0, _MOST_HEAD)
    if not data.startswith(b"WARC/1.1\r\n") or end < 0:
        raise MalformedError("is not in the WARC 1.1 format")
    chain_at = data.rfind(_CRLF, 0, end) + 2
    head = _lines(data[10:end])
    if head.get("fieldmap-archive") != _SINCE.get(head.get("warc-type", ""), "1"):
        raise NewerError(f"is of archive format {head.get('fieldmap-archive', '(none)')[:20]}")
    if not data.startswith(b"Fieldmap-Chain: ", chain_at):
        raise MalformedError("does not end its headers with its chain")
    block = memoryview(data)[end + 4 : -4]
    if head.get("content-length") != str(len(block)) or data[-4:] != b"\r\n\r\n":
        raise MalformedError("has another length than it says")
    if head.get("fieldmap-resource") != resource:
        raise MalformedError(f"belongs to {head.get('fieldmap-resource', '(none)')[:80]}, not to {resource}")
    kind = head.get("warc-type", "")
    if kind not in get_args(Kind):
        raise MalformedError(f"is of the unknown type {kind[:20]}")
    return Record(cast(Kind, kind), head, block, data[:chain_at])


def _lines(raw: bytes) -> dict[str, str]:
    head: dict[str, str] = {}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise MalformedError("has headers that are not UTF-8") from None
    for line in text.split("\r\n"):
        name, colon, value = line.partition(": ")
        if not colon or name.lower() in head:
            raise MalformedError("has a header line that is malformed or repeated")
        head[name.lower()] = value
    return head


def headers(record: Record) -> dict[str, str]:
    """The HTTP headers that a response or revisit record holds itself. Raises MalformedError."""
    try:
        return _http(record.block[:_MOST_HEAD])[1]
    except ValueError as error:
        raise MalformedError(f"lacks a header or has a wrong one ({error})") from None


def refers_to(record: Record) -> int | None:
    """The position of the response whose body a revisit record has, None for any other record. Raises MalformedError."""
    if record.kind != "revisit":
        return None
    place = record.head.get("fieldmap-refers-to", "")
    if not (place.isascii() and place.isdigit() and len(place) < 20):
        raise MalformedError("does not say which response it refers to")
    return int(place)


def data_record(record: Record, position: int, length: int, referred: Archived | None = None) -> Archived:
    """A response, resource or revisit record as what was received. referred: that which a revisit record refers to. Raises
    MalformedError."""
    head = record.head
    revisited = None
    try:
        status, headers, body = (None, {}, bytes(record.block)) if record.kind == "resource" else _http(record.block)
        if record.kind == "revisit":
            if referred is None or head["warc-payload-digest"] != f"sha256:{referred.digest}":
                raise MalformedError("refers to a response of another content")
            revisited = Revisited(
                position=referred.position,
                url=head["warc-refers-to-target-uri"],
                fetched_at=_instant(head["warc-refers-to-date"]),
                headers=headers,
            )
            status, headers, body = referred.status, renewed(referred.headers, headers), referred.body
        return Archived(
            resource=head["fieldmap-resource"],
            url=head["warc-target-uri"],
            fetched_at=_instant(head["warc-date"]),
            status=status,
            headers=headers,
            body=body,
            format=_format(head["fieldmap-format"]),
            request=head["fieldmap-request"],
            sweep=head["fieldmap-sweep"],
            page=int(head["fieldmap-page"]),
            framed=head["fieldmap-framed"] == "yes",
            window=head.get("fieldmap-window", ""),
            asked=head.get("fieldmap-asked", ""),
            rejected=head.get("fieldmap-rejected", ""),
            parent=head.get("fieldmap-parent", ""),
            part=head.get("fieldmap-part", ""),
            asker=head.get("fieldmap-asker", ""),
            revisited=revisited,
            digest=head["warc-payload-digest"].removeprefix("sha256:"),
            position=position,
            length=length,
        )
    except (KeyError, ValueError) as error:
        raise MalformedError(f"lacks a header or has a wrong one ({error})") from None


def closed_sweep(record: Record, position: int, length: int) -> ClosedSweep:
    """Raises MalformedError."""
    head = record.head
    try:
        return ClosedSweep(
            resource=head["fieldmap-resource"],
            sweep=head["fieldmap-sweep"],
            pages=int(head["fieldmap-pages"]),
            closed_at=_instant(head["warc-date"]),
            end=_end(head, bytes(record.block[len(_CLOSED) :])),
            position=position,
            length=length,
            part=head.get("fieldmap-part-closed", ""),
            request=head.get("fieldmap-request", ""),
        )
    except (KeyError, ValueError) as error:
        raise MalformedError(f"lacks a header or has a wrong one ({error})") from None


def frame(record: Record, position: int) -> Frame:
    """A response, resource or revisit record without its body. Raises MalformedError."""
    head = record.head
    try:
        return Frame(
            position=position,
            sweep=head["fieldmap-sweep"],
            page=int(head["fieldmap-page"]),
            request=head["fieldmap-request"],
            window=head.get("fieldmap-window", ""),
            fetched_at=_instant(head["warc-date"]),
            part=head.get("fieldmap-part", ""),
        )
    except (KeyError, ValueError) as error:
        raise MalformedError(f"lacks a header or has a wrong one ({error})") from None


def _end(head: Mapping[str, str], listing: bytes) -> SweepEnd:
    records = head.get("fieldmap-records")
    return SweepEnd(
        framed=head["fieldmap-framed"] == "yes",
        full=head.get("fieldmap-full") == "yes",
        first=int(head.get("fieldmap-first", "-1")),
        records=int(records) if records is not None else None,
        window=head.get("fieldmap-window", ""),
        through=head.get("fieldmap-through", ""),
        capped=head.get("fieldmap-capped") == "yes",
        confirmed=head.get("fieldmap-confirmed") == "yes",
        skipped=head.get("fieldmap-skipped") == "yes",
        listing=listing,
        begin=int(head.get("fieldmap-begin", "-1")),
        asks=head.get("fieldmap-asks", ""),
    )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _format(text: str) -> Format:
    if text not in _TYPES:
        raise ValueError(f"format {text[:20]}")
    return cast(Format, text)


def _http(block: memoryview) -> tuple[int, dict[str, str], bytes]:
    head, gap, _ = bytes(block[:_MOST_HEAD]).partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    parts = status_line.split(" ", 2)
    if not gap or len(parts) < 2 or parts[0] != "HTTP/1.1":
        raise ValueError("status line")
    headers = {}
    for line in lines:
        matched = _HEAD_LINE.fullmatch(line)
        if matched is None:
            raise ValueError("HTTP header")
        headers[matched[1].lower()] = matched[2]
    return int(parts[1]), headers, bytes(block[len(head) + 4 :])
