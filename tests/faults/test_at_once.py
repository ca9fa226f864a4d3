"""Several resources at once: the store ends as if they had come one after the other, and none keeps another from its end."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.faults.state import accounts, digest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.test_children import MAP as CHILDREN
from tests.support import Quiet, compiled, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import AwayError
from fieldmap.runtime.handover import Room
from fieldmap.runtime.load import intake
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Connection, Server
from fieldmap.runtime.syncing import Options

SYSTEMS = ("alpha", "beta", "gamma", "delta", "omega")
SCHEDULES = int(os.environ.get("FIELDMAP_INTERLEAVINGS", "0") == "all") * 40 or 4


def maps(limit: str = "") -> str:
    """Five resources of two connectors, of which all claim the same people."""
    text = "entity Person {\n key number : text\n name : text?\n mail : text?\n}\n"
    for host, names in (("one", SYSTEMS[:3]), ("two", SYSTEMS[3:])):
        text += (
            f"connector {host} {{\n base env.{host.upper()}\n {limit}\n retry 1 times on 5xx, from 1 ms up to 2 ms\n"
        )
        for name in names:
            text += (
                f' resource {name} {{\n get "/{name}"\n pages cursor at $.next sent as "page"\n records $.data[*]\n id $.id\n'
                " changed $.at\n shape { id: text, at: datetime, name: text?, mail: text? }\n }\n"
            )
        text += "}\n"
        for name in names:
            partial = "" if name == "alpha" else " partial"
            text += (
                f"map {host}.{name} to Person{partial} {{\n number = $.id\n name = $.name\n mail = lower($.mail)\n}}\n"
            )
    order = ", ".join(f"{'one' if name in SYSTEMS[:3] else 'two'}.{name}" for name in SYSTEMS)
    return text + f"merge Person {{\n same number of one, two\n default prefer {order}\n mail newest\n}}\n"


def data(name: str, page: int) -> list[dict[str, Any]]:
    dice = random.Random(f"{name} {page}")  # noqa: S311
    return [
        {
            "id": str(dice.randrange(40)),
            "at": f"2026-01-{dice.randrange(1, 28):02}T00:00:00Z",
            "name": f"{name} {dice.randrange(5)}",
            "mail": f"{name}{dice.randrange(5)}@x.org" if dice.random() < 0.7 else None,
        }
        for _ in range(5)
    ]


class Sources:
    """Four pages of each resource. delay: before an answer, in seconds; broken: a resource that answers 500 from its third page on."""

    def __init__(self) -> None:
        self.delay: Callable[[], float] = lambda: 0.0
        self.broken = ""
        self.stuck = ""
        self.most = 0
        self.opened: list[Ports] = []
        self._now = 0
        self._lock = threading.Lock()
        self.server = FaultServer(self._answer)

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self.delay())
        with self._lock:
            self._now -= 1
        name = asked.target.strip("/").partition("?")[0]
        page = int(asked.target.partition("page=")[2] or 1)
        if name == self.stuck and page == 2:
            return raw(60.0, b"")
        if name == self.broken and page > 2:
            return reply({}, 500)
        return reply({"data": data(name, page), "next": str(page + 1) if page < 4 else None})


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    made = Sources()
    monkeypatch.setattr(intake, "BATCH_BYTES", 600)
    monkeypatch.setattr(intake, "BATCH_RECORDS", 7)
    with made.server:
        yield made
        for ports in made.opened:
            ports.http.close()


def prepared(folder: Path, limit: str = "") -> Bundle:
    return compiled(folder / "maps", all=maps(limit))


def run(
    bundle: Bundle, archive: Path, database: Any, sources: Sources, ports: Ports | None = None, **options: Any
) -> Run:
    ports = ports or Ports.real()
    sources.opened.append(ports)
    environ = {"ONE": sources.server.url, "TWO": sources.server.url}
    return Run(bundle, Archive(archive, ports), database, ports, environ, Quiet(), options=Options(**options))


def synced(bundle: Bundle, archive: Path, database: Any, sources: Sources, **options: Any) -> Report:
    return run(bundle, archive, database, sources, **options).sync([])


def test_the_order_in_which_threads_come_changes_nothing(tmp_path: Path, server: Server, sources: Sources) -> None:
    bundle = prepared(tmp_path)
    with empty_database(server) as alone:
        report = synced(bundle, tmp_path / "alone", alone, sources)
        assert not report.failed
        wanted = digest(alone.url, tmp_path / "alone")
    for number in range(SCHEDULES):
        dice = random.Random(number)  # noqa: S311
        sources.delay = lambda dice=dice: dice.choice((0, 0, 0.002, 0.02))  # type: ignore[misc]
        room = Room(dice.choice((0, 400, 2000, 1 << 20)))
        with empty_database(server) as database:
            archive = tmp_path / f"archive{number}"
            found = synced(bundle, archive, database, sources, at_once=1 + number % 4 + 1, room=room)
            assert list(found.maps) == list(report.maps)
            assert found.pages == report.pages
            state = digest(database.url, archive)
            assert state.digest == wanted.digest, wanted.difference(state)
            accounts(database.url, archive)
            assert room.used == 0
            assert not any(room.flying.values())


def test_one_that_fails_keeps_no_other_from_its_end(tmp_path: Path, database: Server, sources: Sources) -> None:
    sources.broken = "beta"
    report = synced(prepared(tmp_path), tmp_path / "archive", database, sources, at_once=4)
    assert list(report.failed) == ["one.beta"]
    assert "answered 500" in report.failed["one.beta"]
    read = {key: loaded.counts.read for key, loaded in report.maps.items()}
    assert sorted(read.values()) == [10, 20, 20, 20, 20]


def test_no_more_requests_at_once_than_the_connector_says(tmp_path: Path, database: Server, sources: Sources) -> None:
    sources.delay = lambda: 0.01
    synced(prepared(tmp_path, "limit 1 at once"), tmp_path / "archive", database, sources, at_once=5)
    # Two connectors, each one at a time.
    assert sources.most <= 2
    assert len(sources.server.asked) == 20


def test_resources_are_read_at_the_same_time(tmp_path: Path, database: Server, sources: Sources) -> None:
    sources.delay = lambda: 0.05
    synced(prepared(tmp_path), tmp_path / "archive", database, sources, at_once=3)
    assert sources.most == 3


def test_the_end_comes_within_seconds(tmp_path: Path, database: Server, sources: Sources) -> None:
    """One source says nothing, the caller is interrupted: all threads end, and what was archived is gone on with."""
    sources.stuck = "alpha"
    bundle = prepared(tmp_path)
    made = run(bundle, tmp_path / "archive", database, sources, at_once=5)
    ended: list[float] = []

    def interrupting() -> None:
        while len(sources.server.asked) < 18:
            time.sleep(0.01)
        ended.append(time.monotonic())
        made.ports.stop.set()

    told = threading.Thread(target=interrupting)
    told.start()
    made.sync([])
    told.join()
    assert time.monotonic() - ended[0] < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fieldmap-")]
    sources.stuck = ""
    report = synced(bundle, tmp_path / "archive", database, sources, at_once=5)
    assert not report.failed
    assert rows(database, "SELECT count(*) FROM canonical.person")[0][0] > 0
    assert sum("/alpha" in target for target in sources.server.targets) == 5


class Gate:
    """A server that can be away: what is connected breaks off, and nothing new comes about."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.away = False
        self.connections = 0
        self._opened: list[Connection] = []

    def connect(self) -> Connection:
        self.connections += 1
        if self.away:
            raise AwayError("The database cannot be reached (connection refused); check that the server runs.")
        connection = self.server.connect()
        self._opened.append(connection)
        return connection

    def leave(self) -> None:
        self.away = True
        with self.server.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def leaving(gate: Gate, sources: Sources, after: int) -> Callable[[], float]:
    left = threading.Event()

    def delay() -> float:
        if len(sources.server.asked) >= after and not left.is_set():
            left.set()
            gate.leave()
        return 0.0

    return delay


