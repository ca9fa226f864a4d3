"""What goes into the archive comes out of it: in order, by position, by other tools, and under lock."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runtime.archive.fakes import RESOURCE, MemoryStorage, memory_ports, received

from fieldmap.runtime.archive import Archive, Received, SweepEnd, describe, offset_of, position, segment_of
from fieldmap.runtime.archive.records import KEPT_HEADERS
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Ports


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive", Ports.real())


def filled(archive: Archive, count: int) -> list[int]:
    with archive.writer(RESOURCE) as writer:
        return [writer.append(received(number)).position for number in range(1, count + 1)]


def test_round_trip(archive: Archive) -> None:
    with archive.writer(RESOURCE) as writer:
        written = [writer.append(received(number)) for number in range(1, 6)]
    assert list(archive.read(RESOURCE, None)) == written
    assert [archive.read_one(RESOURCE, item.position) for item in written] == written
    assert archive.end(RESOURCE) == written[-1].position
    assert archive.resources() == [RESOURCE]
    assert written[0].content() == b'{"data":[{"id":1}]}'


def test_reading_goes_on_after_a_position(archive: Archive) -> None:
    places = filled(archive, 5)
    for index, place in enumerate(places):
        assert [item.position for item in archive.read(RESOURCE, place)] == places[index + 1 :]


def test_nothing_archived_yet(archive: Archive) -> None:
    assert archive.resources() == []
    assert archive.end(RESOURCE) is None
    assert list(archive.read(RESOURCE, None)) == []
    assert archive.torn_tail(RESOURCE) is None
    assert archive.verify(RESOURCE).records == 0
    with pytest.raises(ArchiveError, match="no response"):
        archive.read_one(RESOURCE, position(1, 0))
    with archive.writer(RESOURCE):
        pass
    assert list(archive.read(RESOURCE, None)) == []


def test_segments_are_followed_by_new_ones(tmp_path: Path) -> None:
    archive = Archive(tmp_path, Ports.real(), segment_bytes=1500)
    places = filled(archive, 10)
    with archive.writer(RESOURCE) as writer:
        places.append(writer.append(received(11)).position)
        writer.close_sweep("s", 11, SweepEnd(framed=True))
    assert max(map(segment_of, places)) >= 3
    assert [item.position for item in archive.read(RESOURCE, None)] == places
    assert [item.position for item in archive.read(RESOURCE, places[4])] == places[5:]
    report = archive.verify(RESOURCE)
    assert (report.records, report.closed_sweeps, report.torn) == (11, 1, None)
    assert "11 records in" in str(report)
    for name in sorted((tmp_path / RESOURCE).glob("*.warc.zst"))[:-1]:
        assert name.stat().st_size >= 1500


def test_closed_sweeps_are_apart_from_the_responses(archive: Archive) -> None:
    with archive.writer(RESOURCE) as writer:
        first = writer.append(received(1))
        mark = writer.close_sweep("one", 1, SweepEnd(framed=True))
        second = writer.append(received(2, sweep="two"))
        other = writer.close_sweep("two", 1, SweepEnd(framed=False))
    assert list(archive.read(RESOURCE, None)) == [first, second]
    assert list(archive.closed_sweeps(RESOURCE)) == [mark, other]
    assert list(archive.entries(RESOURCE, first.position)) == [mark, second, other]
    assert list(archive.read(RESOURCE, mark.position)) == [second]
    assert archive.end(RESOURCE) == second.position
    with pytest.raises(ArchiveError, match="no response at"):
        archive.read_one(RESOURCE, mark.position)


def test_positions() -> None:
    place = position(17, 1_048_576)
    assert (segment_of(place), offset_of(place)) == (17, 1_048_576)
    assert describe(place) == "000017.warc.zst at 1 048 576"
    assert position(1, 2**40 - 1) < position(2, 0)


texts = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
times = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.builds(
            Received,
            resource=st.just(RESOURCE),
            url=texts,
            fetched_at=times,
            status=st.one_of(st.none(), st.integers(100, 599)),
            headers=st.dictionaries(st.sampled_from(sorted(KEPT_HEADERS)), texts, max_size=4),
            body=st.binary(max_size=400),
            format=st.sampled_from(["json", "ndjson", "csv"]),
            request=texts.filter(bool),
            sweep=texts,
            page=st.integers(1, 10**9),
            framed=st.booleans(),
        ),
        max_size=6,
    )
)
def test_anything_received_comes_back(items: list[Received]) -> None:
    items = [item if item.status is not None else _without_headers(item) for item in items]
    storage = MemoryStorage()
    archive = Archive(Path("unused"), memory_ports(storage), segment_bytes=700)
    for item in items:
        with archive.writer(RESOURCE) as writer:
            assert writer.cut is None
            writer.append(item)
    back = list(archive.read(RESOURCE, None))
    assert [{name: getattr(item, name) for name in _NAMES} for item in back] == [
        {name: getattr(item, name) for name in _NAMES} for item in items
    ]


_NAMES = ["resource", "url", "fetched_at", "status", "headers", "body", "format", "request", "sweep", "page", "framed"]


def _without_headers(item: Received) -> Received:
    """What did not come over HTTP has no headers."""
    return replace(item, headers={})


def test_A11_headers_beyond_the_allowed_are_refused(archive: Archive) -> None:
    with archive.writer(RESOURCE) as writer, pytest.raises(ValueError, match="set-cookie"):
        writer.append(received(1, headers={"set-cookie": "session=1"}))


@pytest.mark.parametrize("url", ["https://a.example/\r\nWARC-Type: warcinfo", "https://a.example/\x00", " x"])
def test_a_value_cannot_begin_a_header_line(archive: Archive, url: str) -> None:
    with archive.writer(RESOURCE) as writer:
        with pytest.raises(ValueError, match="WARC-Target-URI"):
            writer.append(received(1, url=url))
        with pytest.raises(ValueError, match="etag"):
            writer.append(received(1, headers={"etag": url}))
        writer.append(received(2))
    assert archive.verify(RESOURCE).records == 1


def test_a_compressed_body_is_kept_as_received(archive: Archive) -> None:
    body = gzip.compress(b'{"data":[]}')
    with archive.writer(RESOURCE) as writer:
        item = writer.append(received(1, body=body, headers={"content-encoding": "gzip"}))
    assert item.body == body
    assert archive.read_one(RESOURCE, item.position).content() == b'{"data":[]}'


def test_an_undecodable_body_is_an_error_with_its_place(archive: Archive) -> None:
    with archive.writer(RESOURCE) as writer:
        item = writer.append(received(1, body=b"no gzip", headers={"content-encoding": "gzip"}))
    with pytest.raises(ArchiveError, match=r"000001\.warc\.zst at .* cannot be decoded"):
        item.content()


# ------------------------------------------------------------------------------------------------------- other tools


def test_fastwarc_reads_and_verifies_it(archive: Archive, tmp_path: Path) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType  # pyright: ignore[reportMissingModuleSource]

    with archive.writer(RESOURCE) as writer:
        page = writer.append(received(1, headers={"content-type": "application/json", "etag": '"x"'}))
        writer.append(received(2, body=b"a,b\n1,2\n", status=None, headers={}, format="csv", url="file:a.csv"))
        writer.close_sweep("s", 2, SweepEnd(framed=True))
    segment = tmp_path / "archive" / RESOURCE / "000001.warc.zst"
    kinds, offsets = [], []
    for record in ArchiveIterator(str(segment), parse_http=True):
        kinds.append(record.record_type)
        offsets.append(record.stream_pos)
        if record.record_type == WarcRecordType.response:
            assert record.headers["WARC-Target-URI"] == page.url
            assert record.headers["Fieldmap-Resource"] == RESOURCE
            assert record.http_headers.status_code == 200
            assert record.reader.read() == page.body
    assert kinds == [
        WarcRecordType.warcinfo,
        WarcRecordType.response,
        WarcRecordType.resource,
        WarcRecordType.metadata,
    ]
    assert offsets[1] == offset_of(page.position)
    for record in ArchiveIterator(str(segment), parse_http=False):
        assert record.verify_block_digest()


def test_fastwarc_reads_one_record_by_its_offset(archive: Archive, tmp_path: Path) -> None:
    from fastwarc.warc import ArchiveIterator  # pyright: ignore[reportMissingModuleSource]

    places = filled(archive, 4)
    with (tmp_path / "archive" / RESOURCE / "000001.warc.zst").open("rb") as file:
        file.seek(offset_of(places[2]))
        record = next(iter(ArchiveIterator(file, parse_http=True)))
        assert record.reader.read() == received(3).body


# -------------------------------------------------------------------------------------------------- names and locks


@pytest.mark.parametrize(
    "name", ["../etc.passwd", "workday", "Workday.workers", "a.b/c", "a.b.c", "", ".", "..", "a.b\n", "a.b\0"]
)
def test_A12_names_lead_nowhere_else(archive: Archive, name: str) -> None:
    with pytest.raises(ArchiveError, match="not the name of a resource"):
        archive.writer(name)
    with pytest.raises(ArchiveError, match="not the name of a resource"):
        list(archive.read(name, None))


def test_A12_links_are_not_followed(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", Ports.real())
    filled(archive, 1)
    (tmp_path / "archive" / "erp.parts").symlink_to(tmp_path / "archive" / RESOURCE)
    assert archive.resources() == [RESOURCE]
    with pytest.raises(ArchiveError, match="cannot be read"):
        list(archive.read("erp.parts", None))
    with pytest.raises(ArchiveError, match="cannot be opened for writing"):
        archive.writer("erp.parts")
    segment = tmp_path / "archive" / RESOURCE / "000001.warc.zst"
    segment.rename(tmp_path / "elsewhere")
    segment.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match="cannot be read"):
        list(archive.read(RESOURCE, None))


def test_a_pipe_in_a_segments_place_is_not_waited_for(tmp_path: Path) -> None:
    archive = Archive(tmp_path, Ports.real())
    filled(archive, 1)
    (tmp_path / RESOURCE / "lock").unlink()
    os.mkfifo(tmp_path / RESOURCE / "lock")
    with pytest.raises(ArchiveError, match="cannot be opened for writing"):
        archive.writer(RESOURCE)


_HOLDER = """
import sys
from pathlib import Path
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.ports import Ports
with Archive(Path(sys.argv[1]), Ports.real()).writer("workday.workers"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_A6_a_second_process_is_told_who_writes(tmp_path: Path) -> None:
    archive = Archive(tmp_path, Ports.real())
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ArchiveError, match=f"is being written by process {holder.pid} on .* since 20"):
            archive.writer(RESOURCE)
        # Other resources are free, and reading needs no lock.
        archive.writer("workday.jobs").close()
        assert list(archive.read(RESOURCE, None)) == []
        holder.kill()
    archive.writer(RESOURCE).close()


def test_A6_a_second_writer_in_the_same_process_is_refused(archive: Archive) -> None:
    with archive.writer(RESOURCE), pytest.raises(ArchiveError, match="is being written by"):
        archive.writer(RESOURCE)


def test_a_closed_writer_takes_nothing(archive: Archive) -> None:
    writer = archive.writer(RESOURCE)
    writer.close()
    writer.close()
    with pytest.raises(ArchiveError, match="it is closed"):
        writer.append(received(1))


def test_a_reader_beside_a_writer_sees_what_is_durable(archive: Archive) -> None:
    with archive.writer(RESOURCE) as writer:
        for number in range(1, 4):
            writer.append(received(number))
            assert len(list(archive.read(RESOURCE, None))) == number


def test_an_unreadable_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("not a folder")
    archive = Archive(tmp_path / "archive", Ports.real())
    with pytest.raises(ArchiveError, match="cannot be read"):
        archive.resources()
    with pytest.raises(ArchiveError, match="cannot be opened for writing"):
        archive.writer(RESOURCE)
