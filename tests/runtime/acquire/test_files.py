"""Files of a folder: each content archived once, nothing from outside the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.runtime.acquire.sources import Source, text

from fieldmap.runtime.acquire import acquire, files
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import Composed, EnvRef, FilesConnector, FilesResource, Format, SecretRef

DROP = "drop.users"


def drop(pattern: str = "*.jsonl", format: Format = "ndjson", folder: Composed | None = None) -> FilesConnector:
    return FilesConnector(
        name="drop",
        folder=folder or text(EnvRef("DROP")),
        resources=(FilesResource(name=DROP, pattern=pattern, format=format),),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


def fetch(workday: Source, folder: Path, plan: FilesConnector | None = None) -> list[tuple[str, bytes]]:
    got = workday.fetch(plan or drop(), {"DROP": str(folder)}, DROP)
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
    (folder / "a.jsonl").write_bytes(b'{"id":1}\n')
    assert fetch(workday, folder) == []
    assert workday.closed(DROP) == [1, 2]


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
    assert [url for url, _ in fetch(workday, folder)] == ["file:inner.jsonl", "file:real.jsonl"]
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