@pytest.mark.parametrize("at_once", [1, 3])
def test_without_a_database_all_is_fetched_and_loaded_later(
    tmp_path: Path, server: Server, sources: Sources, at_once: int
) -> None:
    bundle = prepared(tmp_path)
    with empty_database(server) as alone, empty_database(server) as database:
        synced(bundle, tmp_path / "alone", alone, sources)
        wanted = digest(alone.url, tmp_path / "alone")
        asked = len(sources.server.asked)
        gate = Gate(database)
        sources.delay = leaving(gate, sources, asked + 3)
        room = Room(1000)
        with pytest.raises(AwayError) as told:
            synced(bundle, tmp_path / "archive", gate, sources, at_once=at_once, room=room, patience=0.3)
        assert "the 20 pages that were fetched are in the archive, and the next sync loads from there" in str(
            told.value
        )
        assert len(sources.server.asked) == asked + 20
        assert room.most <= 1000
        # The archive alone is enough; the source is not asked.
        ports = Ports.real()
        made = Run(bundle, Archive(tmp_path / "archive", ports), database, ports, {}, Quiet())
        made.replay([])
        assert len(sources.server.asked) == asked + 20
        state = digest(database.url, tmp_path / "archive")
        assert state.digest == wanted.digest, wanted.difference(state)


