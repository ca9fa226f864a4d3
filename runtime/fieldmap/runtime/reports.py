"""What a run tells: while it goes on, and at its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fieldmap.runtime.errors import StoppedError
from fieldmap.runtime.load.loader import Loaded
from fieldmap.runtime.load.merging import Changes
from fieldmap.runtime.load.retry import Retried
from fieldmap.runtime.store.reconcile import Reconciled

# waiting: for its turn, or for the resource that it is asked for each record of.
State = Literal["waiting", "fetching", "loading", "done", "failed"]


class Progress(Protocol):
    """Told how far a run is, by several threads: by resource, pages fetched and records applied since the last call.

    stands: where a resource is, "failed" for good; through: when it is settled to, in ISO 8601. waits: for what, and for so many seconds if that is known;
    "" when the wait is over. The resource "" stands for all.
    """

    def fetched(self, resource: str, pages: int) -> None: ...
    def applied(self, title: str, records: int) -> None: ...
    def cut(self, resource: str, note: str) -> None: ...
    def stands(self, resource: str, state: State, through: str = "") -> None: ...
    def waits(self, resource: str, reason: str, seconds: float | None = None) -> None: ...


@contextlib.contextmanager
def standing(progress: Progress, resource: str) -> Iterator[None]:
    """Tells how the work on a resource ended."""
    try:
        yield
    except StoppedError:
        raise
    except Exception:
        progress.stands(resource, "failed")
        raise
    progress.stands(resource, "done")


@dataclass
class Report:
    """What a run did. run: its number. failed: resources that could not be fetched, with the sentence to show; the others are complete.
    left: those of them that another run is at."""

    run: int = 0
    maps: dict[str, Loaded] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    reconciled: Reconciled = field(default_factory=lambda: Reconciled((), (), ()))
    remerged: dict[str, Changes] = field(default_factory=dict)
    decided: dict[str, Changes] = field(default_factory=dict)
    retried: list[Retried] = field(default_factory=list)

    def entities(self) -> dict[str, Changes]:
        """What became of each entity's rows, over all maps."""
        total: dict[str, Changes] = {}
        for source in [*(loaded.entities for loaded in self.maps.values()), self.remerged, self.decided]:
            for name, change in source.items():
                total.setdefault(name, Changes()).add(change)
        return total
