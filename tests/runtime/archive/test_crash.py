"""What a writer leaves when it is killed, when the disk refuses, and when the power fails."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.runtime.archive.fakes import RESOURCE, MemoryStorage, memory_ports, received

from fieldmap.runtime.archive import Archive, SweepEnd
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Ports

ROOT = Path(__file__).parents[3]


def test_A1_killed_at_each_storage_call(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.archive.killed", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


class PowerFailure(BaseException):
    pass


class Failing:
    """Counts the calls that change something, and raises at one of them."""

    def __init__(self, at: int, error: BaseException) -> None:
        self.left = at
        self.error = error
        self.calls: list[str] = []

    def __call__(self, call: str) -> None:
        self.calls.append(call)
        self.left -= 1
        if self.left == 0:
            raise self.error


def write(storage: MemoryStorage, until: int) -> list[int]:
    """Continues to a page; gives the pages that were said to be durable, also when it ends early."""
    durable: list[int] = []
    archive = Archive(Path("unused"), memory_ports(storage), segment_bytes=1200)
    try:
        with archive.writer(RESOURCE) as writer:
            for number in range(sum(1 for _ in archive.read(RESOURCE, None)) + 1, until + 1):
                writer.append(received(number))
                durable.append(number)
    except (ArchiveError, PowerFailure):
        pass
    return durable


def pages(storage: MemoryStorage) -> list[int]:
    return [item.page for item in Archive(Path("unused"), memory_ports(storage)).read(RESOURCE, None)]


def test_I7_what_was_said_to_be_durable_survives_the_loss_of_power() -> None:
    for at in range(1, 100):
        storage = MemoryStorage(failing := Failing(at, PowerFailure()))
        durable = write(storage, 5)
        storage.lose_power()
        assert pages(storage) == durable
        storage.before = lambda call: None
        write(storage, 5)
        storage.lose_power()
        assert pages(storage) == [1, 2, 3, 4, 5]
        assert Archive(Path("unused"), memory_ports(storage)).verify(RESOURCE).torn is None
        if failing.left > 0:
            assert at > 20
            return


def test_I7_what_was_read_to_be_kept_elsewhere_survives_the_loss_of_power() -> None:
    """Whatever the writer had come to, and though it is gone."""
    for at in range(1, 100):
        storage = MemoryStorage(failing := Failing(at, PowerFailure()))
        write(storage, 5)
        storage.before = lambda call: None
        found = [
            item.page for item in Archive(Path("unused"), memory_ports(storage)).read(RESOURCE, None, durable=True)
        ]
        storage.lose_power()
        assert pages(storage) == found
        if failing.left > 0:
            assert (found, at > 20) == ([1, 2, 3, 4, 5], True)
            return


def test_I7_what_comes_while_it_is_read_is_not_looked_at() -> None:
    storage = MemoryStorage()
    archive = Archive(Path("unused"), memory_ports(storage))
    with archive.writer(RESOURCE) as writer:
        writer.append(received(1))
        reading = archive.read(RESOURCE, None, durable=True)
        found = [next(reading)]
        writer.append(received(2))
        found += reading
        assert [item.page for item in found] == [1]
        first = len(storage.segment())
        writer.append(received(3))
    # The size was asked for while a record was written.
    storage.put(storage.segment()[: first + 20])
    assert [item.page for item in archive.read(RESOURCE, None, durable=True)] == [1, 2]


def test_I7_a_folder_whose_maker_was_killed_is_made_durable_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, synced = tmp_path / "archive", set[int]()

    def killed(descriptor: int) -> None:
        raise PowerFailure

    root.mkdir()
    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(PowerFailure):
        Archive(root, Ports.real()).writer(RESOURCE)
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    with Archive(root, Ports.real()).writer(RESOURCE) as writer:
        writer.append(received(1))
    assert root.stat().st_ino in synced


def settled(storage: MemoryStorage, until: int) -> list[int]:
    """As `write`, but two pages are made durable together."""
    durable: list[int] = []
    archive = Archive(Path("unused"), memory_ports(storage), segment_bytes=1200)
    try:
        with archive.writer(RESOURCE) as writer:
            for number in range(1, until + 1):
                place = writer.write(received(number)).position
                writer.settle(place - 1)  # that is no more than what is durable already
                if number % 2 == 0:
                    writer.settle(place)
                    durable = list(range(1, number + 1))
        durable = list(range(1, until + 1))
    except (ArchiveError, PowerFailure):
        pass
    return durable


def test_I7_what_was_settled_survives_the_loss_of_power() -> None:
    lost = 0
    for at in range(1, 100):
        storage = MemoryStorage(failing := Failing(at, PowerFailure()))
        durable = settled(storage, 7)
        written = pages(storage)
        storage.lose_power()
        left = pages(storage)
        assert durable == left[: len(durable)] == list(range(1, len(durable) + 1))
        lost += len(written) - len(left)
        storage.before = lambda call: None
        assert write(storage, 7) == list(range(len(left) + 1, 8))
        assert pages(storage) == [1, 2, 3, 4, 5, 6, 7]
        if failing.left > 0:
            assert at > 20
            assert lost > 0
            return


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_A4_A5_a_failed_write_or_sync_is_never_hoped_away(code: int) -> None:
    for at in range(1, 100):
        storage = MemoryStorage(failing := Failing(at, OSError(code, os.strerror(code))))
        durable = write(storage, 5)
        if failing.left > 0:
            assert at > 15
            return
        # A sync that failed may have written all the same: then the page is there, and not one that was promised is missing.
        assert pages(storage)[: len(durable)] == durable
        assert len(pages(storage)) <= len(durable) + 1
        write(storage, 5)
        assert pages(storage) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("call", [1, 2])
def test_A4_a_writer_that_failed_takes_nothing_more(call: int) -> None:
    """Be it that it could not write, or that it could not make durable what it had written."""
    storage = MemoryStorage()
    with Archive(Path("unused"), memory_ports(storage)).writer(RESOURCE) as writer:
        writer.append(received(1))
        storage.before = Failing(call, OSError(errno.EIO, "Input/output error"))
        with pytest.raises(
            ArchiveError, match=r"could not be written \(Input/output error\); nothing of this response"
        ):
            writer.append(received(2))
        storage.before = lambda call: None
        with pytest.raises(ArchiveError, match="takes nothing more: an earlier write failed; run again"):
            writer.append(received(2))
        with pytest.raises(ArchiveError, match="takes nothing more"):
            writer.close_sweep("s", 1, SweepEnd(framed=True))


def test_A4_an_interruption_in_the_middle_of_a_write_stops_the_writer_too() -> None:
    storage = MemoryStorage()
    with Archive(Path("unused"), memory_ports(storage)).writer(RESOURCE) as writer:
        writer.append(received(1))
        storage.before = Failing(1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            writer.append(received(2))
        with pytest.raises(ArchiveError, match="takes nothing more"):
            writer.append(received(2))


def test_every_page_is_synced_before_it_is_given() -> None:
    storage = MemoryStorage(calls := Failing(-1, PowerFailure()))
    with Archive(Path("unused"), memory_ports(storage)).writer(RESOURCE) as writer:
        writer.append(received(1))
        assert calls.calls == ["create", "sync folder", "append", "sync", "append", "sync"]
        calls.calls.clear()
        writer.append(received(2))
        assert calls.calls == ["append", "sync"]


def test_A5_a_full_disk(tmp_path: Path) -> None:
    """A real file that may not grow: the write is cut short by the system."""
    script = """
import resource, signal, sys
from pathlib import Path
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Ports
from tests.runtime.archive.fakes import RESOURCE, received
import os
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
archive = Archive(Path(sys.argv[1]), Ports.real())
with archive.writer(RESOURCE) as writer:
    writer.append(received(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        writer.append(received(2, body=os.urandom(100_000)))
    except ArchiveError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "could not be written (only " in done.stdout
    from fieldmap.runtime.ports import Ports

    archive = Archive(tmp_path, Ports.real())
    with archive.writer(RESOURCE) as writer:
        assert writer.cut is not None
        writer.append(received(2))
    assert [item.page for item in archive.read(RESOURCE, None)] == [1, 2]
