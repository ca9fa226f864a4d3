"""Pages into batches: mapped ahead of the database, and put together in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from fieldmap.runtime.load.batch import Batch, Known, Memory
from fieldmap.runtime.load.mapping import Later, Mapper, Told
from fieldmap.runtime.load.page import Page

# A batch ends when it holds this much; both bound the memory of a run, whatever the size of the archive.
BATCH_BYTES = 16 * 1024 * 1024
BATCH_RECORDS = 25_000
# How many pages may be with other processes, beside the bound on their bytes.
_PAGES_AHEAD = 1_000


class Intake:
    """ask: what the store knows of the records of pages, None where it was not asked. full: takes a batch that is complete."""

    def __init__(
        self,
        mapper: Mapper,
        new: Callable[[], Batch],
        ask: Callable[[list[Told]], list[Known | None]],
        full: Callable[[Batch], None],
    ) -> None:
        self.mapper = mapper
        self.batch = new()
        self._new = new
        self._ask = ask
        self._full = full
        self._adding = deque[tuple[Later[Batch], int]]()
        self._preparing = deque[tuple[Later[Told], int]]()
        self._size = self._records = 0

    @property
    def waits(self) -> bool:
        """Whether there are pages of which it is not known yet what becomes of them."""
        return bool(self._adding or self._preparing)

    def add(self, page: Page) -> None:
        """Takes a page whose every record is to be mapped."""
        while self._preparing:
            self._take_group()
        size = len(page.content())
        self._adding.append((self.mapper.add(page), size))
        self._size += size
        while self._adding and (self._size > self.mapper.ahead or len(self._adding) > _PAGES_AHEAD):
            self._take_added()

    def prepare(self, page: Page, memory: Memory | None) -> None:
        """Takes a page of which the store is asked before its records are mapped. memory: of an earlier page for the same request."""
        while self._adding:
            self._take_added()
        size = len(page.content())
        later = self.mapper.prepare(page, memory)
        self._preparing.append((later, size))
        self._size += size
        if self.mapper.ahead:
            # What a page holds is not known before its answer is there.
            full = len(self._preparing) > _PAGES_AHEAD
        else:
            told = later()
            self._records += told.records
            full = not told.is_quick or self._records >= BATCH_RECORDS
        if full or self._size >= self._group + self.mapper.ahead:
            self._take_group()

    def close(self) -> None:
        """Ends the batch, if anything was counted in it."""
        if self.batch.counts.pages:
            batch, self.batch = self.batch, self._new()
            self._full(batch)

    def end(self) -> None:
        """Ends the last batch, with all pages that were taken."""
        while self._adding:
            self._take_added()
        while self._preparing:
            self._take_group()
        self.close()

    # ------------------------------------------------------------------------------------------------- parts

    @property
    def _group(self) -> int:
        """So many bytes of pages are asked about together: of the next as many are decoded meanwhile, if there is a process for that."""
        return BATCH_BYTES if not self.mapper.ahead else BATCH_BYTES // 2

    def _take_added(self) -> None:
        later, size = self._adding.popleft()
        self._size -= size
        self.batch.absorb(later())
        if self.batch.size >= BATCH_BYTES or self.batch.counts.read >= BATCH_RECORDS:
            self.close()

    def _take_group(self) -> None:
        """Asks about the first pages that wait. Nothing is known of a page for the general path, nor of a record that comes with it:
        it ends a group, and each group is a batch."""
        group, taken, records = list[Told](), 0, 0
        while self._preparing and taken < self._group and records < BATCH_RECORDS:
            later, size = self._preparing.popleft()
            told = later()
            group.append(told)
            taken, records = taken + size, records + told.records
            if not told.is_quick:
                break
        self._size -= taken
        self._records = 0
        if self.batch.changes:
            # What is mapped and not written yet may change the answer.
            self.close()
        puts = [self.mapper.put(told, known) for told, known in zip(group, self._ask(group), strict=True)]
        for part in puts:
            self.batch.absorb(part())
        self.close()
