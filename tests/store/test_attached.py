"""What others attach to canonical tables and provenance views stays when a sync runs and when an entity changes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import conninfo, sql
from tests.conftest import empty_database
from tests.support import MemoryPage, Pages, anew, compiled, examples, load, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import DatabaseError
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.store.database import Server, told
from fieldmap.runtime.store.reconcile import prepare

MAP = "hr_people__worker"


def maps(folder: Path, *fields: str, key: str = "number : text", history: str = "", **assigned: str) -> Bundle:
    """A project of one entity with the given fields, its key and what the map assigns."""
    text = f"""
entity Team {{ key code : text }}
entity Worker {{
  {history}
  key {key}
  {" ".join(f"{field} " + chr(10) for field in fields)}
}}
connector hr {{
  base env.HR
  resource people {{
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    shape {{ at: datetime, id: text, no: int,  name: text?, size: int?, kind: text? }}
  }}
}}
map hr.people to Worker {{
  {key.split()[0]} = $.{"no" if key.endswith("int") else "id"}
  {"".join(f"{name} = {value}" + chr(10) for name, value in assigned.items())}
}}
"""
    return compiled(folder, all=text)


def loaded(database: Server, bundle: Bundle, pages: list[MemoryPage]) -> None:
    """As `replay` does it."""
    reconciled = prepare(database, bundle, replay=True)
    remerge(database, bundle, reconciled.remerge, 0)
    load(database, bundle, MAP, pages)


@pytest.fixture
def reader(database: Server) -> Iterator[str]:
    """A role that owns nothing."""
    name = f"reader_{uuid.uuid4().hex[:12]}"
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    yield name
    with database.connect() as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def done(database: Server, *statements: str) -> None:
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def attach(database: Server, reader: str) -> None:
    done(
        database,
        f"GRANT USAGE ON SCHEMA canonical, provenance TO {reader}",
        f"GRANT SELECT ON canonical.worker, provenance.worker TO {reader}",
        f"GRANT SELECT (number) ON canonical.worker TO {reader} WITH GRANT OPTION",
        "CREATE INDEX mine ON canonical.worker (name text_pattern_ops)",
        "ALTER TABLE canonical.worker ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY first ON canonical.worker TO {reader} USING (number <> '2')",
        "CREATE PUBLICATION told FOR TABLE canonical.worker",
        "CREATE SCHEMA bi",
        "CREATE VIEW bi.people AS SELECT number, name FROM canonical.worker",
        "CREATE VIEW bi.origins AS SELECT * FROM provenance.worker",
        f"GRANT USAGE ON SCHEMA bi TO {reader}",
        f"GRANT SELECT ON bi.people, bi.origins TO {reader}",
    )


def seen(database: Server, reader: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the role reads, and what hangs on the table."""
    with database.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(reader)))
        found = {
            name: connection.execute(f"SELECT number, name FROM {name} ORDER BY 1".encode()).fetchall()
            for name in ("canonical.worker", "bi.people")
        }
        for name in ("provenance.worker", "bi.origins"):
            found[name] = connection.execute(
                f"SELECT key, value FROM {name} WHERE field = 'name' ORDER BY 1".encode()
            ).fetchall()
        connection.execute("RESET ROLE")
        found["index"] = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'mine'").fetchall()
        found["told"] = connection.execute("SELECT tablename FROM pg_publication_tables").fetchall()
    return found


def page() -> MemoryPage:
    at = {"at": "2026-01-01T00:00:00Z"}
    first = {**at, "id": "1", "no": 1, "name": "Ada", "size": 3, "kind": "x"}
    return Pages().page({"data": [first, {**at, "id": "2", "no": 2, "name": "Bob"}]})


def test_an_entity_that_changes_keeps_what_others_attached(tmp_path: Path, database: Server, reader: str) -> None:
    made = [page()]
    loaded(database, maps(tmp_path / "a", "name : text?", name="$.name"), made)
    attach(database, reader)
    before = seen(database, reader)
    assert before["canonical.worker"] == [("1", "Ada")], "the policy hides one row"
    assert before["bi.people"] == [("1", "Ada"), ("2", "Bob")], "a view reads as its owner"
    assert before["provenance.worker"] == before["bi.origins"] == [("1", "Ada"), ("2", "Bob")]
    assert before["index"], before["told"]
    more = maps(tmp_path / "b", "name : text?", "size : int?", "kind : text?", name="$.name", size="$.size", kind="$.kind")  # fmt: skip
    other = maps(tmp_path / "c", "name : text", "size : decimal(8, 2)?", name="$.name", size="$.size")
    for bundle in (more, other, maps(tmp_path / "d", "name : text?", name="$.name")):
        loaded(database, bundle, made)
        assert seen(database, reader) == before
    loaded(database, other, made)
    assert rows(database, "SELECT number, size::text FROM canonical.worker ORDER BY 1") == [("1", "3.00"), ("2", None)]


