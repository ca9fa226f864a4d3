"""What the store knows already is not read again, and nothing is the worse for it (I2, I3, I5, I9)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support import MemoryPage, Pages, compiled, examples, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.load.applying import Applier
from fieldmap.runtime.load.batch import Batch
from fieldmap.runtime.load.maker import BatchMaker
from fieldmap.runtime.load.mapping import Here
from fieldmap.runtime.load.merging import Changes
from fieldmap.runtime.load.quickread import QuickReader
from fieldmap.runtime.load.recall import Recall
from fieldmap.runtime.store.database import Connection, Server

MAPS = """
entity Worker {
  key number : text
  name  : text
  level : int?
  size  : decimal(8, 1) in km?
}
connector hr {
  base env.HR
  resource people {
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape { id: text, name: text?, level: text?, size: number?, at: datetime, gone: bool?, skip: bool? }
  }
}
map hr.people to Worker {
  when not ($.skip otherwise false)
  number = $.id
  name   = $.name
  level  = $.level as int if invalid hold up to 100 %
  size   = $.size in km  if invalid reject
}
"""
MAP = "hr_people__worker"


class World:
    """The bundle and a database with its tables. A bundle's own repr is too long for a report."""

    def __init__(self, bundle: Bundle, database: Server) -> None:
        self.bundle = bundle
        self.database = database


@pytest.fixture(scope="module")
def world(bundle: Bundle, shared: Server) -> World:
    return World(bundle, shared)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("recall"), all=MAPS)


def version(record: str, kind: int, day: int) -> dict[str, Any]:
    """A version of a record: claimed one way or another, with a held value, filtered, deleted, or rejected."""
    made: dict[str, Any] = {"id": record, "at": f"2026-01-{day:02d}T00:00:00Z"}
    match kind:
        case 0 | 1 | 2:
            return {**made, "name": f"name {kind}", "size": kind}
        case 3:
            return {**made, "name": "held", "level": "high"}
        case 4:
            return {**made, "name": "x", "skip": True}
        case 5:
            return {**made, "name": "x", "gone": True}
        case 6:
            return {**made, "size": 1}  # no name: the row is incomplete
        case _:
            return {**made, "name": "x", "size": 10**12}


versions = st.builds(version, st.sampled_from("abc"), st.integers(0, 7), st.sampled_from((1, 1, 1, 2, 3)))
kinds = st.sampled_from([1, 1, 1, 2, 3, 4, 5, 6, 7])
contents = st.lists(versions, min_size=1, max_size=4)


@st.composite
def histories(draw: st.DrawFn) -> list[list[list[dict[str, Any]]]]:
    """Runs of pages, of which many come again as they were."""
    pool = draw(st.lists(contents, min_size=2, max_size=4))
    page = st.sampled_from(pool)
    return draw(st.lists(st.lists(page, min_size=1, max_size=4), min_size=1, max_size=4))


def cleared(database: Server) -> None:
    with database.connect() as connection:
        for table in (
            "claims.hr_people__worker", "canonical.worker", "fieldmap.ledger", "fieldmap.held", "fieldmap.dead_letters",
            "fieldmap.incomplete", "fieldmap.pages", "fieldmap.page_breaks", "fieldmap.accounts",
        ):  # fmt: skip
            connection.execute(f"DELETE FROM {table}".encode())
        connection.execute("UPDATE fieldmap.positions SET applied_through = -1")


def state(database: Server) -> dict[str, list[tuple[Any, ...]]]:
    """All that must not depend on what was known already."""
    return {
        "claims": rows(database, "SELECT _record, _state, _changed, name, level, size FROM claims.hr_people__worker ORDER BY 1"),
        "canonical": rows(database, "SELECT number, name, level, size FROM canonical.worker ORDER BY 1"),
        "dead": rows(database, "SELECT record, archive_position, record_index, code FROM fieldmap.dead_letters ORDER BY 1, 2, 3"),
        "held": rows(database, "SELECT record, field, code FROM fieldmap.held ORDER BY 1, 2"),
        "stale": rows(database, "SELECT key, record, rejected FROM provenance.worker_stale ORDER BY 1, 2"),
        "incomplete": rows(database, "SELECT key, missing FROM fieldmap.incomplete ORDER BY 1"),
        "accounts": rows(database, "SELECT pages, read, claimed, filtered, deleted, dead, held FROM fieldmap.accounts ORDER BY run"),
    }  # fmt: skip


