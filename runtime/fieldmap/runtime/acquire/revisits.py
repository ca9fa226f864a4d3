"""Asking only for what was modified: what a source said of a page when it gave it is said back to it.

Everything is taken from the archive: which pages the last closed sweep had, and what a 304 stands for. A page may be left out of a
body only where the archived response is there, whole, and the answer to the very same request.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fieldmap.runtime.acquire.askers import UNKNOWN
from fieldmap.runtime.acquire.sending import Answer, http_date
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Writer
from fieldmap.runtime.archive.records import Archived, Revisited, renewed
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.plan import HttpConnector, HttpResource, LinkHeaderPages
from fieldmap.runtime.ports import Response
from fieldmap.runtime.secrets import REDACTED

_ETAG: Final = re.compile(r'(W/)?"[\x21\x23-\x7e]{1,250}"')
_DATE: Final = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
# Headers of a plan that make a request conditional, or an answer a part.
_STATED: Final = ("if-", "range")


@dataclass(frozen=True, slots=True)
class Earlier:
    """An archived page, and how to ask whether it was modified. header: name and value. same: what a 304 stands for, by its headers;
    None where the archive does not hold it whole."""

    header: tuple[str, str]
    same: Callable[[Mapping[str, str]], Answer | None]


class Revisits:
    """Of one sweep. count: pages that were not modified."""

    def __init__(
        self, connector: HttpConnector, resource: HttpResource, writer: Writer, wanted: Wanted, who: Callable[[], str]
    ) -> None:
        """who: gives what tells who asks, see `askers`."""
        self.count = 0
        self._who = who
        self._resource = resource
        self._writer = writer
        self._wanted = wanted
        self._plain = _allowed(connector, resource)
        self._known: dict[str, tuple[int, tuple[str, str]]] | None = None if self._plain and not wanted.full else {}

    def of(self, request: str) -> Earlier | None:
        """request: the fingerprint of what is asked."""
        if self._known is None:
            self._known = self._remembered()
        found = self._known.get(request)
        if found is None:
            return None
        place, header = found
        return Earlier(header, lambda told: self._same(place, request, told))

    def asker(self, headers: Mapping[str, str]) -> str:
        """What is archived of who asked, with a page that came with these headers."""
        return self._who() if self._plain and _condition(headers) is not None else ""

    def _remembered(self) -> dict[str, tuple[int, tuple[str, str]]]:
        known: dict[str, tuple[int, tuple[str, str]]] = {}
        try:
            for page in self._writer.last_sweep():
                header = _condition(page.headers)
                if header is None and not known:
                    # What says nothing of its first page says nothing of the others; they need not be read.
                    return {}
                if page.asker != self._who() or page.asker == UNKNOWN:
                    # A source may give two accounts the same tag for what each of them may see.
                    header = None
                # A body that may have been cut is asked for again.
                if header is not None and page.framed and page.format == self._resource.format:
                    known[page.request] = page.position, header
        except ArchiveError:
            self._wanted.note(
                "asks for every page in full: those of the last sweep cannot be read; see: fieldmap archive verify"
            )
            return {}
        return known

    def _same(self, place: int, request: str, told: Mapping[str, str]) -> Answer | None:
        try:
            page = self._writer.read(place)
            content = page.content()
        except ArchiveError:
            page, content = None, b""
        if page is None or page.request != request or hashlib.sha256(page.body).hexdigest() != page.digest:
            self._wanted.note(
                "asks for a page in full that was not modified: the archived one cannot be read; see: fieldmap archive verify"
            )
            return None
        self.count += 1
        response = Response(
            status=page.status or 200,
            headers=tuple(renewed(page.headers, told).items()),
            body=page.body,
            framed=True,
        )
        return Answer(response, content, _first(page, told))


def _first(page: Archived, told: Mapping[str, str]) -> Revisited:
    """The response that has the body itself."""
    before = page.revisited
    if before is not None:
        return Revisited(position=before.position, url=before.url, fetched_at=before.fetched_at, headers=told)
    return Revisited(position=page.position, url=page.url, fetched_at=page.fetched_at, headers=told)


def _allowed(connector: HttpConnector, resource: HttpResource) -> bool:
    """Whether the same request means the same question, and the archived page tells all that the next one is found by."""
    stated = any(name.lower().startswith(_STATED) for name, _ in (*connector.headers, *resource.headers))
    plain = resource.method == "GET" and resource.body is None and resource.export is None
    whole = resource.delta is None and resource.parent is None
    # Where a Link header leads is not archived, and a 304 need not repeat it.
    return plain and whole and not stated and not isinstance(resource.pages, LinkHeaderPages)


def _condition(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The header that asks whether what came with these was modified, None if they do not say enough."""
    etag = headers.get("etag", "")
    if _ETAG.fullmatch(etag) and REDACTED not in etag:
        return "If-None-Match", etag
    modified, date = headers.get("last-modified", ""), http_date(headers.get("date"))
    since = http_date(modified) if _DATE.fullmatch(modified) else None
    # What was modified in the second in which it was sent may have been modified again in the same one.
    if since is None or date is None or date - since < timedelta(seconds=2):
        return None
    return "If-Modified-Since", modified
