"""I11, D4 and D5: two loaders of different maps into one entity come to the same rows, whichever of their statements comes first.

Each key is touched by each loader exactly once, so that no later batch can repair what one of them missed. Enumerated are all schedules
with one change of turns: one loader does its first k statements, the other goes on until it ends or has to wait, then the first
goes on. FIELDMAP_INTERLEAVINGS=all takes every k and more random schedules; else a share of them is tried.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import conninfo, sql
from tests.faults.interleaving import ALL, Gated, Session, interleave
from tests.faults.scenarios import PEOPLE, WORKERS, _key, person, slip
from tests.faults.state import State, digest
from tests.runtime.archive.fakes import received
from tests.support import compiled, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import link
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

EVERYTHING = os.environ.get("FIELDMAP_INTERLEAVINGS") == "all"
STEP = 1 if EVERYTHING else 14
RANDOM = 60 if EVERYTHING else 2


@dataclass(frozen=True)
class Meeting:
    """first: batches loaded undisturbed before; then the two maps load theirs at once. Each batch: map and records."""

    name: str
    maps: str
    before: tuple[tuple[str, list[Any]], ...]
    pair: tuple[tuple[str, list[Any]], tuple[str, list[Any]]]


HR, PAY = "hr_people__worker", "pay_slips__worker"
STAFF, USERS = "workday_staff__worker", "bamboohr_users__worker"
_OTHERS = [slip(n, 3, mail=f"late{n}@x.org") for n in range(6, 0, -1)]
MEETINGS = (
    # Both sources are new to the store, and have their keys in opposite order (D4).
    Meeting("new", WORKERS, (), ((HR, [person(n, 2) for n in range(1, 7)]), (PAY, _OTHERS))),
    # Both change what is there: one an e-mail that loses, the other a row that goes.
    Meeting(
        "changed",
        WORKERS,
        ((HR, [person(n) for n in range(1, 7)]), (PAY, [slip(n) for n in range(1, 7)])),
        (
            (HR, [person(1, 4), person(2, 2, gone=True), person(3, 2, mail=None)]),
            (PAY, [*_OTHERS[:5], slip(1, 5, gone=True)]),
        ),
    ),
    # Both change who is who: a key joins by an e-mail that the other source gets at the same time.
    Meeting(
        "identity",
        PEOPLE,
        (
            (STAFF, [_key(1, 1, name="Ada", mail="a@x"), _key(2, 1, name="Bob", mail="b@x")]),
            (USERS, [_key(10, 1, name="Ada", mail="a@x")]),
        ),
        (
            (STAFF, [_key(1, 2, name="Ada", mail="new@x"), _key(3, 2, name="Cy", mail="c@x")]),
            (
                USERS,
                [
                    _key(10, 2, name="Ada", mail="new@x"),
                    _key(11, 2, name="Cy", mail="c@x"),
                    _key(12, 2, name="Bob", mail="b@x"),
                ],
            ),
        ),
    ),
)


class Ground:
    """A meeting made ready: a database to copy for each schedule, and an archive that all share."""

    def __init__(self, server: Server, folder: Path, meeting: Meeting) -> None:
        self._server = server
        self._number = 0
        self._pages: dict[str, int] = {}
        self.meeting = meeting
        self.folder = folder / "archive"
        self.bundle: Bundle = compiled(folder / "maps", all=meeting.maps)
        self.start = self._made("template1")
        prepare(Server(self.start), self.bundle, replay=True)
        statement = "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id"
        self._run = int(rows(Server(self.start), statement)[0][0])
        for one in meeting.before:
            self._archived(*one)
            self.work(*one)(Server(self.start))
        for one in meeting.pair:
            self._archived(*one)
        self.works: list[Callable[[Any], None]] = [self.work(*one) for one in meeting.pair]

    def work(self, map_id: str, records: list[Any]) -> Callable[[Any], None]:
        """Loads what the archive has of a map, and the database has not."""

        def load(database: Gated | Server) -> None:
            info = self.bundle.map(map_id)
            with Loader(database, self.bundle, info, self._run) as loader:
                after = loader.applied_through if loader.applied_through >= 0 else None
                loader.load(Archive(self.folder, Ports.real()).read(info.resource, after))
                loader.finish()

        return load

    def _archived(self, map_id: str, records: list[Any]) -> None:
        info = self.bundle.map(map_id)
        self._pages[map_id] = page = self._pages.get(map_id, 0) + 1
        lines = info.resource.startswith("pay.")
        body = (
            b"\n".join(msgspec.json.encode(one) for one in records) if lines else msgspec.json.encode({"data": records})
        )
        with Archive(self.folder, Ports.real()).writer(info.resource) as writer:
            writer.append(received(page, body, resource=info.resource, format="ndjson" if lines else "json"))

    def ends(self, play: Callable[[Server], list[Session]]) -> tuple[State, list[Session]]:
        """What the store comes to by a schedule, in a database of its own."""
        url = self._made(str(conninfo.conninfo_to_dict(self.start)["dbname"]))
        try:
            sessions = play(Server(url))
            return digest(url, self.folder), sessions
        finally:
            self._dropped(url)

    def serial(self, order: tuple[int, int]) -> State:
        def play(server: Server) -> list[Session]:
            for who in order:
                self.works[who](server)
            return []

        return self.ends(play)[0]

    def close(self) -> None:
        self._dropped(self.start)

    def _made(self, template: str) -> str:
        self._number += 1
        name = f"meet_{os.getpid()}_{id(self)}_{self._number}"
        with self._server.connect() as connection:
            make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(make.format(sql.Identifier(name), sql.Identifier(template)))
        return conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(self._server.url), "dbname": name})

    def _dropped(self, url: str) -> None:
        with self._server.connect() as connection:
            name = sql.Identifier(str(conninfo.conninfo_to_dict(url)["dbname"]))
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="module", params=MEETINGS, ids=[one.name for one in MEETINGS])
def ground(request: pytest.FixtureRequest, server: Server) -> Iterator[Ground]:
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-meeting-"))
    made = Ground(server, folder, request.param)
    yield made
    made.close()
    shutil.rmtree(folder)


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The errors by which a batch was done again: deadlocks would be met by that, and so not seen."""
    errors: list[str] = []
    passing = link._passing

    def noted(error: psycopg.Error) -> bool:
        errors.append(str(error))
        return passing(error)

    monkeypatch.setattr(link, "_passing", noted)
    return errors


