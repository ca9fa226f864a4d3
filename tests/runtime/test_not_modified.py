"""Pages that were not modified, from a source over a socket to canonical rows: a sweep of 304s says the same as one of bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import Asked, Reply, raw
from tests.runtime.test_absence import MAP, World
from tests.support import compiled

from fieldmap.runtime.reports import Report
from fieldmap.runtime.store.database import Server

PLAIN = MAP.replace('    changed $.at sent as "since"\n', "")


class Unmodified(World):
    """A source with ETags; statuses: what it answered since they were last taken."""

    statuses: list[int]

    def answer(self, asked: Asked) -> Reply:
        page = super().answer(asked)
        content = b"".join(piece for piece in page.pieces if isinstance(piece, bytes))
        head, _, body = content.partition(b"\r\n\r\n")
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        same = asked.headers.get("if-none-match") == etag
        self.statuses.append(304 if same else 200)
        if same:
            return raw(f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n".encode(), close=False)
        return raw(head + f"\r\nETag: {etag}\r\n\r\n".encode() + body, close=False)

    def sync(self, **wanted: Any) -> Report:
        self.statuses = []
        return super().sync(**{"full": False, **wanted})


@pytest.fixture
def world(tmp_path: Path, database: Server) -> Iterator[Unmodified]:
    made = Unmodified(tmp_path, database, compiled(tmp_path / "maps", hr=PLAIN))
    with made.server:
        yield made
    made.http.close()


def test_N15_what_was_not_modified_is_present_and_what_is_absent_is_withdrawn(
    world: Unmodified, tmp_path: Path
) -> None:
    world.sync()
    assert world.statuses == [200] * 4
    before = world.rows(named=True)
    report = world.sync()
    assert world.statuses == [304] * 4
    assert not report.failed
    assert world.rows(named=True) == before
    # The last page loses its only worker, the first changes; the two between are not modified.
    del world.workers["10"]
    world.workers["01"] = "Ada"
    world.sync()
    assert world.statuses == [200, 304, 200]
    after = world.rows(named=True)
    assert after == ["01Ada", *before[1:-1]]
    world.sync()
    assert world.statuses == [304] * 3
    assert world.rows(named=True) == after
    world.sync(full=True)
    assert world.statuses == [200] * 3
    assert world.rows(named=True) == after
    # From the archive alone, with a map that changed, the same rows.
    world.bundle = compiled(tmp_path / "changed", hr=PLAIN.replace("= $.name if", "= trim($.name) if"))
    assert world.run().replay([]).failed == {}
    assert world.statuses == [200] * 3
    assert world.rows(named=True) == after


def test_a_page_that_came_back_unmodified_after_it_was_changed(world: Unmodified) -> None:
    """Its body is the older one, and that is what stands then."""
    world.sync()
    world.workers["02"] = "Eve"
    world.sync()
    assert world.rows(named=True)[1] == "02Eve"
    world.sync()
    assert world.statuses == [304] * 4
    assert world.rows(named=True)[1] == "02Eve"
    world.workers["02"] = "name 2"
    world.sync()
    assert world.statuses == [200, 304, 304, 304]
    world.run().replay([])
    assert world.rows(named=True)[1] == "02name 2"
