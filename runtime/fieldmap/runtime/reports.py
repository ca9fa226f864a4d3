"""What a run tells: while it goes on, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fieldmap.runtime.load.loader import Loaded
from fieldmap.runtime.load.merging import Changes
from fieldmap.runtime.load.retry import Retried
from fieldmap.runtime.store.reconcile import Reconciled


class Progress(Protocol):
    """Told how far a run is, by several threads: by resource, pages fetched and records applied since the last call."""

    def fetched(self, resource: str, pages: int) -> None: ...
    def applied(self, title: str, records: int) -> None: ...
    def cut(self, resource: str, note: str) -> None: ...


@dataclass
class Report:
    """What a run did. run: its number. failed: resources that could not be fetched, with the sentence to show; the others are complete."""

    run: int = 0
    maps: dict[str, Loaded] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
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
