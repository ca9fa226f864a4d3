"""Which page comes next: for each kind of paging what is asked first, what after a page, and when it ends.

Whether there is more is decided on the raw records of a page, before a filter of `records` or a map took any away.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urljoin

from fieldmap.runtime.acquire.holes import Known
from fieldmap.runtime.acquire.requests import Asked, Requests
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import (
    CursorPages,
    HttpResource,
    KeysetPages,
    LinkHeaderPages,
    NextLinkPages,
    NoPages,
    NumberPages,
    OffsetPages,
)

# One value of a Link header: its address, then its parameters, in which commas stand only between quotes.
_LINK: Final = re.compile(r'\s*<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~-]+\s*=?\s*(?:"[^"\\]*"|[^\s",;]*))*)\s*(?:,|$)')
_PARAMETER: Final = re.compile(r';\s*([\w!#$&+.^`|~-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s",;]*)))?')
_ROUND: Final = re.compile(r"[1-9]0{3,}|[1-9]50{3,}")
_LONGEST_HEADER: Final = 64 << 10


class Following:
    """The pages of one sweep. records: raw ones seen so far, None where nobody counts them. pages: seen so far."""

    def __init__(self, requests: Requests, resource: HttpResource, known: Known) -> None:
        """known: what the sweep knows from the beginning, such as its bounds as they are sent, by name."""
        self._requests = requests
        self._resource = resource
        self._pages = resource.pages
        self._known = known
        self.pages = 0
        self.records: int | None = 0 if self._pages.ends.rows is not None else None
        self.total: int | None = None
        self._asked = self._first()

    @property
    def asked(self) -> Asked:
        """The page to ask for now."""
        return self._asked

    @property
    def is_round(self) -> bool:
        """Whether there are so roundly many records that the source may have cut them there: 5,000, 10,000, 200,000; and no total
        says otherwise."""
        return self.total is None and self.records is not None and _ROUND.fullmatch(str(self.records)) is not None

    @property
    def forgets(self) -> bool:
        """Whether the archive cannot tell what came after a page."""
        return isinstance(self._pages, LinkHeaderPages)

    def leads_to(self, link: str | None) -> str | None:
        """The address that a page's Link header names, whole; "" if it names none, None if it is not to be kept, for what it holds."""
        target = next_link(link)
        if target is None:
            return ""
        try:
            whole = urljoin(self._asked.url.reveal(), target)
        except ValueError:
            return None
        return whole if self._requests.redaction.text(whole) == whole else None

    def passes(self, body: Any, rows: list[Any] | None) -> None:
        """Takes note of an archived page behind which another one is archived."""
        self.pages += 1
        if rows is not None and self.records is not None:
            self.records += len(rows)
        self._note_total(body)

    @property
    def needs_body(self) -> bool:
        ends = self._pages.ends
        finds = (ends.rows, ends.total, ends.more)
        return not isinstance(self._pages, NoPages | LinkHeaderPages) or any(find is not None for find in finds)

    def rows(self, body: Any) -> list[Any] | None:
        """The raw records of a page; None if nobody asks. Raises SourceError if they are not where they should be."""
        find = self._pages.ends.rows
        if find is None:
            return None
        found = find(body)
        if found is False and self._says_none(body):
            return []
        if not isinstance(found, list):
            raise SourceError(
                f"{self._requests.title} answered without a list where the records of {self._resource.name} should be;"
                " check its records line, or whether this is another kind of answer"
            )
        for path in self._pages.ends.within:
            if any(_leads_on(record, path) for record in found):
                raise SourceError(
                    f"{self._requests.title} gave a record of {self._resource.name} only a part of its"
                    f" {_list_named(path)}; ask for fewer records at a time, or read that list as a resource of its own"
                )
        return found

    def after(self, body: Any, rows: list[Any] | None, link: str | None) -> Asked | None:
        """The page after the one asked for, None if that was the last. link: the page's Link header. Raises SourceError."""
        self.passes(body, rows)
        following = self._next(body, rows, link)
        if following is not None:
            self._asked = following
        elif self.total is not None and self.records is not None and self.records < self.total:
            raise SourceError(
                f"{self._requests.title} ended {self._resource.name} after {self.records:,} of {self.total:,} records;"
                " it may cap what one query gives: ask for less at a time, or in windows of time"
            )
        return following

    # ------------------------------------------------------------------------------------------------- parts

    def _first(self) -> Asked:
        match self._pages:
            case OffsetPages(sent_as=sent_as, first=first):
                return self._with("offset", sent_as, first)
            case NumberPages(sent_as=sent_as, first=first):
                return self._with("page", sent_as, first)
            case _:
                return self._requests.first(self._known)

    def _with(self, name: str, sent_as: str | None, place: int) -> Asked:
        """name: of the hole in which the place stands, where it is not `sent_as` a parameter."""
        if sent_as is None:
            return self._requests.first({**self._known, name: place})
        return self._requests.first(self._known, [(sent_as, str(place))])

    def _next(self, body: Any, rows: list[Any] | None, link: str | None) -> Asked | None:
        match self._pages:
            case NoPages():
                return None
            case CursorPages(next=find, sent_as=sent_as):
                cursor = find(body)
                # Sources that write an empty text for "no more" are many; one that means a page by it is not known.
                ends = cursor is None or cursor == "" or self._said_last(body)
                return None if ends else self._requests.after_cursor(cursor, "cursor", sent_as, self._known)
            case NextLinkPages(next=find):
                target = find(body)
                return None if target is None or target == "" else self._requests.after_link(self._asked, target)
            case LinkHeaderPages():
                target = next_link(link)
                return None if target is None else self._requests.after_link(self._asked, target)
            case OffsetPages(sent_as=sent_as, first=first):
                return None if self._ended(body, rows) else self._with("offset", sent_as, first + (self.records or 0))
            case NumberPages(sent_as=sent_as, first=first):
                return None if self._ended(body, rows) else self._with("page", sent_as, first + self.pages)
            case KeysetPages(key=find, sent_as=sent_as):
                if not rows or self._ended(body, rows):
                    return None
                return self._requests.after_cursor(find(rows[-1]), "after", sent_as, self._known)

    def _ended(self, body: Any, rows: list[Any] | None) -> bool:
        """A page that is shorter than asked for is no end: the source may cap the size, or filter behind it."""
        self._note_total(body)
        if self._pages.ends.more is not None:
            return self._said_last(body)
        if not rows:
            return True
        return self.total is not None and self.records is not None and self.records >= self.total

    def _said_last(self, body: Any) -> bool:
        more = self._pages.ends.more
        if more is None:
            return False
        found = more(body)
        if not isinstance(found, bool):
            raise SourceError(
                f"{self._requests.title} answered without true or false where it should say whether there are more"
                f" pages of {self._resource.name}; check its pages setting"
            )
        return not found

    def _says_none(self, body: Any) -> bool:
        """Whether the source says that there is no record at all: then some leave the list out (SCIM: RFC 7644, 3.4.2)."""
        self._note_total(body)
        return self.total == 0

    def _note_total(self, body: Any) -> None:
        find = self._pages.ends.total
        found = find(body) if find is not None else None
        # OData V2 and others write it as a text.
        text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
        if text.isascii() and text.isdigit() and len(text) <= 18:
            # A source that counts anew with each page also counts what came while it was read, and is no part of this sweep.
            self.total = int(text) if self.total is None else min(self.total, int(text))


def _leads_on(value: Any, path: tuple[str, ...]) -> bool:
    """Whether something stands at a place within a record, in any element of the lists on the way."""
    values = [value]
    for name in path:
        below = [found[name] for found in values if isinstance(found, dict) and found.get(name) is not None]
        values = [one for found in below for one in (found if isinstance(found, list) else (found,))]
    return bool(values)


def _list_named(path: tuple[str, ...]) -> str:
    names = [name.partition("@")[0] for name in path if name not in ("results", "__next")]
    return ".".join(names)


def next_link(header: str | None) -> str | None:
    """The address that a Link header (RFC 8288) gives with rel="next", None if it gives none."""
    text = (header or "")[:_LONGEST_HEADER]
    at = 0
    while found := _LINK.match(text, at):
        if found.end() == at:
            break
        rels = [one[2] or one[3] or "" for one in _PARAMETER.finditer(found[2]) if one[1].lower() == "rel"]
        # Of several only the first counts.
        if rels and "next" in rels[0].lower().split():
            return found[1]
        at = found.end()
    return None
