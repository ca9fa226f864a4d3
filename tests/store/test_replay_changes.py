"""A replay under a changed model gives the rows that a fresh load of the changed model gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import MemoryPage, Pages, compiled, load, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

MAP = "hr_people__worker"
RECORDS = [{"id": "7", "a": "2026-01-02", "b": "text", "title": "x", "o": [{"n": "1"}], "c": []}]


def model(folder: Path, fields: str, lines: str, *, more: str = "", merge: str = "") -> Bundle:
    return compiled(
        folder,
        all=f"""
entity Worker {{
  {fields}
}}
connector hr {{
  base env.HR
  resource people {{
    get "/people"
    records $[*]
    id $.id
    shape {{ id: text, a: text?, b: text, title: text?, o: [ {{ n: text }} ]?, c: [ {{ n: text }} ]? }}
  }}
}}
{more}
map hr.people as p to Worker {{
  {lines}
}}
{merge}
""",
    )


def replay(database: Server, bundle: Bundle, pages: list[MemoryPage]) -> None:
    reconciled = prepare(database, bundle, replay=True)
    remerge(database, bundle, reconciled.remerge, 0)
    load(database, bundle, MAP, pages)


def worker(database: Server) -> list[dict[str, Any]]:
    return [
        row
        for (row,) in rows(
            database, "SELECT to_jsonb(w) - ARRAY['_claims', '_made_by', '_changed_by'] FROM canonical.worker w"
        )
    ]


BASE = ("key number : text\n  x : text?\n  y : text?", "number = $.id\n  x = $.a\n  y = $.b")


@pytest.mark.parametrize(
    ("fields", "lines", "wanted"),
    [
        pytest.param(
            BASE[0],
            "number = $.id\n  y = $.a\n  x = $.b",
            {"number": "7", "x": "text", "y": "2026-01-02"},
            id="targets swapped",
        ),
        pytest.param(
            "key number : text\n  z : text?\n  y : text?",
            "number = $.id\n  z = $.a\n  y = $.b",
            {"number": "7", "z": "2026-01-02", "y": "text"},
            id="field renamed",
        ),
        pytest.param(
            "key number : text\n  x : date\n  y : text?",
            "number = $.id\n  x = $.a as date\n  y = $.b",
            {"number": "7", "x": "2026-01-02", "y": "text"},
            id="type changed",
        ),
        pytest.param(
            "key number : int\n  x : text?\n  y : text?",
            "number = $.id as int\n  x = $.a\n  y = $.b",
            {"number": 7, "x": "2026-01-02", "y": "text"},
            id="key type changed",
        ),
        pytest.param(
            "key number : text\n  x : text?\n  y : enum { text, other }?",
            "number = $.id\n  x = $.a\n  y = $.b via cs",
            {"number": "7", "x": "2026-01-02", "y": "text"},
            id="text to enum",
        ),
        pytest.param(
            "key number : text\n  x : text?\n  y : text(max 2)?",
            "number = $.id\n  x = $.a\n  y = left($.b, 2)",
            {"number": "7", "x": "2026-01-02", "y": "te"},
            id="narrowed",
        ),
    ],
)
def test_replay_equals_a_fresh_load(
    tmp_path: Path, database: Server, fields: str, lines: str, wanted: dict[str, Any]
) -> None:
    codes = 'codes cs {\n  "text" -> text\n}\n'
    pages = [Pages().page(RECORDS)]
    first = model(tmp_path / "a", *BASE, more=codes)
    replay(database, first, pages)
    replay(database, model(tmp_path / "b", fields, lines, more=codes), pages)
    assert worker(database) == [wanted]
    replay(database, first, pages)
    assert worker(database) == [{"number": "7", "x": "2026-01-02", "y": "text"}]


def test_documentation_is_no_change_and_costs_no_row(tmp_path: Path, database: Server) -> None:
    replay(database, model(tmp_path / "a", *BASE), [Pages().page(RECORDS)])
    documented = model(tmp_path / "b", BASE[0].replace("x : text?", 'x : text? pii "new words"'), BASE[1])
    assert prepare(database, documented, replay=False).meaning_changed is False
    assert len(worker(database)) == 1
    assert rows(database, "SELECT col_description('canonical.worker'::regclass, 2)") == [("new words · pii",)]


def test_the_rule_of_a_field_called_title_counts(tmp_path: Path) -> None:
    fields, lines = "key number : text\n  title : text?", "number = $.id\n  title = $.title"
    one = model(tmp_path / "a", fields, lines, merge="merge Worker {\n  title prefer hr\n}")
    two = model(tmp_path / "b", fields, lines, merge="merge Worker {\n  title only hr\n}")
    assert one.entity("Worker").version != two.entity("Worker").version  # type: ignore[union-attr]


def test_a_code_called_title_counts(tmp_path: Path) -> None:
    fields, lines = "key number : text\n  x : text?", "number = $.id\n  x = $.a via cs"
    one = model(tmp_path / "a", fields, lines, more='codes cs {\n  "text" -> "1"\n}')
    two = model(tmp_path / "b", fields, lines, more='codes cs {\n  "text" -> "2"\n}')
    assert one.map(MAP).version != two.map(MAP).version


def test_a_key_in_another_order_than_its_fields(tmp_path: Path, database: Server) -> None:
    bundle = model(tmp_path, "key (b, a)\n  a : text\n  b : int\n  v : text?", "a = $.b\n  b = $.id as int\n  v = $.a")
    replay(database, bundle, [Pages().page(RECORDS)])
    assert worker(database) == [{"a": "text", "b": 7, "v": "2026-01-02"}]


def test_an_element_that_moves_to_another_list(tmp_path: Path, database: Server) -> None:
    more = "entity Open {\n  key number : text\n}\nentity Closed {\n  key number : text\n}\n"
    lines = "number = $.id\n  each p.o[*] as e to Open {\n    number = e.n\n  }\n  each p.c[*] as e to Closed {\n    number = e.n\n  }"
    bundle = model(tmp_path, "key number : text", lines, more=more)
    pages = Pages()
    replay(database, bundle, [pages.page(RECORDS), pages.page([{**RECORDS[0], "o": [], "c": [{"n": "1"}]}])])
    assert (rows(database, "SELECT * FROM canonical.open"), len(rows(database, "SELECT * FROM canonical.closed"))) == (
        [],
        1,
    )


def test_an_entity_that_leaves_takes_its_rows_along(tmp_path: Path, database: Server) -> None:
    replay(database, model(tmp_path / "a", *BASE), [Pages().page(RECORDS)])
    other = compiled(tmp_path / "b", all="entity Other {\n  key id : text\n}\n")
    found = prepare(database, other, replay=False)
    assert found.removed == (f"the map {MAP}", "the entity Worker")
    prepare(database, other, replay=True)
    assert rows(database, "SELECT to_regclass('canonical.worker')::text, to_regclass(%s)::text", f"claims.{MAP}") == [
        (None, None)
    ]


def test_a_run_with_rules_of_before_stops(tmp_path: Path, database: Server) -> None:
    fields, lines = "key number : text\n  x : text?", "number = $.id\n  x = $.a"
    before = model(tmp_path / "a", fields, lines)
    pages = Pages()
    replay(database, before, [pages.page(RECORDS)])
    with Loader(database, before, before.map(MAP), 1) as loader:
        after = model(tmp_path / "b", fields, lines, merge="merge Worker {\n  x only hr\n}")
        remerge(database, after, prepare(database, after, replay=True).remerge, 2)
        with pytest.raises(FieldmapError, match="changed by another run"):
            loader.load([pages.page([*RECORDS, {"id": "another"}])])


def test_D10_a_composite_key_too_long_for_an_index_harms_only_its_record(tmp_path: Path, database: Server) -> None:
    bundle = model(tmp_path, "key (a, b)\n  a : text\n  b : text", "a = $.b\n  b = $.id")
    long = "".join(chr(0x4E00 + n * 7 % 5000) for n in range(600))
    replay(database, bundle, [Pages().page([{"id": long, "b": long}, {"id": "1", "b": "fine"}])])
    assert worker(database) == [{"a": "fine", "b": "1"}]
    assert rows(database, "SELECT code FROM fieldmap.dead_letters") == [("FM2116",)]
