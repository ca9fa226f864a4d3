"""What is fetched and not loaded yet takes no more memory than it may, and comes out in order whatever lay where."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.runtime.archive.fakes import RESOURCE, received

from fieldmap.runtime.archive import Archive, Archived, ClosedSweep
from fieldmap.runtime.archive.records import SweepEnd
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.handover import GivenUpError, Handover, Room
from fieldmap.runtime.ports import Ports

BODY = 1000


def append(archive: Archive, pages: int) -> list[Archived | ClosedSweep]:
    with archive.writer(RESOURCE) as writer:
        items: list[Archived | ClosedSweep] = [writer.append(received(n, body=bytes([n]) * BODY)) for n in range(pages)]
        items.append(writer.close_sweep("s", pages, SweepEnd(framed=True)))
        return items


def bodies(pages: list[Archived | ClosedSweep]) -> list[bytes | None]:
    return [page.body if isinstance(page, Archived) else None for page in pages]


@pytest.mark.parametrize("room", [0, BODY, 3 * BODY, 100 * BODY])
def test_pages_come_in_order_from_memory_and_from_the_archive(tmp_path: Path, room: int) -> None:
    archive = Archive(tmp_path, Ports.real(), segment_bytes=700)
    append(archive, 2)
    with archive.writer(RESOURCE) as writer:
        last = writer.last
    items = append(archive, 12)
    kept = Room(room)
    handover = Handover(archive, RESOURCE, last, kept, part_bytes=5 * BODY)
    for item in items:
        handover.put(item)
    handover.end()
    assert kept.most <= room
    parts = []
    for part in handover.parts():
        # A resource with two maps goes through each part twice.
        assert bodies(list(part)) == bodies(list(part))
        parts.append(list(part))
    assert [len(part) for part in parts] == [5, 5, 3]
    assert bodies([page for part in parts for page in part]) == bodies(items)
    assert kept.used == 0


def test_room_is_shared_and_given_back(tmp_path: Path) -> None:
    archive = Archive(tmp_path, Ports.real())
    items = append(archive, 6)
    room = Room(4 * BODY)
    one, other = (Handover(archive, RESOURCE, None, room, part_bytes=2 * BODY) for _ in range(2))
    for item in items:
        one.put(item)
        other.put(item)
        assert room.used <= 4 * BODY
    one.end()
    assert bodies([page for part in one.parts() for page in part]) == bodies(items)
    other.give_up()
    assert room.used == 0
    with pytest.raises(GivenUpError):
        other.put(items[0])


def test_what_came_before_a_failure_is_given_first(tmp_path: Path) -> None:
    archive = Archive(tmp_path, Ports.real())
    items = append(archive, 3)
    handover = Handover(archive, RESOURCE, None, Room(), part_bytes=2 * BODY)

    def fetch() -> None:
        for item in items[:3]:
            handover.put(item)
        handover.end(SourceError("the source is down"))

    thread = threading.Thread(target=fetch)
    thread.start()
    parts = handover.parts()
    found = [page for _ in range(2) for page in next(parts)]
    with pytest.raises(SourceError, match="is down"):
        next(parts)
    thread.join()
    assert bodies(found) == bodies(items[:3])