def modelled(history: list[list[MemoryPage]], contents: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """The names and dead letters that a history leads to, told without a database: of each record the newest version stands."""
    stands: dict[str, tuple[Any, ...]] = {}
    rejected: dict[str, tuple[Any, ...]] = {}
    for page in (page for run in history for page in run):
        for index, record in enumerate(contents[page.position]):
            place = (record["at"], page.position, index)
            if record.get("size", 0) == 10**12:
                rejected[record["id"]] = max(rejected.get(record["id"], ("",)), place)
            elif place > stands.get(record["id"], ("",))[:3]:
                gone = record.get("gone") or record.get("skip") or "name" not in record
                stands[record["id"]] = (*place, None if gone else record["name"])
    names = {record: version[3] for record, version in stands.items() if version[3] is not None}
    letters = {record: place[1:] for record, place in rejected.items() if place > stands.get(record, ("",))[:3]}
    return {"names": names, "letters": letters}


@settings(
    deadline=None,
    max_examples=examples(13),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(history=histories(), batch=st.sampled_from((1, 3, 100)), slow=st.booleans())
def test_what_is_known_changes_nothing(
    world: World, history: list[list[list[dict[str, Any]]]], batch: int, slow: bool
) -> None:
    """slow: a batch is still being written when the next pages are asked about."""
    bundle, shared = world.bundle, world.database
    pages = Pages()
    runs = [[pages.page({"data": content}) for content in run] for run in history]
    for run in runs:
        for number, page in enumerate(run):
            # What is asked again is answered by other records, or by the same.
            page.request = f"{number % 2}"
    contents = {
        page.position: content for page, content in zip(pages.made, [c for run in history for c in run], strict=True)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "BATCH_RECORDS", batch)
        cleared(shared)
        with pytest.MonkeyPatch.context() as while_known:
            if slow:
                write_late(while_known)
            for run in runs:
                load(shared, bundle, MAP, run)
        found = state(shared)
        cleared(shared)
        patch.setattr(Applier, "is_empty", lambda *_: False)
        patch.setattr(Recall, "page", lambda *_: None)
        patch.setattr(Recall, "records", lambda self, connection, waiting, earlier: [None] * len(waiting))
        patch.setattr(BatchMaker, "_put_quickly", lambda *_: False)
        for run in runs:
            load(shared, bundle, MAP, run)
        assert found == state(shared)
    wanted = modelled(runs, contents)
    assert {number: name for number, name, *_ in found["canonical"]} == wanted["names"]
    assert {record: (position, index) for record, position, index, _ in found["dead"]} == wanted["letters"]


@pytest.fixture(scope="module")
def shared(server: Server, bundle: Bundle) -> Any:
    from tests.conftest import empty_database

    with empty_database(server) as made:
        yield ready(made, bundle)


def write_late(patch: pytest.MonkeyPatch) -> None:
    """Pages wait for each other as where other processes map them, and each batch is written late."""
    write = Applier.write

    def late(self: Applier, connection: Connection, batch: Batch) -> dict[str, Changes]:
        time.sleep(0.02)
        return write(self, connection, batch)

    patch.setattr(Applier, "write", late)
    patch.setattr(Here, "ahead", 1_000)
    patch.setattr(intake, "BATCH_BYTES", 80)


def versions_of_rows(database: Server) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "SELECT 'claim', _record, ctid::text, xmin::text FROM claims.hr_people__worker"
        " UNION ALL SELECT 'row', number, ctid::text, xmin::text FROM canonical.worker ORDER BY 1, 2",
    )


def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[int]]:
    """The pages that are decoded from now on, and the indexes of the records that are mapped."""
    prepared: list[Any] = []
    mapped: list[int] = []
    prepare, put = BatchMaker.prepare, BatchMaker.put

    def preparing(self: BatchMaker, page: Any, memory: Any = None) -> Any:
        prepared.append(page)
        return prepare(self, page, memory)

    def putting(self: BatchMaker, batch: Any, page: Any, known: Any = None) -> None:
        mapped.extend(known.unknown)
        put(self, batch, page, known)

    monkeypatch.setattr(BatchMaker, "prepare", preparing)
    monkeypatch.setattr(BatchMaker, "put", putting)
    return prepared, mapped


