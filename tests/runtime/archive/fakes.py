"""Ports for tests: a storage in memory that can lose power and refuse to write, a clock without waiting, fixed chance."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fieldmap.runtime.archive import Received
from fieldmap.runtime.ports import Folder, Lock, LockedError, Ports, Request, Response, Segment, nothing

RESOURCE = "workday.workers"
START = datetime(2026, 3, 1, 12, 0, 0, 125000, tzinfo=UTC)


def received(number: int, body: bytes | None = None, **other: object) -> Received:
    values: dict[str, object] = {
        "resource": RESOURCE,
        "url": f"https://api.example.com/v1/workers?cursor=***&page={number}",
        "fetched_at": START + timedelta(seconds=number),
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": b'{"data":[{"id":%d}]}' % number if body is None else body,
        "format": "json",
        "request": f"{number:064x}",
        "sweep": "20260301T120000Z-00000000",
        "page": number,
    }
    return Received(**(values | other))  # type: ignore[arg-type]


class NoHttp:
    def send(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Response:
        raise AssertionError("no request was expected")

    def close(self) -> None:
        pass


@dataclass
class VirtualClock:
    """Time passes only by sleeping. slept: each wait, in seconds."""

    at: datetime = START
    slept: list[float] = field(default_factory=list)
    _monotonic: float = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self._monotonic += seconds


class FixedRandomness:
    """Always the upper end, and digits that count up."""

    def __init__(self) -> None:
        self._count = 0

    def between(self, low: float, high: float) -> float:
        return high

    def hex(self, length: int) -> str:
        self._count += 1
        return f"{self._count:0{length}x}"


@dataclass
class File:
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    durable: bool = False


class MemoryStorage:
    """One folder. before: called with the name of each call that changes something, and may raise."""

    def __init__(self, before: Callable[[str], None] = lambda call: None) -> None:
        self.files: dict[str, File] = {}
        self.before = before
        self.holder = ""
        self.made = False

    def folders(self, root: Path) -> list[str]:
        return [RESOURCE] if self.made else []

    def folder(self, root: Path, name: str, *, create: bool = False) -> Folder:
        if not self.made and not create:
            raise FileNotFoundError(name)
        self.made = True
        return MemoryFolder(self)

    def lose_power(self) -> None:
        """What was not made durable is gone."""
        self.holder = ""
        self.files = {
            name: File(bytearray(file.synced), file.synced, True) for name, file in self.files.items() if file.durable
        }

    def segment(self, number: int = 1) -> bytes:
        return bytes(self.files[f"{number:06}.warc.zst"].data)

    def put(self, data: bytes, number: int = 1) -> None:
        self.made = True
        self.files[f"{number:06}.warc.zst"] = File(bytearray(data), data, True)


class MemoryFolder:
    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage

    def names(self) -> list[str]:
        return sorted(self._storage.files)

    def size(self, name: str) -> int:
        return len(self._storage.files[name].data)

    def read(self, name: str, offset: int, size: int) -> bytes:
        return bytes(self._storage.files[name].data[offset : offset + size])

    def create(self, name: str) -> Segment:
        self._storage.before("create")
        if name in self._storage.files:
            raise FileExistsError(name)
        self._storage.files[name] = File()
        return self.open(name)

    def open(self, name: str) -> Segment:
        return MemorySegment(self._storage, self._storage.files[name])

    def settle(self, name: str) -> int:
        self._storage.before("settle")
        file = self._storage.files[name]
        file.synced = bytes(file.data)
        return len(file.synced)

    def truncate(self, name: str, size: int) -> None:
        self._storage.before("truncate")
        file = self._storage.files[name]
        del file.data[size:]
        file.synced = bytes(file.data)

    def sync(self) -> None:
        self._storage.before("sync folder")
        for file in self._storage.files.values():
            file.durable = True

    def lock(self, holder: str) -> Lock:
        if self._storage.holder:
            raise LockedError(self._storage.holder)
        self._storage.holder = holder
        return MemoryLock(self._storage)

    def close(self) -> None:
        pass


class MemorySegment:
    def __init__(self, storage: MemoryStorage, file: File) -> None:
        self._storage = storage
        self._file = file

    def size(self) -> int:
        return len(self._file.data)

    def append(self, data: bytes) -> None:
        try:
            self._storage.before("append")
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self._file.data += data[: len(data) // 2]
            raise
        self._file.data += data

    def sync(self) -> None:
        self._storage.before("sync")
        self._file.synced = bytes(self._file.data)

    def close(self) -> None:
        pass


class MemoryLock:
    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage

    def held(self) -> bool:
        return bool(self._storage.holder)

    def release(self) -> None:
        self._storage.holder = ""


def memory_ports(storage: MemoryStorage | None = None, clock: VirtualClock | None = None) -> Ports:
    return Ports(
        http=NoHttp(), storage=storage or MemoryStorage(), clock=clock or VirtualClock(), random=FixedRandomness()
    )
