"""Samples of a source: a file, a recording of a browser, or what the archive has. They are gone through page by page, so that only
evidence is kept; of very many only the first are read, and the result says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fieldmap.runtime.plan import DELETES, Format
from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import PLAIN, Reading

MOST_RECORDS = 20_000
MOST_BYTES = 128 << 20
# Bodies by which the way to the records and the paging are judged.
FIRST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """content: decoded of its coding. address: where it came from, "" for a file. group: the sweep or file that it is part of."""

    content: bytes = field(repr=False)
    address: str = ""
    group: str = ""


@dataclass(slots=True)
class Samples:
    """pages: gives them anew each time. unread: bodies that could not be read, by the reason of the first; stopped: at a limit."""

    format: Format
    pages: Callable[[], Iterator[Page]]
    reading: Reading = PLAIN
    addresses: list[str] = field(default_factory=list)
    unread: int = 0
    reason: str = ""
    stopped: bool = False
    read: int = 0

    def bodies(self) -> Iterator[tuple[str, Any]]:
        """Each body with its group, up to the limit of bytes."""
        self.unread, self.reason, self.read, self.stopped = 0, "", 0, False
        size = 0
        for page in self.pages():
            size += len(page.content)
            if size > MOST_BYTES and self.read:
                self.stopped = True
                return
            self.read += 1
            if page.address and page.address not in self.addresses and len(self.addresses) < 1000:
                self.addresses.append(page.address)
            for _, body in bodies(page.content, self.format, self.reading):
                if isinstance(body, Failed):
                    self.unread += 1
                    self.reason = self.reason or body.reason
                else:
                    yield page.group, body


_DELIMITERS = (",", ";", "\t", "|")


def csv_reading(head: bytes) -> Reading:
    """How a CSV file is read, by its beginning: what separates its cells, and its encoding."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding, text = "utf-16", head[: len(head) // 2 * 2].decode("utf-16", "replace")
    else:
        try:
            encoding, text = "utf-8", head.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            cut = fault.start > len(head) - 4
            encoding, text = ("utf-8" if cut else "windows-1252"), head.decode("utf-8" if cut else "cp1252", "replace")
    line = re.sub(r'"[^"]*"', "", text.lstrip("\ufeff").split("\n", 1)[0])
    delimiter = max(_DELIMITERS, key=lambda one: (line.count(one), -_DELIMITERS.index(one)))
    return Reading(delimiter=delimiter if line.count(delimiter) else ",", encoding=encoding)


def of_file(path: Path, format: Format) -> Samples:
    """A file of samples."""
    from fieldmap.runtime.acquire.files import bodies_of

    reading = PLAIN
    if format == "csv":
        with path.open("rb") as file:
            reading = csv_reading(file.read(1 << 16))
    if format == "xml":
        reading = Reading(schema='"any"')

    def pages() -> Iterator[Page]:
        for body in bodies_of(path, format):
            yield Page(content=body, group=path.name)

    return Samples(format, pages, reading)


def of_archive(archive: Any, resource: str) -> Samples | None:
    """What the archive has of a resource; None if it has nothing."""
    first = next((page for page in archive.read(resource, None) if page.part != DELETES), None)
    if first is None:
        return None
    reading = (
        Reading(schema='"any"')
        if first.format == "xml"
        else csv_reading(first.content()[: 1 << 16])
        if first.format == "csv"
        else PLAIN
    )

    def pages() -> Iterator[Page]:
        for page in archive.read(resource, None):
            if page.format == first.format and page.part != DELETES:
                address = page.url if urlsplit(page.url).scheme in ("http", "https") else ""
                yield Page(content=page.content(), address=address, group=page.sweep)

    return Samples(first.format, pages, reading)


def of_recording(path: Path) -> tuple[dict[str, Samples], dict[str, int]]:
    """The responses of a HAR recording by the path of their address, and how many others were passed over, by the reason."""
    from fieldmap.runtime.acquire.har import recorded
    from fieldmap.runtime.acquire.sweeps import new_sweep
    from fieldmap.runtime.ports import Ports

    ports = Ports.real()
    received, skipped = recorded(path, "recorded.responses", new_sweep(ports), ports)
    by_path: dict[str, list[Page]] = {}
    for item in received:
        place = urlsplit(item.url)
        page = Page(content=item.content(), address=item.url, group="recording")
        by_path.setdefault(f"{place.scheme}://{place.netloc}{place.path}", []).append(page)
    return {address: _of_pages(pages) for address, pages in by_path.items()}, skipped


def _of_pages(pages: list[Page]) -> Samples:
    return Samples("json", lambda: iter(pages), addresses=list(dict.fromkeys(page.address for page in pages)))
