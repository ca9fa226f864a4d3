"""A connector as one resource sees it: credentials, retries, and refusals in words."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from fieldmap.runtime.acquire.askers import asker
from fieldmap.runtime.acquire.auth import credentials, named
from fieldmap.runtime.acquire.contents import FORMATS, MisfitError, page_body
from fieldmap.runtime.acquire.flow import Flow
from fieldmap.runtime.acquire.judging import Judge
from fieldmap.runtime.acquire.requests import Asked, Requests
from fieldmap.runtime.acquire.revisits import Earlier
from fieldmap.runtime.acquire.sending import Answer, Exchange
from fieldmap.runtime.acquire.sweeps import Part
from fieldmap.runtime.archive.records import kept_headers
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import AnswerRule, HttpConnector, HttpResource
from fieldmap.runtime.ports import Ports, Request, Response, nothing


@dataclass(frozen=True, slots=True)
class Good:
    """A good answer of the resource's format. body: as far as finding the next page needs it, else None. passed: the rule by which
    nothing is read of it. began: when the source began with it, by its own clock, where that is known better than by its Date."""

    answer: Answer
    body: Any
    passed: AnswerRule | None = None
    began: datetime | None = None


# Called with a good answer and what looks at its body; gives what that gives, and raises what it raises.
Beside = Callable[[Answer, Callable[[], Any]], Any]


def alone(_: Answer, look: Callable[[], Any]) -> Any:
    """Where there is nothing to do beside looking."""
    return look()


class RejectedError(SourceError):
    """The source answered, and nothing of it is mapped. answer: as it came."""

    def __init__(self, text: str, answer: Answer) -> None:
        super().__init__(text)
        self.answer = answer


class RefusedError(RejectedError):
    """The status is no answer to what was asked."""

    @property
    def status(self) -> int:
        return self.answer.status


# What only a condition brings about: that the page was not modified, or that the source cannot take one.
_OF_A_CONDITION: Final = (304, 412)


def _conditioned(judge: Callable[[Answer], bool | None] | None) -> Callable[[Answer], bool | None]:
    """The rules of a resource are about pages: that one was not modified is none, and not repeated by them."""

    def repeats(answer: Answer) -> bool | None:
        if answer.status in _OF_A_CONDITION:
            return False
        return judge(answer) if judge is not None else None

    return repeats


class HttpSource:
    def __init__(
        self, connector: HttpConnector, resource: HttpResource, ports: Ports, environ: Mapping[str, str], flow: Flow
    ) -> None:
        self.requests = Requests(connector, resource, environ)
        self.title = self.requests.title
        flow.reaches(self.requests.base)
        self.connector = connector
        self._resource = resource
        self._exchange = Exchange(
            connector.name, connector.retry, ports, flow, functools.partial(ports.waits, resource.name)
        )
        self._credentials = credentials(
            connector.auth, self.requests.auth_values, self._exchange, ports, self.requests.redaction, flow.held
        )
        self._names = named(connector.auth)
        self._surroundings = ports
        self._judge = Judge(resource)
        # Tells what is asked for one part of the resource from the same asked for another.
        self._apart = ""

    def of(self, part: Part) -> HttpSource:
        """The source as it is asked for one part of the resource."""
        return self

    def get(
        self,
        asked: Asked,
        *,
        decode: bool,
        sweep: str = "",
        window: str = "",
        earlier: Earlier | None = None,
        beside: Beside = alone,
        meanwhile: Callable[[], None] = nothing,
    ) -> Good:
        """decode: whether the body is needed. sweep, window: which the request belongs to. earlier: the page of before, where it is
        enough to hear that it was not modified. beside: looks at the answer. meanwhile: as of `Exchange.answered`. Raises SourceError;
        RejectedError with the answer that is none."""
        answer = self.answered(asked, sweep, earlier=earlier, meanwhile=meanwhile)
        if isinstance(answer, Good):
            return answer
        content_type = answer.response.header("content-type") or ""
        try:
            return Good(answer, beside(answer, lambda: self._body(answer.content, content_type, decode)))
        except MisfitError as instead:
            raise RejectedError(self.misfit(asked, answer.status, instead), answer) from None

    @functools.cached_property
    def asker(self) -> str:
        """Tells who asks; see `askers`."""
        return asker(self.requests, self._surroundings)

    @property
    def pending(self) -> str | None:
        """What an earlier run has under way at the source: its window; None if it has nothing."""
        return None

    def settled(self) -> None:
        """The page is durable."""

    def answered(
        self,
        asked: Asked,
        sweep: str,
        *,
        accept: str = "",
        ruled: bool = True,
        earlier: Earlier | None = None,
        meanwhile: Callable[[], None] = nothing,
    ) -> Answer | Good:
        """A good answer, or one that a rule passes over. accept: what is wanted instead of the resource's format. ruled: whether the
        rules of the resource are about it. Raises as `get`."""
        answer = self._ask(asked, sweep, accept, ruled, earlier, meanwhile)
        if answer.status == 401 and not asked.bare and self._credentials.renew():
            answer = self._ask(asked, sweep, accept, ruled, earlier)
        if earlier is not None and answer.status in _OF_A_CONDITION:
            same = earlier.same(self.kept(answer.response)) if answer.status == 304 else None
            if same is None:
                return self.answered(asked, sweep, accept=accept, ruled=ruled)
            answer = same
        rule = self._judge.rule(answer) if self._resource.rules and ruled else None
        if rule is not None and rule.action in ("skip", "empty"):
            return Good(answer, None, rule)
        if rule is not None:
            said = f": {rule.message}" if rule.message else ", which the map takes for a failure"
            raise RejectedError(f"{self.where(asked)} answered {answer.status}{said}", answer)
        if not 200 <= answer.status <= 299:
            raise RefusedError(self._refusal(answer.status, asked), answer)
        return answer

    def _body(self, content: bytes, content_type: str, decode: bool) -> Any:
        resource = self._resource
        return page_body(content, resource.format, content_type, decode=decode, packed=resource.packed)

    def misfit(self, asked: Asked, status: int, instead: MisfitError) -> str:
        packed = self._resource.packed
        wanted = f"a {packed} file of " * bool(packed) + FORMATS[self._resource.format]
        return (
            f"{self.where(asked)} answered {status} with {instead} instead of {wanted};"
            " check the connector's base and the resource's path, and whether the source is in order"
        )

    def kept(self, response: Response) -> dict[str, str]:
        """The headers that may be archived, without any secret that the source may have repeated in them."""
        return {name: self.requests.redaction.text(value) for name, value in kept_headers(response.headers).items()}

    def harmless(self, content: bytes) -> bytes:
        """A rejected body without any secret that the source may have repeated in it."""
        return self.requests.redaction.text(content.decode("latin-1")).encode("latin-1")

    def _ask(
        self,
        asked: Asked,
        sweep: str,
        accept: str,
        ruled: bool,
        earlier: Earlier | None,
        meanwhile: Callable[[], None] = nothing,
    ) -> Answer:
        resource = self._resource
        headers = self.requests.own_headers if asked.bare else self.requests.headers
        if accept:
            headers = tuple((name, accept if name == "Accept" else value) for name, value in headers)
        posts = asked.method == "POST"
        if resource.idempotency is not None and posts:
            # The same with each attempt, and with the attempts of a run that goes on with the sweep.
            key = hashlib.sha256(f"{sweep} {self._apart}{asked.identity}".encode()).hexdigest()
            headers = (*headers, (resource.idempotency, key[:32]))
        if not posts:
            headers = tuple(item for item in headers if item[0] != "Content-Type")
        if earlier is not None:
            headers = (*headers, earlier.header)
        tls = None if asked.bare else self.requests.tls
        plain = Request(method=asked.method, url=asked.url, headers=headers, body=asked.body, tls=tls)
        proofs = () if asked.bare else self._credentials.headers(plain, meanwhile)
        signed = replace(plain, headers=(*plain.headers, *proofs))
        safe = not resource.once or resource.idempotency is not None or not posts
        judge: Callable[[Answer], bool | None] | None = None
        if resource.rules and ruled:
            judge = self._judge.repeats
        if earlier is not None:
            judge = _conditioned(judge)
        return self._exchange.answered(signed, self.where(asked), safe=safe, judge=judge, meanwhile=meanwhile)

    def where(self, asked: Asked) -> str:
        return f"{self._resource.name} at {asked.shown}"

    def _refusal(self, status: int, asked: Asked) -> str:
        where = self.where(asked)
        if status in (400, 401, 403) and asked.bare:
            return f"{where} answered {status}: the link to the file does not hold, or no more; run again to ask for another"
        if status in (401, 403):
            if not self._names:
                return f"{where} asks for credentials (it answered {status}); give the connector an auth"
            return f"{where} refused the credentials (it answered {status}); check {self._names} and run again"
        if 300 <= status <= 399 and asked.bare:
            return (
                f"{where} answered {status}, a redirect, and none is followed; see what the source says about its files"
            )
        if 300 <= status <= 399 and status != 304:
            return f"{where} answered {status}, a redirect, and none is followed; put the final address into base"
        if status in (404, 410):
            return f"{where} answered {status}: there is nothing; check the connector's base and the resource's path"
        if status == 400 and self._resource.asks:
            connector = self._resource.name.partition(".")[0]
            return (
                f"{where} answered 400; whether the service lacks what the maps read is told by:"
                f" fieldmap metadata {connector} --check"
            )
        return f"{where} answered {status}; check the resource's path, query and headers"
