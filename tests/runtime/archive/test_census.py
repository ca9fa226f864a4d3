"""A count goes on from where the one before ended: to the same numbers, and it says what is not as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.runtime.archive.fakes import RESOURCE, MemoryFolder, MemoryStorage, memory_ports, received

from fieldmap.runtime.archive import Archive, SweepEnd
from fieldmap.runtime.archive.census import Census
from fieldmap.runtime.errors import ArchiveError


def opened(storage: MemoryStorage) -> Archive:
    return Archive(Path("unused"), memory_ports(storage), segment_bytes=3_000)


def filled(pages: int, storage: MemoryStorage | None = None, *, first: int = 1) -> MemoryStorage:
    """A mark behind each second page, and an answer that was none behind each third."""
    storage = storage or MemoryStorage()
    with opened(storage).writer(RESOURCE) as writer:
        for number in range(first, first + pages):
            writer.append(received(number, b"x" * (number * 10)))
            if number % 2 == 0:
                writer.close_sweep(f"{number}", 2, SweepEnd(framed=True))
            if number % 3 == 0:
                writer.append(received(number, b"no", rejected="it was none"))
    return storage


def wanted(storage: MemoryStorage) -> Census:
    pages = list(opened(storage).read(RESOURCE, None))
    return Census(len(pages), sum(len(page.body) for page in pages), pages[-1].fetched_at if pages else None)


def test_it_is_that_of_all_pages_whenever_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, known, number = MemoryStorage(), None, 1
    assert opened(storage).census(RESOURCE) == (Census(), None)
    for more in (1, 2, 3, 9, 1, 20, 5):
        filled(more, storage, first=number)
        number += more
        found, known = opened(storage).census(RESOURCE, known)
        assert found == wanted(storage) == opened(storage).census(RESOURCE)[0]
    assert len(storage.files) > 4
    read: set[str] = set()
    usual = MemoryFolder.read

    def noted(self: MemoryFolder, name: str, offset: int, size: int) -> bytes:
        read.add(name)
        return usual(self, name, offset, size)

    monkeypatch.setattr(MemoryFolder, "read", noted)
    assert opened(storage).census(RESOURCE, known)[0] == found
    assert read == set(sorted(storage.files)[-2:])


def test_of_another_archive_it_is_taken_anew() -> None:
    storage, other = filled(30), filled(40)
    known = opened(storage).census(RESOURCE)[1]
    assert opened(other).census(RESOURCE, known)[0] == wanted(other)
    for nonsense in (
        b"",
        b"{}",
        b"[1]",
        b'{"through": 1, "chain": "", "sizes": [], "pages": 1, "bytes": 1, "last": null}',
        known[:-9] if known else b"",
    ):
        assert opened(storage).census(RESOURCE, nonsense) == opened(storage).census(RESOURCE)


def test_damage_is_told_where_it_is_counted() -> None:
    known = opened(filled(30)).census(RESOURCE)[1]
    for harm in ("cut", "gone", "altered end", "altered open"):
        storage = filled(30)
        names = sorted(storage.files)
        match harm:
            case "cut":
                del storage.files[names[1]].data[-40:]
            case "gone":
                del storage.files[names[1]]
            case "altered end":
                storage.files[names[-2]].data[-6] ^= 1
            case "altered open":
                storage.files[names[-1]].data[60] ^= 1
        with pytest.raises(ArchiveError):
            opened(storage).census(RESOURCE, known)
