"""A connector as one resource sees it: credentials, retries, and refusals in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fieldmap.runtime.acquire.auth import credentials, named
from fieldmap.runtime.acquire.contents import FORMATS, MisfitError, page_body
from fieldmap.runtime.acquire.flow import Flow
from fieldmap.runtime.acquire.requests import Asked, Requests
from fieldmap.runtime.acquire.sending import Answer, Exchange
from fieldmap.runtime.archive.records import kept_headers
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import HttpConnector, HttpResource
from fieldmap.runtime.ports import Ports, Request, Response


@dataclass(frozen=True, slots=True)
class Good:
    """A good answer of the resource's format. body: as far as finding the next page needs it, else None."""

    answer: Answer
    body: Any


class RefusedError(SourceError):
    """The source answered, and not with what was asked for. status: of the answer."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class HttpSource:
    def __init__(
        self, connector: HttpConnector, resource: HttpResource, ports: Ports, environ: Mapping[str, str], flow: Flow
    ) -> None:
        self.requests = Requests(connector, resource, environ)
        self.title = self.requests.title
        self._resource = resource
        self._exchange = Exchange(connector.name, connector.retry, ports, flow)
        self._credentials = credentials(
            connector.auth, self.requests.auth_values, self._exchange, ports, self.requests.redaction
        )
        self._names = named(connector.auth)

    def get(self, asked: Asked, *, decode: bool) -> Good:
        """decode: whether the body is needed. Raises SourceError; RefusedError for a status that is no answer."""
        answer = self._ask(asked)
        if answer.status == 401 and self._credentials.renew():
            answer = self._ask(asked)
        if not 200 <= answer.status <= 299:
            raise RefusedError(self._refusal(answer.status, asked), answer.status)
        content_type = answer.response.header("content-type") or ""
        try:
            return Good(answer, page_body(answer.content, self._resource.format, content_type, decode=decode))
        except MisfitError as instead:
            raise SourceError(self.misfit(asked, answer.status, instead)) from None

    def misfit(self, asked: Asked, status: int, instead: MisfitError) -> str:
        wanted = FORMATS[self._resource.format]
        return (
            f"{self._where(asked)} answered {status} with {instead} instead of {wanted};"
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
        if 300 <= status <= 399 and status != 304:
            return f"{where} answered {status}, a redirect, and none is followed; put the final address into base"
        if status in (404, 410):
            return f"{where} answered {status}: there is nothing; check the connector's base and the resource's path"
        return f"{where} answered {status}; check the resource's path, query and headers"