def test_a_run_that_changes_nothing_locks_and_drops_nothing(tmp_path: Path, database: Server, reader: str) -> None:
    bundle, made = maps(tmp_path, "name : text?", name="$.name"), [page()]
    loaded(database, bundle, made)
    attach(database, reader)
    before = seen(database, reader)
    objects = "SELECT oid, xmin::text, relname FROM pg_class WHERE relkind IN ('r', 'v') ORDER BY 1"
    stood = rows(database, objects.replace("pg_class WHERE", "pg_class WHERE relnamespace::regnamespace::text IN ('canonical', 'provenance') AND"))  # fmt: skip
    with database.connect() as holder, holder.transaction():
        # Somebody is reading: whoever wants to alter anything of it waits.
        holder.execute("SELECT count(*) FROM provenance.worker")
        with database.connect() as connection:
            connection.execute("SET lock_timeout = '10s'")
        prepare(database, bundle, replay=False)
    assert stood == rows(database, objects.replace("pg_class WHERE", "pg_class WHERE relnamespace::regnamespace::text IN ('canonical', 'provenance') AND"))  # fmt: skip
    assert seen(database, reader) == before


def test_who_reads_what_goes_is_named_and_nothing_is_changed(tmp_path: Path, database: Server, reader: str) -> None:
    made = [page()]
    loaded(database, maps(tmp_path / "a", "name : text?", "size : int?", name="$.name", size="$.size"), made)
    attach(database, reader)
    done(database, "CREATE VIEW bi.sizes AS SELECT number, size FROM canonical.worker")
    stood = rows(database, "SELECT * FROM canonical.worker ORDER BY 1")
    for field in ("size : decimal(8, 1)?", "other : int?"):
        name = field.split()[0]
        changed = maps(tmp_path / name, "name : text?", field, name="$.name", **{name: "$.size"})
        with pytest.raises(
            DatabaseError, match=r"view bi\.sizes depends on column size of table canonical\.worker"
        ) as refused:
            prepare(database, changed, replay=True)
        assert "nothing was changed" in str(refused.value)
        assert rows(database, "SELECT * FROM canonical.worker ORDER BY 1") == stood
        assert rows(database, "SELECT size FROM bi.sizes ORDER BY 1") == [(3,), (None,)]


def test_a_privilege_that_is_missing_is_named(tmp_path: Path, database: Server, reader: str) -> None:
    bundle = maps(tmp_path, "name : text?", name="$.name")
    with database.connect() as connection:
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(reader)))
    other = Server(conninfo.make_conninfo(database.url, user=reader))
    with pytest.raises(DatabaseError, match=r"permission denied for database .*needs CONNECT, CREATE and TEMPORARY"):
        prepare(other, bundle, replay=False)
    prepare(database, bundle, replay=False)
    with pytest.raises(
        DatabaseError, match=r"permission denied for schema fieldmap; run Fieldmap as the role that made"
    ):
        prepare(other, bundle, replay=False)
    with pytest.raises(DatabaseError, match=r"does not allow looking: permission denied"), told("looking"):
        rows(other, "SELECT 1 FROM fieldmap.runs")


def test_a_view_that_gets_other_columns_keeps_its_grants(tmp_path: Path, database: Server, reader: str) -> None:
    loaded(database, maps(tmp_path / "a", "name : text?", history="keeps history", name="$.name"), [page()])
    done(
        database,
        f"GRANT SELECT ON provenance.worker_history TO {reader} WITH GRANT OPTION",
        "GRANT SELECT ON provenance.worker_history TO PUBLIC",
    )
    granted = "SELECT relacl::text FROM pg_class WHERE oid = 'provenance.worker_history'::regclass"
    before = rows(database, granted)
    loaded(
        database,
        maps(tmp_path / "b", "size : int?", "name : text?", history="keeps history", size="$.size", name="$.name"),
        [page()],
    )
    assert rows(database, "SELECT number, size, name FROM provenance.worker_history ORDER BY 1") == [("1", 3, "Ada"), ("2", None, "Bob")]  # fmt: skip
    assert rows(database, granted) == before


