"""Whatever a file says, checking it ends soon with mistakes that have places, or with a project that compiles; never with a traceback.

`FIELDMAP_FUZZ=100000 pytest tests/compiler/test_fuzz.py --hypothesis-seed=1` tries more than a run of all tests does.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.compiler.generated import maps_of_values, projects_with_parts_exchanged, sentences
from tests.dsl.helpers import plain
from tests.dsl.test_fuzz import mutated

from fieldmap.compiler.project import check, compile_project
from fieldmap.dsl.format import format_source
from fieldmap.dsl.parser import parse
from fieldmap.dsl.render import render_json, render_text
from fieldmap.dsl.source import Source

EXAMPLES = int(os.environ.get("FIELDMAP_FUZZ", "150"))
LONGEST = 20.0  # seconds of processor time, far above what any of these needs
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink] if EXAMPLES < 1000 else [Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    (root / "countries.csv").write_text("alpha-2,name\nCH,Switzerland\nDE,Germany\n", "utf-8")
    (root / "cost_centers.csv").write_text("company,code,Name of it,opened\n7,K1,Sales,2020-01-01\n", "utf-8")
    (root / "fx.csv").write_text("date,from,to,rate\n2026-03-02,EUR,USD,1.0842\n", "utf-8")
    return root


def survives(folder: Path, text: str) -> None:
    path = folder / "x.map"
    path.write_text(text, "utf-8", errors="surrogatepass")
    begin = time.process_time()
    checked = check(folder, [path])
    for one in checked.diagnostics:
        source = checked.sources.get(one.span.path)
        length = 0 if source is None else len(source.text)
        assert 0 <= one.span.start <= one.span.end <= length
        assert one.message.strip("` ")
    render_text(checked.diagnostics, checked.sources, color=True)
    render_json(checked.diagnostics, checked.sources)
    if checked.ok and checked.project.maps:
        compile_project(checked)
    assert time.process_time() - begin < LONGEST
    keeps_its_meaning(text)


def keeps_its_meaning(text: str) -> None:
    """Laid out once or twice is the same, and says the same with the same comments."""
    source = Source("x.map", text)
    tree, mistakes = parse(source)
    if mistakes:
        return
    once = format_source(source)
    again, mistakes = parse(Source("x.map", once))
    assert not mistakes, once
    assert plain(again) == plain(tree)
    assert format_source(Source("x.map", once)) == once


@BOUNDED
@given(text=sentences())
def test_sentences(folder: Path, text: str) -> None:
    survives(folder, text)


@BOUNDED
@given(text=projects_with_parts_exchanged())
def test_projects_with_parts_exchanged(folder: Path, text: str) -> None:
    survives(folder, text)


@BOUNDED
@given(text=maps_of_values())
def test_maps_of_values(folder: Path, text: str) -> None:
    survives(folder, text)


@BOUNDED
@given(text=mutated())
def test_mutated_files(folder: Path, text: str) -> None:
    survives(folder, text.replace("\ud800", "?"))
