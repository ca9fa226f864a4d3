"""Sending one request until it is answered. This is the only place that repeats anything: retries do not multiply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from fieldmap.runtime.acquire.flow import Flow
from fieldmap.runtime.acquire.hosts import Host, Waiting, waiting
from fieldmap.runtime.archive.coding import CodingError, decoded
from fieldmap.runtime.archive.records import Revisited
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import RetryPolicy
from fieldmap.runtime.ports import Ports, Request, Response, TransportError, nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer that is not to be asked for again. content: the body without its content coding. revisited: the archived response
    that it is, where the source only said that it is not modified."""

    response: Response
    content: bytes = field(repr=False)
    revisited: Revisited | None = None

    @property
    def status(self) -> int:
        return self.response.status


@dataclass(frozen=True, slots=True)
class _Setback:
    """Why an attempt came to nothing. wait: what the source asked for, in seconds. unheard: surely nothing came of the request."""

    reason: str
    wait: float | None = None
    unheard: bool = False


class Exchange:
    """source: what the source is called in messages: the connector's name. waits: told what is waited for."""

    def __init__(self, source: str, policy: RetryPolicy, ports: Ports, flow: Flow, waits: Waiting) -> None:
        self.source = source
        self._policy = policy
        self._ports = ports
        self._flow = flow
        self.waits = waits

    def answered(
        self,
        request: Request,
        where: str,
        *,
        safe: bool = True,
        judge: Callable[[Answer], bool | None] | None = None,
        meanwhile: Callable[[], None] = nothing,
    ) -> Answer:
        """The answer to the request, repeated as the policy says; any status that the policy does not repeat is an answer.

        where: the source and its address in messages. safe: whether the request may arrive twice; one that may not is repeated
        only where it surely did not arrive, or was put off. judge: whether an answer is repeated, where it knows better than the
        policy. meanwhile: done while an answer is waited for, or the turn to ask; several times, and not where nobody may be asked.
        Raises SourceError after the last attempt.
        """
        flow, host, reasons = self._flow, self._flow.host(request.url), list[str]()
        while True:
            if flow.breaker is not None:
                flow.breaker.before(self.waits)
            if not host.is_free():
                meanwhile()
            with host.turn(self.waits):
                outcome = self._attempt(request, where, judge, host, meanwhile)
            if isinstance(outcome, Answer):
                flow.budget.earn()
                if flow.breaker is not None:
                    flow.breaker.answered()
                return outcome
            if flow.breaker is not None:
                flow.breaker.failed(outcome.reason)
            reasons.append(outcome.reason)
            pause = self._pause(len(reasons), outcome.wait)
            told = f"{outcome.reason.removeprefix('answered ')}, again in"
            if outcome.wait is not None and outcome.unheard:
                # Too many requests, or out of service: that is said to everyone who asks there.
                host.put_off(pause, told)
            last = len(reasons) > self._policy.times or not (safe or outcome.unheard)
            if last or not flow.budget.spend():
                spent = "" if last else ", and the repetitions of this run are used up"
                raise SourceError(
                    f"{where} {_summary(reasons)}{spent}; see whether the source is in order, and run again"
                )
            meanwhile()
            with waiting(self.waits, told, pause):
                self._ports.clock.sleep(pause)

    def _attempt(
        self,
        request: Request,
        where: str,
        judge: Callable[[Answer], bool | None] | None,
        host: Host,
        meanwhile: Callable[[], None],
    ) -> Answer | _Setback:
        try:
            response = self._ports.http.send(request, meanwhile)
            host.told(response)
            if judge is None and self._repeats(response.status):
                return self._deferred(response)
            # A 304 may name the coding of the body that it does not have.
            coding = "" if response.status == 304 else response.header("content-encoding") or ""
            answer = Answer(response, decoded(response.body, coding))
            repeats = judge(answer) if judge is not None else None
            if repeats or (repeats is None and self._repeats(response.status)):
                return self._deferred(response)
            return answer
        except TransportError as error:
            reason, again, unheard, large = error.reason, error.again, not error.sent, error.large
            advice = error.advice
        except CodingError as error:
            advice = "see whether the address is right"
            reason, again, unheard = f"sent an answer that cannot be unpacked: {error}", error.again, False
            large = error.large
        if not again:
            if large:
                advice = "ask for less at a time, by smaller pages or in steps of time"
            raise SourceError(f"{where} {reason}; {advice}")
        if not self._policy.timeouts:
            raise SourceError(f"{where} {reason}; see whether the source is in order, and run again")
        return _Setback(reason, unheard=unheard)

    def _repeats(self, status: int) -> bool:
        return status in self._policy.statuses or (self._policy.server_errors and 500 <= status <= 599)

    def _deferred(self, response: Response) -> _Setback:
        # The source's own clock counts, where it tells the time: ours may be wrong.
        now = http_date(response.header("date")) or self._ports.clock.now()
        wait = retry_after(response.header("retry-after"), now)
        return _Setback(f"answered {response.status}", wait, unheard=response.status in (429, 503))

    def _pause(self, failures: int, asked: float | None) -> float:
        """Seconds before the next attempt: what the source asked for, within bounds, or full jitter over a doubling span."""
        longest = self._policy.longest_ms / 1000
        if asked is not None:
            return min(asked, longest * 5)
        span = self._policy.first_ms / 1000 * 2.0 ** min(failures - 1, 60)
        return self._ports.random.between(0.0, min(span, longest))


def _summary(reasons: list[str]) -> str:
    """`answered 503 6 times`, or the last of several reasons with their number."""
    if len(reasons) == 1:
        return reasons[0]
    if len(Counter(reasons)) == 1:
        return f"{reasons[0]} {len(reasons)} times"
    return f"failed {len(reasons)} times; the last time it {reasons[-1]}"


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, from 0; None if there is none or it makes no sense."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    date = http_date(text)
    return None if date is None else max(0.0, (date - now).total_seconds())


def http_date(text: str | None) -> datetime | None:
    """The time of a Date or Retry-After header, aware; None if it is none."""
    if not text or len(text) > 64:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date in the zone -0000 comes without one.
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
