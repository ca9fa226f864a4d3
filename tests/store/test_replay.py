"""A changed map: replayed from the beginning, in place, with nothing of the earlier version left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import MemoryPage, Pages, compiled, load, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

MAP = "hr_people__worker"


def maps(folder: Path, **changes: str) -> Bundle:
    text = f"""
entity Worker {{
  key number : text
  name : text
  size : {changes.get("size", "decimal(8, 1) in km?")}
  {changes.get("field", "")}
}}
connector hr {{
  base env.HR
  resource people {{
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    shape {{ id: text, name: text?, size: number?, at: datetime, kind: text? }}
  }}
}}
map hr.people to Worker {{
  {changes.get("when", "")}
  number = $.id
  name   = $.name {changes.get("name", "")}
  size   = {changes.get("value", "$.size in mi")}
  {changes.get("assign", "")}
}}
"""
    return compiled(folder, all=text)


def people(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page({"data": [{"name": "Ada", "at": "2026-01-01T00:00:00Z", **record} for record in records]})


def canonical(database: Server) -> list[tuple[Any, ...]]:
    return rows(database, "SELECT number, name, size::text FROM canonical.worker ORDER BY 1")


def replay(database: Server, bundle: Bundle, pages: list[MemoryPage]) -> dict[str, Any]:
    reconciled = prepare(database, bundle, replay=True)
    merged = remerge(database, bundle, reconciled.remerge, 0)
    loaded = load(database, bundle, MAP, pages).loaded.entities
    return {**merged, **loaded}


def test_a_changed_unit(tmp_path: Path, database: Server) -> None:
    pages = Pages()
    made = [people(pages, {"id": "1", "size": 12}, {"id": "2"})]
    replay(database, maps(tmp_path / "a"), made)
    assert canonical(database) == [("1", "Ada", "19.3"), ("2", "Ada", None)]
    changed = maps(tmp_path / "b", value="$.size in km")
    assert prepare(database, changed, replay=False).changed == ("hr.people to Worker",)
    change = replay(database, changed, made)["Worker"]
    assert canonical(database) == [("1", "Ada", "12.0"), ("2", "Ada", None)]
    assert change.fields == {"size": 1}
    assert change.samples == [("1", "size", "19.3", "12.0")]


def test_layout_and_comments_are_no_change(tmp_path: Path, database: Server) -> None:
    replay(database, maps(tmp_path / "a"), [people(Pages(), {"id": "1"})])
    again = maps(tmp_path / "b", value="$.size in mi   # a comment", name="\n\n")
    assert prepare(database, again, replay=False).changed == ()


def test_going_back_to_an_earlier_version(tmp_path: Path, database: Server) -> None:
    pages = Pages()
    made = [people(pages, {"id": "1", "size": 12})]
    first, second = maps(tmp_path / "a"), maps(tmp_path / "b", value="$.size in km")
    for bundle, size in ((first, "19.3"), (second, "12.0"), (first, "19.3")):
        replay(database, bundle, made)
        assert canonical(database) == [("1", "Ada", size)]


def test_what_the_new_map_filters_is_gone(tmp_path: Path, database: Server) -> None:
    pages = Pages()
    made = [people(pages, {"id": "1", "kind": "x"}, {"id": "2"})]
    replay(database, maps(tmp_path / "a"), made)
    replay(database, maps(tmp_path / "b", when='when not (($.kind == "x") otherwise false)'), made)
    assert [row[0] for row in canonical(database)] == ["2"]


def test_what_the_new_map_rejects_falls_back_to_the_version_before(tmp_path: Path, database: Server) -> None:
    """Pure in archive and map: as if only the new map had ever run."""
    pages = Pages()
    made = [
        people(pages, {"id": "1", "size": 1}),
        people(pages, {"id": "1", "size": 99999999, "at": "2026-02-01T00:00:00Z"}),
    ]
    replay(database, maps(tmp_path / "a", size="decimal(12, 1) in km?"), made)
    assert canonical(database) == [("1", "Ada", "160934398.4")]
    replay(database, maps(tmp_path / "b", value="$.size in mi if invalid reject"), made)
    assert canonical(database) == [("1", "Ada", "1.6")]
    assert len(rows(database, "SELECT * FROM fieldmap.dead_letters")) == 1
    replay(database, maps(tmp_path / "c", size="decimal(12, 1) in km?"), made)
    assert canonical(database) == [("1", "Ada", "160934398.4")]
    assert rows(database, "SELECT * FROM fieldmap.dead_letters") == []


def test_what_only_an_earlier_map_could_read_is_gone(tmp_path: Path, database: Server) -> None:
    made = [people(Pages(), {"id": "1", "size": 99999999}, {"id": "2"})]
    replay(database, maps(tmp_path / "a", size="decimal(12, 1) in km?"), made)
    replay(database, maps(tmp_path / "b", value="$.size in mi if invalid reject"), made)
    assert [row[0] for row in canonical(database)] == ["2"]
    assert rows(database, "SELECT record FROM fieldmap.dead_letters") == [("1",)]


def test_a_new_field_and_a_changed_type(tmp_path: Path, database: Server) -> None:
    pages = Pages()
    made = [people(pages, {"id": "1", "size": 12, "kind": "x"})]
    replay(database, maps(tmp_path / "a"), made)
    replay(
        database, maps(tmp_path / "b", size="decimal(8, 3) in km?", field="kind : text?", assign="kind = $.kind"), made
    )
    assert rows(database, "SELECT number, size::text, kind FROM canonical.worker") == [("1", "19.312", "x")]
    replay(database, maps(tmp_path / "c"), made)
    assert canonical(database) == [("1", "Ada", "19.3")]


def test_accounts_and_ledger(tmp_path: Path, database: Server) -> None:
    pages = Pages()
    made = [people(pages, {"id": "1"}, {"id": None}, {"id": "3", "name": 5})]
    replay(database, maps(tmp_path / "a"), made)
    assert rows(database, "SELECT pages, read, claimed, filtered, deleted, dead, held FROM fieldmap.accounts") == [
        (1, 3, 2, 0, 0, 1, 1)
    ]
    assert rows(database, "SELECT last_position FROM fieldmap.ledger") == [(made[0].position,)]
    assert rows(database, "SELECT field, code, record FROM fieldmap.held") == [("name", "FM2101", "3")]


def test_a_sync_alters_nothing_while_the_meaning_changed(tmp_path: Path, database: Server) -> None:
    """Rules, maps that are gone, maps that changed: each waits for a replay, and the rows stay as they are."""
    replay(database, maps(tmp_path / "a"), [people(Pages(), {"id": "1"})])
    bare = compiled(
        tmp_path / "b", all="entity Worker {\n  key number : text\n  name : text\n  size : decimal(8, 1) in km?\n}\n"
    )
    found = prepare(database, bare, replay=False)
    assert (found.changed, found.removed, found.remerge) == ((), (f"the map {MAP}",), ("Worker",))
    assert str(found) == f"The map {MAP} is gone and what makes the rows of Worker changed"
    assert canonical(database) == [("1", "Ada", None)]
    prepared = prepare(database, bare, replay=True)
    assert remerge(database, bare, prepared.remerge, 2)["Worker"].gone == 1
    assert canonical(database) == []
    assert prepare(database, bare, replay=False).meaning_changed is False


def test_the_same_records_fetched_again_are_not_listed_twice(tmp_path: Path, database: Server) -> None:
    """Held values are of the version that stands, which one that is the same does not replace; dead letters of the last rejected."""
    bundle = maps(tmp_path / "a", value="$.size in mi if invalid reject")
    pages = Pages()
    records = [{"id": "1", "name": 5}, {"id": "2", "size": 99999999}]
    replay(database, bundle, [people(pages, *records), people(pages, *records), people(pages, *records)])
    load(database, bundle, MAP, [people(pages, *records)])
    assert rows(database, "SELECT record, field, archive_position FROM fieldmap.held") == [
        ("1", "name", pages.made[0].position)
    ]
    assert rows(database, "SELECT record, archive_position FROM fieldmap.dead_letters") == [
        ("2", pages.made[-1].position)
    ]
    (number,) = rows(database, "SELECT id FROM fieldmap.dead_letters")
    assert number == (1,)  # the first that the record had, in one batch or in several
    load(database, bundle, MAP, [people(pages, *records, {"id": "3", "size": 99999999}, {"size": 1})])
    load(database, bundle, MAP, [people(pages, *records)])
    letters = rows(database, "SELECT id, record FROM fieldmap.dead_letters ORDER BY id")
    assert (letters[0], [record for _, record in letters]) == ((1, "2"), ["2", "3", None])
    replay(database, bundle, pages.made)
    assert rows(database, "SELECT id, record FROM fieldmap.dead_letters ORDER BY id") == letters
    load(database, bundle, MAP, [people(pages, {"id": "1"}, {"id": "2"}, {"id": "3"})])
    assert rows(database, "SELECT record FROM fieldmap.dead_letters") == [(None,)]
    assert rows(database, "SELECT record FROM fieldmap.held") == []
