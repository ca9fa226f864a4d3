"""What a source leaves unchanged keeps its former value: a function of the versions seen, whatever the order of their arrival."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support import MemoryPage, Pages, anew, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server

MARK = "__debezium_unavailable_value"
MAPS = f"""
entity Ticket {{
  key no  : text
  subject : text
  body    : text?
  weight  : decimal(6, 2) in kg?
  price   : money(8, 2)?
  tags    : list of text
}}
connector desk {{
  base "https://desk.example.com"
  resource tickets {{
    get "/tickets"
    records $.data[*]
    id $.no
    changed $.at
    deleted when $.gone otherwise false
    when $.kind != "draft" otherwise true
    sparse when $.sparse == "true" otherwise false
    shape {{
      no: text, at: datetime, gone: bool?, kind: text?, sparse: text?, subject: text, body: text?,
      weight: decimal?, price: number?, cur: text?, tags: [ text ]?
      unchanged when "{MARK}"
    }}
  }}
}}
map desk.tickets to Ticket {{
  no      = $.no
  subject = $.subject
  let text = $.body
  body    = text
  weight  = $.weight in kg
  price   = $.price in $.cur
  tags    = $.tags[*]
}}
"""
MAP = "desk_tickets__ticket"
COLUMNS = "no, subject, body, weight::text, price::text, price_currency, tags"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def at(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


def sparse(no: str, day: int, **more: Any) -> dict[str, Any]:
    return {"no": no, "at": at(day), "sparse": "true", **more}


def full(no: str, day: int, **more: Any) -> dict[str, Any]:
    return {"no": no, "at": at(day), "subject": f"s{day}", **more}


def canonical(database: Server) -> list[tuple[Any, ...]]:
    return rows(database, f"SELECT {COLUMNS} FROM canonical.ticket ORDER BY no")


def listed(database: Server) -> list[tuple[Any, ...]]:
    return rows(database, "SELECT record, field, code FROM fieldmap.listed ORDER BY record, field")


def test_a_mark_and_a_member_that_is_not_sent_keep_the_former_value(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    first = full("A", 1, body="long", weight="1.50", price=3, cur="EUR", tags=["x", "y"])
    load(database, bundle, MAP, [pages.page({"data": [first]})])
    load(
        database,
        bundle,
        MAP,
        [pages.page({"data": [full("A", 2, body=MARK, weight=MARK, price=MARK, cur=MARK, tags=MARK)]})],
    )
    assert canonical(database) == [("A", "s2", "long", "1.50", "3.00", "EUR", ["x", "y"])]
    load(database, bundle, MAP, [pages.page({"data": [sparse("A", 3, weight=None, tags=[])]})])
    assert canonical(database) == [("A", "s2", "long", None, "3.00", "EUR", [])]
    assert listed(database) == []


def test_the_value_keeps_its_origin(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    made = [
        pages.page({"data": [full("Z", 1), full("A", 1, body="long")]}),
        pages.page({"data": [sparse("A", 2, subject="new")]}),
    ]
    load(database, bundle, MAP, made)
    places = rows(
        database,
        "SELECT field, archive_position, record_index FROM provenance.ticket WHERE key = 'A' AND field IN ('subject', 'body') ORDER BY 1",
    )
    assert places == [("body", made[0].position, 1), ("subject", made[1].position, 0)]


def test_an_older_version_that_comes_late_fills_in(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [pages.page({"data": [sparse("A", 5, subject="new")]})])
    assert canonical(database) == [("A", "new", None, None, None, None, [])]
    assert [line[1:] for line in listed(database)] == [(name, "FM2135") for name in ("body", "price", "tags", "weight")]
    load(database, bundle, MAP, [pages.page({"data": [full("A", 3, body="three", weight=MARK)]})])
    assert canonical(database) == [("A", "new", "three", None, None, None, [])]
    assert [line[1] for line in listed(database)] == ["weight"]
    load(database, bundle, MAP, [pages.page({"data": [full("A", 2, body="two", weight="2")]})])
    assert canonical(database) == [("A", "new", "three", "2.00", None, None, [])]
    assert listed(database) == []


def test_a_part_that_is_unchanged_makes_no_whole(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, MAP, [pages.page({"data": [full("A", 1, price=3, cur="EUR")]})])
    load(database, bundle, MAP, [pages.page({"data": [full("A", 2, price=4, cur=MARK)]})])
    assert rows(database, "SELECT price FROM canonical.ticket") == [(None,)]
    held = "SELECT field, code, archive_position FROM fieldmap.held"
    assert rows(database, held) == [("price", "FM2136", pages.made[1].position)]
    # What was held stays told while it is what a newer version keeps.
    load(database, bundle, MAP, [pages.page({"data": [full("A", 3, price=MARK, cur=MARK)]})])
    assert rows(database, held) == [("price", "FM2136", pages.made[1].position)]
    load(database, bundle, MAP, [pages.page({"data": [full("A", 4, price=5, cur="EUR")]})])
    assert rows(database, held) == []
    assert rows(database, "SELECT price FROM canonical.ticket") == [(5,)]


def test_a_mark_in_an_identity_is_a_dead_letter(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    load(database, bundle, MAP, [Pages().page({"data": [full(MARK, 1), {"no": "B", "at": at(1), "sparse": MARK}]})])
    assert rows(database, "SELECT code FROM fieldmap.dead_letters ORDER BY 1") == [("FM2124",), ("FM2136",)]


# ------------------------------------------------------------------------------------------ against a fold in Python

FIELDS = ("subject", "body", "weight")


@dataclass
class Fold:
    """The reference: all versions, the newest stands, and each of its fields is the newest that any of them gives."""

    versions: dict[str, list[tuple[tuple[str, int, int], dict[str, Any]]]] = field(default_factory=dict)

    def see(self, page: MemoryPage, records: list[dict[str, Any]]) -> None:
        for index, record in enumerate(records):
            if record.get("broken") is None:
                self.versions.setdefault(record["no"], []).append(((record["at"], page.position, index), record))

    def rows(self) -> list[tuple[Any, ...]]:
        answer = []
        for no, seen in sorted(self.versions.items()):
            newest = max(seen, key=lambda item: item[0])[1]
            if live(newest):
                answer.append((no, *(self.value(seen, name) for name in FIELDS)))
        return [row for row in answer if row[1] is not None]

    def value(self, seen: list[tuple[tuple[str, int, int], dict[str, Any]]], name: str) -> Any:
        for _, record in sorted(seen, key=lambda item: item[0], reverse=True):
            if live(record) and record.get(name) != MARK and not ("sparse" in record and name not in record):
                return record.get(name)
        return None


def live(record: dict[str, Any]) -> bool:
    return not record.get("gone") and record.get("kind") != "draft"


def history(chance: random.Random) -> list[dict[str, Any]]:
    """Versions of two records, each with a time of its own."""
    made = []
    for day in range(1, 9):
        record: dict[str, Any] = {"no": chance.choice("AB"), "at": at(day)}
        for name in FIELDS:
            given = chance.choice(("value", "value", "mark", "null", "none"))
            if given == "value":
                record[name] = f"{day}.00" if name == "weight" else f"{name}{day}"
            elif given == "mark":
                record[name] = MARK
            elif given == "null" and name != "subject":
                record[name] = None
        if "subject" not in record or chance.random() < 0.4:
            record["sparse"] = "true"
        state = chance.random()
        if state < 0.1:
            record["gone"] = True
        elif state < 0.2:
            record["kind"] = "draft"
        made.append(record)
    return made


def store(database: Server) -> Any:
    """All that is told, apart from numbers that are given in the order of arrival."""
    return (
        rows(database, f"SELECT {COLUMNS} FROM canonical.ticket ORDER BY no"),
        rows(database, "SELECT entity, key, missing FROM fieldmap.incomplete ORDER BY 1, 2"),
        rows(database, "SELECT record, field, code, archive_position FROM fieldmap.listed ORDER BY 1, 2"),
        rows(database, "SELECT key, field, value, archive_position, record_index FROM provenance.ticket ORDER BY 1, 2"),
        rows(database, f"SELECT * FROM claims.{MAP}__0 ORDER BY _record, _position"),
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_arrival_changes_nothing(
    bundle: Bundle, database: Server, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    records, answers = history(chance), []
    pages = Pages()
    made = [pages.page({"data": [record]}) for record in records]
    fold = Fold()
    for page, record in zip(made, records, strict=True):
        fold.see(page, [record])
    for attempt in range(4):
        anew(database, bundle)
        monkeypatch.setattr(intake, "BATCH_RECORDS", chance.choice((1, 2, 3, 100)))
        # In what order they lie in the archive is part of the archive; here only times rank them.
        order = list(range(len(made))) if attempt == 0 else chance.sample(range(len(made)), len(made))
        moved = {n: MemoryPage(made[place].position, made[n].body) for place, n in enumerate(order)}
        load(database, bundle, MAP, [moved[n] for n in order])
        found = rows(database, "SELECT no, subject, body, weight::text FROM canonical.ticket ORDER BY no")
        assert found == fold.rows(), (attempt, order, records)
        answers.append(rows(database, "SELECT record, field, code FROM fieldmap.listed ORDER BY 1, 2"))
    assert all(answer == answers[0] for answer in answers)


def test_batches_and_redelivery_change_nothing(
    bundle: Bundle, database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)  # noqa: S311
    records = list(itertools.chain(history(chance), history(chance)))
    chance.shuffle(records)
    pages = Pages()
    made = [pages.page({"data": records[start : start + 2]}) for start in range(0, len(records), 2)]
    found = []
    for size, runs in ((100, [made]), (1, [made]), (2, [made[:3], made[:5], made])):
        anew(database, bundle)
        monkeypatch.setattr(intake, "BATCH_RECORDS", size)
        for run in runs:
            load(database, bundle, MAP, run)
        found.append(store(database))
    assert found[0] == found[1] == found[2]


def test_a_replay_is_a_fresh_load(tmp_path: Path, database: Server) -> None:
    plain = MAPS.replace('sparse when $.sparse == "true" otherwise false', "")
    plain = "\n".join(line for line in plain.split("\n") if "unchanged when" not in line)
    half = MAPS.replace("body    = text", "body    = lower(text)")
    pages = Pages()
    records = [
        full("A", 1, body="One", weight="1"),
        sparse("A", 4, subject="x"),
        full("A", 2, body=MARK),
        sparse("B", 1, subject="b"),
        full("A", 3, body="Three", weight="?"),
    ]
    made = [pages.page({"data": [record]}) for record in records]
    seen = []
    for number, text in enumerate((plain, MAPS, half, plain, MAPS)):
        bundle = compiled(tmp_path / str(number), all=text)
        ready(database, bundle)
        load(database, bundle, MAP, made)
        if text != plain:
            answer = store(database)
            seen.append([*answer[:4], [tuple(v for n, v in enumerate(row) if n != 4) for row in answer[4]]])
        else:
            assert rows(database, "SELECT to_regclass('claims.desk_tickets__ticket__0') IS NULL") == [(True,)]
    assert seen[0] == seen[2]
    assert seen[1][0] == [("A", "x", "three", None, None, None, []), ("B", "b", None, None, None, None, [])]
    assert [line[:2] for line in listed(database)] == [("B", n) for n in ("body", "price", "tags", "weight")]
