"""Every rule of a merge, by the reference and by PostgreSQL, over random sets of claims: the rows, the winners, the conflicts, what is
held back and what is warned of must be the same, whatever the order in which the claims arrived."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from tests.conftest import empty_database
from tests.support import project

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import columns_of
from fieldmap.compiler.interpret.merging import LiveClaim, Merged, merge
from fieldmap.compiler.project import compile_project
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.merging import Merger
from fieldmap.runtime.store.database import Connection, Server
from fieldmap.runtime.store.reconcile import prepare
from fieldmap.runtime.values.outcome import Money

FIELDS = {
    "t": "text?",
    "n": "decimal(8, 2) in km?",
    "i": "int",
    "d": "date?",
    "w": "datetime?",
    "e": "enum { low, mid, high }?",
    "b": "bool?",
    "m": "money(10, 2)?",
    "f": "money(10, 2) in EUR?",
    "l": "list of text",
    "k": "list of decimal(8, 2)",
    "r": "Thing?",
    "j": "json?",
    "p": "{ a: int, c: text? }?",
    "q": "list of { a: int, c: text? }",
    "street": "text?",
    "city": "text?",
    "tags": "list of text",
}
CONDITIONS = """
  must i < 60 "i is large"
  must n is absent or n / 3 >= 0.5 km or n * 2 == 1000 m "n is short"
  must m != 10 USD "ten dollars"
  must f is absent or f * 3 <= 90 EUR "f is large"
  warn d >= "2026-01-15" or w < "2026-02-01T00:00:00Z" "late"
  warn t in ["Ada", "ada"] otherwise false "no Ada"
  warn (if e is absent then i > 5 else e == mid) and not (b otherwise false) "odd"
  warn count(l) > 0 and length(street otherwise "") != 4 "empty"
