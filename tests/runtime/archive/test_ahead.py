"""Records that are made while their page is still looked at: as any other, and nothing of them is written before they are wanted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.runtime.archive.fakes import RESOURCE, FixedRandomness, NoHttp, VirtualClock, received

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.archive.ahead import WORTH
from fieldmap.runtime.archive.records import SweepEnd
from fieldmap.runtime.archive.storage import LocalStorage
from fieldmap.runtime.ports import Ports


def big(number: int) -> bytes:
    return b'{"data":[%s]}' % b",".join(b'{"id":"%d-%d"}' % (number, one) for one in range(WORTH // 10))


def archive(root: Path, **other: int) -> Archive:
    ports = Ports(http=NoHttp(), storage=LocalStorage(), clock=VirtualClock(), random=FixedRandomness())
    return Archive(root, ports, **other)


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.glob("*/*.zst"))}


def test_the_same_bytes_as_without(tmp_path: Path) -> None:
    for name, ahead in (("with", True), ("without", False)):
        with archive(tmp_path / name).writer(RESOURCE) as writer:
            writer.append(received(0))
            for number in (1, 2, 3):
                item = received(number, big(number) if number != 2 else b"{}")
                if ahead:
                    item, looked = writer.ahead(item, number.bit_length)
                    assert looked == number.bit_length()
                writer.append(item)
    assert files(tmp_path / "with") == files(tmp_path / "without") != {}
    assert archive(tmp_path / "with").verify(RESOURCE).records == 4


def test_the_look_is_taken_in_another_thread(tmp_path: Path) -> None:
    with archive(tmp_path).writer(RESOURCE) as writer:
        _, thread = writer.ahead(received(1, big(1)), threading.current_thread)
        assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_nothing_is_written_of_a_page_that_is_refused(tmp_path: Path) -> None:
    def refuses() -> None:
        raise LookupError("no page")

    with archive(tmp_path).writer(RESOURCE) as writer:
        writer.append(received(1))
        before = files(tmp_path)
        with pytest.raises(LookupError, match="no page"):
            writer.ahead(received(2, big(2)), refuses)
        writer.ahead(received(3, big(3)), lambda: None)
        assert files(tmp_path) == before
        writer.append(received(4))
    assert [item.page for item in archive(tmp_path).read(RESOURCE, None)] == [1, 4]


def test_what_is_appended_before_it_comes_before_it(tmp_path: Path) -> None:
    """A record goes on from the one before it: made for another place it is made anew."""
    with archive(tmp_path).writer(RESOURCE) as writer:
        made, _ = writer.ahead(received(1, big(1)), lambda: None)
        writer.append(received(2))
        writer.append(made)
        made, _ = writer.ahead(received(3, big(3)), lambda: None)
        writer.append_all([received(4), made])
    assert [item.page for item in archive(tmp_path).read(RESOURCE, None)] == [2, 1, 4, 3]


def test_a_mark_before_it_is_part_of_its_chain(tmp_path: Path) -> None:
    """The only other thing that a writer appends: made for the place before it, the record would break the chain."""
    with archive(tmp_path).writer(RESOURCE) as writer:
        writer.append(received(1))
        made, _ = writer.ahead(received(2, big(2)), lambda: None)
        writer.close_sweep("sweep", 1, SweepEnd(framed=True))
        writer.append(made)
    assert archive(tmp_path).verify(RESOURCE).records == 2


def test_made_for_the_segment_before(tmp_path: Path) -> None:
    with archive(tmp_path, segment_bytes=1).writer(RESOURCE) as writer:
        for number in (1, 2, 3):
            made, _ = writer.ahead(received(number, big(number)), lambda: None)
            writer.append(made)
    assert len(files(tmp_path)) == 3
    assert [item.body for item in archive(tmp_path).read(RESOURCE, None)] == [big(1), big(2), big(3)]
