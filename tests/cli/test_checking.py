"""check and explain-code as a user gives them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from fieldmap.cli.main import COMMANDS, _application, run
from fieldmap.dsl.diagnostics import CODES
from fieldmap.runtime.values.failures import TITLES

MISTAKES = """entity Worker {
  key number : text
  name       : text?
}
connector hr {
  base env.HR
  resource people {
    get     "/people"
    records $.data[*]
    id      $.id
    shape { id : text, name : text? }
  }
}
map hr.people to Worker {
  when   $.name = "x"
  number = $.id
  name   = $.nmae
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "hr.map").write_text(MISTAKES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_formats_tell_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--json"]) == 1
    plain = json.loads(capsys.readouterr().out)["diagnostics"]
    assert [(one["code"], one["line"]) for one in plain] == [("FM0105", 15), ("FM0206", 17)]
    assert run(["check", "--format", "sarif"]) == 1
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert [one["ruleId"] for one in results] == ["FM0105", "FM0206"]
    assert run(["check", "--format", "github"]) == 1
    assert [line[:26] for line in capsys.readouterr().out.splitlines()] == ["::error file=hr.map,line=1"] * 2
    assert run(["check", "--format", "gitlab"]) == 1
    assert [one["check_name"] for one in json.loads(capsys.readouterr().out)] == ["FM0105", "FM0206"]


def test_fix_changes_what_leaves_no_doubt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--fix"]) == 1
    said = capsys.readouterr().out
    assert "changed  hr.map:15: values are compared with `==`" in said
    assert "did you mean name?" in said
    text = (folder / "hr.map").read_text()
    assert 'when   $.name == "x"' in text
    assert "$.nmae" in text, "a guess at a name is the author's"


def test_a_page_is_laid_out_for_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Paragraphs are folded at the width, snippets stand as they are, and nothing of Markdown's marks of blocks is left."""
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["explain-code", "FM2143"]) == 0
    said = capsys.readouterr().out
    snippets = [line for line in said.splitlines() if line.startswith("    ")]
    assert "```" not in said
    assert "Wrong:\n    wire = " in said
    assert '    codes plant_units units { "RO" -> our_roll; else -> unece }' in snippets
    assert all(len(line) <= 60 for line in said.splitlines()[1:] if line not in snippets)
    assert "a pound of dry matter. How much such a thing holds is not in the code." in " ".join(said.split())


def test_explain_code(capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("FM0304", "fm0304", "0304"):
        assert run(["explain-code", asked]) == 0
        assert capsys.readouterr().out.startswith("FM0304: a value of one type where another is needed\n")
    assert run(["explain-code", "FM2104", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == TITLES["FM2104"]
    assert run(["explain-code", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**CODES, **TITLES}
    assert run(["explain-code", "FM9999"]) == 2
    assert "There is no code FM9999" in capsys.readouterr().err


def test_version_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['fieldmap', '--version']\n"
        "from fieldmap.cli.start import main; main()\n"
        "print([name for name in ('typer', 'rich', 'lark', 'psycopg', 'pint', 'fieldmap.cli.main') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[0].startswith("fieldmap ")
    assert done.stdout.splitlines()[1] == "[]"


def test_every_command_is_found_by_its_name() -> None:
    """Only the module of the command that is asked for is imported: the table of who has which must be whole."""
    for module, commands in COMMANDS.items():
        (alone,) = {tuple(sorted(_names(_application([command])))) for command in commands}
        assert set(alone) == set(commands), module
    assert set(_names(_application(["--help"]))) == {name for names in COMMANDS.values() for name in names}


def _names(app: typer.Typer) -> list[str]:
    group = typer.main.get_command(app)
    return list(group.list_commands(typer.Context(group)))  # type: ignore[attr-defined]


def test_check_opens_no_database() -> None:
    code = (
        "import sys; from fieldmap.cli.main import run; run(['explain-code', 'FM0304'])\n"
        "print([name for name in ('lark', 'psycopg', 'pint', 'lxml', 'phonenumbers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_very_many_mistakes_are_not_all_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "many.map").write_text(
        "entity A {\n  key k : text\n" + "".join(f"  f{i} : txt\n" for i in range(5000)) + "}\n"
    )
    assert run(["check"]) == 1
    said = capsys.readouterr().out
    assert said.count("\nerror ") < 110
    assert "4 902 more are not shown; fieldmap check --json lists all" in said
    assert "5 002 errors in 2 files" in said
    assert run(["check", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["diagnostics"]) == 5002
