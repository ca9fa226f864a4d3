"""What runs and what a user asks finds its rows by an index: with many rows there, no statement reads a whole table for a few of them.

Shown by PostgreSQL's own counters of what was read by sequential scans, over real loads and real commands.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.support import MemoryPage, compiled, load, ready, rows

from fieldmap.cli.main import run
from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.load import planner
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.store.database import Server

MANY = 40_000
MAPS = """
entity Worker {
  key number : text
  name : text
  mail : text?
  keeps history
}
entity Stay {
  key (room, night)
  room  : int
  night : date
  guest : text?
}
connector hr is files {
  folder "in"
  resource people {
    files "people*.ndjson" as ndjson
    id $.id
    changed $.at
    shape { id: text, at: datetime, name: text }
  }
  resource mails {
    files "mails*.ndjson" as ndjson
    id $.id
    changed $.at
    shape { id: text, at: datetime, mail: text }
  }
  resource stays {
    files "stays*.ndjson" as ndjson
    id $.id
    changed $.at
    shape { id: text, at: datetime, room: number, night: date, guest: text }
  }
}
map hr.people to Worker { number = $.id; name = $.name }
map hr.mails to Worker partial { number = $.id; mail = $.mail }
map hr.stays to Stay { room = $.room; night = $.night; guest = $.guest }
merge Worker {
  same number of hr.people, hr.mails
  default prefer hr.people, hr.mails
}
"""
AT, LATER = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def people(n: int, at: str) -> dict[str, Any]:
    return {"id": f"{n}", "at": at, "name": f"N{n} {at}"}


def mails(n: int, at: str) -> dict[str, Any]:
    return {"id": f"{n}", "at": at, "mail": f"{n}@x {at}"}


def stays(n: int, at: str) -> dict[str, Any]:
    return {"id": f"{n}", "at": at, "room": n % 50, "night": f"2{n // 50:03}-01-01", "guest": f"G{n} {at}"}


RESOURCES: dict[str, Callable[[int, str], dict[str, Any]]] = {"people": people, "mails": mails, "stays": stays}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[tuple[Path, Server]]:
    """A project of which each table holds many rows, as its first sync left it."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "fieldmap.toml").write_text("")
    (folder / "all.map").write_text(MAPS)
    (folder / "in").mkdir()
    for name, record in RESOURCES.items():
        (folder / "in" / f"{name}1.ndjson").write_text("".join(json.dumps(record(n, AT)) + "\n" for n in range(MANY)))
    with empty_database(server) as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIELDMAP_DATABASE_URL", database.url)
        patch.chdir(folder)
        # The order in which the plans of histories went wrong: what enriches comes first, and rows begin with what it enriches.
        assert [run(["sync", "hr.mails"]), run(["sync"])] == [0, 0]
        with database.connect() as connection:
            connection.execute("ANALYZE")
        yield folder, database


def settle(database: Server) -> None:
    """Sessions report what they counted when they end."""
    while rows(
        database,
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    ):
        time.sleep(0.02)


def read_whole(database: Server, work: Callable[[], object]) -> dict[str, int]:
    """Tables of many rows of which the work has read a good part by sequential scans, and how many rows that were."""

    def counters() -> dict[str, int]:
        return dict(
            rows(
                database,
                "SELECT schemaname || '.' || relname, seq_tup_read FROM pg_stat_user_tables"
                " WHERE schemaname IN ('claims', 'canonical', 'history', 'versions', 'fieldmap')",
            )
        )

    settle(database)
    before = counters()
    work()
    settle(database)
    after = counters()
    return {
        name: count - before.get(name, 0) for name, count in after.items() if count - before.get(name, 0) >= MANY // 2
    }


def test_the_counters_count(filled: tuple[Path, Server]) -> None:
    _, database = filled
    assert read_whole(database, lambda: rows(database, "SELECT count(name) FROM canonical.worker")) == {
        "canonical.worker": MANY
    }


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_small_batch_reads_few_rows(filled: tuple[Path, Server], resource: str) -> None:
    folder, database = filled
    bundle = bundles.read(folder / ".fieldmap" / "bundle")
    (info,) = [item for item in bundle.catalogue.maps if item.resource == f"hr.{resource}"]
    records = [RESOURCES[resource](n, LATER) for n in (3, MANY - 2, MANY + 5)]
    body = "".join(json.dumps(one) + "\n" for one in records).encode()
    page = MemoryPage(1 << 50, body, "ndjson", url="file:later.ndjson")
    loaded: list[Loader] = []
    assert read_whole(database, lambda: loaded.append(load(database, bundle, info.id, [page], detailed=False))) == {}
    assert loaded[0].loaded.counts.claimed == 3


