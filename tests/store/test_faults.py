"""Group D of the fault catalogue, as far as this release goes: lost answers, swallowed errors, two runs of one map."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.store.test_each import MAP, MAPS, lines, order
from tests.support import Pages, compiled, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import DatabaseError, FieldmapError
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.store.database import Connection, Server, open_database
from fieldmap.runtime.store.transaction import Commit, commit, transact


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


@dataclass
class CutAtCommit:
    """Connections whose COMMIT loses its answer: once before the server has done it, or once after."""

    server: Server
    after: bool
    times: int = 1

    def connect(self) -> Connection:
        connection = self.server.connect()
        execute = connection.execute

        def cutting(query: Any, *arguments: Any, **options: Any) -> Any:
            if query == "COMMIT" and self.times:
                self.times -= 1
                if self.after:
                    execute("COMMIT")
                connection.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return execute(query, *arguments, **options)

        connection.execute = cutting  # type: ignore[method-assign]
        return connection


@pytest.mark.parametrize("after", [False, True])
def test_D1_a_lost_commit_answer_is_resolved(bundle: Bundle, database: Server, after: bool) -> None:
    ready(database, bundle)
    pages = Pages()
    made = [order(pages, "A", "01", (1, "x", 1)), order(pages, "B", "01", (1, "y", 2))]
    with Loader(CutAtCommit(database, after), bundle, bundle.map(MAP), _run(database)) as loader:
        loader.load(made)
        loader.finish()
    assert lines(database) == [("A", 1, "x", "1.00"), ("B", 1, "y", "2.00")]
    assert rows(database, "SELECT read, claimed FROM fieldmap.accounts") == [(2, 2)]
    assert rows(database, "SELECT count(*) FROM fieldmap.ledger") == [(1,)]
    # What became of rows is known though the answer that told it was lost.
    assert rows(database, "SELECT entity, made, changed, gone FROM fieldmap.changed_rows") == [
        ("Line", 2, 0, 0),
        ("Order", 2, 0, 0),
    ]


def test_D1_a_server_that_is_gone_is_told_in_one_sentence(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    with (
        Loader(CutAtCommit(database, False, times=9), bundle, bundle.map(MAP), _run(database)) as loader,
        pytest.raises(DatabaseError, match="run the command again"),
    ):
        loader.load([order(Pages(), "A", "01", (1, "x", 1))])
    assert lines(database) == []


def test_D2_a_swallowed_error_is_not_committed(database: Server) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (a int)")

        def work(c: Connection) -> None:
            c.execute("INSERT INTO t VALUES (1)")
            with pytest.raises(psycopg.Error):
                c.execute("SELECT 1 / 0")

        with pytest.raises(DatabaseError):
            transact(connection, work)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
        assert transact(connection, lambda c: c.execute("INSERT INTO t VALUES (2)"))[0] is Commit.COMMITTED


def test_a_failure_inside_rolls_back(database: Server) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (a int)")

        def work(c: Connection) -> None:
            c.execute("INSERT INTO t VALUES (1)")
            raise ValueError

        with pytest.raises(ValueError):
            commit(connection, work)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_I10_a_run_that_was_overtaken_commits_nothing(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    run = _run(database)
    info = bundle.map(MAP)
    with Loader(database, bundle, info, run) as first, Loader(database, bundle, info, run) as second:
        with pytest.raises(FieldmapError, match="Another run has taken over"):
            first.load([order(pages, "A", "01", (1, "stale", 1))])
        second.load([order(pages, "B", "01", (1, "y", 2))])
    assert lines(database) == [("B", 1, "y", "2.00")]


def test_M8_a_nul_character_harms_only_its_record(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    with Loader(database, bundle, bundle.map(MAP), _run(database)) as loader:
        loader.load(
            [
                pages.page(
                    b'{"data": [{"no": "A\\u0000", "at": "2026-01-01T00:00:00Z", "lines": []}, {"no": "B", "at": "2026-01-01T00:00:00Z", "buyer": "a\\tb\\\\c\\nd", "lines": []}]}'
                )
            ]
        )
    assert rows(database, "SELECT number, buyer FROM canonical.order") == [("B", "a\tb\\c\nd")]
    assert [code for (code,) in rows(database, "SELECT code FROM fieldmap.dead_letters")] == ["FM2124"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://nobody@127.0.0.1:1/x", "cannot be reached"),
        ("postgresql://nobody:geheim@127.0.0.1:1/x", "127.0.0.1:1/x"),
        ("not a url", "FIELDMAP_DATABASE_URL"),
    ],
)
def test_a_database_that_is_down_is_told_without_the_password(url: str, says: str, tmp_path: Path) -> None:
    with open_database(url, tmp_path) as server, pytest.raises(DatabaseError, match=says) as caught:
        server.connect()
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


def _run(database: Server) -> int:
    return int(rows(database, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0])


class RefusingServer:
    """Speaks just enough of PostgreSQL's protocol to ask for a password and refuse it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(5)
            connection.recv(8)
            connection.sendall(b"N")  # no TLS
            connection.recv(1024)
            connection.sendall(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
            connection.recv(1024)
            fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "ada"\0\0'
            connection.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)

    def close(self) -> None:
        self._thread.join(5)
        self._socket.close()


