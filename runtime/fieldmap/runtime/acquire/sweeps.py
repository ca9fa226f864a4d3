"""A sweep: one pass over a resource, from its first page to its last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fieldmap.runtime.ports import Ports

MOST_PAGES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an operator asks of a sweep. full: from the beginning. since, until: other bounds than the position gives.
    confirmed: deletes by absence are right, however many. note: told what is done otherwise than usual."""

    full: bool = False
    since: datetime | None = None
    until: datetime | None = None
    confirmed: bool = False
    most_pages: int = MOST_PAGES
    note: Callable[[str], None] = lambda text: None


def new_sweep(ports: Ports) -> str:
    """An identifier that sorts by time, such as 20260301T120000Z-9f86d081."""
    return f"{ports.clock.now():%Y%m%dT%H%M%SZ}-{ports.random.hex(8)}"
