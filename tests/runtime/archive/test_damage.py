"""A torn tail is cut, anything else that is wrong is refused with its place: never is a wrong record handed out."""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from tests.runtime.archive.fakes import RESOURCE, START, MemoryStorage, memory_ports, received

from fieldmap.runtime.archive import Archive, Archived, offset_of, position, warc
from fieldmap.runtime.archive.frames import compressor
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Folder, Ports

COUNT = 3


def archive_of(storage: MemoryStorage, **other: int) -> Archive:
    return Archive(Path("unused"), memory_ports(storage), **other)


@pytest.fixture
def storage() -> MemoryStorage:
    storage = MemoryStorage()
    with archive_of(storage).writer(RESOURCE) as writer:
        for number in range(1, COUNT + 1):
            writer.append(received(number))
    return storage


def offsets(storage: MemoryStorage) -> list[int]:
    """Where the records begin, the warcinfo first, and where the last ends."""
    items = list(archive_of(storage).read(RESOURCE, None))
    return [0, *(offset_of(item.position) for item in items), len(storage.segment())]


def test_A2_torn_at_every_byte(storage: MemoryStorage) -> None:
    whole = storage.segment()
    ends = offsets(storage)[1:]
    written = list(archive_of(storage).read(RESOURCE, None))
    for length in range(len(whole)):
        storage = MemoryStorage()
        storage.put(whole[:length])
        archive = archive_of(storage)
        kept = sum(end <= length for end in ends[1:])
        clean = length in (0, *ends)
        assert list(archive.read(RESOURCE, None)) == written[:kept]
        assert archive.end(RESOURCE) == (written[kept - 1].position if kept else None)
        torn = archive.torn_tail(RESOURCE)
        with archive.writer(RESOURCE) as writer:
            assert writer.cut == torn
            if clean:
                assert torn is None
            else:
                assert torn is not None
                assert torn.length == length - max(end for end in (0, *ends) if end <= length)
                assert "was interrupted" in str(torn)
            writer.append(received(9))
        assert [item.page for item in archive.read(RESOURCE, None)] == [*range(1, kept + 1), 9]


