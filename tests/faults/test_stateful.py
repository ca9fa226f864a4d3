"""Whatever a source does, however it is delivered, and wherever runs end: the store is what the reference says (`reference.py`).

Hypothesis invents the story: versions of records that come, go, go back in time or share one; pages in any order, delivered again; runs,
runs that break off at a statement, maps that change and change back, dead letters that are retried, with the maps of now or with mended ones,
and retries that break off. After every run that came to its end the rows, their provenance (I13), dead letters (I15), held values, incomplete rows
and accounts (I5) are compared, and rows are gone only where the source deleted them (I16); now and then it is run once more, which must
write nothing (I9), and at the end the store is built anew from the archive (I2).

FIELDMAP_STORIES=400 invents more of them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from psycopg import conninfo, sql
from tests.faults.points import cursors
from tests.faults.reference import HR, MAPS, MENDED, PAY, Expected, Pages, Version, expected
from tests.faults.state import accounts, digest, row_versions
from tests.runtime.archive.fakes import received
from tests.support import Quiet, compiled, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import FindingsError
from fieldmap.runtime.load import intake
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Connection, Server
from fieldmap.runtime.store.reconcile import prepare

STORIES = int(os.environ.get("FIELDMAP_STORIES", "5"))
KEYS = ("a", "b", "c")
TABLES = {HR: "hr_people__worker", PAY: "pay_slips__worker"}


class BreakOff(BaseException):
    """The end of a run in the middle of it; its connections are dropped as by death."""


class Breaking:
    """A database that ends the run at its n-th statement."""

    def __init__(self, server: Server, after: int) -> None:
        self._server, self._left = server, after
        self._opened: list[Connection] = []

    def connect(self) -> Connection:
        connection = self._server.connect()
        connection.cursor_factory = cursors(self._around)
        self._opened.append(connection)
        return connection

    @contextmanager
    def _around(self, name: str, *, changes: bool) -> Iterator[None]:
        self._left -= 1
        if self._left == 0:
            self.drop()
        if self._left <= 0:
            raise BreakOff
        yield

    def drop(self) -> None:
        for connection in self._opened:
            connection.close()


class World:
    """What stories share: the two bundles, and a prepared database to copy."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.bundles: list[Bundle] = [compiled(folder / f"maps{n}", all=text) for n, text in enumerate(MAPS)]
        self._numbers = itertools.count()
        self.template = self.database("template1")
        prepare(Server(self.template), self.bundles[0], replay=True)

    def database(self, template: str | None = None) -> str:
        name = f"story_{os.getpid()}_{next(self._numbers)}"
        base = template or str(conninfo.conninfo_to_dict(self.template)["dbname"])
        with self.server.connect() as connection:
            make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(make.format(sql.Identifier(name), sql.Identifier(base)))
        return conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(self.server.url), "dbname": name})

    def drop(self, url: str) -> None:
        name = sql.Identifier(str(conninfo.conninfo_to_dict(url)["dbname"]))
        with self.server.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


_days = st.sampled_from(["later", "same", "back"])
_optional = st.none()


