"""Lists of many rows: no more is read than is shown, all of it as it comes, and the same as if it were printed whole."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.cli.console import print_json, print_json_list
from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Thing { key no : int; name : text; boss : Thing? }
connector a is files { folder "in"; resource things { files "*.json" as json; id $.id; shape { id: text, no: int, name: text, boss: int? } } }
map a.things to Thing { no = $.no; name = $.name; boss = $.boss }
"""
MANY = 20_000


@pytest.fixture
def many(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAPS)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text('[{"id": "1", "no": 0, "name": "first"}]')
    assert run(["sync"]) == 0
    fill = (
        f"INSERT INTO canonical.thing SELECT n, 'N' || n, n + 1000000, '{{1}}', 1, 0 FROM generate_series(1, {MANY}) n",
        f"INSERT INTO fieldmap.incomplete SELECT 'Thing', n::text, '{{name}}' FROM generate_series(1, {MANY}) n",
        f"INSERT INTO fieldmap.conflicts SELECT 'Thing', n::text, 'name', 'FM2180', '[[1, \"a\"], [2, \"b\"]]' FROM generate_series(1, {MANY}) n",
    )
    for statement in fill:
        assert rows(database, f"WITH i AS ({statement} RETURNING 1) SELECT count(*) FROM i") == [(MANY,)]
    return database


@pytest.mark.parametrize("items", [[], [1], [{}, [], "a\nb", None], [{"a": [1, {"b": "c"}]}, {"d": 2}]])
def test_a_list_is_printed_as_if_it_were_printed_whole(items: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    print_json(items)
    whole = capsys.readouterr().out
    assert print_json_list(iter(items)) == len(items)
    assert capsys.readouterr().out == whole


@pytest.mark.parametrize(
    ("command", "key"),
    [(["query", "Thing"], "no"), (["incomplete"], "key"), (["conflicts"], "key")],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_limit_is_what_is_read_and_all_is_counted(
    many: Server, command: list[str], key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run([*command, "--limit", "3"]) == 0
    number = MANY + 1 if command[0] == "query" else MANY
    assert f"{number:,}".replace(",", " ") in capsys.readouterr().out.splitlines()[-1]
    assert run([*command, "--limit", "3", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert run([*command, "--limit", str(MANY + 5), "--json"]) == 0
    keys = [item[key] for item in json.loads(capsys.readouterr().out)]
    assert (len(keys), len(set(keys))) == (number, number)


def test_a_long_table_is_shown_in_parts(many: Server, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["query", "Thing", "--limit", "2500"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("no") for line in lines) == 3
    assert sum(line[:1].isdigit() for line in lines) == 2_501  # and the line that counts them
    assert lines[-1] == "20 001 rows of Thing, 2 500 shown (--limit)"


def test_rows_are_not_gathered(many: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What Python holds while 20,000 rows are written, each of which takes some 150 bytes as JSON and far more as objects."""
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        run(["query", "Thing", "--limit", "5", "--json"])
        tracemalloc.start()
        try:
            run(["query", "Thing", "--limit", str(MANY), "--json"])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "out").stat().st_size > 1_000_000
    assert peak < 1_000_000


def test_causes_are_counted_and_the_most_frequent_shown(many: Server, capsys: pytest.CaptureFixture[str]) -> None:
    letters = (
        "INSERT INTO fieldmap.dead_letters (map, archive_position, record_index, code, field, path, reason, record, map_version, run)"
        " SELECT 'a_things__thing', 1, n, 'FM2110', 'name', '$.name', 'code ' || n % 40, 'r' || n, 1, 1 FROM generate_series(1, 400) n"
    )
    assert rows(many, f"WITH i AS ({letters} RETURNING 1) SELECT count(*) FROM i") == [(400,)]
    capsys.readouterr()
    assert run(["dlq"]) == 0
    assert "400 dead letters of 40 causes; the first 20 are shown (--limit)" in capsys.readouterr().out
    assert run(["dlq", "--limit", "2", "--json"]) == 0
    assert [cause["records"] for cause in json.loads(capsys.readouterr().out)] == [10, 10]
    assert run(["dlq", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 40
