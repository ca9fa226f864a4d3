"""Which part of a source's time a sweep reads: bounds fixed before reading, and the position that a closed sweep leaves behind.

A window's upper bound trails the *source's* clock by the declared delay, so that rows still being committed are read by the next
sweep; its lower bound is the position less the overlap. The position is no greatest value seen: records dated ahead of time do not
move it, records without a time do not matter to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fieldmap.runtime.plan import Delta
from fieldmap.runtime.values import patterns

# The Date header counts in seconds.
_DATE_STEP: Final = timedelta(seconds=1)
_MOST_TRIES: Final = 100
_STEPS: Final = (("SSSSSS", "microseconds"), ("SSS", "milliseconds"), ("s", "seconds"), ("m", "minutes"))


@dataclass(frozen=True, slots=True)
class Window:
    """since: lower bound as sent, None: from the beginning. until: upper bound as sent, whether the source takes one or not.
    upper: through where the sweep is sure to have read: until, or less where the source's clock is behind ours. All in UTC."""

    since: datetime | None
    until: datetime
    upper: datetime

    def __str__(self) -> str:
        return "/".join(_text(bound) for bound in (self.since, self.until, self.upper))

    @classmethod
    def parse(cls, text: str) -> Window:
        """Raises ValueError."""
        since, until, upper = text.split("/")
        return cls(instant(since) if since else None, instant(until), instant(upper))

    def seen_by(self, delta: Delta, date: datetime | None, elapsed: float) -> Window:
        """The window with the upper bound that the source's own clock allows. date: its Date header; elapsed: seconds since the
        first request was sent."""
        if date is None:
            return self
        started = date - _DATE_STEP - timedelta(seconds=elapsed) - timedelta(milliseconds=delta.settles_ms)
        return replace(self, upper=min(self.upper, started))

    def closed(self, before: datetime | None) -> datetime | None:
        """The position after the window was read to its end. A window that begins after the position leaves a gap, and the position
        where it was; none ever moves it back."""
        if self.since is not None and (before is None or self.since > before):
            return before
        return self.upper if before is None else max(before, self.upper)


def opened(
    delta: Delta,
    position: datetime | None,
    now: datetime,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    full: bool = False,
) -> Window:
    """The window of the next sweep. now: of our clock; since, until: what an operator wants instead."""
    upper = now - timedelta(milliseconds=delta.settles_ms)
    if until is not None:
        upper = min(upper, until)
    upper = floor(upper, delta)
    lower = since
    if lower is None and position is not None and not full:
        lower = position - timedelta(milliseconds=delta.overlap_ms)
    if lower is None and delta.begins is not None:
        lower = instant(delta.begins)
    if lower is not None:
        lower = floor(lower, delta)
        # A clock that was set back must not make a window end before it begins.
        upper = max(upper, lower)
    return Window(lower, upper, upper)


def step_end(lower: datetime, delta: Delta) -> datetime:
    """Where a window that begins there ends, of a resource that is read in steps. Days are those of the zone in which bounds are written."""
    zone = ZoneInfo(delta.zone) if delta.zone else UTC
    step = timedelta(milliseconds=delta.step_ms or 0)
    for steps in range(1, _MOST_TRIES):
        # In the hour that comes twice a bound may be cut down to where the window began.
        end = floor((lower.astimezone(zone) + step * steps).astimezone(UTC), delta)
        if end > lower:
            return end
    raise ValueError("a step that leads nowhere")


def floor(moment: datetime, delta: Delta) -> datetime:
    """The moment cut down to what its written form can say, so that what is sent is what is meant."""
    zone = ZoneInfo(delta.zone) if delta.zone else UTC
    local = moment.astimezone(zone)
    step = _step(delta.written)
    cut = {"days": 4, "hours": 3, "minutes": 2, "seconds": 1, "milliseconds": 0, "microseconds": 0}[step]
    names = ("microsecond", "second", "minute", "hour")
    micro = local.microsecond // 1000 * 1000 if step == "milliseconds" else local.microsecond
    local = local.replace(microsecond=micro).replace(**dict.fromkeys(names[:cut], 0))  # type: ignore[arg-type]
    if delta.zone and _ambiguous(local):
        # Written without its offset the source may take it for the later of the two hours.
        return floor(local.astimezone(UTC) - timedelta(hours=1), delta)
    return local.astimezone(UTC)


def _ambiguous(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _step(written: str) -> str:
    match written:
        case "iso" | "epoch s":
            return "seconds"
        case "epoch ms":
            return "milliseconds"
    letters = "".join(text for text, is_field in patterns.pieces(written) if is_field)
    found = next((step for letter, step in _STEPS if letter in letters), None)
    return found or ("hours" if set("HhKk") & set(letters) else "days")


def precision(form: str) -> int:
    """The least that a bound can say, in milliseconds."""
    units = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1000}
    return units.get(_step(form), 1)


def written(moment: datetime, delta: Delta) -> str:
    """A bound as the source takes it."""
    match delta.written:
        case "iso":
            return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        case "epoch s":
            return str(int(moment.timestamp()))
        case "epoch ms":
            return str(int(moment.timestamp()) * 1000 + moment.microsecond // 1000)
    local = moment.astimezone(ZoneInfo(delta.zone)) if delta.zone else moment
    return patterns.write(local, delta.written)


def bounds(window: Window | None, delta: Delta | None) -> dict[str, Any]:
    """What requests may say of a window, by name."""
    if window is None or delta is None:
        return {}
    moments = {"until": window.until} | ({"since": window.since} if window.since is not None else {})
    found = {name: written(moment, delta) for name, moment in moments.items()}
    # In a body of JSON an epoch is a number.
    return {name: int(text) if delta.written.startswith("epoch") else text for name, text in found.items()}


def instant(text: str) -> datetime:
    """A bound as it is kept in the archive. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a bound without its offset")
    return moment.astimezone(UTC)


def _text(bound: datetime | None) -> str:
    return "" if bound is None else bound.astimezone(UTC).isoformat()