def schedules(statements: int) -> Iterator[list[tuple[int, int]]]:
    for first in (0, 1):
        for before in range(1, statements + 1, STEP):
            yield [(first, before), (1 - first, ALL)]
    dice = random.Random(1)  # noqa: S311
    for _ in range(RANDOM):
        yield [(dice.randrange(2), dice.randint(1, 12)) for _ in range(30)]


def test_I11_every_interleaving_comes_to_the_same_rows(ground: Ground, lost: list[str]) -> None:
    expected = ground.serial((0, 1))
    other = ground.serial((1, 0))
    assert other.digest == expected.digest, f"the order of two whole loads matters\n{expected.difference(other)}"
    _, sessions = ground.ends(lambda server: interleave(server, ground.works, [(0, ALL)]))
    statements = max(session.passed for session in sessions)
    assert statements > 25
    tried = 0
    for turns in schedules(statements):
        found, sessions = ground.ends(lambda server, turns=turns: interleave(server, ground.works, turns))  # type: ignore[misc]
        tried += 1
        assert [session.error for session in sessions] == [None, None], turns
        assert found.digest == expected.digest, f"{turns}\n{expected.difference(found)}"
    assert lost == []
    print(f"{ground.meeting.name}: {tried} schedules of {statements} statements each")


def test_D5_of_two_merges_the_second_sees_what_the_first_has_claimed(ground: Ground) -> None:
    """The barrier: one has written its claims and not yet committed when the other comes to merge; that one waits."""
    ended: list[bool] = []

    def play(server: Server) -> list[Session]:
        sessions = [Session(server, work) for work in ground.works]
        with server.connect() as watch:
            for session in sessions:
                session.start()
            entity = "SELECT FROM fieldmap.entities FOR UPDATE"
            watch.execute("BEGIN")
            watch.execute(entity)
            for session in sessions:
                session.allow(ALL)
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            with server.connect() as other:
                for _ in range(3000):
                    row = other.execute(waiting).fetchone()
                    if row is not None and row[0] == 2:
                        break
            ended.extend(session.ended for session in sessions)
            watch.execute("COMMIT")
        for session in sessions:
            session.join()
        return sessions

    found, sessions = ground.ends(play)
    assert ended == [False, False], "a merge did not wait for the entity"
    assert [session.error for session in sessions] == [None, None]
    assert found.digest == ground.serial((0, 1)).digest
