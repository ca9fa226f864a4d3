"""Where the pages of an interrupted sweep led to, if that stood in a Link header.

Of headers the archive has but a few, since others may hold tokens. So the addresses behind the last two pages are kept beside it, readable
by their owner only: two, since the newest page may not have come to be durable. None is kept that holds a secret of the connector.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import Final

import msgspec

from fieldmap.runtime.ports import State

_KEPT: Final = 2


class _Page(msgspec.Struct, frozen=True):
    """number: in its sweep. digest: of its content. next: the address behind it, "" if it was the last."""

    number: int
    digest: str
    next: str


class _Kept(msgspec.Struct):
    sweep: str = ""
    part: str = ""
    pages: list[_Page] = msgspec.field(default_factory=list)


class Trail:
    """Of one resource."""

    def __init__(self, state: State | None, resource: str, part: str) -> None:
        self._state = state
        self._name = f"next {resource}"
        self._part = part
        self._kept = _Kept()

    def keep(self, sweep: str, number: int, content: bytes, next: str) -> None:
        """Before the page is archived. A place that cannot be written costs no more than that an interrupted sweep begins anew."""
        if self._state is None:
            return
        before = self._kept.pages if (self._kept.sweep, self._kept.part) == (sweep, self._part) else []
        # A page that did not come to be durable is fetched again; kept twice it would drive out the one before, which is durable.
        before = [page for page in before if page.number < number]
        self._kept = _Kept(sweep, self._part, [*before, _Page(number, _digest(content), next)][-_KEPT:])
        with contextlib.suppress(OSError):
            self._state.write(self._name, msgspec.json.encode(self._kept))

    def behind(self, sweep: str, number: int, content: bytes) -> str | None:
        """The address behind an archived page, "" if it was the last; None if nobody knows."""
        try:
            data = self._state.read(self._name) if self._state is not None else None
            kept = msgspec.json.decode(data, type=_Kept) if data is not None else _Kept()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        if (kept.sweep, kept.part) != (sweep, self._part):
            return None
        self._kept = kept
        # The page that was archived, and not another answer to the same request that came to nothing.
        found = (page.next for page in kept.pages if (page.number, page.digest) == (number, _digest(content)))
        return next(found, None)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