"""
SOURCES = ("a.one", "a.two", "b.one", "c.one")
TIMED = ("newest", "oldest", "prefer b within 10 days otherwise newest", "prefer c, a within 36 hours otherwise newest")
ANY = (
    "prefer c, b, a",
    "prefer b then any",
    "only a",
    "only a.two",
    "prefer a.two, b, c, a.one",
    "most common",
    "agree",
    *TIMED,
)
ORDERED = (*ANY, "min", "max")
RULES = {
    "t": (*ORDERED, "longest"),
    "n": (*ORDERED, "agree within 10 %", "agree within 700 m", "agree within 0 %"),
    "i": (*ORDERED, "agree within 3"),
    "d": ORDERED,
    "w": ORDERED,
    "e": ORDERED,
    "b": ORDERED,
    "m": (*ORDERED, "agree within 12.5 %"),
    "f": (*ORDERED, "agree within 2.50 EUR"),
    "l": (*ANY, "union"),
    "k": (*ANY, "union"),
    "r": ANY,
    "j": ANY,
    "p": ANY,
    "q": (*ANY, "union"),
}
START = datetime(2026, 1, 1, tzinfo=UTC)


def model(dice: random.Random) -> str:
    """A project of four sources, all claiming everything, with a rule of each field drawn."""
    text = "entity Thing {\n  key id : text\n" + "".join(f"  {name} : {type_}\n" for name, type_ in FIELDS.items())
    text += CONDITIONS + "}\n"
    for connector in ("a", "b", "c"):
        text += f'connector {connector} {{\n  base "https://x"\n'
        for resource in ("one", "two") if connector == "a" else ("one",):
            text += f'  resource {resource} {{ get "/x"; id $.rec; changed $.at }}\n'
        text += "}\n"
    for source in SOURCES:
        lines = "; ".join(f"{name} = $.{name}" for name in FIELDS if name not in ("m", "f", "n"))
        partial = " partial" if source == "c.one" else ""
        text += f"map {source} to Thing{partial} {{ id = $.id; {lines}; n = $.n in km; m = $.m in $.cur; f = $.f in EUR }}\n"
    rules = {name: dice.choice(kinds) for name, kinds in RULES.items()}
    default = dice.choice(("prefer c, b, a", "newest", "oldest", "most common"))
    group = dice.choice(("newest needs street", "oldest", "prefer b, a, c needs street, city", "only a needs tags"))
    return text + (
        f"merge Thing {{\n  same id of {', '.join(dice.sample(['a', 'b', 'c'], 3))}\n  default {default}\n"
        + "".join(f"  {name} {rule}\n" for name, rule in rules.items() if dice.random() < 0.85 or rule == "union")
        + f"  together street, city, tags {group}\n"
        + ("  duplicates reject\n" if dice.random() < 0.3 else "")
        + "}\n"
    )


def values(dice: random.Random) -> dict[str, Any]:
    """What a claim says: few different values, so that they meet; often nothing."""
    texts = ("Ada", "ada", " Ada ", "A\u00e9", "Ae\u0301", "Zz", "\U0001f600", "\ue000", "Ada\tB", "ADA b", "")
    numbers = [Decimal(text) for text in ("0.00", "-1.00", "1.50", "1.51", "1.65", "1000.00", "0.50")]
    made: dict[str, Any] = {
        "t": dice.choice(texts),
        "n": dice.choice(numbers),
        "i": dice.choice((0, 3, 6, 7, 50, 99, -(2**63))),
        "d": date(2026, 1, dice.randrange(1, 30)),
        "w": START + timedelta(days=dice.randrange(60)),
        "e": dice.choice(("low", "mid", "high")),
        "b": dice.random() < 0.5,
        "m": Money(dice.choice([*numbers[:4], Decimal("10.00")]), dice.choice(("USD", "USD", "EUR"))),
        "f": Money(dice.choice([*numbers, Decimal("31.00")]), "EUR"),
        "l": dice.sample(texts, dice.randrange(4)) + dice.sample(texts, dice.randrange(3)),
        "k": [dice.choice(numbers) for _ in range(dice.randrange(4))],
        "r": dice.choice(("1", "2")),
        "j": dice.choice(({"a": [1, "x"]}, {"a": [1, "y"]}, [1], 1, True, "x", {})),
        "p": dice.choice(({"a": 1}, {"a": 1, "c": "x"}, {"a": 2, "c": "x"})),
        "q": [dice.choice(({"a": 1}, {"a": 1, "c": "x"}, {"a": 2})) for _ in range(dice.randrange(4))],
        "street": dice.choice(("Hill", "Lane")),
        "city": dice.choice(("Bonn", "Rome")),
        "tags": dice.sample(("p", "q"), dice.randrange(3)),
    }
    share = dice.choice((0.2, 0.8))
    return {
        name: value for name, value in made.items() if dice.random() > share or (name == "i" and dice.random() < 0.9)
    }


def claims(dice: random.Random, sources: tuple[ir.Source, ...], keys: int) -> list[LiveClaim]:
    """Claims of so many keys; records share keys, and times meet."""
    made = []
    for key in range(keys):
        for number in range(dice.choice((1, 1, 2, 3, 5, 8))):
            days = dice.choice((0, 1, 1, 2, 9, 10, 11, 40))
            made.append(
                LiveClaim(
                    rank=dice.randrange(len(sources)),
                    key=(f"{key}",),
                    record=dice.choice(("r", "R", "ä", "\U0001f600")) + f"{key}.{number}",
                    values=values(dice),
                    changed=None if dice.random() < 0.1 else START + timedelta(days=days),
                )
            )
    return made


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        yield made


def columns(entity: ir.Entity) -> dict[str, list[str]]:
    return {field.name: [column.name for column in columns_of(field)] for field in entity.fields}


def stored(value: Any, width: int) -> list[Any]:
    """A value as the columns of a claim hold it."""
    if isinstance(value, Money):
        return [value.amount, value.currency][:width]
    if value is None:
        return [None] * width
    return [value]


def insert(connection: Connection, entity: ir.Entity, live: list[LiveClaim]) -> dict[int, LiveClaim]:
    """Puts claims into the claim tables; gives their ids."""
    named = columns(entity)
    rows: dict[int, list[list[Any]]] = {}
    for claim in live:
        changed = claim.changed.isoformat() if claim.changed else "-infinity"
        row: list[Any] = [claim.record, "live", changed, 1, 1, 1, b"", claim.key[0]]
        for name in FIELDS:
            value = claim.values.get(name)
            if value is not None and name in ("j", "p", "q"):
                value = [Jsonb(item) for item in value] if name == "q" else Jsonb(value)
            row += stored(value, len(named[name]))
        rows.setdefault(claim.rank, []).append(row)
    own = ["_record", "_state", "_changed", "_position", "_index", "_map_version", "_digest", "id"]
    names = ", ".join(f'"{name}"' for name in [*own, *(column for name in FIELDS for column in named[name])])
    by_record = {(claim.rank, claim.record): claim for claim in live}
    found = {}
    for rank, made in rows.items():
        table = f"claims.{entity.sources[rank].table}"
        places = ", ".join(["%s"] * len(made[0]))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})".encode(), made)
        for claim_id, record in connection.execute(f"SELECT _claim, _record FROM {table}".encode()).fetchall():
            found[claim_id] = by_record[(rank, record)]
    return found


def shown(value: Any) -> Any:
    """Comparable: money as a pair; JSON told apart from what Python thinks equal to it."""
    if isinstance(value, Money):
        return (value.amount, value.currency)
    return repr(value) if isinstance(value, bool) else value


def merged(connection: Connection, bundle: Bundle, entity: ir.Entity) -> dict[str, dict[str, Any]]:
    """The table of merged rows, held back or not, by key."""
    steps = bundle.steps("sql/merge/thing.sql")
    with connection.transaction(force_rollback=True):
        for step in ("touched", "all_keys", "keys", "merge"):
            for statement in steps[step].split(";\n"):
                if statement.strip():
                    connection.execute(statement.encode())
        head = connection.execute("SELECT * FROM merged_thing LIMIT 0").description or ()
        # Python has no time that is before all others.
        names = [column.name for column in head if not column.name.startswith("_newest_")]
        wanted = ", ".join(f'"{name}"' for name in names)
        cursor = connection.execute(f"SELECT {wanted} FROM merged_thing".encode())
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def check_row(entity: ir.Entity, row: dict[str, Any], wanted: Merged, ids: dict[int, LiveClaim]) -> None:
    number = 0
    for field in entity.fields:
        if field.is_key:
            continue
        own = [column.name for column in columns_of(field)]
        value = wanted.values[field.name]
        assert [shown(row[name]) for name in own] == [shown(part) for part in stored(value, len(own))], field.name
        winner = row[f"_w{number}"]
        assert (ids[winner] if winner is not None else None) == wanted.winners.get(field.name), field.name
        told = row.get(f"_w{number}c")
        assert [ids[claim] for claim, _ in told or ()] == wanted.conflicts.get(field.name, []), field.name
        number += len(own)
    assert row["_whole"] == wanted.whole


def empty(connection: Connection, entity: ir.Entity) -> None:
    for table in (*(f"claims.{source.table}" for source in entity.sources), "canonical.thing", "fieldmap.incomplete"):
        connection.execute(f"DELETE FROM {table}".encode())


def run(connection: Connection, bundle: Bundle) -> None:
    merger = Merger(bundle, "Thing")
    with connection.transaction():
        merger.touch_none(connection)
        merger.touch_all(connection)
        merger.merge(connection, 1, detailed=True)


@pytest.mark.parametrize("seed", range(6))
def test_the_database_merges_as_the_reference_does(seed: int, database: Server, tmp_path: Path) -> None:
    dice = random.Random(seed)  # noqa: S311
    checked = project(tmp_path / "maps", all=model(dice))
    assert checked.ok, [item.message for item in checked.diagnostics]
    bundle, entity = compile_project(checked), checked.project.entities[0]
    prepare(database, bundle, replay=True)
    live = claims(dice, entity.sources, 80)
    wanted = merge(entity, live)
    told = []
    for _ in range(2):
        dice.shuffle(live)
        with database.connect() as connection:
            empty(connection, entity)
            ids = insert(connection, entity, live)
            rows = merged(connection, bundle, entity)
            assert set(rows) == {key[0] for key in wanted}
            for key, row in rows.items():
                check_row(entity, row, wanted[(key,)], ids)
            run(connection, bundle)
            found = connection.execute("SELECT id FROM canonical.thing").fetchall()
            assert {row[0] for row in found} == {key[0] for key, row in wanted.items() if row.complete}
            held = connection.execute("SELECT key, missing, failed, twice FROM fieldmap.incomplete").fetchall()
            assert {row[0]: (tuple(row[1]), tuple(row[2]), row[3]) for row in held} == {
                key[0]: (row.missing, row.failed, row.twice)
                for key, row in wanted.items()
                if row.whole and not row.complete
            }
            warned = connection.execute("SELECT key, condition FROM fieldmap.warned").fetchall()
            assert set(warned) == {(key[0], n) for key, row in wanted.items() if row.whole for n in row.warned}
            conflicts = connection.execute("SELECT key, field FROM fieldmap.conflicts").fetchall()
            assert set(conflicts) == {
                (key[0], name) for key, row in wanted.items() if row.whole for name in row.conflicts
            }
            told.append(rows_of(connection))
    assert told[0] == told[1], "the order of arrival"


def rows_of(connection: Connection) -> list[tuple[Any, ...]]:
    names = [column.name for column in connection.execute("SELECT * FROM canonical.thing LIMIT 0").description or ()]
    plain = ", ".join(f'"{name}"::text' for name in names if not name.startswith("_"))
    return connection.execute(f"SELECT {plain} FROM canonical.thing ORDER BY id".encode()).fetchall()
