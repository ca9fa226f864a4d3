"""Jobs that a source works on: submitted once, asked after until they are done, and their file fetched.

What tells the job is kept beside the archive before anything is asked about it, with the window that it was submitted for. A run that
was cut off goes on with it as long as it lives, and submits no second one. Of a resource that is asked for each record of another there
is a job for each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fieldmap.runtime.acquire.contents import MisfitError, page_body
from fieldmap.runtime.acquire.elsewhere import without_proof
from fieldmap.runtime.acquire.flow import Flow
from fieldmap.runtime.acquire.guards import Guards
from fieldmap.runtime.acquire.holes import Known
from fieldmap.runtime.acquire.jobs import Job, Jobs
from fieldmap.runtime.acquire.requests import Asked
from fieldmap.runtime.acquire.revisits import Earlier
from fieldmap.runtime.acquire.sending import Answer, http_date
from fieldmap.runtime.acquire.source import Beside, Good, HttpSource, RefusedError, RejectedError, alone
from fieldmap.runtime.acquire.sweeps import Part
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import Export, HttpConnector, HttpResource
from fieldmap.runtime.ports import Ports, nothing
from fieldmap.runtime.values.decode import json_body
from fieldmap.runtime.values.outcome import Failed


class _DeadLinkError(RefusedError):
    """Storage does not take the link to the file."""


class ExportSource(HttpSource):
    """A resource whose one page is the file of a job."""

    def __init__(
        self, connector: HttpConnector, resource: HttpResource, ports: Ports, environ: Mapping[str, str], flow: Flow
    ) -> None:
        super().__init__(connector, resource, ports, environ, flow)
        assert resource.export is not None  # noqa: S101  (that is what makes it one)
        self._export: Export = resource.export
        self._ports = ports
        self._jobs = Jobs(resource.name, self._export.life_ms, ports)
        self._known: Known = {}
        self._kept = self._jobs.of("")

    def of(self, part: Part) -> ExportSource:
        made = copy.copy(self)
        made._apart, made._known, made._kept = part.name, part.known, self._jobs.of(part.name)
        return made

    @property
    def pending(self) -> str | None:
        """The window that a job which lives was submitted for, "" if it had none; None if there is no such job."""
        return self._kept.window if self._kept.sweep and self._jobs.left(self._kept) > 0 else None

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
        """The file. asked: the submission."""
        # What is asked for first may be how far a job is that takes hours.
        meanwhile()
        request = Guards.fingerprint(asked)
        if self._kept.request != request or self._jobs.left(self._kept) <= 0:
            self._keep(Job(request=request, window=window, sweep=sweep, at=self._now()))
        fresh = not self._kept.job
        if fresh:
            submitted = self._submitted(asked)
            if isinstance(submitted, Good):
                return submitted
        try:
            last = self._polled()
            return self._downloaded(last, decode, beside)
        except RefusedError as refused:
            if refused.status not in (404, 410) and (fresh or not isinstance(refused, _DeadLinkError)):
                raise
            self.settled()
            if fresh:
                raise
            # The source has forgotten a job of an earlier run, or gives the same link for as long as the job lives.
            return self.get(asked, decode=decode, sweep=sweep, window=window, beside=beside)

    def settled(self) -> None:
        """Forgets the job: its file is durable, or it will never have one."""
        self._kept = Job()
        self._jobs.keep(self._apart, None)

    # ------------------------------------------------------------------------------------------------- parts

    def _submitted(self, asked: Asked) -> Good | None:
        """Submits the job, and keeps what tells it. A Good where a rule passes the answer over."""
        started = self._ports.clock.monotonic()
        answer = self.answered(asked, self._kept.sweep, accept="application/json")
        date, elapsed = None, self._ports.clock.monotonic() - started
        if isinstance(answer, Answer):
            date = http_date(answer.response.header("date"))
        if isinstance(answer, Good):
            self.settled()
            return answer
        job = self._export.job(self._json(answer, asked))
        if isinstance(job, bool) or not isinstance(job, str | int | Decimal) or str(job) in ("", ".", ".."):
            raise RejectedError(
                f"{self.where(asked)} answered without what tells the job; check the job line of the resource", answer
            )
        self._kept.job, self._kept.at = str(job), self._now()
        self._kept.told = date.timestamp() - elapsed if date is not None else 0.0
        self._keep(self._kept)
        return None

    def _polled(self) -> tuple[Asked, Any]:
        """The last answer about the job, when it is done."""
        asked = self.requests.aside("poll", self._kept.job, self._known)
        while True:
            answer = self.answered(asked, self._kept.sweep, accept="application/json", ruled=False)
            assert isinstance(answer, Answer)  # noqa: S101  (no rule passes it over)
            body = self._json(answer, asked)
            if self._export.done(body):
                return asked, body
            if self._export.failed is not None and self._export.failed(body):
                self.settled()
                if self._export.link is not None:
                    answer = without_proof(answer, self._export.link(body))
                raise RejectedError(
                    f"{self.where(asked)} says that the job failed; run again to submit another", answer
                )
            left = self._jobs.left(self._kept)
            if left <= 0:
                self.settled()
                raise SourceError(
                    f"{self.where(asked)} was not done within {self._export.life_ms // 1000:,} seconds; see whether the"
                    " source is in order, or give the poll line a longer for"
                )
            self._ports.clock.sleep(min(self._export.every_ms / 1000, left))

    def _downloaded(self, last: tuple[Asked, Any], decode: bool, beside: Beside) -> Good:
        page, body = last
        if self._export.link is not None:
            asked = self.requests.file_at(page, self._export.link(body))
        else:
            asked = self.requests.aside("download", self._kept.job, self._known)
        try:
            good = super().get(asked, decode=decode, sweep=self._kept.sweep, beside=beside)
        except RejectedError as error:
            if asked.bare:
                error.answer = without_proof(error.answer, asked.url.reveal())
            if asked.bare and isinstance(error, RefusedError) and error.status in (400, 401, 403):
                raise _DeadLinkError(str(error), error.answer) from None
            raise
        # The job saw what there was when it was submitted, and storage has a clock of its own.
        began = datetime.fromtimestamp(self._kept.told, UTC) if self._kept.told else None
        return replace(good, began=began)

    def _json(self, answer: Answer, asked: Asked) -> Any:
        """The whole body. Raises RejectedError."""
        try:
            page_body(answer.content, "json", answer.response.header("content-type") or "", decode=False)
        except MisfitError as instead:
            raise RejectedError(
                f"{self.where(asked)} answered {answer.status} with {instead} instead of JSON", answer
            ) from None
        body = json_body(answer.content)
        return None if isinstance(body, Failed) else body

    def _now(self) -> float:
        return self._ports.clock.now().timestamp()

    def _keep(self, kept: Job) -> None:
        self._kept = kept
        self._jobs.keep(self._apart, kept)
