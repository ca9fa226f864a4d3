"""Records of dead letters, read again from their archived pages: the same mapping as that of a page, for some of its records only."""

from __future__ import annotations

from collections.abc import Mapping

from fieldmap.runtime.load.batch import Batch, Known, PageCounts, Place
from fieldmap.runtime.load.collector import collector_paused
from fieldmap.runtime.load.maker import BatchMaker
from fieldmap.runtime.load.page import Page, Prepared


class Rereader(BatchMaker):
    """Maps single records of pages, as `BatchMaker` maps whole ones."""

    def reread(self, page: Page, wanted: Mapping[int, bool]) -> dict[int, Batch]:
        """What some records of a page become, each in a batch of its own; one that the page does not have gives an empty batch.

        wanted: their indexes in the page, and whether all of the body is meant that begins there."""
        prepared = self.prepare(page)
        with collector_paused():
            made = self._reread_quickly(prepared, wanted)
            if made is None:
                made = self._reread_generally(page, prepared.content, wanted)
        for batch in made.values():
            batch.received[page.position] = page.fetched_at
        return made

    def _reread_quickly(self, prepared: Prepared, wanted: Mapping[int, bool]) -> dict[int, Batch] | None:
        """None if the quick path does not take the page."""
        made = {index: self.new() for index in wanted}
        for index, whole in wanted.items():
            taken = list(range(index, prepared.records if whole else min(index + 1, prepared.records)))
            self._now = PageCounts()
            if not self._put_quickly(made[index], prepared, Known(taken)):
                self._lines.drop_values()
                return None
            self._count(made[index])
        return made

    def _reread_generally(self, page: Page, content: bytes, wanted: Mapping[int, bool]) -> dict[int, Batch]:
        made = {index: self.new() for index in wanted}
        for begin, index, _, outcome in self._outcomes(page, content):
            asked = begin if wanted.get(begin) else index
            if asked in wanted:
                self._now = PageCounts()
                self._lines.put(made[asked], self._now, Place(page.position, index), outcome())
                self._count(made[asked])
        return made

    def _count(self, batch: Batch) -> None:
        self._lines.drop_values()
        batch.counts.add(self._now.counts)
