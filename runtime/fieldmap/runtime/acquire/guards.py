"""What must not happen twice in a sweep, and what must not go on for ever. Each raises SourceError before anything more is asked."""

from __future__ import annotations

import hashlib
from typing import Final

from fieldmap.runtime.acquire.requests import Asked
from fieldmap.runtime.acquire.sending import Answer
from fieldmap.runtime.acquire.sweeps import MOST_PAGES
from fieldmap.runtime.errors import SourceError

# Pages without a record, one behind the other. Some sources filter after they have cut their pages; none does so for ever.
MOST_EMPTY: Final = 20


class Guards:
    """One for a sweep. most_pages, most_empty: how many are too many."""

    def __init__(self, title: str, resource: str, most_pages: int = MOST_PAGES, most_empty: int = MOST_EMPTY) -> None:
        self._title = title
        self._resource = resource
        self._most_pages = most_pages
        self._most_empty = most_empty
        self._asked: set[str] = set()
        self._bodies: set[str] = set()
        self._empty = 0

    @staticmethod
    def fingerprint(asked: Asked) -> str:
        return hashlib.sha256(asked.identity.encode()).hexdigest()

    def known(self, fingerprint: str, content: bytes) -> None:
        """A page that an interrupted run of the same sweep has archived."""
        self._asked.add(fingerprint)
        self._bodies.add(hashlib.sha256(content).hexdigest())

    def before(self, asked: Asked) -> None:
        if len(self._asked) >= self._most_pages:
            raise self._stopped(f"there are more than {self._most_pages:,} pages")
        fingerprint = self.fingerprint(asked)
        if fingerprint in self._asked:
            raise self._stopped("the source named a page as the next that was fetched before")
        self._asked.add(fingerprint)

    def received(self, answer: Answer, rows: int | None, digest: str) -> None:
        """digest: SHA-256 of the body as on the wire. rows: how many records are in it, None if nobody knows."""
        # A packed body may differ from time to time, by the time written into it.
        packed = answer.content is not answer.response.body
        content = hashlib.sha256(answer.content).hexdigest() if packed else digest
        # Several pages without a record may well be equal to the byte.
        if content in self._bodies and rows != 0:
            raise self._stopped("the source gave the same page again for another cursor")
        self._bodies.add(content)
        self._empty = self._empty + 1 if rows == 0 else 0
        if self._empty > self._most_empty:
            raise self._stopped(f"{self._empty} pages behind each other hold no record, and each names a next one")

    def _stopped(self, reason: str) -> SourceError:
        pages = "one page" if len(self._bodies) == 1 else f"{len(self._bodies):,} pages"
        return SourceError(
            f"{self._title} was stopped after {pages} of {self._resource}: {reason}; check the resource's pages setting"
        )