def test_a_database_that_comes_back_is_waited_for(tmp_path: Path, database: Server, sources: Sources) -> None:
    bundle = prepared(tmp_path)
    gate = Gate(database)
    sources.delay = leaving(gate, sources, 5)
    back = threading.Timer(1.5, lambda: setattr(gate, "away", False))
    back.start()
    report = synced(bundle, tmp_path / "archive", gate, sources, at_once=3, patience=30.0)
    back.join()
    assert not report.failed
    assert sum(loaded.counts.read for loaded in report.maps.values()) == 100
    accounts(database.url, tmp_path / "archive")


def test_two_runs_that_want_the_same_in_opposite_orders(tmp_path: Path, database: Server, sources: Sources) -> None:
    """With --wait each comes to its end; without it, what the other is at is said and left to it."""
    bundle = prepared(tmp_path)
    synced(bundle, tmp_path / "archive", database, sources)
    sources.delay = lambda: 0.01
    names = [info.resource for info in bundle.catalogue.maps]
    reports: list[Report] = []

    def go(order: list[str], at_once: int) -> None:
        made = run(bundle, tmp_path / "archive", database, sources, at_once=at_once, wait=True)
        reports.append(made.sync(order))

    threads = [threading.Thread(target=go, args=(order, 2)) for order in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(reports) == 2
    assert [report.failed for report in reports] == [{}, {}]
    with Archive(tmp_path / "archive", Ports.real()).writer("one.alpha"):
        report = synced(bundle, tmp_path / "archive", database, sources, at_once=3)
    assert list(report.failed) == ["one.alpha"]
    assert "is being written by process" in report.failed["one.alpha"]


def test_who_waits_for_a_resource_can_be_told_to_end(tmp_path: Path, database: Server, sources: Sources) -> None:
    bundle = prepared(tmp_path)
    made = run(bundle, tmp_path / "archive", database, sources, at_once=2, wait=True)
    with Archive(tmp_path / "archive", Ports.real()).writer("one.alpha"):
        stopping = threading.Timer(1.0, made.ports.stop.set)
        stopping.start()
        began = time.monotonic()
        made.sync(["one.alpha"])
    assert time.monotonic() - began < 5
    assert not sources.server.asked


def test_children_wait_for_their_parent(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path / "maps", all=CHILDREN)
    asked: list[str] = []

    def answer(request: Asked) -> Reply:
        if request.target == "/workers":
            time.sleep(0.3)
            asked.append("parent")
            return reply({"items": [{"id": name, "name": name, "at": "2026-01-01T00:00:00Z"} for name in "abc"]})
        asked.append(request.target.split("/")[2])
        return reply({"items": [{"no": 1, "title": "t", "at": "2026-01-01T00:00:00Z"}]})

    ports = Ports.real()
    with FaultServer(answer) as server, contextlib.closing(ports.http):
        archive = Archive(tmp_path / "archive", ports)
        made = Run(bundle, archive, database, ports, {"HR": server.url}, Quiet(), options=Options(at_once=4))
        report = made.sync([])
    assert not report.failed
    assert asked == ["parent", "a", "b", "c"]
    assert rows(database, "SELECT number FROM canonical.job ORDER BY 1") == [("a-1",), ("b-1",), ("c-1",)]
