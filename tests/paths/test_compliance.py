"""The public compliance suite of RFC 9535, run against both meanings: the interpreter and the generated Python."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.paths.generated import generated

from fieldmap.cli.main import run
from fieldmap.compiler import ir, query
from fieldmap.dsl.diagnostics import Diagnostic

SUITE = json.loads((Path(__file__).parent / "cts.json").read_text("utf-8"), parse_float=Decimal)["tests"]
VALID = [case for case in SUITE if not case.get("invalid_selector")]
INVALID = [case for case in SUITE if case.get("invalid_selector")]


def lowered(selector: str) -> tuple[ir.Segment, ...]:
    segments = query.lower(selector)
    assert not isinstance(segments, Diagnostic), segments
    return segments


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["name"])
def test_valid_selectors_find_what_the_suite_says(case: dict[str, Any]) -> None:
    segments, document = lowered(case["selector"]), case["document"]
    found = query.nodes(segments, document)
    values = [node.value for node in found]
    results = case["results"] if "results" in case else [case["result"]]
    assert values in results
    paths = case.get("results_paths") or ([case["result_paths"]] if "result_paths" in case else [])
    assert not paths or [node.path for node in found] in paths
    assert generated(segments)(document) == values


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["name"])
def test_invalid_selectors_are_refused_in_one_sentence(case: dict[str, Any]) -> None:
    found = query.lower(case["selector"])
    assert isinstance(found, Diagnostic)
    assert found.message
    assert "\n" not in found.message


def test_the_command_answers_every_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`fieldmap eval --nodes`, as a user gives it: the nodes, or exit code 1 and one sentence."""
    record = tmp_path / "document.json"
    for case in SUITE:
        record.write_text(json.dumps(case.get("document"), default=float), "utf-8")
        code = run(["eval", "--nodes", case["selector"], "--record", str(record)])
        found = capsys.readouterr()
        if case.get("invalid_selector"):
            assert (code, found.out) == (1, ""), case["name"]
            assert re.fullmatch(r"error: FM\d{4}: [^\n]+\n", found.err), case["name"]
        else:
            results = case["results"] if "results" in case else [case["result"]]
            assert (code, found.err) == (0, ""), case["name"]
            assert json.loads(found.out, parse_float=Decimal) in results, case["name"]


@pytest.mark.parametrize("text", [" $.a", "$.a\n", "a.b", "@page.a", "lower($.a)", "$.a\ufeff.b"])
def test_what_is_no_path_by_itself(text: str) -> None:
    found = query.lower(text)
    assert isinstance(found, Diagnostic)
    assert found.code == "FM0126"