@pytest.mark.parametrize(
    "command",
    [
        ["query", "Worker", "--key", "77"],
        ["query", "Worker", "--key", "77", "--as-of", "2026-01-15"],
        ["query", "Worker", "--key", "77", "--provenance"],
        ["query", "Worker", "--key", "77", "--provenance", "--as-of", "2026-01-15"],
        ["query", "Stay", "--key", "7,2001-01-01"],
        ["query", "Stay", "--key", "7,2001-01-01", "--provenance"],
        ["explain", "Worker", "77", "name"],
    ],
    ids=" ".join,
)
def test_one_row_is_found_by_its_key(
    filled: tuple[Path, Server], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    folder, database = filled
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(folder)
    codes: list[int] = []
    # The number of rows is told without reading them, where a key is asked for.
    assert read_whole(database, lambda: codes.append(run(command))) == {}
    assert codes == [0], capsys.readouterr().err


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM provenance.worker WHERE key = '77'",
        "SELECT * FROM provenance.worker_claims WHERE key = '77'",
        "SELECT * FROM provenance.worker_history WHERE number = '77'",
    ],
)
def test_a_view_asked_for_a_key_reads_few_rows(filled: tuple[Path, Server], statement: str) -> None:
    _, database = filled
    assert read_whole(database, lambda: rows(database, statement)) == {}


def test_the_planner_is_told_of_a_tenth_that_is_others_and_not_of_less(
    filled: tuple[Path, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, database = filled
    monkeypatch.setattr(planner, "ANALYZED", 100)
    bundle = bundles.read(folder / ".fieldmap" / "bundle")

    def analyzed_after(changed: int, position: int, at: str) -> tuple[int, ...]:
        body = "".join(json.dumps(mails(n, at)) + "\n" for n in range(changed)).encode()
        page = MemoryPage(position, body, "ndjson", url="file:later.ndjson")
        load(database, bundle, "hr_mails__worker", [page], detailed=False)
        settle(database)
        question = (
            "SELECT analyze_count FROM pg_stat_user_tables WHERE (schemaname, relname) = ('claims', 'hr_mails__worker')"
        )
        return tuple(count for (count,) in rows(database, question))

    (before,) = analyzed_after(3, 1 << 51, "2026-02-02T00:00:00Z")
    assert analyzed_after(MANY // 10 - 100, 1 << 52, "2026-02-03T00:00:00Z") == (before,)
    assert analyzed_after(MANY // 10 + 100, 1 << 53, "2026-02-04T00:00:00Z") == (before + 1,)


def test_who_refers_to_a_row_that_came_or_went_is_found_by_an_index(tmp_path: Path, database: Server) -> None:
    """Where a reference must exist: of one part, of several, and in a list."""
    model = """
entity Team {
  key (site, code)
  site : text
  code : text
}
entity Worker {
  key number : text
  boss  : Worker? must exist
  team  : Team?   must exist
  peers : list of Worker must exist
}
"""
    bundle = compiled(tmp_path, all=model)
    ready(database, bundle)
    numbered = (
        "'N' || i, 'N' || i / 2, 'S', 'T' || i / 2, ARRAY['N' || i / 2], '{}', 1, 1 FROM generate_series(1, 30000) i"
    )
    columns = "number, boss, team_site, team_code, peers, _claims, _made_by, _changed_by"
    with database.connect() as connection:
        for schema in ("canonical", "waiting"):
            connection.execute(f"INSERT INTO {schema}.worker ({columns}) SELECT {numbered}".encode())
            connection.execute(f"ANALYZE {schema}.worker".encode())
        for made in ("arrived", "left"):
            connection.execute(
                f"CREATE TEMP TABLE {made}_worker AS SELECT number FROM canonical.worker LIMIT 20".encode()
            )
            connection.execute(
                f"CREATE TEMP TABLE {made}_team AS SELECT 'S' COLLATE \"C\" AS site, ('T' || n) COLLATE \"C\" AS code"
                " FROM generate_series(1, 20) n".encode()
            )
            connection.execute(f"ANALYZE {made}_worker, {made}_team".encode())
        connection.execute("CREATE TEMP TABLE suspect_worker AS SELECT number FROM canonical.worker LIMIT 0")
        steps = bundle.steps("sql/merge/worker.sql")
        asked = {
            name: text
            for name, text in steps.items()
            if name.startswith(("wake_", "suspect_")) and name != "suspect_all"
        }
        assert len(asked) == 6
        for name, text in asked.items():
            plan = connection.execute(b"EXPLAIN " + text.replace("%(run)s", "1").encode()).fetchall()
            assert any("must_exist_" in line for (line,) in plan), (name, plan)