def test_views_of_an_earlier_release_are_taken_over(tmp_path: Path, database: Server, reader: str) -> None:
    bundle = maps(tmp_path, "name : text?", name="$.name")
    loaded(database, bundle, [page()])
    attach(database, reader)
    before = seen(database, reader)
    done(
        database,
        "DELETE FROM fieldmap.tables WHERE schema_name = 'provenance'; COMMENT ON TABLE fieldmap.store IS 'older'",
    )
    prepare(database, bundle, replay=False)
    assert seen(database, reader) == before
    gone = "SELECT table_name FROM fieldmap.tables WHERE schema_name = 'provenance' ORDER BY 1"
    assert [name for (name,) in rows(database, gone)] == sorted(view.name for view in bundle.catalogue.views)


def test_an_index_that_comes_later_comes_alone(tmp_path: Path, database: Server) -> None:
    bundle = maps(tmp_path, "name : text?", name="$.name")
    prepare(database, bundle, replay=True)
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'claims'"
    before = {text for (text,) in rows(database, indexes)}
    tables = tuple(
        msgspec.structs.replace(
            t, create=t.create.replace("COMMENT ON", f"CREATE INDEX ON claims.{t.name} (name);\nCOMMENT ON", 1)
        )
        if t.schema == "claims"
        else t
        for t in bundle.catalogue.tables
    )
    later = msgspec.structs.replace(bundle.catalogue, tables=tables)
    prepare(database, replace(bundle, catalogue=later), replay=True)
    after = [text for (text,) in rows(database, indexes)]
    assert before <= set(after)
    assert len(after) == len(before) + 1


FIELDS = {
    "name": ["text", "text?", "country?", "enum { a, b }?"],
    "size": ["int?", "decimal(8, 2)?", "decimal(8, 2) in km?", "quantity(8, 2) in each or kg?"],
    "pay": ["money(12, 2)?", "money(12, 2) in EUR?", "money(10, 2)?"],
    "tags": ["list of text", "list of int"],
    "team": ["Team?", "Team? must exist", "list of Team must exist"],
    "born": ["date?", "datetime?"],
}


@st.composite
def entities(draw: st.DrawFn) -> tuple[str, ...]:
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True))
    return tuple(f"{name} : {draw(st.sampled_from(FIELDS[name]))}" for name in names)


@pytest.fixture(scope="module")
def scratch(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        yield made


@settings(max_examples=examples(8), deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["number : text", "number : int", "badge : text"]), entities()), min_size=2, max_size=4))  # fmt: skip
def test_an_altered_table_is_as_one_that_was_made(
    scratch: Server, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, tuple[str, ...]]]
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    bundles = [
        maps(folder / str(n), *fields, key=key, **({"name": "$.id"} if "name : text" in fields else {}))
        for n, (key, fields) in enumerate(steps)
    ]
    made = forms(anew(scratch, bundles[-1]))
    anew(scratch, bundles[0])
    for bundle in bundles[1:]:
        prepare(scratch, bundle, replay=True)
    assert forms(scratch) == made


def forms(database: Server) -> list[tuple[Any, ...]]:
    """What the catalogue of PostgreSQL says of the rows' tables and of the views, but for the order of columns and the names that
    PostgreSQL gives."""
    schemas = "n.nspname IN ('canonical', 'waiting', 'claims', 'provenance')"
    columns = rows(
        database,
        "SELECT n.nspname, c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation::text,"
        " a.attnotnull, col_description(c.oid, a.attnum), obj_description(c.oid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {schemas} AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped",
    )
    constraints = rows(
        database,
        "SELECT n.nspname, c.relname, contype::text, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {schemas} AND contype <> 'n'",
    )
    indexes = rows(
        database,
        "SELECT n.nspname, tablename, indexdef FROM pg_indexes JOIN pg_namespace n ON n.nspname = schemaname WHERE "
        + schemas,
    )
    bare = [(schema, table, re.sub(r"INDEX \S+ ON", "INDEX ON", text)) for schema, table, text in indexes]
    queries = rows(
        database,
        f"SELECT nspname, viewname, definition FROM pg_views JOIN pg_namespace n ON nspname = schemaname WHERE {schemas}",
    )
    return sorted([*columns, *constraints, *bare, *queries], key=repr)