def test_a_wrong_password_is_told_and_not_shown() -> None:
    refusing = RefusingServer()
    try:
        with pytest.raises(DatabaseError, match="refused the user or password") as caught:
            Server(f"postgresql://ada:geheim@127.0.0.1:{refusing.port}/x?gssencmode=disable").connect()
    finally:
        refusing.close()
    assert "geheim" not in str(caught.value)


def test_O12_dead_letters_and_position_go_with_their_batch(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    with (
        Loader(CutAtCommit(database, False, times=9), bundle, bundle.map(MAP), _run(database)) as loader,
        pytest.raises(DatabaseError, match="run the command again"),
    ):
        loader.load([order(Pages(), "A\x00", "01", (1, "x", 1))])
    assert rows(database, "SELECT code FROM fieldmap.dead_letters") == []
    assert rows(database, "SELECT applied_through FROM fieldmap.positions") == [(-1,)]


def test_D4_making_ready_waits_for_a_load_under_way_and_stands_in_its_way_nowhere(
    bundle: Bundle, database: Server
) -> None:
    ready(database, bundle)
    errors: list[DatabaseError] = []

    def make_ready() -> None:
        try:
            ready(database, bundle)
        except DatabaseError as error:
            errors.append(error)

    with database.connect() as load, database.connect() as watch:
        load.execute("BEGIN")
        load.execute("SELECT FROM fieldmap.positions FOR UPDATE")
        thread = threading.Thread(target=make_ready)
        thread.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while watch.execute(waiting).fetchone() == (0,):
            assert thread.is_alive(), "it did not wait"
        load.execute("SELECT FROM fieldmap.entities FOR UPDATE")
        # If the other had locked this table by now, PostgreSQL would end one of the two.
        load.execute("DELETE FROM fieldmap.incomplete")
        load.execute("COMMIT")
        thread.join(30)
    assert errors == []


def test_D4_making_ready_locks_no_table_while_rows_are_merged(bundle: Bundle, database: Server) -> None:
    """Of two that wait for each other PostgreSQL ends one, and what is ended here begins anew: so it is looked at what is locked."""
    ready(database, bundle)
    with database.connect() as merge, database.connect() as watch, ThreadPoolExecutor(1) as pool:
        merge.execute("BEGIN")
        # As rules that changed and what operators decide do; a load has the positions besides.
        merge.execute("SELECT FROM fieldmap.entities FOR UPDATE")
        made = pool.submit(ready, database, bundle)
        while watch.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (0,):
            assert not made.done(), "it did not wait"
        locked = watch.execute(
            "SELECT c.oid::regclass::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.granted AND l.locktype = 'relation'"
            " AND l.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
        merge.execute("COMMIT")
        made.result(30)
    assert locked == []


def test_the_shares_of_a_run_cut_off_after_its_last_batch_are_not_counted_on(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    run, info = _run(database), bundle.map(MAP)
    cut_off = Loader(database, bundle, info, run)
    cut_off.__enter__()
    cut_off.load([order(Pages(), "A", "01", (1, "x", 1))])
    cut_off.__exit__(KeyboardInterrupt)
    assert rows(database, "SELECT count(*) > 0 FROM fieldmap.held_shares") == [(True,)]
    with Loader(database, bundle, info, run) as loader:
        loader.finish()
    assert rows(database, "SELECT count(*) FROM fieldmap.held_shares") == [(0,)]


@dataclass
class Sleepy:
    """Connections that sleep once in the middle of a transaction, longer than the server lets them."""

    server: Server
    slept: bool = False

    def connect(self) -> Connection:
        connection = self.server.connect()
        connection.execute("SET idle_in_transaction_session_timeout = '50ms'")
        execute = connection.execute

        def sleeping(query: Any, *arguments: Any, **options: Any) -> Any:
            if query == "COMMIT" and not self.slept:
                self.slept = True
                time.sleep(0.3)
            return execute(query, *arguments, **options)

        connection.execute = sleeping  # type: ignore[method-assign]
        return connection


def test_D18_a_run_that_slept_in_a_transaction_does_its_batch_again(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    with Loader(Sleepy(database), bundle, bundle.map(MAP), _run(database)) as loader:
        loader.load([order(Pages(), "A", "01", (1, "x", 1))])
    assert lines(database) == [("A", 1, "x", "1.00")]
    assert rows(database, "SELECT read, claimed FROM fieldmap.accounts") == [(1, 1)]


def test_D22_a_transaction_that_sleeps_lets_go_of_its_locks(database: Server) -> None:
    assert rows(database, "SHOW idle_in_transaction_session_timeout") == [("5min",)]
