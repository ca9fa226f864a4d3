"""Tables of a real PostgreSQL as a source: exact values, what changed, what is gone, and no row lost at the border of two pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg import conninfo
from tests.conftest import empty_database
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server

MAP = """
entity Part { key no : text; mass : decimal(30, 10)?; made : date?; note : text? }
connector erp is database {
  url secret.ERP_URL
  resource parts {
    table "Stock.Part %s", 3 at a time
    id    $.part_no
    LINES
    shape { part_no: int, mass: number?, made: date?, note: text?, updated_at: text? }
  }
}
map erp.parts to Part { no = text($.part_no); mass = $.mass; made = $.made; note = $.note }
"""
DELTA = "changed $.updated_at, settles in 1 min, overlap 1 min"
TABLE = """
CREATE SCHEMA "Stock";
CREATE TABLE "Stock"."Part %s" (part_no bigint PRIMARY KEY, mass numeric, made date, note text, updated_at timestamptz, raw json);
"""


def url_of(server: Server) -> str:
    parts = {name: str(value) for name, value in conninfo.conninfo_to_dict(server.url).items()}
    database = parts.pop("dbname")
    return f"postgresql:///{database}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in parts.items())


@pytest.fixture
def source(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        rows_of(made, TABLE)
        yield made


def rows_of(source: Server, statement: str) -> None:
    with source.connect() as connection:
        connection.execute(statement.encode())


@pytest.fixture
def folder(tmp_path: Path, database: Server, source: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.setenv("ERP_URL", url_of(source))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    write(tmp_path)
    return tmp_path


def write(folder: Path, lines: str = "") -> None:
    (folder / "all.map").write_text(MAP.replace("LINES", lines))


def insert(source: Server, *numbers: int, at: str = "now() - interval '1 hour'", note: str = "x") -> None:
    for number in numbers:
        rows_of(
            source,
            f"INSERT INTO \"Stock\".\"Part %s\" VALUES ({number}, {number}.10, '2026-01-02', '{note}', {at})"
            " ON CONFLICT (part_no) DO UPDATE SET note = excluded.note, updated_at = excluded.updated_at",
        )


def parts(database: Server) -> list[str]:
    return [str(row[0]) for row in rows(database, "SELECT no FROM canonical.part ORDER BY no::numeric")]


def pages(folder: Path) -> list[bytes]:
    return [item.body for item in Archive(folder / "archive", Ports.real()).read("erp.parts", None)]


def test_values_keep_every_digit(folder: Path, database: Server, source: Server) -> None:
    rows_of(
        source,
        """INSERT INTO "Stock"."Part %s" VALUES
           (9223372036854775807, 12345678901234567.1234567890, '2026-02-28', E'a"b\\nc;ä''--', '2026-01-01 00:00:00.123456+02', E'{"a":\\n1}'),
           (-5, 0.10, NULL, '', NULL, NULL)""",
    )
    assert run(["sync"]) == 0
    assert rows(database, "SELECT no, mass::text, made::text, note FROM canonical.part ORDER BY no") == [
        ("-5", "0.1000000000", None, ""),
        ("9223372036854775807", "12345678901234567.1234567890", "2026-02-28", "a\"b\nc;ä'--"),
    ]
    assert pages(folder)[0].count(b"\n") == 2
    assert b'"updated_at":"2025-12-31T22:00:00.123456+00:00"' in pages(folder)[0]
    before = rows(database, "SELECT no, mass, made, note FROM canonical.part ORDER BY no")
    assert run(["replay"]) == 0
    assert rows(database, "SELECT no, mass, made, note FROM canonical.part ORDER BY no") == before


def test_pages_end_where_the_rows_do(folder: Path, database: Server, source: Server) -> None:
    for number, expected in ((0, 0), (1, 1), (3, 1), (4, 2), (6, 2), (7, 3)):
        insert(source, *range(1, number + 1))
        before = len(pages(folder)) if (folder / "archive").exists() else 0
        assert run(["sync"]) == 0
        assert len(pages(folder)) - before == expected
    assert parts(database) == [str(number) for number in range(1, 8)]


def test_only_what_changed(folder: Path, database: Server, source: Server, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, DELTA)
    insert(source, 1, 2, 3, 4)
    insert(source, 5, at="NULL")
    insert(source, 6, at="now() + interval '1 year'")
    insert(source, 7, at="now() - interval '10 seconds'")
    assert run(["sync"]) == 0
    # A full sweep reads all, also what has no time, or one of tomorrow.
    assert parts(database) == ["1", "2", "3", "4", "5", "6", "7"]
    assert run(["sync"]) == 0
    read = len(pages(folder))
    insert(source, 2, at="now() - interval '70 seconds'", note="new")
    insert(source, 8, at="now() - interval '5 seconds'")
    assert run(["sync"]) == 0
    # Within the overlap, and not yet settled.
    assert rows(database, "SELECT note FROM canonical.part WHERE no = '2'") == [("new",)]
    assert "8" not in parts(database)
    assert pages(folder)[read:][0].count(b"\n") == 1
    assert run(["sync", "--since", "2020-01-01", "--until", "2035-01-01"]) == 0
    capsys.readouterr()
    assert run(["status"]) == 0
    assert "is settled to" in capsys.readouterr().out
    assert run(["sync", "--full"]) == 0
    assert parts(database) == ["1", "2", "3", "4", "5", "6", "7", "8"]


def test_rows_without_a_time_are_read_up_to_a_bound_too(folder: Path, database: Server, source: Server) -> None:
    write(folder, DELTA)
    insert(source, 1, at="now() - interval '1 day'")
    insert(source, 2, at="NULL")
    assert run(["sync", "--until", "2035-01-01"]) == 0
    assert run(["sync"]) == 0
    assert parts(database) == ["1", "2"]


def test_deletes_by_absence(folder: Path, database: Server, source: Server) -> None:
    write(folder, "deleted by absence, refuse above 50 %")
    insert(source, 1, 2, 3, 4, 5)
    assert run(["sync"]) == 0
    rows_of(source, 'DELETE FROM "Stock"."Part %s" WHERE part_no IN (2, 5)')
    assert run(["sync"]) == 0
    assert parts(database) == ["1", "3", "4"]
    rows_of(source, 'DELETE FROM "Stock"."Part %s"')
    assert run(["sync"]) == 1
    assert parts(database) == ["1", "3", "4"]


def test_a_sweep_that_was_cut_off_is_gone_on_with(folder: Path, database: Server, source: Server) -> None:
    from fieldmap.cli.workspace import Workspace
    from fieldmap.runtime.acquire import acquire

    write(folder, "deleted by absence, refuse above 50 %")
    insert(source, *range(1, 11))
    workspace = Workspace.here()
    connector = workspace.bundle(None).connector("erp")
    ports = Ports.real()
    for _ in range(2):
        with workspace.archive().writer("erp.parts") as writer:
            items = acquire(connector, "erp.parts", writer=writer, ports=ports, environ={"ERP_URL": url_of(source)})
            next(items)
            items.close()  # type: ignore[attr-defined]
    assert run(["sync"]) == 0
    assert [page.count(b"\n") for page in pages(folder)] == [3, 3, 3, 1]
    assert parts(database) == [str(number) for number in range(1, 11)]
    marks = list(Archive(folder / "archive", ports).closed_sweeps("erp.parts"))
    assert [(mark.pages, mark.end.records, mark.end.full) for mark in marks] == [(4, 10, True)]


def test_nothing_is_written_and_names_are_quoted(folder: Path, source: Server) -> None:
    """The connection is read-only: a view that would write is refused by the database."""
    rows_of(
        source,
        """CREATE TABLE log (x int);
           CREATE FUNCTION bad() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN 1; END';
           CREATE VIEW "Stock"."v;drop" AS SELECT bad() AS part_no, 1 AS mass, NULL::date AS made, '' AS note""",
    )
    (folder / "all.map").write_text(MAP.replace("LINES", "").replace("Stock.Part %s", "Stock.v;drop"))
    assert run(["sync"]) == 1
    assert rows(source, "SELECT count(*) FROM log") == [(0,)]
    assert rows(source, "SELECT count(*) FROM pg_class WHERE relname = 'Part %s'") == [(1,)]


@pytest.mark.parametrize(
    ("statement", "lines", "words"),
    [
        ('DROP TABLE "Stock"."Part %s"', "", "is not there; check its name and schema"),
        (
            'ALTER TABLE "Stock"."Part %s" RENAME part_no TO nr',
            "",
            "lacks a column that is read by; check the names: part_no",
        ),
        (
            'ALTER TABLE "Stock"."Part %s" ALTER updated_at TYPE timestamp',
            DELTA,
            "The table Stock.Part %s of erp.parts has updated_at as timestamp without time zone, which names no moment",
        ),
        (
            'ALTER TABLE "Stock"."Part %s" DROP CONSTRAINT "Part %s_pkey"; INSERT INTO "Stock"."Part %s" VALUES (1), (2), (3), (3)',
            "",
            "has several rows with one key (part_no), so some could be passed over",
        ),
        (
            'ALTER TABLE "Stock"."Part %s" DROP CONSTRAINT "Part %s_pkey", ALTER part_no DROP NOT NULL; INSERT INTO "Stock"."Part %s" VALUES (NULL)',
            "",
            "has rows without part_no, which its id line names",
        ),
    ],
)
def test_what_goes_wrong_in_words(
    folder: Path, source: Server, capsys: pytest.CaptureFixture[str], statement: str, lines: str, words: str
) -> None:
    rows_of(source, statement)
    write(folder, lines)
    assert run(["sync"]) == 1
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_database_without_an_encoding(
    folder: Path, database: Server, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What SQL_ASCII calls text comes as bytes, unless the connection asks for UTF-8."""
    with empty_database(server, " ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0") as plain:
        rows_of(plain, TABLE)
        insert(plain, 1, 2, note="Jörg")
        monkeypatch.setenv("ERP_URL", url_of(plain))
        write(folder, DELTA)
        assert run(["sync"]) == 0
        assert rows(database, "SELECT no, note FROM canonical.part ORDER BY no") == [("1", "Jörg"), ("2", "Jörg")]
        capsys.readouterr()
        insert(plain, 2, note="x'||convert_from('\\xe4', 'SQL_ASCII')||'")
        assert run(["sync", "--full"]) == 1
        assert "holds a text that is not UTF-8 in a database without an encoding" in " ".join(
            capsys.readouterr().err.split()
        )


def test_the_address_is_told_to_nobody(
    folder: Path, source: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for url, words, code in (
        ("postgresql://ada:canary@127.0.0.1:9/x", "cannot be reached; check its url", 1),
        ("postgresql://ada:canary@127.0.0.1:9/x?canary", "cannot be reached; check its url", 1),
        (url_of(source).replace("/t_", "/no_t_"), "does not know that database or user; check its url", 1),
        ("mysql://ada:canary@host/x", "only PostgreSQL is read", 1),
    ):
        monkeypatch.setenv("ERP_URL", url)
        assert run(["sync"]) == code
        said = capsys.readouterr()
        assert words in " ".join(said.err.split())
        assert "canary" not in said.out + said.err
