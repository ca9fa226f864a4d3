"""A sweep over an HTTP resource: page by page, each in the archive before the next is asked for, and durable before it is given.

A sweep that was interrupted is gone on with, from what the archive holds of it: its pages are walked through as if they had just
come, and each must be the very page that would be asked for now. If anything does not fit, or it was too long ago, a new sweep
begins; nothing is ever taken from memory that a kill would lose.

More than 400 lines: a sweep is one state from its first request to its mark, and every method here reads or moves it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from fieldmap.runtime.acquire.contents import MisfitError, page_body
from fieldmap.runtime.acquire.following import Following
from fieldmap.runtime.acquire.guards import Guards
from fieldmap.runtime.acquire.holes import Known
from fieldmap.runtime.acquire.requests import Asked
from fieldmap.runtime.acquire.revisits import Revisits
from fieldmap.runtime.acquire.sending import Answer, http_date
from fieldmap.runtime.acquire.source import Good, HttpSource, RefusedError, RejectedError
from fieldmap.runtime.acquire.sweeps import Part, Preview, Reading, Wanted, asks_else, new_sweep, say_asks_else
from fieldmap.runtime.acquire.trails import Trail
from fieldmap.runtime.acquire.windows import Window, bounds, instant, opened
from fieldmap.runtime.archive import Archived, ClosedSweep, Received, SweepEnd, Writer
from fieldmap.runtime.archive.records import Frame, Standing, kept_text
from fieldmap.runtime.errors import ArchiveError, SourceError
from fieldmap.runtime.plan import AnswerRule, HttpResource
from fieldmap.runtime.ports import Ports

# After so long the source has changed too much for the pages of then and now to be one picture, and many a cursor has ended.
RESUME_WITHIN: Final = timedelta(hours=1)
# What a source answers that knows a cursor or a link no more.
_GONE: Final = (400, 404, 410)
_OF_THE_WIRE: Final = ("content-encoding", "content-length")
_MOST_REJECTED: Final = 16 << 10  # bytes of an answer that is kept only to be looked at
_LOOKED_THROUGH: Final = 128 << 10  # bytes of it in which secrets are looked for, so that none is cut in two


class Sweep:
    """One pass over a resource, or over a part of it."""

    def __init__(
        self,
        source: HttpSource,
        resource: HttpResource,
        pages: Reading,
        standing: Standing,
        ports: Ports,
        wanted: Wanted,
        part: Part | None = None,
        window: Window | None = None,
        answers: str | None = None,
    ) -> None:
        """window: what to read; answers: which question all of the archive answers then; each where that is decided elsewhere."""
        self._source = source
        self._resource = resource
        self._pages = pages
        self._ports = ports
        self._wanted = wanted
        self._part = part
        self._given = window
        self._known: Known = {} if part is None else part.known
        begins = resource.delta.begins if resource.delta is not None else None
        through = standing.through or begins
        self._before = instant(through) if through else None
        self._open = standing.frames
        self._asked_before = standing.end.asks if standing.end is not None else ""
        self._asks_else = asks_else(resource, standing)
        self._answers = answers
        self._trail = Trail(ports.state, resource.name, part.name if part is not None else "")
        self._resumed = False
        self._skipped = False
        self._revisits: Revisits | None = None
        self._ready: tuple[Answer, Received] | None = None
        self._sweep, self._page, self._first, self._framed, self._whole = "", 0, -1, True, True
        self._window: Window | None = None
        self._guards = Guards(source.title, resource.name, wanted.most_pages)
        self._following = Following(source.requests, resource, self._known)
        self._new()

    @property
    def window(self) -> Window | None:
        """What it reads of the source's time."""
        return self._window

    @property
    def skipped(self) -> bool:
        """Whether a rule passed something over that was asked for."""
        return self._skipped

    def goes_on(self) -> bool:
        """Whether it would go on with the pages of an interrupted one."""
        try:
            found = self._open and self._is_recent(self._open) and self._walked(self._open) is not None
        except (SourceError, ArchiveError, MisfitError, ValueError):
            found = False
        self._new()
        return bool(found)

    def preview(self) -> Preview:
        asked = self._taken_up()
        window = self._window
        return Preview(
            address=asked.shown if asked is not None else "",
            asked=asked.method if asked is not None else "",
            said=asked.said if asked is not None else "",
            since=window.since if window is not None else None,
            until=window.until if window is not None else None,
            after=self._page,
        )

    def run(self, writer: Writer) -> Iterator[Archived | ClosedSweep]:
        """Each page is given when it is durable. The disk is waited for while the source works on the next one (decision 0060), so that a
        page is given only after that has come, or has not."""
        held: Archived | None = None
        try:
            for item in self._written(writer):
                if held is not None:
                    writer.settle(held.position)
                    yield held
                    held = None
                if isinstance(item, Archived) and not self._wanted.stepwise:
                    held = item
                    continue
                writer.settle()
                yield item
        except SourceError:
            writer.settle()
            if held is not None:
                yield held
            raise

    def _written(self, writer: Writer) -> Iterator[Archived | ClosedSweep]:
        """As `run`, but the newest page may still be in memory only."""
        asked = self._taken_up()
        if self._asks_else and self._given is None and self._before is not None and self._page == 0:
            say_asks_else(self._wanted)
        revisits = self._revisits = self._conditions(writer)
        while asked is not None:
            self._guards.before(asked)
            started = self._ports.clock.monotonic()
            try:
                good = self._source.get(
                    asked,
                    decode=self._following.needs_body,
                    sweep=self._sweep,
                    window=str(self._window or ""),
                    earlier=revisits.of(Guards.fingerprint(asked)),
                    beside=lambda answer, look: self._beside(writer, answer, look),
                    meanwhile=writer.settle,
                )
            except RejectedError as rejected:
                self._reject(writer, rejected.answer, str(rejected))
                again = self._anew(rejected) if isinstance(rejected, RefusedError) else None
                if again is None:
                    raise
                asked = again
                continue
            self._resumed = False
            if good.passed is not None:
                self._source.settled()
                self._pass_over(writer, good, good.passed)
                break
            if self._page == 0:
                self._settle_window(good, started)
            rows = self._rows(good)
            self._keep_trail(good)
            item = self._archived(writer, good, rows)
            if self._resource.export is not None:
                writer.settle()  # only then the job may be forgotten
                self._source.settled()
            yield item
            asked = self._after(good, rows)
        if revisits.count:
            self._wanted.note(f"{revisits.count:,} of {self._page:,} pages were not modified: taken from the archive")
        yield self._closed(writer)

    # --------------------------------------------------------------------------------------------------- beginning

    def _new(self) -> None:
        """Begins a sweep of its own."""
        sweep = new_sweep(self._ports) if self._part is None else self._part.sweep
        self._sweep, self._page, self._first, self._framed, self._whole = sweep, 0, -1, True, True
        self._window = self._opened()
        self._guards = Guards(self._source.title, self._resource.name, self._wanted.most_pages)
        self._following = self._followed(self._window)

    def _followed(self, window: Window | None) -> Following:
        following = Following(
            self._source.requests, self._resource, {**self._known, **bounds(window, self._resource.delta)}
        )
        self._began = Guards.fingerprint(following.asked)
        return following

    def began_with(self, request: str, window: str) -> bool:
        """Whether the pages of this window would begin with the request of that fingerprint."""
        try:
            parsed = Window.parse(window) if window else None
        except ValueError:
            return False
        fits = (parsed is None) == (self._resource.delta is None)
        return fits and Guards.fingerprint(self._followed(parsed).asked) == request

    def _opened(self) -> Window | None:
        delta, wanted = self._resource.delta, self._wanted
        if delta is None:
            return None
        now, full = self._ports.clock.now(), wanted.full or self._asks_else
        fresh = self._given or opened(delta, self._before, now, since=wanted.since, until=wanted.until, full=full)
        try:
            # What the source is at already, it was asked for the window of then.
            asked_for = Window.parse(self._source.pending or "")
        except ValueError:
            return fresh
        if self._given is not None:
            fits = asked_for.since == fresh.since and asked_for.until <= fresh.until
        else:
            fits = (asked_for.since is None) == (fresh.since is None) and not wanted.since and not wanted.until
        return asked_for if fits else fresh

    def _taken_up(self) -> Any:
        """The first page to ask for: that after the pages of an interrupted sweep which is this one's, else the very first."""
        first = self._following.asked
        if not self._open or not self._is_recent(self._open):
            return first
        try:
            following = self._walked(self._open)
        except (SourceError, ArchiveError, MisfitError, ValueError):
            following = None
        if following is None:
            self._new()
            return self._following.asked
        # Nothing is asked for that the interrupted sweep had left to ask for: it only lacked its mark.
        self._sweep, self._page, self._first = self._open[0].sweep, len(self._open), self._open[0].position
        self._resumed = True
        self._source.settled()
        self._wanted.note(f"goes on with the sweep that was interrupted after page {self._page:,}")
        return following[0]

    def _is_recent(self, frames: list[Frame]) -> bool:
        age = self._ports.clock.now() - frames[-1].fetched_at
        return timedelta(0) <= age <= RESUME_WITHIN

    def _walked(self, frames: list[Frame]) -> tuple[Any] | None:
        """The page after those of an interrupted sweep, in a tuple; None if they are not what would be asked for now."""
        window = Window.parse(frames[0].window) if frames[0].window else None
        if (window is None) != (self._resource.delta is None) or not self._is_wanted(window):
            return None
        self._window = window
        self._guards = Guards(self._source.title, self._resource.name, self._wanted.most_pages)
        self._following = following = self._followed(window)
        asked: Any = following.asked
        for number, frame in enumerate(frames, 1):
            # Of pages behind a Link header the first tells that they are those which would be asked for now.
            is_known = number == 1 or not following.forgets
            if asked is None or frame.page != number or (is_known and frame.request != Guards.fingerprint(asked)):
                return None
            item = self._pages.read(frame.position)
            content = item.content()
            resource = self._resource
            body = page_body(content, resource.format, "", decode=following.needs_body, packed=resource.packed)
            self._guards.known(frame.request, content)
            self._saw(item)
            rows = following.rows(body)
            if following.forgets and number < len(frames):
                following.passes(body, rows)
                continue
            behind = self._trail.behind(frame.sweep, number, content) if following.forgets else ""
            if behind is None:
                return None
            asked = following.after(body, rows, f'<{behind}>; rel="next"' if behind else None)
        return (asked,)

    def _is_wanted(self, window: Window | None) -> bool:
        if window is None:
            return True
        if self._given is not None:
            return window.since == self._given.since and window.until <= self._given.until
        fresh = self._opened()
        if fresh is None or self._wanted.since or self._wanted.until:
            return False
        return (fresh.since is None) == (window.since is None)

    def _anew(self, refused: RefusedError) -> Any:
        """The first page of another sweep, where the source has forgotten what this one began with; None where that is no reason."""
        if self._resumed and refused.status in _GONE:
            self._resumed = False
            self._wanted.note(
                f"begins anew: the source answered {refused.status} to the next page of the interrupted sweep"
            )
            self._new()
            return self._following.asked
        since = self._window.since if self._window is not None and self._given is None else None
        if refused.status == 410 and since is not None and self._page == 0 and self._wanted.since is None:
            self._wanted.note("reads all: the source answered 410, it knows no more what changed since the last sweep")
            self._before_lost()
            return self._following.asked
        return None

    def _before_lost(self) -> None:
        before, self._before = self._before, None
        self._new()
        self._before = before

    def _settle_window(self, good: Good, started: float) -> None:
        """The first answer tells how the source's clock stands. started: when it was asked for, of the clock that only goes on."""
        if self._window is None or self._resource.delta is None:
            return
        date, elapsed = good.began, 0.0
        if date is None:
            date = http_date(good.answer.response.header("date"))
            elapsed = self._ports.clock.monotonic() - started
        self._window = self._window.seen_by(self._resource.delta, date, elapsed)

    # ------------------------------------------------------------------------------------------------- a page

    def _rows(self, good: Good) -> list[Any] | None:
        try:
            return self._following.rows(good.body)
        except MisfitError as instead:
            raise self._misfit(good, instead) from None

    def _beside(self, writer: Writer, answer: Answer, look: Callable[[], Any]) -> Any:
        """Makes the record of a page while it is looked at. What is wrong with the page is told as without it."""
        self._ready = None
        # The first page settles the window, which is a part of its record.
        if answer.revisited is not None or (self._page == 0 and self._window is not None):
            return look()
        ready, looked = writer.ahead(self._received(answer), look)
        self._ready = answer, ready
        return looked

    def _archived(self, writer: Writer, good: Good, rows: list[Any] | None) -> Archived:
        answer, ready = good.answer, self._ready
        self._ready = None
        received = ready[1] if ready is not None and ready[0] is answer else self._received(answer)
        digest = received.digest or hashlib.sha256(received.body).hexdigest()
        self._guards.received(answer, None if rows is None else len(rows), digest)
        self._page += 1
        item = writer.write(received if received.digest else replace(received, digest=digest))
        self._first = item.position if self._first < 0 else self._first
        self._saw(item)
        return item

    def _conditions(self, writer: Writer) -> Revisits:
        source = self._source
        return Revisits(source.connector, self._resource, writer, self._wanted, lambda: source.asker)

    def _received(self, answer: Answer) -> Received:
        asked, headers = self._following.asked, self._source.kept(answer.response)
        return Received(
            resource=self._resource.name,
            url=asked.shown,
            fetched_at=self._ports.clock.now(),
            status=answer.status,
            headers=headers,
            body=answer.response.body,
            format=self._resource.format,
            request=Guards.fingerprint(asked),
            sweep=self._sweep,
            page=self._page + 1,
            framed=answer.response.framed,
            window=str(self._window) if self._window is not None else "",
            asked=_asked(asked),
            parent=self._part.record if self._part is not None else "",
            part=self._part.name if self._part is not None else "",
            asker=self._revisits.asker(headers) if self._revisits is not None else "",
            revisited=answer.revisited,
            unpacked=answer.content,
        )

    def _saw(self, page: Archived) -> None:
        """Notes whether a page may have been cut where nobody could see it: a body of JSON, and what is packed, was checked to be whole."""
        self._framed &= page.framed
        checked = (
            self._resource.format == "json"
            or self._resource.packed
            or "gzip" in page.headers.get("content-encoding", "")
        )
        self._whole &= page.framed or bool(checked)

    def _keep_trail(self, good: Good) -> None:
        """Notes where the page leads to, if the archive cannot tell that."""
        if self._following.forgets:
            behind = self._following.leads_to(good.answer.response.header("link"))
            if behind is not None:
                self._trail.keep(self._sweep, self._page + 1, good.answer.content, behind)

    def _after(self, good: Good, rows: list[Any] | None) -> Any:
        try:
            return self._following.after(good.body, rows, good.answer.response.header("link"))
        except MisfitError as instead:
            raise self._misfit(good, instead) from None

    def _pass_over(self, writer: Writer, good: Good, rule: AnswerRule) -> None:
        """Ends the pages at an answer of which nothing is read."""
        skips = rule.action == "skip"
        said = f" ({rule.message})" if rule.message else ""
        if skips:
            self._skipped = True
            self._wanted.note(f"passes over what answered {good.answer.status}{said}")
        self._reject(writer, good.answer, f"{'passed over' if skips else 'nothing there'}{said}")

    def _reject(self, writer: Writer, answer: Answer, reason: str) -> None:
        """Keeps an answer of which nothing is mapped, for whoever looks for the cause."""
        received = self._received(answer)
        writer.append(
            replace(
                received,
                headers={name: value for name, value in received.headers.items() if name not in _OF_THE_WIRE},
                body=self._source.harmless(answer.content[:_LOOKED_THROUGH])[:_MOST_REJECTED],
                window="",
                revisited=None,
                unpacked=None,
                rejected=kept_text(reason),
            )
        )

    def _misfit(self, good: Good, instead: MisfitError) -> SourceError:
        return SourceError(self._source.misfit(self._following.asked, good.answer.status, instead))

    def _closed(self, writer: Writer) -> ClosedSweep:
        window = self._window
        if window is not None and not self._whole:
            self._wanted.note("the position stays: an answer ended with its connection, and may have been cut")
        moves = window is not None and not self._skipped and self._whole
        through = window.closed(self._before) if window is not None and moves else self._before
        full = window is None or window.since is None
        end = SweepEnd(
            framed=self._framed,
            full=full,
            asks=self._answers_then(full=full),
            first=self._first,
            records=self._following.records,
            window=str(window) if window is not None else "",
            through=through.isoformat() if through is not None else "",
            capped=self._following.is_round,
            confirmed=self._wanted.confirmed,
            skipped=self._skipped,
        )
        if self._part is not None:
            return writer.close_part(self._sweep, self._part.name, self._page, end, self._began)
        return writer.close_sweep(self._sweep, self._page, end)

    def _answers_then(self, *, full: bool) -> str:
        if self._answers is not None:
            return self._asked_before if self._asks_else and self._skipped else self._answers
        anew = full and not self._skipped
        return self._resource.asks if anew or not self._asks_else else self._asked_before


def _asked(asked: Asked) -> str:
    """What was sent, for the archive; "" of a GET, of which the address says all."""
    return "" if asked.method == "GET" else kept_text(f"{asked.method} {asked.said}")
