"""Every recipe of the cookbook is a whole project: checked without a diagnostic, loaded into a real PostgreSQL, its rows compared.

Within a recipe a fence with a name is a file that lies there, `map` the project, `console` commands with what they show, `sql` a question.
A table behind `<!-- worker -->` is what `canonical.worker` holds, one behind `sql` its answer. `map warns: FM0506` names the warnings that
the text speaks of.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from lxml import etree
from tests.docs.pages import FENCE, follow, write
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.compiler.project import check
from fieldmap.dsl.format import format_source
from fieldmap.dsl.source import Source
from fieldmap.runtime.store.database import Server

TEXT = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
_TABLE = r"(?P<header>\| [^\n]*\n)\| -[^\n]*\n(?P<rows>(?:\|[^\n]*\n)*)"
_CANONICAL = re.compile(rf"^<!-- (?P<table>\w+) -->\n{_TABLE}", re.MULTILINE)
_QUESTION = re.compile(rf"^```sql\n(?P<sql>.*?)^```\n\n{_TABLE}", re.MULTILINE | re.DOTALL)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip()[1:-1].split("|")]


def shown(value: Any) -> str:
    """A value of the database as the tables of the page write it."""
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def promised(match: re.Match[str]) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows of a table of the page."""
    return cells(match["header"]), [cells(line) for line in match["rows"].splitlines()]


def workbook(name: str, text: str) -> None:
    """An Excel file with the cells of a CSV: what reads as a number is one."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(name, {"strings_to_numbers": True}) as book:
        sheet = book.add_worksheet("People")
        for place, row in enumerate(csv.reader(io.StringIO(text))):
            sheet.write_row(place, 0, row)


def files(recipe: str) -> Iterator[str]:
    """Writes the files of a recipe; gives the codes of the warnings that it speaks of."""
    write("fieldmap.toml", "")
    for kind, name, text in FENCE.findall(recipe):
        if kind == "map":
            write("recipe.map", text)
            yield from name.removeprefix("warns: ").split(", ") if name else ()
        elif kind == "excel":
            workbook(name, text)
        elif kind not in ("console", "sql") and not name.startswith("POST "):
            write(name, text)


@contextlib.contextmanager
def serving(recipe: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """What a recipe says that a service answers, by method and path."""
    answers = {name: text for _, name, text in FENCE.findall(recipe) if name.startswith("POST ")}

    def answer(asked: Asked) -> Reply:
        # What a service would refuse to read is no envelope.
        etree.fromstring(asked.body)
        return reply(answers[f"{asked.method} {asked.target}"].encode(), content_type="text/xml")

    with FaultServer(answer) as server:
        for name, value in {"HR_URL": server.url, "HR_USER": "it&hr", "HR_PASSWORD": "<secret>"}.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.mark.parametrize("title", RECIPES)
def test_recipe(
    title: str, tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = RECIPES[title]
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    warnings = list(files(recipe))
    checked = check(tmp_path, [tmp_path / "recipe.map"])
    said = [f"{item.code} {item.message} ({item.note}) {item.help}" for item in checked.diagnostics]
    assert [item.code for item in checked.diagnostics] == warnings, said
    with serving(recipe, monkeypatch):
        assert run(["sync"]) == 0, capsys.readouterr()
    capsys.readouterr()
    tables = list(_CANONICAL.finditer(recipe))
    for match in tables:
        columns, wanted = promised(match)
        names = ", ".join(f'"{name}"' for name in columns)
        found = rows(database, f"SELECT {names} FROM canonical.{match['table']}")
        assert sorted([shown(value) for value in row] for row in found) == sorted(wanted)
    for match in _QUESTION.finditer(recipe):
        _, wanted = promised(match)
        assert [[shown(value) for value in row] for row in rows(database, match["sql"])] == wanted
    assert tables, "a recipe shows what comes out"
    for kind, _, text in FENCE.findall(recipe):
        if kind == "console":
            follow(text, capsys)


def test_maps_are_laid_out_as_fmt_does() -> None:
    for title, recipe in RECIPES.items():
        for kind, _, text in FENCE.findall(recipe):
            if kind == "map":
                assert format_source(Source("recipe.map", text)) == text, title


def test_the_page_has_its_recipes_and_a_true_table_of_contents() -> None:
    assert len(RECIPES) >= 25
    head, _, _ = TEXT.partition("\n## ")
    contents = re.findall(r"\[([^\]]*)\]\(#(.*?)\)", head)
    assert [title for title, _ in contents] == list(RECIPES)
    for title, anchor in contents:
        assert anchor == re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
    for recipe in RECIPES.values():
        assert re.match(r"\n\*[^*\n]+\*\n", recipe), "the task is said in one sentence of the analyst"