class Story(RuleBasedStateMachine):
    world: World

    @initialize()
    def begin(self) -> None:
        self.url = self.world.database()
        self.archive = Path(tempfile.mkdtemp(prefix="story-", dir=self.world.folder))
        self.maps = 0
        self.day = 5
        self.pending: dict[str, list[dict[str, Any]]] = {HR: [], PAY: []}
        self.pages: Pages = {HR: [], PAY: []}
        self.loaded = False
        self.read: Pages = {HR: [], PAY: []}  # by the last run that came to its end
        self.retried: int | None = None  # with which maps since

    # ------------------------------------------------------------------------------------------------ the source

    def _at(self, when: str) -> str:
        self.day += when == "later" and self.day < 28
        return f"2026-01-{self.day - 3 * (when == 'back'):02}T00:00:00Z"

    @rule(
        key=st.sampled_from(KEYS),
        name=_optional | st.sampled_from(["Ada", "draft", "temp"]),
        mail=_optional | st.sampled_from(["A@x", "b@x"]),
        miles=_optional | st.sampled_from([1, 5, 10]),
        grade=_optional | st.sampled_from(["1", "2", "bad"]),
        when=_days,
    )
    def person(
        self, key: str, name: str | None, mail: str | None, miles: int | None, grade: str | None, when: str
    ) -> None:
        self.pending[HR].append(
            {"id": key, "name": name, "mail": mail, "miles": miles, "grade": grade, "at": self._at(when)}
        )

    @rule(
        slip=st.sampled_from(["s1", "s2", "s3"]),
        key=st.sampled_from(KEYS),
        mail=_optional | st.just("pay@x"),
        km=_optional | st.integers(1, 3),
        when=_days,
    )
    def slip(self, slip: str, key: str, mail: str | None, km: int | None, when: str) -> None:
        self.pending[PAY].append({"slip": slip, "id": key, "mail": mail, "km": km, "at": self._at(when)})

    @rule(source=st.sampled_from([HR, PAY]), number=st.integers(0, 2), when=_days)
    def delete(self, source: str, number: int, when: str) -> None:
        ids = {"id": KEYS[number]} if source == HR else {"slip": f"s{number + 1}", "id": "a"}
        self.pending[source].append({**ids, "at": self._at(when), "gone": True})

    # ------------------------------------------------------------------------------------------------ delivery

    @rule(source=st.sampled_from([HR, PAY]), size=st.integers(1, 4), data=st.data())
    def deliver(self, source: str, size: int, data: st.DataObject) -> None:
        """What waits comes in pages, in any order."""
        waiting = data.draw(st.permutations(self.pending[source])) if self.pending[source] else []
        self.pending[source] = []
        for start in range(0, len(waiting), size):
            self._arrives(source, list(waiting[start : start + size]))

    @precondition(lambda self: self.pages[HR] or self.pages[PAY])
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        source = data.draw(st.sampled_from([one for one in (HR, PAY) if self.pages[one]]))
        self._arrives(source, data.draw(st.sampled_from(self.pages[source])))

    def _arrives(self, source: str, page: list[dict[str, Any]]) -> None:
        self.pages[source].append(page)
        body = msgspec.json.encode({"data": page})
        with Archive(self.archive, Ports.real()).writer(source) as writer:
            writer.append(received(len(self.pages[source]), body, resource=source))

    # ------------------------------------------------------------------------------------------------ runs

    def _run(self, database: Any, maps: int, command: Callable[[Run], Report] = lambda run: run.replay([])) -> None:
        """Runs a command of the runtime to its end. Another command than replay becomes a rule by naming it here."""
        ports = Ports.real()
        report = command(Run(self.world.bundles[maps], Archive(self.archive, ports), database, ports, {}, Quiet()))
        assert not report.failed, report.failed

    @rule()
    def load(self) -> None:
        self._run(Server(self.url), self.maps)
        self._ended()

    def _ended(self) -> None:
        self.loaded, self.retried = True, None
        self.read = {source: list(pages) for source, pages in self.pages.items()}
        self._compare()

    @rule()
    def change_the_maps(self) -> None:
        """Another meaning, and back: rejected records are mended by it, or come to be rejected."""
        self.maps = (self.maps + 1) % len(MAPS)
        self.load()

    @rule(after=st.integers(1, 220))
    def break_off(self, after: int) -> None:
        breaking = Breaking(Server(self.url), after)
        try:
            self._run(breaking, self.maps)
        except BreakOff:
            self.loaded = False
        else:
            self._ended()
        finally:
            breaking.drop()

    @rule(
        key=st.sampled_from(KEYS),
        name=st.sampled_from(["Ada", "temp"]),
        mail=_optional | st.just("A@x"),
        when=_days,
        mended=st.booleans(),
        after=_optional | st.integers(1, 60),
    )
    def reject_and_retry(
        self, key: str, name: str, mail: str | None, when: str, mended: bool, after: int | None
    ) -> None:
        """A record that the first maps reject, which becomes a letter unless a newer version is there; then all letters again."""
        self._arrives(
            HR, [{"id": key, "name": name, "mail": mail, "miles": None, "grade": "bad", "at": self._at(when)}]
        )
        self.maps = 0
        self.load()
        self.retry(mended, after)

    @precondition(lambda self: self.loaded)
    @rule(mended=st.booleans(), after=_optional | st.integers(1, 60))
    def retry(self, mended: bool, after: int | None) -> None:
        """Dead letters with the maps of now, which reject them again, or with mended ones, which read them all; broken off or not."""
        mended = mended and self.maps == 0
        with_maps = MENDED if mended else self.maps
        letters, before = self._letters(), row_versions(self.url)
        if mended and letters:
            self.retried = MENDED
        told: list[tuple[str | None, str]] = []

        def command(run: Run) -> Report:
            report = run.retry(None)
            told.extend((item.letter.record, item.outcome) for item in report.retried)
            return report

        if after is not None:
            breaking = Breaking(Server(self.url), after)
            with contextlib.suppress(BreakOff):
                self._run(breaking, with_maps, command)
            breaking.drop()
            assert self._letters() <= letters
            letters = self._letters()
            told.clear()
        self._run(Server(self.url), with_maps, command)
        assert {record for record, _ in told} == letters
        assert {outcome for _, outcome in told} <= ({"claimed", "filtered"} if mended else {"rejected"})
        if not mended:
            assert row_versions(self.url) == before
        if self.retried is not None:
            # The rows are of two versions of the map, so nothing is loaded on top of them.
            for maps in (self.maps, MENDED):
                with pytest.raises(FindingsError, match="fieldmap replay"):
                    self._run(Server(self.url), maps, lambda run: run.load([]))
        self._compare()

    def _letters(self) -> set[str | None]:
        return {record for (record,) in rows(Server(self.url), "SELECT record FROM fieldmap.dead_letters")}

    @precondition(lambda self: self.loaded)
    @rule()
    def load_again(self) -> None:
        self.load()
        before = row_versions(self.url)
        self._run(Server(self.url), self.maps)
        assert row_versions(self.url) == before

    # ------------------------------------------------------------------------------------------------ comparing

    def _compare(self) -> None:
        server, wanted = Server(self.url), expected(self.read, self.maps, self.retried)
        found = rows(server, "SELECT number, name, email, commute::text, grade FROM canonical.worker")
        assert {
            key: dict(zip(("name", "email", "commute", "grade"), rest, strict=True)) for key, *rest in found
        } == wanted.rows
        assert {key for (key,) in rows(server, "SELECT key FROM fieldmap.incomplete")} == wanted.incomplete
        assert set(rows(server, "SELECT record, field FROM fieldmap.held")) == wanted.held
        self._compare_places(server, wanted)
        if self.read == self.pages:
            accounts(self.url, self.archive)

    def _compare_places(self, server: Server, wanted: Expected) -> None:
        """Dead letters and provenance: which bytes they name."""
        places = {
            source: {
                page.position: number
                for number, page in enumerate(Archive(self.archive, Ports.real()).read(source, None))
            }
            for source in (HR, PAY)
        }
        names = {table: source for source, table in TABLES.items()}
        dead = rows(server, "SELECT map, record, archive_position, record_index FROM fieldmap.dead_letters")
        assert {(names[name], record): (places[names[name]][at], index) for name, record, at, index in dead} == {
            one: version.place for one, version in wanted.dead.items()
        }
        assert len(dead) == len(wanted.dead)
        told = rows(
            server,
            "SELECT key, field, map, record, archive_position, record_index FROM provenance.worker WHERE field <> 'number'",
        )
        origins = {(key, field): (names[name], record, at, index) for key, field, name, record, at, index in told}
        assert origins.keys() == wanted.origins.keys()
        for place, (source, version) in wanted.origins.items():
            name, record, at, index = origins[place]
            raw = self.pages[source][places[source][at]][index]
            # Of versions that are the same to the byte the first may stand.
            assert (name, record) == (source, version.record)
            assert Version(record, version.day, version.place, tuple(sorted(raw.items()))) == version

    def teardown(self) -> None:
        if not hasattr(self, "url"):
            return
        self._run(Server(self.url), self.maps)
        self._ended()
        anew = self.world.database()
        # Also in other batches, where versions meet that came one after the other before.
        with pytest.MonkeyPatch.context() as larger:
            larger.setattr(intake, "BATCH_RECORDS", 1_000)
            larger.setattr(intake, "BATCH_BYTES", 1_000_000)
            self._run(Server(anew), self.maps)
        mine, other = digest(self.url, self.archive), digest(anew, self.archive)
        assert mine.digest == other.digest, mine.difference(other)
        for url in (self.url, anew):
            self.world.drop(url)
        shutil.rmtree(self.archive)


def test_any_story_ends_as_the_reference_says(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 3)
    monkeypatch.setattr(intake, "BATCH_BYTES", 300)
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-stories-"))
    Story.world = World(server, folder)
    try:
        run_state_machine_as_test(
            Story,
            settings=settings(
                max_examples=STORIES,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    finally:
        shutil.rmtree(folder)
