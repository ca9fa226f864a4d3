"""What is copied straight into the tables, in whatever batches it comes, ends as what is written over: by random projects and pages."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import wait
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg import sql
from tests.conftest import empty_database
from tests.support import MemoryPage, Pages, anew, compiled, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.load.applying import Applier
from fieldmap.runtime.load.asking import Asker
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.store.database import Server

MAP = "s_one__thing"
SOURCE = """
connector <source> {
  base "https://x"
  resource one {
    get "/x"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape {
      id: text, number: text, name: text?, size: number?, kind: text?, raw: json?, gone: bool?, at: datetime
      parts: [ { code: text, weight: int? } ]?
    }
  }
}
"""


def model(dice: random.Random, *, history: bool, parts: bool, second: bool) -> str:
    """A source whose records are not told apart by the key of what they claim. parts: their elements claim another entity. second:
    another source claims the same, so that rows are not made of fresh claims alone."""
    text = "entity Thing {\n  key number : text\n  name : text\n  size : int?\n  kind : text?\n  raw : json?\n"
    text += '  must size is absent or size >= 0 "a negative size"\n  warn size is absent or size < 8 "odd"\n'
    text += "  keeps history\n}\n" if history else "}\n"
    text += "entity Part {\n  key code : text\n  weight : int\n}\n" if parts else ""
    text += SOURCE.replace("<source>", "s") + (SOURCE.replace("<source>", "o") if second else "")
    outcome = dice.choice(("reject", "hold up to 100 %"))
    text += f"map s.one as r to Thing {{\n  number = r.number\n  name = r.name\n  size = r.size if invalid {outcome}\n  kind = r.kind\n  raw = r.raw\n"
    text += "  each r.parts[*] as p to Part {\n    code = p.code\n    weight = p.weight\n  }\n" if parts else ""
    text += "}\n"
    if second:
        text += "map o.one to Thing partial {\n  number = $.number\n  kind = $.kind\n}\n"
        text += "merge Thing {\n  same number of s, o\n  default newest\n}\n"
    return text


def said(dice: random.Random, ids: int) -> dict[str, Any]:
    made: dict[str, Any] = {"id": str(dice.randrange(ids)), "number": dice.choice("KLMNOP"), "at": f"2026-01-0{dice.randrange(1, 4)}T00:00:00Z"}  # fmt: skip
    values: dict[str, Any] = {
        "name": dice.choice(("Ada", "Bob")), "size": dice.choice((-1, 2, 9, 10**30)), "kind": dice.choice(("x", "y")),
        "raw": {"a": dice.choice((1, 2))}, "gone": dice.random() < 0.3,
        "parts": [{"code": dice.choice("ABCD"), **({"weight": dice.randrange(3)} if dice.random() < 0.7 else {})} for _ in range(dice.randrange(3))],
    }  # fmt: skip
    return made | {name: value for name, value in values.items() if dice.random() < 0.6}


def questions(bundle: Bundle) -> Iterator[str]:
    for entity in bundle.catalogue.entities:
        columns = ", ".join(f"{name}::text" for name in (*entity.key, *entity.fields))
        yield f"SELECT {columns} FROM canonical.{entity.table} ORDER BY {', '.join(entity.key)}"
        yield f"SELECT key, field, value, map, record FROM provenance.{entity.table} ORDER BY 1, 2"
        if entity.history:
            yield f"SELECT {columns}, _true_from::text, _gone FROM history.{entity.table} WHERE _known_to = 'infinity' ORDER BY 1, _true_from"
    yield f"SELECT _record, _state, _changed::text, _digest FROM claims.{MAP} ORDER BY 1"
    yield "SELECT record, archive_position, record_index, code FROM fieldmap.dead_letters ORDER BY 1, 2, 3"
    yield "SELECT entity, key, missing, failed, twice FROM fieldmap.incomplete ORDER BY 1, 2"
    yield "SELECT entity, key, condition FROM fieldmap.warned ORDER BY 1, 2, 3"
    yield "SELECT pages, read, claimed, filtered, deleted, dead, held FROM fieldmap.accounts ORDER BY run"


class Waiting(Loader):
    """A loader that now and then gets a page only when the batch before is written: what it knows may change at any of them."""

    dice = random.Random()  # noqa: S311

    def _load(self, pages: Iterable[Any], progress: Any) -> None:
        def slowly() -> Iterator[Any]:
            for page in pages:
                if self._writing is not None and self.dice.random() < 0.7:
                    wait([self._writing])
                yield page

        super()._load(slowly(), progress)


def found(database: Server, bundle: Bundle, runs: list[tuple[str, list[MemoryPage]]]) -> list[list[tuple[Any, ...]]]:
    emptied(database)
    for map_id, pages in runs:
        run = rows(database, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0]
        with Waiting(database, bundle, bundle.map(map_id), run, workers=0) as loader:
            loader.load(pages)
            loader.finish()
    return [rows(database, question) for question in questions(bundle)]


def emptied(database: Server) -> None:
    own = ("ledger", "held", "listed", "dead_letters", "incomplete", "warned", "conflicts", "pages", "page_breaks", "accounts", "held_shares")  # fmt: skip
    with database.connect() as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM fieldmap.tables WHERE schema_name <> 'provenance'"
        ).fetchall()
        names = [sql.Identifier(*one) for one in (*tables, *(("fieldmap", name) for name in own))]
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))
        connection.execute("UPDATE fieldmap.positions SET applied_through = -1")


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        yield made


@pytest.mark.parametrize("seed", [0, 1, 3, 6])
def test_what_is_fresh_ends_as_what_is_written_over(
    database: Server, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    kind = {"history": seed % 3 == 1, "parts": seed % 2 == 1, "second": seed % 4 == 3}
    bundle = compiled(tmp_path_factory.mktemp("maps"), all=model(dice, **kind))
    anew(database, bundle)
    steps = bundle.steps("sql/merge/thing.sql")
    assert ("fresh" in steps) is not kind["second"]
    other, pages = Pages(), Pages()
    begins = [("o_one__thing", [other.page({"data": [said(dice, 9) for _ in range(5)]})])] if kind["second"] else []
    for _ in range(2):
        monkeypatch.setattr(intake, "BATCH_RECORDS", dice.choice((1, 3, 100)))
        ids = dice.choice((6, 30, 1_000))
        pool = [{"data": [said(dice, ids) for _ in range(dice.randrange(1, 5))]} for _ in range(5)]
        runs = begins + [(MAP, [pages.page(dice.choice(pool)) for _ in range(7)]) for _ in range(3)]
        Waiting.dice = dice
        first = found(database, bundle, runs)
        with monkeypatch.context() as patched:
            patched.setattr(Applier, "is_empty", lambda *_: False)
            patched.setattr(Asker, "known", lambda self, group: [None] * len(group))
            patched.setattr(Asker, "passes_over", lambda *_: False)
            second = found(database, bundle, runs)
        assert first == second
        assert first[0] or first[2]


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("order", [1, -1])
def test_a_claim_that_makes_no_row_adds_to_the_row_of_its_key(
    database: Server, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, size: int, order: int
) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", size)
    dice = random.Random(0)  # noqa: S311
    bundle = compiled(tmp_path_factory.mktemp("maps"), all=model(dice, history=False, parts=False, second=False))
    anew(database, bundle)
    pages, at = Pages(), "2026-01-01T00:00:00Z"
    named = {"id": "1", "number": "K", "name": "Ada", "at": at}
    nameless = {"id": "2", "number": "K", "size": 5, "at": at}
    records = [named, nameless][::order]
    found(database, bundle, [(MAP, [pages.page({"data": [record]}) for record in records])])
    assert rows(database, "SELECT number, name, size FROM canonical.thing") == [("K", "Ada", 5)]
    assert rows(database, "SELECT key FROM fieldmap.incomplete") == []


def test_what_is_mapped_and_not_written_yet_is_not_taken_for_unknown(
    database: Server, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch was begun for an empty store; then it proved not to be as empty as it looked."""
    monkeypatch.setattr(intake, "BATCH_RECORDS", 2)
    monkeypatch.setattr(Waiting, "dice", SimpleNamespace(random=lambda: 0))
    dice = random.Random(0)  # noqa: S311
    bundle = compiled(tmp_path_factory.mktemp("maps"), all=model(dice, history=False, parts=False, second=False))
    anew(database, bundle)
    pages, at = Pages(), "2026-01-01T00:00:00Z"
    first, then = [{"id": "1", "number": "K", "name": name, "at": at} for name in ("Ada", "Bob")]
    others = [{"id": "2", "number": number, "name": "Eve", "at": at} for number in "LM"]
    made = [pages.page({"data": content}) for content in ([first, *others], [then], [first, others[1], others[0]])]
    found(database, bundle, [(MAP, made)])
    assert rows(database, "SELECT name FROM canonical.thing WHERE number = 'K'") == [("Ada",)]
