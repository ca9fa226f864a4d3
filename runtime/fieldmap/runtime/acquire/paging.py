"""From page to page of an HTTP resource, each durable before the next is asked for, with guards against going round in circles."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from fieldmap.runtime.acquire.auth import credentials, named
from fieldmap.runtime.acquire.contents import FORMATS, MisfitError, page_body
from fieldmap.runtime.acquire.requests import Asked, Requests
from fieldmap.runtime.acquire.sending import Answer, Exchange
from fieldmap.runtime.acquire.sweeps import new_sweep
from fieldmap.runtime.archive import Archived, Received, Writer
from fieldmap.runtime.archive.records import kept_headers
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import CursorPages, HttpConnector, HttpResource, NextLinkPages, NoPages
from fieldmap.runtime.ports import Ports, Request, Response

MOST_PAGES: Final = 10_000


def fetch_pages(
    connector: HttpConnector,
    resource: HttpResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    most_pages: int = MOST_PAGES,
) -> Iterator[Archived]:
    """The pages of one sweep, each given when it is durable. Settings are checked at once: UsageError."""
    source = _Source(connector, resource, ports, environ)
    return _sweep(source, resource, writer, ports, _Guards(source.title, resource.name, most_pages))


def _sweep(
    source: _Source, resource: HttpResource, writer: Writer, ports: Ports, guards: _Guards
) -> Iterator[Archived]:
    sweep = new_sweep(ports)
    asked: Asked | None = source.requests.first()
    page = 0
    framed = True
    while asked is not None:
        guards.before(asked)
        answer, body = source.get(asked)
        digest = guards.received(answer)
        page += 1
        framed &= answer.response.framed
        yield writer.append(
            Received(
                resource=resource.name,
                url=asked.shown,
                fetched_at=ports.clock.now(),
                status=answer.status,
                headers=source.kept(answer.response),
                body=answer.response.body,
                format=resource.format,
                request=guards.fingerprint(asked),
                sweep=sweep,
                page=page,
                framed=answer.response.framed,
                unpacked=answer.content,
                digest=digest,
            )
        )
        try:
            following = _next(source.requests, resource, asked, body)
        except MisfitError as instead:
            raise SourceError(source.misfit(asked, answer, instead)) from None
        asked = following
    writer.close_sweep(sweep, page, framed=framed)


def _next(requests: Requests, resource: HttpResource, asked: Asked, body: Any) -> Asked | None:
    match resource.pages:
        case NoPages():
            return None
        case CursorPages(next=find, sent_as=sent_as):
            cursor = find(body)
            # Sources that write an empty text for "no more" are many; one that means a page by it is not known.
            return None if cursor is None or cursor == "" else requests.after_cursor(cursor, sent_as)
        case NextLinkPages(next=find):
            link = find(body)
            return None if link is None or link == "" else requests.after_link(asked, link)


class _Guards:
    """What must not happen twice in a sweep. Each raises SourceError before anything more is asked or archived."""

    def __init__(self, title: str, resource: str, most_pages: int) -> None:
        self._title = title
        self._resource = resource
        self._most_pages = most_pages
        self._asked: set[str] = set()
        self._bodies: set[str] = set()

    @staticmethod
    def fingerprint(asked: Asked) -> str:
        return hashlib.sha256(f"GET {asked.identity}".encode()).hexdigest()

    def before(self, asked: Asked) -> None:
        if len(self._asked) >= self._most_pages:
            raise self._stopped(f"there are more than {self._most_pages:,} pages")
        fingerprint = self.fingerprint(asked)
        if fingerprint in self._asked:
            raise self._stopped("the source named a page as the next that was fetched before")
        self._asked.add(fingerprint)

    def received(self, answer: Answer) -> str:
        """The digest of the body as on the wire."""
        digest = hashlib.sha256(answer.response.body).hexdigest()
        # A packed body may differ from time to time, by the time written into it.
        packed = answer.content is not answer.response.body
        content = hashlib.sha256(answer.content).hexdigest() if packed else digest
        if content in self._bodies:
            raise self._stopped("the source gave the same page again for another cursor")
        self._bodies.add(content)
        return digest

    def _stopped(self, reason: str) -> SourceError:
        return SourceError(
            f"{self._title} was stopped after {len(self._bodies):,} pages of {self._resource}: {reason};"
            " check the resource's pages setting"
        )


class _Source:
    """A connector as one resource sees it: credentials, retries, and refusals in words."""

    def __init__(
        self, connector: HttpConnector, resource: HttpResource, ports: Ports, environ: Mapping[str, str]
    ) -> None:
        self.requests = Requests(connector, resource, environ)
        self.title = self.requests.title
        self._resource = resource
        self._exchange = Exchange(connector.name, connector.retry, ports)
        self._credentials = credentials(
            connector.auth, self.requests.auth_values, self._exchange, ports, self.requests.redaction
        )
        self._names = named(connector.auth)

    def get(self, asked: Asked) -> tuple[Answer, Any]:
        """A good answer of the resource's format, and its body as far as finding the next page needs it. Raises SourceError."""
        answer = self._ask(asked)
        if answer.status == 401 and self._credentials.renew():
            answer = self._ask(asked)
        if not 200 <= answer.status <= 299:
            raise SourceError(self._refusal(answer.status, asked))
        format = self._resource.format
        content_type = answer.response.header("content-type") or ""
        try:
            paged = not isinstance(self._resource.pages, NoPages)
            return answer, page_body(answer.content, format, content_type, decode=paged)
        except MisfitError as instead:
            raise SourceError(self.misfit(asked, answer, instead)) from None

    def misfit(self, asked: Asked, answer: Answer, instead: MisfitError) -> str:
        wanted = FORMATS[self._resource.format]
        return (
            f"{self._where(asked)} answered {answer.status} with {instead} instead of {wanted};"
            " check the connector's base and the resource's path, and whether the source is in order"
        )

    def kept(self, response: Response) -> dict[str, str]:
        """The headers that may be archived, without any secret that the source may have repeated in them."""
        return {name: self.requests.redaction.text(value) for name, value in kept_headers(response.headers).items()}

    def _ask(self, asked: Asked) -> Answer:
        plain = Request(method="GET", url=asked.url, headers=self.requests.headers, tls=self.requests.tls)
        signed = replace(plain, headers=(*plain.headers, *self._credentials.headers(plain)))
        return self._exchange.answered(signed, self._where(asked))

    def _where(self, asked: Asked) -> str:
        return f"{self._resource.name} at {asked.shown}"

    def _refusal(self, status: int, asked: Asked) -> str:
        where = self._where(asked)
        if status in (401, 403):
            if not self._names:
                return f"{where} asks for credentials (it answered {status}); give the connector an auth"
            return f"{where} refused the credentials (it answered {status}); check {self._names} and run again"
        if 300 <= status <= 399:
            return f"{where} answered {status}, a redirect, and none is followed; put the final address into base"
        if status in (404, 410):
            return f"{where} answered {status}: there is nothing; check the connector's base and the resource's path"
        return f"{where} answered {status}; check the resource's path, query and headers"
