"""Batches that are pushed through a pipe: durable, loaded, harmless when they come again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.runtime.store.database import Server

COMMAND = str(Path(sys.executable).with_name("fieldmap"))
MAP = """
entity Order { key id : text; total : decimal(10, 2)? }
connector events is push {
  auth bearer { token secret.HOOK }
  resource orders { id $.id }
}
map events.orders to Order { id = $.id; total = $.total }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAP)
    return tmp_path


def ingest(folder: Path, database: Server, content: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, "ingest", *(options or ("events.orders",))],
        cwd=folder,
        input=content,
        capture_output=True,
        env={**os.environ, "FIELDMAP_DATABASE_URL": database.url},
        check=False,
    )


def orders(database: Server) -> list[tuple[object, ...]]:
    return rows(database, 'SELECT id, total::text FROM canonical."order" ORDER BY id')


def test_a_batch_is_archived_and_loaded_once(folder: Path, database: Server) -> None:
    batch = b'{"id":"1","total":12.5}\n{"id":"2"\n\n{"id":"3","total":1}\n'
    first = ingest(folder, database, batch)
    assert first.returncode == 0, first.stderr
    assert b"events.orders: 1 page, 56 bytes, durable in the archive" in first.stdout
    assert b"1 record is in the dead letters" in first.stdout
    assert orders(database) == [("1", "12.50"), ("3", "1.00")]
    letter = rows(database, "SELECT reason FROM fieldmap.dead_letters")
    assert len(letter) == 1
    again = ingest(folder, database, batch)
    assert b"this is the batch that came last; it is in the archive already" in again.stdout
    assert orders(database) == [("1", "12.50"), ("3", "1.00")]
    # What was pushed last counts, also when it is what was pushed before the last.
    assert ingest(folder, database, b'{"id":"1","total":7}\n').returncode == 0
    assert orders(database) == [("1", "7.00"), ("3", "1.00")]
    told = json.loads(ingest(folder, database, batch, "events.orders", "--json").stdout)
    assert told["archived"] == {"pages": 1, "bytes": len(batch)}
    assert orders(database) == [("1", "12.50"), ("3", "1.00")]


def test_archive_only_and_another_format(folder: Path, database: Server) -> None:
    done = ingest(folder, database, b'[\n{"id":"1"}, {"id":"2"}]', "events.orders", "--as", "json", "--archive-only")
    assert done.returncode == 0
    assert b"Load it with: fieldmap sync events.orders" in done.stdout
    assert rows(database, "SELECT to_regclass('canonical.order')") == [(None,)]
    loaded = subprocess.run(
        [COMMAND, "sync"],
        cwd=folder,
        capture_output=True,
        env={**os.environ, "FIELDMAP_DATABASE_URL": database.url},
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert orders(database) == [("1", None), ("2", None)]


def test_mistakes_in_words(folder: Path, database: Server) -> None:
    other = ingest(folder, database, b"", "events.people")
    assert other.returncode == 2
    assert b"events.people is no resource of a connector that is push; there are: events.orders" in b" ".join(
        other.stderr.split()
    )
    strange = ingest(folder, database, b"", "events.orders", "--as", "yaml")
    assert b"--as yaml is no format" in strange.stderr
    empty = ingest(folder, database, b"")
    assert empty.returncode == 2
    assert b"Nothing came in" in empty.stderr


def test_a_kill_in_the_middle_loses_and_doubles_nothing(folder: Path, database: Server) -> None:
    """The first parts are durable when the process is killed; the same batch again adds what is missing."""
    lines = [b'{"id":"%06d","total":1,"x":"%s"}\n' % (number, b"x" * 400) for number in range(100_000)]
    content = b"".join(lines)
    process = subprocess.Popen(
        [COMMAND, "ingest", "events.orders", "--archive-only"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(content[: 36 << 20])
    process.stdin.flush()
    segment = folder / "archive" / "events.orders" / "000001.warc.zst"
    for _ in range(200):
        if segment.exists() and segment.stat().st_size > 10_000:
            break
        time.sleep(0.05)
    time.sleep(0.2)
    process.kill()
    process.wait()
    process.stdin.close()
    told = json.loads(ingest(folder, database, content, "events.orders", "--archive-only", "--json").stdout)
    # One part of 32 MB was durable already.
    assert told["archived"]["pages"] == 1
    assert told["archived"]["bytes"] < 16 << 20
    kept = subprocess.run(
        [COMMAND, "archive", "verify", "--json"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    assert json.loads(kept.stdout)[0]["records"] == 2
