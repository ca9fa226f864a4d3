"""What the store is asked before pages are mapped: which of them, and which of their records, it has just as they came.

Owns the questions of a load to `recall` and what is done where no answer comes: all that is read is mapped.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TypeVar

import psycopg

from fieldmap.runtime.load.batch import Batch, Known, Memory
from fieldmap.runtime.load.link import Link
from fieldmap.runtime.load.mapping import Told
from fieldmap.runtime.load.page import Page, digest_of, request_of
from fieldmap.runtime.load.recall import Recall, Remembered
from fieldmap.runtime.store.database import Connection, Database

_Answer = TypeVar("_Answer")


class Asker:
    """recall: None where the store is asked about nothing. settle: waits for the batch that is being written, which may change answers;
    touches: whether that batch may change what is known of records, given as COPY text."""

    def __init__(
        self,
        database: Database,
        link: Link,
        settle: Callable[[], None],
        touches: Callable[[Iterable[str]], bool],
    ) -> None:
        self._database = database
        self._link = link
        self._settle = settle
        self._touches = touches
        self._reading: Connection | None = None
        self._remembered: dict[int, Remembered] = {}
        self.recall: Recall | None = None

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()

    def passes_over(self, batch: Batch, page: Page) -> bool:
        """Whether a page shows nothing that the store does not hold already; then it is counted in the batch and not read."""
        recall = self.recall
        if recall is None:
            return False
        digest = digest_of(page, b"" if page.digest else page.content())
        found = self._asked(lambda connection: recall.page(connection, digest))
        if found is None:
            return False
        batch.take(page.position, digest, found)
        return True

    def remember(self, page: Page) -> Memory | None:
        """What an earlier page for the same request had, if that still stood just now: it is looked at again before it counts."""
        recall = self.recall
        if recall is None or not (request := request_of(page)):
            return None
        found = self._asked_beside(lambda connection: recall.remembered(connection, request))
        if found is None:
            return None
        self._remembered[page.position] = found
        return found.memory

    def known(self, group: list[Told]) -> list[Known | None]:
        """Which records of pages the store knows just as they came; None where it was not asked."""
        recall = self.recall
        earlier = [self._remembered.pop(one.position, None) for one in group]
        found: list[Known | None] | None = None
        if recall is not None and all(one.is_quick for one in group):
            # What is written meanwhile may be of other records altogether, as it mostly is; of those asked about all versions count,
            # also those that an earlier page had.
            concerned = itertools.chain(
                (record for one in group for record in one.ids if record is not None),
                (record for one in earlier if one is not None for record in one.memory.ids.split("\n")),
            )
            ask = self._asked if self._touches(concerned) else self._asked_beside
            found = ask(lambda connection: recall.records(connection, group, earlier))
        return found or [None] * len(group)

    def _asked_beside(self, question: Callable[[Connection], _Answer | None]) -> _Answer | None:
        """What the store answers beside the writer, who has the other connection; None if this one broke."""
        try:
            if self._reading is None or self._reading.closed:
                self._reading = self._database.connect()
            return question(self._reading)
        except psycopg.OperationalError:
            return None
        except psycopg.Error as error:
            raise self._link.refused(error) from None

    def _asked(self, question: Callable[[Connection], _Answer | None]) -> _Answer | None:
        """What the store answers; None if the connection broke: then all that is read is mapped."""
        self._settle()
        try:
            return question(self._link.connected())
        except psycopg.OperationalError:
            self._link.drop()
            return None
        except psycopg.Error as error:
            raise self._link.refused(error) from None