def test_A3_every_bit_flipped(storage: MemoryStorage) -> None:
    whole = storage.segment()
    last = offsets(storage)[-2]
    written = list(archive_of(storage).read(RESOURCE, None))
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        storage.put(bytes(flipped))
        read: list[Archived] = []
        try:
            read.extend(archive_of(storage).read(RESOURCE, None))
        except ArchiveError:
            continue
        # Told apart from an interrupted write only where it cannot be: in the last record. Or it did not matter.
        assert read == written or (bit // 8 >= last and read == written[:-1])


def test_A3_damage_before_the_end_is_never_cut(storage: MemoryStorage) -> None:
    whole = storage.segment()
    places = offsets(storage)
    for start, end in itertools.pairwise(places[:-1]):
        for at in range(start, end, 7):
            damaged = bytearray(whole)
            damaged[at] ^= 0xFF
            storage.put(bytes(damaged))
            try:
                writer = archive_of(storage).writer(RESOURCE)
            except ArchiveError as error:
                assert "damaged at 000001.warc.zst" in str(error)  # noqa: PT017
            else:
                writer.close()
                assert writer.cut is None
            assert len(storage.segment()) == len(whole)


def test_zeros_at_the_end_are_a_torn_tail(storage: MemoryStorage) -> None:
    storage.put(storage.segment() + bytes(4096))
    torn = archive_of(storage).torn_tail(RESOURCE)
    assert torn is not None
    assert (torn.length, torn.reason) == (4096, "no zstd frame")


def test_a_write_of_which_a_middle_page_is_missing(storage: MemoryStorage) -> None:
    last = offsets(storage)[-2]
    whole = bytearray(storage.segment())
    whole[last + 60 : last + 120] = bytes(60)
    storage.put(bytes(whole))
    with archive_of(storage).writer(RESOURCE) as writer:
        assert writer.cut is not None
        assert writer.cut.reason == "a damaged frame"
    assert len(list(archive_of(storage).read(RESOURCE, None))) == COUNT - 1


# ------------------------------------------------------------------------------------------------------------ the chain


def frames(storage: MemoryStorage) -> list[bytes]:
    whole, places = storage.segment(), offsets(storage)
    return [whole[start:end] for start, end in itertools.pairwise(places)]


def refused(storage: MemoryStorage, match: str) -> None:
    with pytest.raises(ArchiveError, match=match):
        archive_of(storage).verify(RESOURCE)
    with pytest.raises(ArchiveError, match=match):
        list(archive_of(storage).read(RESOURCE, None))


def test_X7_a_record_left_out(storage: MemoryStorage) -> None:
    parts = frames(storage)
    storage.put(b"".join(parts[:2] + parts[3:]))
    refused(storage, "the chain is broken")


def test_X7_records_in_another_order(storage: MemoryStorage) -> None:
    parts = frames(storage)
    storage.put(b"".join([*parts[:2], parts[3], parts[2]]))
    refused(storage, "the chain is broken")


def rewritten(frame: bytes, old: bytes, new: bytes) -> bytes:
    record = zstandard.ZstdDecompressor().decompress(frame)
    assert old in record
    return compressor().compress(record.replace(old, new))


def test_X7_a_body_altered_with_sound_frames(storage: MemoryStorage) -> None:
    parts = frames(storage)
    storage.put(b"".join([*parts[:2], rewritten(parts[2], b'"id":2', b'"id":7'), *parts[3:]]))
    refused(storage, "another content than its digest says")


def test_X7_a_body_altered_with_its_digest(storage: MemoryStorage) -> None:
    parts = frames(storage)
    record = zstandard.ZstdDecompressor().decompress(parts[2])
    block = record[record.index(b"\r\n\r\n") + 4 : -4]
    other = block.replace(b'"id":2', b'"id":7')
    altered = record.replace(block, other).replace(
        hashlib.sha256(block).hexdigest().encode(), hashlib.sha256(other).hexdigest().encode()
    )
    storage.put(b"".join([*parts[:2], compressor().compress(altered), *parts[3:]]))
    refused(storage, "the chain is broken")


@pytest.mark.parametrize(("old", "new"), [(b"page=2", b"page=3"), (b"Fieldmap-Page: 2", b"Fieldmap-Page: 7")])
def test_X7_what_is_said_about_a_body_altered(storage: MemoryStorage, old: bytes, new: bytes) -> None:
    parts = frames(storage)
    storage.put(b"".join([*parts[:2], rewritten(parts[2], old, new), *parts[3:]]))
    refused(storage, "the chain is broken")


def test_X7_an_altered_last_record_is_damage_and_no_torn_tail(storage: MemoryStorage) -> None:
    parts = frames(storage)
    storage.put(b"".join([*parts[:-1], rewritten(parts[-1], b'"id":3', b'"id":7')]))
    refused(storage, "another content")
    with pytest.raises(ArchiveError, match="another content"):
        archive_of(storage).writer(RESOURCE)


def test_a_segment_of_another_resource(storage: MemoryStorage) -> None:
    other = MemoryStorage()
    with archive_of(other).writer("erp.parts") as writer:
        writer.append(received(1, resource="erp.parts"))
    storage.put(other.segment())
    refused(storage, "belongs to erp.parts, not to workday.workers")


def rotated() -> MemoryStorage:
    storage = MemoryStorage()
    with archive_of(storage, segment_bytes=900).writer(RESOURCE) as writer:
        for number in range(1, 9):
            writer.append(received(number))
    assert len(storage.files) >= 3
    return storage


def test_A9_a_segment_is_missing() -> None:
    storage = rotated()
    last = list(archive_of(storage).read(RESOURCE, None))[-1].position
    removed = storage.files.pop("000002.warc.zst")
    refused(storage, "lacks 000002.warc.zst")
    storage.files["000002.warc.zst"] = removed
    name = max(storage.files)
    del storage.files[name]
    with pytest.raises(ArchiveError, match="a part of it is missing"):
        list(archive_of(storage).read(RESOURCE, last))


def test_A9_records_at_the_end_of_an_earlier_segment_are_missing() -> None:
    storage = rotated()
    first = next(archive_of(storage).read(RESOURCE, None))
    storage.put(storage.segment()[: offset_of(first.position) + first.length])
    refused(storage, "damaged at 000002.warc.zst at 0: the record does not follow")
    storage.put(storage.segment()[:-3])
    refused(storage, "an incomplete frame, and other segments follow")
    storage.put(b"")
    refused(storage, "empty, and others follow")


def test_segments_changed_about() -> None:
    storage = rotated()
    storage.files["000001.warc.zst"], storage.files["000002.warc.zst"] = (
        storage.files["000002.warc.zst"],
        storage.files["000001.warc.zst"],
    )
    refused(storage, r"000001\.warc\.zst at 0")


def test_a_position_that_is_no_record(storage: MemoryStorage) -> None:
    for place in (position(1, 5), position(1, 10**6), position(2, 0), position(0, 0), 0):
        with pytest.raises(ArchiveError):
            list(archive_of(storage).read(RESOURCE, place))
        with pytest.raises(ArchiveError):
            archive_of(storage).read_one(RESOURCE, place)


# -------------------------------------------------------------------------------------------- formats and hostile frames


def test_A14_a_newer_format_is_refused(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(warc._SINCE, "response", "3")
    newer = MemoryStorage()
    with archive_of(newer).writer(RESOURCE) as writer:
        writer.append(received(1))
    monkeypatch.undo()
    refused(newer, "of archive format 3, and this version of Fieldmap knows format 2")
    with pytest.raises(ArchiveError, match="of archive format 3"):
        archive_of(newer).writer(RESOURCE)


def test_A14_the_first_format_stays_readable() -> None:
    """A segment as version 1 wrote it, byte by byte: the digests of what it holds must not change."""
    _, chain = warc.opening(RESOURCE, 1, START, "0" * 32, warc.FIRST_CHAIN)
    assert chain == "fc7c337e7b4c01d3673f409b426962f8d54a782962fad0080407f0e3ece29b91"
    record, chain = warc.received(received(1), "1" * 32, chain)
    assert chain == "9bdf798133bf20436d870ca91af118102dfae67dadb87ba1bca37e514e65f3bf"
    assert (
        hashlib.sha256(b"".join(record)).hexdigest()
        == "263547fcc6ccc84d4eb5796795bbcffad4d31293db122157b7d90b2d026cfb8b"
    )


def frame_header(content: int, block: int = 0) -> bytes:
    """A frame of one block that says it holds so much."""
    head = b"\x28\xb5\x2f\xfd" + bytes([0b11100100]) + content.to_bytes(8, "little")
    return head + (block << 3 | 1).to_bytes(3, "little")


@pytest.mark.parametrize(
    "frame",
    [
        frame_header(4 << 30, 100),  # promises 4 GiB
        frame_header(300 << 20, 1000) + bytes(1004),  # promises 300 MiB in one block
        frame_header(1000, 200 << 10) + bytes(1004),  # a block longer than the format allows
        b"\x28\xb5\x2f\xfd" + bytes([0b11100100]) + (1000).to_bytes(8, "little") + b"\x00\x00\x00" * 4000,
        b"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x50\x2a\x4d\x18\xff\xff\xff\xff" + bytes(100),  # a skippable frame
        zstandard.ZstdCompressor(write_checksum=False).compress(b"WARC/1.1\r\n" * 50),
        zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(b"WARC/1.1\r\n" * 50),
    ],
)
def test_A13_hostile_frames_are_refused_before_memory_is_taken(storage: MemoryStorage, frame: bytes) -> None:
    whole = storage.segment()
    storage.put(whole + frame)
    archive = archive_of(storage)
    assert len(list(archive.read(RESOURCE, None))) == COUNT
    assert archive.torn_tail(RESOURCE) is not None
    storage.put(frame + whole)
    refused(storage, "damaged at 000001.warc.zst at 0")


def test_a_sound_frame_that_is_no_record_of_ours(storage: MemoryStorage) -> None:
    for content in (
        b"x",
        os.urandom(300_000),
        b"WARC/1.1\r\n\r\n",
        b"WARC/1.1\r\na: b\r\n\r\n\r\n\r\n",
        b"\xff" * 9000,
    ):
        storage.put(frames(storage)[0] + compressor().compress(content))
        refused(storage, "damaged at|of archive format")
        storage = MemoryStorage()
        with archive_of(storage).writer(RESOURCE) as writer:
            writer.append(received(1))


def test_what_is_being_written_is_no_damage(tmp_path: Path) -> None:
    """A reader meets a part of a record; when it looks again, that one is whole and others have come."""
    archive = Archive(tmp_path, Ports.real())
    with archive.writer(RESOURCE) as writer:
        for number in range(1, COUNT + 1):
            writer.append(received(number))
    found = list(archive.read(RESOURCE, None))
    cut = offset_of(found[1].position) + 10

    class Growing:
        """A folder whose file ends at `cut` until its size is asked for."""

        def __init__(self, folder: Folder) -> None:
            self._folder = folder
            self._grown = False

        def names(self) -> list[str]:
            return self._folder.names()

        def size(self, name: str) -> int:
            self._grown = True
            return self._folder.size(name)

        def read(self, name: str, offset: int, size: int) -> bytes:
            return self._folder.read(name, offset, size if self._grown else max(0, min(size, cut - offset)))

        def close(self) -> None:
            self._folder.close()

    class Storage:
        def folder(self, root: Path, name: str, *, create: bool = False) -> Folder:
            return Growing(Ports.real().storage.folder(root, name, create=create))  # type: ignore[return-value]

    meanwhile = Archive(tmp_path, replace(Ports.real(), storage=Storage()))  # type: ignore[arg-type]
    assert list(meanwhile.read(RESOURCE, None)) == found[:1]
