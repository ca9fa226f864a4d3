"""The cache of the built grammar: it is the grammar, or it is not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmap.dsl import tables

GRAMMAR = 'start: WORD+\nWORD: /[a-z]+/\n%ignore " "\n'
OPTIONS = {"parser": "lalr", "propagate_positions": True}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tables, "_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def words(grammar: str = GRAMMAR) -> list[str]:
    return [str(token) for token in tables.built(grammar, OPTIONS).parse("a bc d").children]


def test_what_is_kept_reads_the_same(folder: Path) -> None:
    assert words() == ["a", "bc", "d"]
    assert len(list(folder.iterdir())) == 1
    assert words() == ["a", "bc", "d"]


def test_another_grammar_is_another_file(folder: Path) -> None:
    words()
    assert words(GRAMMAR.replace("[a-z]+", "[a-z]")) == ["a", "b", "c", "d"]
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"\x80", b"not a pickle", b"\x80\x04N."])
def test_a_damaged_file_is_built_anew(folder: Path, damage: bytes) -> None:
    words()
    (kept,) = folder.iterdir()
    kept.write_bytes(damage)
    assert words() == ["a", "bc", "d"]
    assert kept.read_bytes() != damage


def test_a_folder_that_cannot_be_written_is_no_obstacle(folder: Path) -> None:
    folder.write_text("in the way")
    assert words() == ["a", "bc", "d"]
