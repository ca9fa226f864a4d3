"""A process that maps pages for a load: `python -m fieldmap.runtime.load.worker`, see `mapping`."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

from fieldmap.runtime.load.batch import Batch, Memory
from fieldmap.runtime.load.maker import BatchMaker
from fieldmap.runtime.load.mapping import Beginning, Taken
from fieldmap.runtime.load.page import Page, Prepared


class Worker:
    """Maps pages by the maps that it was told of."""

    def __init__(self) -> None:
        self._maps: dict[str, _Map] = {}

    def answer(self, what: str, map_: str, of: Any) -> object:
        if what == "greet":
            return None
        if what == "begin":
            # One that begins again, as a resource does whose database went away, leaves what was open.
            self._maps[map_] = _Map(of)
            return None
        return self._maps[map_].answer(what, of)


class _Map:
    def __init__(self, beginning: Beginning) -> None:
        bundle = beginning.bundle
        self._maker = BatchMaker(
            bundle.map(beginning.map),
            bundle.transform(beginning.map),
            beginning.composite_keys,
            bundle.deletes(beginning.map),
        )
        self._prepared: dict[int, Prepared] = {}

    def answer(self, what: str, of: Any) -> object:
        match what:
            case "add":
                return self._add(of)
            case "prepare":
                return self._prepare(*of)
            case "put":
                position, known = of
                batch = self._maker.new()
                self._maker.put(batch, self._prepared.pop(position), known)
                return _bare(batch)
            case _:
                raise ValueError(f"A worker is not asked to {what}")

    def _add(self, page: Page) -> Batch:
        batch = self._maker.new()
        self._maker.add(batch, page)
        return _bare(batch)

    def _prepare(self, page: Page, memory: Memory | None) -> Taken:
        prepared = self._maker.prepare(page, memory)
        self._prepared[page.position] = prepared
        return (
            prepared.is_quick,
            prepared.records,
            prepared.indexes,
            prepared.ids,
            prepared.digests,
            prepared.missing,
        )


def _bare(batch: Batch) -> Batch:
    """Without the running hash, which is taken up anew where the batch is added to another."""
    batch.content = None
    return batch


def main() -> None:
    # The process that asks says when to end, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # What was imported stays; the collector need not look at it.
    gc.freeze()
    asks, answers = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    # Nothing else is to write there.
    os.dup2(2, 1)
    try:
        worker = Worker()
        while True:
            what, map_, of = asks.recv()
            try:
                answer = pickle.dumps(worker.answer(what, map_, of), pickle.HIGHEST_PROTOCOL)
            except Exception as error:  # noqa: BLE001  (whatever it is, it is raised where it was asked for)
                answer = pickle.dumps(error, pickle.HIGHEST_PROTOCOL)
            answers.send_bytes(answer)
    except (EOFError, OSError):
        sys.exit()


if __name__ == "__main__":
    main()
