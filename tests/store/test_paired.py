"""Claims that stand side by side are merged as those that are gathered and sorted: the same rows, the same winners, by random projects."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.support import MemoryPage, Pages, anew, compiled, load, rows

from fieldmap.compiler.emit import sql
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server

FIELDS = {"name": "text", "mail": "text?", "pay": "money(9, 2)?", "size": "decimal(8, 1) in km?", "town": "text?", "zip": "text?", "seen": "datetime?"}  # fmt: skip
SHAPE = "id: text, t: datetime, gone: bool?, cur: text?, name: text?, mail: text?, pay: number?, size: number?, town: text?, zip: text?, seen: datetime?"
SOURCES = ("a", "b", "c")
RULES = ("prefer b, a, c", "prefer c, b, a", "only b", "newest", "oldest")
TOGETHER = ("newest needs town", "oldest", "prefer c, a, b needs town, zip", "only a")


def model(dice: random.Random) -> str:
    """Three sources that number things as the entity does; not every source gives every field."""
    text = "entity Thing {\n  key id : text\n" + "".join(f"  {name} : {kind}\n" for name, kind in FIELDS.items())
    text += '  must size is absent or size >= 0 km "a negative size"\n  warn mail is absent or mail != "x@y" "odd"\n}\n'
    for source in SOURCES:
        changed = "changed unknown" if source == "c" else "changed $.t"
        head = f'connector {source} {{\n  base "https://x"\n'
        text += f'{head}  resource one {{ get "/x"\n    id $.id\n    {changed}\n    deleted when $.gone otherwise false\n    shape {{ {SHAPE} }}\n  }}\n}}\n'
        partial = " partial" if source == "b" else ""
        given = [name for name in FIELDS if name == "name" or dice.random() < 0.8]
        unit = {"pay": " in $.cur", "size": " in km"}
        lines = "".join(f"  {name} = $.{name}{unit.get(name, '')} if invalid hold up to 100 %\n" for name in given)
        text += f"map {source}.one to Thing{partial} {{\n  id = $.id\n{lines}}}\n"
    rules = "".join(f"  {name} {dice.choice(RULES)}\n" for name in FIELDS if name not in ("town", "zip"))
    reject = "  duplicates reject\n" if dice.random() < 0.3 else ""
    together = f"  together town, zip {dice.choice(TOGETHER)}\n"
    return f"{text}merge Thing {{\n  same id of a, b, c\n  default newest\n{rules}{together}{reject}}}\n"


def said(dice: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {"id": str(dice.randrange(9)), "t": f"2026-01-0{dice.randrange(1, 5)}T00:00:00Z"}
    values: dict[str, Any] = {
        "name": dice.choice(("Ada", "Bob")), "mail": dice.choice(("a@b", "x@y")), "pay": dice.randrange(5),
        "size": dice.choice((-1, 2, "much")), "town": dice.choice(("Bern", "Rom")), "zip": dice.choice(("1", "2")),
        "seen": f"2026-02-0{dice.randrange(1, 4)}T00:00:00Z",
    }  # fmt: skip
    for name, value in values.items():
        if dice.random() < 0.7:
            made[name] = value
    return {**made, "cur": dice.choice(("EUR", "USD")), "gone": dice.random() < 0.15}


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        yield made


QUESTIONS = (
    "SELECT id, name, mail, pay, pay_currency, size, town, zip, seen FROM canonical.thing ORDER BY 1",
    "SELECT key, field, value, map, record FROM provenance.thing ORDER BY 1, 2",
    "SELECT * FROM provenance.thing_incomplete ORDER BY 1",
    "SELECT key, condition FROM fieldmap.warned ORDER BY 1, 2",
    "SELECT entity, key, field, code FROM fieldmap.conflicts ORDER BY 1, 2, 3",
)


def found(
    database: Server, folder: Any, text: str, pages: list[tuple[str, MemoryPage]]
) -> tuple[str, list[list[tuple[Any, ...]]]]:
    bundle = compiled(folder, all=text)
    anew(database, bundle)
    for source, page in pages:
        load(database, bundle, f"{source}_one__thing", [page])
    return bundle.steps("sql/merge/thing.sql")["merge"], [rows(database, question) for question in QUESTIONS]


@pytest.mark.parametrize("seed", range(8))
def test_side_by_side_comes_to_the_same_rows(
    database: Server, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    monkeypatch.setattr(intake, "BATCH_RECORDS", dice.choice((2, 100)))
    text, made = model(dice), {source: Pages() for source in SOURCES}
    pages = []
    for _ in range(9):
        source = dice.choice(SOURCES)
        pages.append((source, made[source].page([said(dice) for _ in range(dice.randrange(1, 9))])))
    quick, first = found(database, tmp_path_factory.mktemp("quick"), text, pages)
    with monkeypatch.context() as patched:
        patched.setattr(sql, "_side_by_side", lambda *_: None)
        general, second = found(database, tmp_path_factory.mktemp("general"), text, pages)
    assert "num_nonnulls" in quick
    assert "array_agg" in general
    assert first == second
    assert first[0] or first[2]


ONE = """
entity Thing {
  key (id, code)
  id   : <TYPE>
  code : text
  name : text
}
connector a {
  base "https://x"
  resource one {
    get "/x"
    id ($.id, $.code)
    changed unknown
    shape { id: text, code: text, name: text }
  }
}
map a.one to Thing {
  id   = $.id
  code = <CODE>
  name = $.name
}
"""
UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"


@pytest.mark.parametrize(
    ("type", "code", "records"),
    [
        ("uuid", "$.code", [(UUID, "x"), (UUID.upper(), "x")]),
        ("email", "$.code", [("a@b.org", "x"), ("a@B.org", "x")]),
        ("text", "$.id", [("a", "x"), ("a", "y")]),
    ],
)
def test_records_that_are_told_apart_by_more_than_the_key_are_gathered(
    database: Server, tmp_path_factory: pytest.TempPathFactory, type: str, code: str, records: list[tuple[str, str]]
) -> None:
    pages = Pages()
    lines = [{"id": one, "code": other, "name": name} for (one, other), name in zip(records, "AB", strict=True)]
    text = ONE.replace("<TYPE>", type).replace("<CODE>", code)
    bundle = compiled(tmp_path_factory.mktemp("one"), all=text)
    anew(database, bundle)
    load(database, bundle, "a_one__thing", [pages.page(lines)])
    assert len(rows(database, "SELECT name FROM canonical.thing")) == 1
