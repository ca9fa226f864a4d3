"""I1, crash equivalence: a sync killed at any of its points and started again ends as if nothing had happened.

The points are each write, fsync and creation of the archive (before and after) and each statement to the database (before; COMMIT also
after). They are enumerated, not sampled: once without death to count them, then once for each.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql
from tests.support import compiled, rows

from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server

DRIVER = Path(__file__).parent / "kill_driver.py"
# In the ordinary run each n-th point; FIELDMAP_ALL_POINTS=1 takes all.
STEP = 1 if os.environ.get("FIELDMAP_ALL_POINTS") else 9

MAPS = """
entity Order {
  key number : text
  buyer      : text?
  keeps history
}
entity Line {
  key (order_no, line_no)
  order_no : Order
  line_no  : int
  amount   : decimal(8, 2)
  keeps history
}
connector drop is files {
  folder env.FILES
  resource orders {
    files "*.jsonl" as ndjson
    id $.no
    changed $.at
    deleted when $.gone otherwise false
    shape { no: text, at: datetime, gone: bool?, buyer: text?, skip: bool?, lines: [ { n: int, amount: number } ] }
  }
}
map drop.orders as order to Order {
  when not ($.skip otherwise false)
  number = $.no
  buyer  = $.buyer
  each order.lines[*] as line to Line {
    order_no = order.no
    line_no  = line.n
    amount   = line.amount
  }
}
merge Order { default newest }
"""
SHOWN = (
    "SELECT number, buyer FROM canonical.order ORDER BY 1",
    "SELECT order_no, line_no, amount::text FROM canonical.line ORDER BY 1, 2",
    "SELECT _record, _state, _changed::text, _position, _index, number, buyer FROM claims.drop_orders__order ORDER BY 1",
    "SELECT _record, _element, _position, _index, amount::text FROM claims.drop_orders__order__1 ORDER BY 1, 2",
    "SELECT number, buyer, _true_from::text, _gone FROM history.order WHERE _known_to = 'infinity' ORDER BY 1, 3",
    "SELECT order_no, line_no, amount::text, _true_from::text, _gone FROM history.line WHERE _known_to = 'infinity' ORDER BY 1, 2, 4",
    "SELECT _record, _state, _changed::text, _position, _index FROM versions.drop_orders__order ORDER BY 1, 3",
    "SELECT archive_position, record_index, code, field, record FROM fieldmap.dead_letters ORDER BY 1, 2",
    "SELECT archive_position, record_index, field, code FROM fieldmap.held ORDER BY 1, 2, 3",
    "SELECT map, applied_through, replaying FROM fieldmap.positions",
    "SELECT key, field, value, record, archive_position, record_index FROM provenance.order ORDER BY 1, 2",
)


def order(number: int, **more: Any) -> dict[str, Any]:
    lines = [{"n": n, "amount": n + number / 4} for n in range(number % 3)]
    return {
        "no": f"N{number}",
        "at": f"2026-01-{1 + number:02d}T00:00:00Z",
        "buyer": f"b{number}",
        "lines": lines,
        **more,
    }


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A bundle and three files: new versions, a withdrawn, a deleted, a rejected and a held record among them."""
    bundles.write(compiled(tmp_path / "maps", all=MAPS), tmp_path / "bundle")
    files = tmp_path / "files"
    files.mkdir()
    parts = [
        [order(n) for n in range(5)],
        [
            order(1, at="2026-02-01T00:00:00Z", buyer="new", lines=[]),
            order(2, at="2026-02-01T00:00:00Z", skip=True),
            order(9, lines=[{"n": None, "amount": 1}]),
        ],
        [
            order(3, at="2026-02-01T00:00:00Z", gone=True),
            order(4, at="2026-02-01T00:00:00Z", buyer=7),
            order(0, at="2025-01-01T00:00:00Z", buyer="old"),
        ],
    ]
    for number, records in enumerate(parts):
        (files / f"{number}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return tmp_path


class Databases:
    """Fresh databases by copying an empty one."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._made: list[str] = []

    def fresh(self) -> str:
        name = f"kill_{os.getpid()}_{len(self._made)}"
        self._made.append(name)
        with self._server.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(self._server.url), "dbname": name})

    def drop(self) -> None:
        with self._server.connect() as connection:
            for name in self._made:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.clear()


def sync(world: Path, archive: Path, url: str, kill_at: int) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(DRIVER),
        str(world / "bundle"),
        str(archive),
        str(world / "files"),
        url,
        str(kill_at),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def state(url: str, archive: Path) -> tuple[list[Any], list[bytes]]:
    """What a run left behind: every table but for times and runs, and the bodies in the archive."""
    found: list[Any] = [rows(Server(url), statement) for statement in SHOWN]
    bodies = [page.content() for page in Archive(archive, Ports.real()).read("drop.orders", None)]
    return found, bodies


def test_I1_death_at_every_point_changes_nothing(world: Path, server: Server) -> None:
    databases = Databases(server)
    try:
        url = databases.fresh()
        undisturbed = sync(world, world / "archive-0", url, 0)
        assert undisturbed.returncode == 0, undisturbed.stderr
        points = int(undisturbed.stdout)
        expected = state(url, world / "archive-0")
        assert points > 60
        assert len(expected[1]) == 3
        tried = 0
        for kill_at in range(1, points + 1, STEP):
            tried += 1
            archive = world / f"archive-{kill_at}"
            url = databases.fresh()
            assert sync(world, archive, url, kill_at).returncode == -signal.SIGKILL
            again = sync(world, archive, url, 0)
            assert again.returncode == 0, (kill_at, again.stderr)
            assert same(state(url, archive), expected), f"after death at point {kill_at} of {points}"
            assert accounts(url), f"accounts after death at point {kill_at}"
            databases.drop()
        print(f"{tried} of {points} points")
    finally:
        databases.drop()


def same(found: tuple[list[Any], list[bytes]], expected: tuple[list[Any], list[bytes]]) -> bool:
    """Equal, but that a page may stand in the archive twice if death fell between its write and its being known: then the
    positions after it have moved, and are compared by their order."""
    return bool(_ordered(found) == _ordered(expected))


def _ordered(found: tuple[list[Any], list[bytes]]) -> Any:
    tables, bodies = found
    positions = sorted(
        {value for table in tables for row in table for value in row if isinstance(value, int) and value >= 1 << 40}
    )
    rank = {position: number for number, position in enumerate(positions)}
    return [[tuple(rank.get(value, value) for value in row) for row in table] for table in tables], list(
        dict.fromkeys(bodies)
    )


def accounts(url: str) -> bool:
    """Over all runs each record was counted once: what a killed transaction counted went with it."""
    try:
        found = rows(
            Server(url), "SELECT sum(read), sum(claimed), sum(filtered), sum(deleted), sum(dead) FROM fieldmap.accounts"
        )
    except psycopg.Error:
        return False
    return bool(found == [(11, 8, 1, 1, 1)])