def test_what_is_known_of_others_is_asked_while_a_batch_is_written(
    bundle: Bundle, shared: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared(shared)
    pages = Pages()

    def asked(number: int, day: int, *, changed: int = 0) -> MemoryPage:
        people = [version(f"{n}", 1, day if n == changed else 1) for n in range(10 * number, 10 * number + 10)]
        page = pages.page({"data": people})
        page.request = f"{number}"
        return page

    load(shared, bundle, MAP, [asked(number, 1) for number in range(4)])
    write_late(monkeypatch)
    writers: list[Connection] = []
    askers: list[Connection] = []
    write, records = Applier.write, Recall.records

    def writing(self: Applier, connection: Connection, batch: Batch) -> dict[str, Changes]:
        writers.append(connection)
        return write(self, connection, batch)

    def asking(self: Recall, connection: Connection, *rest: Any) -> Any:
        askers.append(connection)
        return records(self, connection, *rest)

    monkeypatch.setattr(Applier, "write", writing)
    monkeypatch.setattr(Recall, "records", asking)
    load(shared, bundle, MAP, [asked(number, 2, changed=10 * number + 3) for number in range(4)])
    assert [one in writers for one in askers] == [False] * 4
    askers.clear()
    # The second page shows what the first has just changed: that is waited for.
    load(shared, bundle, MAP, [asked(0, 3, changed=5), asked(0, 4, changed=5), asked(1, 4, changed=15)])
    assert [one in writers for one in askers] == [False, True, False]
    # What the store still has is shown again behind another version that is being written: the later place stands.
    before, after = version("7", 2, 1), version("7", 1, 1)
    others = [version(f"{n}", 1, 1) for n in range(24, 30)]
    load(shared, bundle, MAP, [pages.page({"data": [*others, before]}), pages.page({"data": [after, *others]})])
    assert rows(shared, "SELECT name FROM canonical.worker WHERE number = '7'") == [("name 1",)]


def test_I9_what_is_fetched_again_writes_no_row(
    bundle: Bundle, shared: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared(shared)
    pages = Pages()
    people = [version(f"{number}", 1 + number % 3, 1) for number in range(200)]
    load(shared, bundle, MAP, [pages.page({"data": people[:100]}), pages.page({"data": people[100:]})])
    before = versions_of_rows(shared)
    prepared, mapped = watched(monkeypatch)
    # The same pages: none is decoded.
    again = load(shared, bundle, MAP, [pages.page({"data": people[:100]}), pages.page({"data": people[100:]})])
    assert (prepared, again.loaded.counts.read, again.loaded.counts.held) == ([], 200, 66)
    assert versions_of_rows(shared) == before
    # The same records in other pages: none is mapped.
    other = load(shared, bundle, MAP, [pages.page({"data": [*people[50:], *people[:50]]})])
    # A record with a held value surprises the quick path each time, and is known by its bytes all the same.
    assert (len(prepared), mapped, other.loaded.counts.read, other.loaded.counts.held) == (1, [], 200, 66)
    assert versions_of_rows(shared) == before
    # One of them changed: it alone.
    people[7] = version("7", 1, 2)
    load(shared, bundle, MAP, [pages.page({"data": [*people[50:], *people[:50]]})])
    after = versions_of_rows(shared)
    assert mapped == [157]
    assert [row[1] for row, old in zip(after, before, strict=True) if row != old] == ["7", "7"]


def test_of_a_page_for_the_same_request_only_what_it_had_not_is_decoded(
    bundle: Bundle, shared: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared(shared)
    pages = Pages()
    people = [version(f"{number}", 1 + number % 3, 1) for number in range(200)]

    def asked(first: int) -> MemoryPage:
        page = pages.page({"data": people[first : first + 100]})
        page.request = f"{first}"
        return page

    load(shared, bundle, MAP, [asked(0), asked(100)])
    decoded: list[bytes] = []
    one = QuickReader.one

    def decoding(self: QuickReader, raw: Any) -> Any:
        decoded.append(bytes(raw))
        return one(self, raw)

    monkeypatch.setattr(QuickReader, "one", decoding)
    read = QuickReader.read
    monkeypatch.setattr(QuickReader, "read", lambda *_: pytest.fail("a page was decoded whole"))
    for day in (2, 3):
        before = versions_of_rows(shared)
        people[7], people[150] = version("7", 1, day), version("150", 3, day)
        again = load(shared, bundle, MAP, [asked(0), asked(100)])
        counts = again.loaded.counts
        held = sum(person.get("level") == "high" for person in people)
        assert (counts.read, counts.claimed, counts.held) == (200, 200, held)
        assert [msgspec.json.decode(raw)["id"] for raw in decoded] == ["7", "150"]
        after = versions_of_rows(shared)
        assert {row[1] for row, old in zip(after, before, strict=True) if row != old} == {"7", "150"}
        decoded.clear()
    # A version that was taken over on another page is not taken for standing: both are looked at, the later place decides.
    monkeypatch.setattr(QuickReader, "read", read)
    people[7] = version("7", 2, 3)
    load(shared, bundle, MAP, [pages.page({"data": [version("150", 0, 3)]}), asked(0), asked(100)])
    assert rows(shared, "SELECT number, name FROM canonical.worker WHERE number IN ('7', '150') ORDER BY 1") == [
        ("150", "held"),
        ("7", "name 2"),
    ]


@pytest.mark.parametrize("at_once", [False, True], ids=["each in a run", "in one run"])
def test_a_page_is_read_again_where_one_of_its_records_went_and_came_back(
    bundle: Bundle, shared: Server, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    cleared(shared)
    monkeypatch.setattr(intake, "BATCH_RECORDS", 1)
    pages, first, other = Pages(), version("a", 1, 1), version("a", 2, 1)
    made = [pages.page({"data": [record, version("b", 1, 1)]}) for record in (first, other, first)]
    names = [(first["name"],), (other["name"],), (first["name"],)]
    # What was broken in a run is forgotten at its end: until then it is looked at.
    for run in [[made[0]], made[1:]] if at_once else [[page] for page in made]:
        load(shared, bundle, MAP, run)
        del names[: len(run) - 1]
        assert rows(shared, "SELECT name FROM canonical.worker ORDER BY number")[0] == names.pop(0)


def test_maps_that_read_the_address_of_the_fetch_know_no_pages(tmp_path: Path, database: Server) -> None:
    made = compiled(tmp_path, all=MAPS.replace("name   = $.name", 'name   = "{@url} {$.name!}"'))
    ready(database, made)
    load(database, made, MAP, [Pages().page({"data": [version("a", 1, 1)]})])
    assert rows(database, "SELECT count(*) FROM fieldmap.pages WHERE map = %s", MAP) == [(0,)]
