"""What the files of a project may read: each other, and nothing outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.compiler.project import check
from fieldmap.compiler.sources import Trees

ENTITY = "entity Worker {\n  key id : text\n}\n"


def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "maps").mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    "used", ["../outside.map", "../../outside.map", "maps/../../outside.map", "{absolute}", "linked.map"]
)
def test_no_file_outside_the_project_is_used(tmp_path: Path, used: str) -> None:
    root = project(tmp_path)
    outside = tmp_path / "outside.map"
    outside.write_text(ENTITY)
    (root / "linked.map").symlink_to(outside)
    (root / "a.map").write_text(f'use "{used.format(absolute=outside)}"\n')
    checked = check(root, [root / "a.map"])
    assert [one.code for one in checked.diagnostics] == ["FM0902"]
    assert list(checked.sources) == ["a.map"]


def test_within_the_project_files_use_each_other(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "people.map").write_text(ENTITY)
    (root / "maps" / "a.map").write_text('use "../people.map"\n')
    checked = check(root, [root / "maps" / "a.map"])
    assert checked.ok
    assert list(checked.sources) == ["maps/a.map", "people.map"]


def test_a_file_elsewhere_is_checked_with_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path)
    (root / "people.map").write_text(ENTITY)
    (root / "a.map").write_text('use "people.map"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run(["check", str(root / "a.map")]) == 0
    assert "no mistakes in 2 files" in capsys.readouterr().out


def test_a_huge_file_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "a.map"
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)
    checked = check(tmp_path, [path])
    assert [one.code for one in checked.diagnostics] == ["FM0111"]


def test_what_did_not_change_is_not_parsed_again(tmp_path: Path) -> None:
    (tmp_path / "a.map").write_text(ENTITY)
    (tmp_path / "b.map").write_text(ENTITY.replace("Worker", "Site"))
    paths = [tmp_path / "a.map", tmp_path / "b.map"]
    trees = Trees()
    first = check(tmp_path, paths, trees)
    (tmp_path / "b.map").write_text(ENTITY.replace("Worker", "Plant"))
    second = check(tmp_path, paths, trees)
    assert first.context.symbols.entities["Worker"] is second.context.symbols.entities["Worker"]
    assert sorted(second.context.symbols.entities) == ["Plant", "Worker"]
    assert second.diagnostics == check(tmp_path, paths).diagnostics
