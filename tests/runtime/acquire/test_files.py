"""Files of a folder: each content archived once, nothing from outside the folder."""

from __future__ import annotations

import os
import time
import tracemalloc
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.sources import Source, text

from fieldmap.runtime.acquire import acquire, files
from fieldmap.runtime.acquire.folders import LocalFolder
from fieldmap.runtime.acquire.shelves import Found, Handle, Pattern
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import ClosedSweep
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import Composed, EnvRef, FilesConnector, FilesResource, Format, SecretRef

DROP = "drop.users"


def drop(
    pattern: str = "*.jsonl", format: Format = "ndjson", folder: Composed | None = None, **more: Any
) -> FilesConnector:
    return FilesConnector(
        name="drop",
        folder=folder or text(EnvRef("DROP")),
        resources=(FilesResource(name=DROP, pattern=pattern, format=format, **more),),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


def fetch(
    workday: Source,
    folder: Path,
    plan: FilesConnector | None = None,
    *,
    noted: list[str] | None = None,
    full: bool = False,
) -> list[tuple[str, bytes]]:
    asked = Wanted(note=(noted if noted is not None else []).append, full=full)
    got = workday.fetch(plan or drop(), {"DROP": str(folder)}, DROP, asked)
    return [(item.url, item.body) for item in got]


def test_each_file_is_a_record_in_order_of_name(workday: Source, folder: Path) -> None:
    (folder / "b.jsonl").write_bytes(b'{"id":2}\n')
    (folder / "a.jsonl").write_bytes(b'{"id":1}\n')
    (folder / "c d.jsonl").write_bytes(b"")
    (folder / "other.csv").write_bytes(b"x")
    assert fetch(workday, folder) == [
        ("file:a.jsonl", b'{"id":1}\n'),
        ("file:b.jsonl", b'{"id":2}\n'),
        ("file:c%20d.jsonl", b""),
    ]
    items = workday.archived(DROP)
    assert [(item.status, item.headers, item.page, item.format) for item in items] == [
        (None, {}, number, "ndjson") for number in (1, 2, 3)
    ]
    assert workday.closed(DROP) == [3]


def test_a_file_is_archived_once_for_each_content(workday: Source, folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(b'{"id":1}\n')
    assert len(fetch(workday, folder)) == 1
    assert fetch(workday, folder) == []
    (folder / "b.jsonl").write_bytes(b'{"id":1}\n')
    (folder / "a.jsonl").write_bytes(b'{"id":3}\n')
    assert [url for url, _ in fetch(workday, folder)] == ["file:a.jsonl", "file:b.jsonl"]
    # What a file had before is new again: otherwise the content between would be what counts.
    (folder / "a.jsonl").write_bytes(b'{"id":1}\n')
    assert fetch(workday, folder) == [("file:a.jsonl", b'{"id":1}\n')]
    assert fetch(workday, folder) == []
    assert workday.closed(DROP) == [1, 2, 1]


def test_long_files_are_parted_at_ends_of_lines(workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 100)
    for content in (
        b"".join(b'{"id":%d}\n' % number for number in range(100)),
        b"".join(b'{"id":%d}\r\n' % number for number in range(100)) + b'{"id":"last"}',
        b'{"id":"' + b"x" * 250 + b'"}\n{"id":2}\n' * 20,
        b"\n" * 300,
    ):
        (folder / "a.jsonl").write_bytes(content)
        bodies = [body for _, body in fetch(workday, folder)]
        assert len(bodies) > 1
        assert b"".join(bodies) == content
        assert all(body.endswith(b"\n") for body in bodies[:-1])
        assert fetch(workday, folder) == []


def test_a_stop_between_parts_is_taken_up(workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 100)
    content = b"".join(b'{"id":%d}\n' % number for number in range(100))
    (folder / "a.jsonl").write_bytes(content)
    with workday.archive.writer(DROP) as writer:
        pages = acquire(drop(), DROP, writer=writer, ports=workday.ports, environ={"DROP": str(folder)})
        next(pages)
        next(pages)
    assert workday.closed(DROP) == []
    fetch(workday, folder)
    assert b"".join(item.body for item in workday.archived(DROP)) == content


def test_A12_nothing_from_outside_the_folder(workday: Source, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_bytes(b"secret")
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (folder / "real.jsonl").write_bytes(b"{}")
    (folder / "inner.jsonl").symlink_to(folder / "real.jsonl")
    (folder / "dangling.jsonl").symlink_to(folder / "gone")
    (folder / "dir.jsonl").mkdir()
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.jsonl")
    noted: list[str] = []
    assert [url for url, _ in fetch(workday, folder, noted=noted)] == ["file:real.jsonl"]
    assert noted == [
        "not read: dangling.jsonl, inner.jsonl, link.jsonl, since links are not followed; put the files themselves there"
    ]
    assert fetch(workday, folder, drop("up/*.jsonl")) == []
    for pattern in ("../*.jsonl", "/etc/*", "a/../../*", ""):
        with pytest.raises(UsageError, match="must lie in its folder"):
            fetch(workday, folder, drop(pattern))


def test_odd_names(workday: Source, folder: Path) -> None:
    for name in ("ä.jsonl", "a%20b.jsonl", "line\nbreak.jsonl", os.fsdecode(b"\xff.jsonl")):
        (folder / name).write_bytes(b"{}")
    assert [url for url, _ in fetch(workday, folder)] == [
        "file:a%2520b.jsonl",
        "file:line%0Abreak.jsonl",
        "file:%C3%A4.jsonl",
        "file:%FF.jsonl",
    ]
    assert fetch(workday, folder) == []


def test_folders_below(workday: Source, folder: Path) -> None:
    (folder / "2026" / "03").mkdir(parents=True)
    (folder / "2026" / "03" / "x.csv").write_bytes(b"a\n1\n")
    (folder / "x.csv").write_bytes(b"a\n2\n")
    assert [url for url, _ in fetch(workday, folder, drop("**/*.csv", "csv"))] == ["file:2026/03/x.csv", "file:x.csv"]


def test_a_missing_folder(workday: Source, folder: Path) -> None:
    with pytest.raises(SourceError, match=r"gone of the connector drop is not there; make it, or set env.DROP"):
        fetch(workday, folder / "gone")
    with pytest.raises(UsageError, match=r"The connector drop needs the environment variable DROP \(folder\); set it"):
        workday.fetch(drop(), {}, DROP)
    with pytest.raises(UsageError, match="has a secret in its folder"):
        workday.fetch(drop(folder=text(SecretRef("DROP"))), {"DROP": "/"}, DROP)
    with pytest.raises(SourceError, match=r"No file in the folder .* of drop.users fits"):
        fetch(workday, folder)
    assert workday.closed(DROP) == []


def test_files_beyond_the_limit(workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    monkeypatch.setattr(files, "PART_BYTES", 300)
    (folder / "a.json").write_bytes(b'"' + b"x" * 1000 + b'"')
    with pytest.raises(SourceError, match=r"a\.json is longer than"):
        fetch(workday, folder, drop("*.json", "json"))
    (folder / "a.csv").write_bytes(b"id\n" + b"1\n" * 1000)
    with pytest.raises(SourceError, match="only JSON lines may be; split it, with its header in each part"):
        fetch(workday, folder, drop("*.csv", "csv"))
    (folder / "a.jsonl").write_bytes(b'"' + b"x" * 3000 + b'"')
    with pytest.raises(SourceError, match="a line of more than"):
        fetch(workday, folder)
    assert workday.archived(DROP) == []


def test_of_a_file_that_grew_only_the_new_parts_are_archived(
    workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 100)
    lines = [b'{"id":%d}\n' % number for number in range(50)]
    (folder / "a.jsonl").write_bytes(b"".join(lines[:40]))
    before = fetch(workday, folder)
    (folder / "a.jsonl").write_bytes(b"".join(lines))
    after = fetch(workday, folder)
    assert len(after) < len(before)
    assert b"".join(lines).endswith(b"".join(body for _, body in after))


def test_a_part_that_changed_brings_those_behind_it(
    workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two records of a file with one identity the later counts, whichever part was changed."""
    monkeypatch.setattr(files, "PART_BYTES", 100)
    lines = [b'{"id":%02d}\n' % number for number in range(50)]
    (folder / "a.jsonl").write_bytes(b"".join(lines))
    before = fetch(workday, folder)
    lines[20] = b'{"id":99}\n'
    (folder / "a.jsonl").write_bytes(b"".join(lines))
    after = [body for _, body in fetch(workday, folder)]
    assert 1 < len(after) < len(before)
    assert b"".join(lines).endswith(b"".join(after))
    (folder / "a.jsonl").write_bytes(b"".join(lines[:25]))
    assert fetch(workday, folder) != []
    assert fetch(workday, folder) == []


def test_a_file_that_rests_is_not_read_again(workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.jsonl").write_bytes(b'{"id":1}\n')
    (folder / "b.jsonl").write_bytes(b'{"id":2}\n')
    # The clock of the test is far behind the file system's, so that nothing is fresh for it a day after the files were written.
    workday.clock.at = datetime.now(UTC) + timedelta(days=1)
    fetch(workday, folder)
    opened: list[str] = []
    usual = LocalFolder.open

    def watched(self: LocalFolder, found: Found) -> AbstractContextManager[Handle]:
        opened.append(found.name)
        return usual(self, found)

    monkeypatch.setattr(LocalFolder, "open", watched)
    assert fetch(workday, folder) == []
    assert opened == []
    (folder / "a.jsonl").write_bytes(b'{"id":3}\n')
    assert fetch(workday, folder) == [("file:a.jsonl", b'{"id":3}\n')]
    assert opened == ["a.jsonl"]
    opened.clear()
    assert len(fetch(workday, folder, full=True)) == 2


def test_files_that_are_being_written_wait(workday: Source, folder: Path) -> None:
    now = workday.clock.now().timestamp()
    for name, age in (("a", 5), ("b", 59), ("c", 61), ("d", -5), ("e", -3600)):
        (folder / f"{name}.jsonl").write_bytes(b"{}")
        os.utime(folder / f"{name}.jsonl", (now - age, now - age))
    for name in (".hidden.jsonl", "x.jsonl.part", "~$y.jsonl"):
        (folder / name).write_bytes(b"{}")
    noted: list[str] = []
    got = fetch(workday, folder, drop(settles_ms=60_000), noted=noted)
    # A date far in the future is a wrong clock, and would never be reached.
    assert [url for url, _ in got] == ["file:c.jsonl", "file:e.jsonl"]
    assert noted == [
        "not read yet: a.jsonl was written less than 1 min ago; b.jsonl was written less than 1 min ago;"
        " d.jsonl was written less than 1 min ago; the next sync looks again"
    ]
    workday.clock.sleep(120)
    assert [url for url, _ in fetch(workday, folder, drop(settles_ms=60_000))] == [
        "file:a.jsonl",
        "file:b.jsonl",
        "file:d.jsonl",
    ]
    assert [url for url, _ in fetch(workday, folder, drop("*.jsonl.part"))] == ["file:x.jsonl.part"]


@pytest.mark.parametrize(("marker", "mark"), [(".done", "2026/a.jsonl.done"), ("_SUCCESS", "2026/_SUCCESS")])
def test_files_that_want_a_mark(workday: Source, folder: Path, marker: str, mark: str) -> None:
    (folder / "2026").mkdir()
    (folder / "2026" / "a.jsonl").write_bytes(b"{}")
    noted: list[str] = []
    assert fetch(workday, folder, drop("**/*", marker=marker), noted=noted) == []
    assert noted == [f"not read yet: 2026/a.jsonl waits for {mark}; the next sync looks again"]
    (folder / mark).touch()
    assert fetch(workday, folder, drop("**/*", marker=marker)) == [("file:2026/a.jsonl", b"{}")]


def test_a_file_that_changes_while_it_is_read(workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 100)
    content = b"".join(b'{"id":%d}\n' % number for number in range(100))
    (folder / "a.jsonl").write_bytes(content)
    (folder / "b.jsonl").write_bytes(b"{}\n")
    noted: list[str] = []
    with workday.archive.writer(DROP) as writer:
        wanted = Wanted(note=noted.append)
        pages = acquire(drop(), DROP, writer=writer, ports=workday.ports, environ={"DROP": str(folder)}, wanted=wanted)
        next(pages)
        (folder / "a.jsonl").write_bytes(content[:500] + content)
        rest = list(pages)
    assert [item.url for item in rest if not isinstance(item, ClosedSweep)] == ["file:b.jsonl"]
    assert noted == ["not read yet: a.jsonl changed while it was read; the next sync looks again"]
    assert b"".join(body for _, body in fetch(workday, folder)) == content[:500] + content


def test_N05_a_file_that_is_too_long_is_refused_before_it_is_read(workday: Source, folder: Path) -> None:
    with (folder / "a.csv").open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)  # takes no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"The file a\.csv is longer than 256 MiB, .*; split it"):
            fetch(workday, folder, drop("*.csv", "csv"))
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_one_file_that_cannot_be_read_does_not_keep_the_others(
    workday: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 100)
    (folder / "a.json").write_bytes(b"[" + b" " * 200 + b"]")
    (folder / "b.json").write_bytes(b"{}")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"The file a\.json is longer than"):
            fetch(workday, folder, drop("*.json", "json"))
    assert [item.url for item in workday.archived(DROP)] == ["file:b.json"]
    (folder / "a.json").write_bytes(b"[]")
    assert fetch(workday, folder, drop("*.json", "json")) == [("file:a.json", b"[]")]


def test_in_order_of_time(workday: Source, folder: Path) -> None:
    for number, name in enumerate(("c", "a", "b")):
        (folder / f"{name}.jsonl").write_bytes(b"{}")
        os.utime(folder / f"{name}.jsonl", (1000 + number, 1000 + number))
    urls = [url for url, _ in fetch(workday, folder, drop(order="time"))]
    assert urls == ["file:c.jsonl", "file:a.jsonl", "file:b.jsonl"]


def test_absence_is_judged_by_all_files(workday: Source, folder: Path) -> None:
    """Whenever anything is new, a sweep that tells of deletes holds all there is; while a file waits, none does."""
    plan = drop(absence=True, settles_ms=60_000)

    def put(name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)
        now = workday.clock.now().timestamp() - 100
        os.utime(folder / name, (now, now))

    def marks() -> list[tuple[int, bool]]:
        return [(mark.pages, mark.end.full) for mark in workday.archive.closed_sweeps(DROP)]

    put("a.jsonl", b'{"id":1}\n')
    put("b.jsonl", b'{"id":2}\n')
    assert len(fetch(workday, folder, plan)) == 2
    assert fetch(workday, folder, plan) == []
    put("a.jsonl", b'{"id":3}\n')
    assert [body for _, body in fetch(workday, folder, plan)] == [b'{"id":3}\n', b'{"id":2}\n']
    (folder / "b.jsonl").unlink()
    assert [body for _, body in fetch(workday, folder, plan)] == [b'{"id":3}\n']
    assert marks() == [(2, True), (2, True), (1, True)]
    put("a.jsonl", b'{"id":4}\n')
    (folder / "c.jsonl").write_bytes(b"")
    now = workday.clock.now().timestamp()
    os.utime(folder / "c.jsonl", (now, now))
    assert [body for _, body in fetch(workday, folder, plan)] == [b'{"id":4}\n']
    assert fetch(workday, folder, plan) == []
    workday.clock.sleep(100)
    assert [body for _, body in fetch(workday, folder, plan)] == [b'{"id":4}\n', b""]
    assert marks()[3:] == [(1, False), (2, True)]
    last = list(workday.archive.closed_sweeps(DROP))[-1]
    assert [item.url for item in workday.archive.sweep(last)] == ["file:a.jsonl", "file:c.jsonl"]


def test_files_that_are_written_again_as_they_were_are_not_read_as_a_new_picture(workday: Source, folder: Path) -> None:
    """As by a nightly export: else every second run would archive all of them anew."""
    plan = drop(absence=True)
    # Long written, by the clock of the runs: of a file that is, its time and place tell that it is the same.
    workday.clock.sleep(max(0.0, time.time() + 86_400 - workday.clock.now().timestamp()))
    told = []
    for _ in range(4):
        (folder / "a.jsonl").unlink(missing_ok=True)
        (folder / "a.jsonl").write_bytes(b'{"id":1}\n')
        told.append(len(fetch(workday, folder, plan)))
    assert told == [1, 0, 0, 0]
    assert [(mark.pages, mark.end.full) for mark in workday.archive.closed_sweeps(DROP)] == [(1, True)]


@pytest.mark.parametrize("absence", [False, True])
def test_a_stop_at_every_page_archives_no_page_twice(workday: Source, folder: Path, absence: bool) -> None:
    plan = drop(absence=absence)
    for number in range(4):
        (folder / f"{number}.jsonl").write_bytes(b'{"id":%d}\n' % number)
    for _ in range(4):
        with workday.archive.writer(DROP) as writer:
            pages = acquire(plan, DROP, writer=writer, ports=workday.ports, environ={"DROP": str(folder)})
            next(pages)
    assert workday.closed(DROP) == []
    assert fetch(workday, folder, plan) == []
    assert [item.page for item in workday.archived(DROP)] == [1, 2, 3, 4]
    mark = next(workday.archive.closed_sweeps(DROP))
    assert (mark.pages, mark.end.full, len(list(workday.archive.sweep(mark)))) == (4, absence, 4)


def test_a_change_after_a_stop_makes_no_sweep_of_two_moments(workday: Source, folder: Path) -> None:
    plan = drop(absence=True)
    for number in range(3):
        (folder / f"{number}.jsonl").write_bytes(b'{"id":%d}\n' % number)
    with workday.archive.writer(DROP) as writer:
        pages = acquire(plan, DROP, writer=writer, ports=workday.ports, environ={"DROP": str(folder)})
        next(pages)
        next(pages)
    (folder / "0.jsonl").write_bytes(b'{"id":7}\n')
    assert len(fetch(workday, folder, plan)) == 3
    mark = next(workday.archive.closed_sweeps(DROP))
    assert [item.body for item in workday.archive.sweep(mark)] == [b'{"id":7}\n', b'{"id":1}\n', b'{"id":2}\n']


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*.csv", ("a.csv", "ä b.csv"), ("a.CSV", "x/a.csv", ".a.csv", "a.csv.tmp", "acsv")),
        ("**/*.csv", ("a.csv", "x/a.csv", "x/y/a.csv"), ("x/.a.csv", "a.csvx")),
        ("x/**", ("x/a", "x/y/a"), ("a", "xa")),
        ("20[0-9][!a]/a?.csv", ("2026/ab.csv",), ("202a/ab.csv", "2026/a/.csv", "2026/a.csv")),
        ("a[.csv", ("a[.csv",), ("a.csv",)),
        ("[[]x]*", ("[x]a",), ("x]a",)),
        ("a/**/b/*.tmp", ("a/b/c.tmp", "a/x/b/c.tmp"), ("a/b/c.part",)),
    ],
)
def test_patterns(pattern: str, fits: tuple[str, ...], fits_not: tuple[str, ...]) -> None:
    made = Pattern(pattern)
    assert [name for name in fits if not made.fits(name)] == []
    assert [name for name in fits_not if made.fits(name)] == []
    for name in fits:
        folders = tuple(name.split("/")[:-1])
        assert all(made.leads_into(folders[: depth + 1]) for depth in range(len(folders)))
        assert name.startswith(made.constant)
