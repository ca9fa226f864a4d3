"""I7: what the database has of a record, the archive still has after the power failed, whoever was writing it meanwhile."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.runtime.archive.fakes import START
from tests.support import Quiet, compiled, rows

from fieldmap.runtime.archive import Archive, Received, SweepEnd, Writer
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Server

ORDERS = "events.orders"
MAPS = """
entity Order { key id : text; total : int? }
connector events is push { auth none; resource orders { id $.id } }
map events.orders to Order { id = $.id; total = $.total }
"""
_WITHIN = 30.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("durable"), all=MAPS)


class Disk:
    """Knows how much of each file is durable; the sync of one thread takes as long as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._durable: dict[int, int] = {}
        self._sync = os.fsync
        self._slow: threading.Thread | None = None
        self._reached, self._goes_on = threading.Event(), threading.Event()
        monkeypatch.setattr(os, "fsync", self._synced)

    def _synced(self, descriptor: int) -> None:
        if threading.current_thread() is self._slow:
            self._reached.set()
            assert self._goes_on.wait(_WITHIN)
        there = os.fstat(descriptor)
        self._sync(descriptor)
        self._durable[there.st_ino] = there.st_size

    @contextmanager
    def slow_for(self, work: Callable[[], object]) -> Iterator[None]:
        """Work is written and not durable for as long as the block takes."""
        self._slow = threading.Thread(target=work)
        self._slow.start()
        try:
            assert self._reached.wait(_WITHIN)
            yield
        finally:
            self._goes_on.set()
            self._slow.join(_WITHIN)

    def after_power_cut(self, archive: Path, to: Path) -> None:
        shutil.copytree(archive, to)
        for file in archive.rglob("*.warc.zst"):
            os.truncate(to / file.relative_to(archive), self._durable.get(file.stat().st_ino, 0))


def push(writer: Writer, number: int) -> None:
    body = b'{"id": "%d", "total": %d}' % (number, number)
    values = {"url": "push:webhook", "fetched_at": START, "status": None, "headers": {}, "format": "json"}
    writer.append(
        Received(resource=ORDERS, body=body, request=f"{number}", sweep=f"s{number}", page=1, **values)  # type: ignore[arg-type]
    )
    writer.close_sweep(f"s{number}", 1, SweepEnd(framed=True))


def run(bundle: Bundle, database: Server, archive: Path) -> Run:
    return Run(bundle, Archive(archive, Ports.real()), database, Ports.real(), {}, Quiet())


@pytest.mark.parametrize("command", ["load", "replay", "sync"])
def test_I7_what_is_written_and_not_durable_yet_is_made_so_before_it_is_loaded(
    command: str, bundle: Bundle, database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, folder = Disk(monkeypatch), tmp_path / "archive"

    def loaded(archive: Path) -> Report:
        return getattr(run(bundle, database, archive), command)([])  # type: ignore[no-any-return]

    with Archive(folder, Ports.real()).writer(ORDERS) as writer:
        push(writer, 1)
        with disk.slow_for(lambda: push(writer, 2)):
            loaded(folder)
            disk.after_power_cut(folder, tmp_path / "after")
    through = rows(database, "SELECT applied_through FROM fieldmap.positions")[0][0]
    after = Archive(tmp_path / "after", Ports.real())
    assert after.item(ORDERS, through).position == through
    # The next run goes on from there: nothing is missed, and nothing is there twice.
    with after.writer(ORDERS) as writer:
        push(writer, 3)
    assert not loaded(tmp_path / "after").failed
    archived = [int(page.request) for page in after.read(ORDERS, None)]
    assert rows(database, 'SELECT total FROM canonical."order" ORDER BY 1') == [(number,) for number in archived]
