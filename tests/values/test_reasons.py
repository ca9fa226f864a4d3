"""The reasons of held values, as an analyst reads them: each row is a value of a map, what the source sends, and what comes of it.

And the promise that no code is without a case: of the checker in the corpora (or the test that is named here), of values in some test.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fieldmap.compiler import interpret
from fieldmap.compiler.project import check
from fieldmap.dsl.diagnostics import CODES
from fieldmap.runtime.values.failures import TITLES
from fieldmap.runtime.values.outcome import Claimed, Rejected

ROOT = Path(__file__).parents[2]
PROJECT = """
connector c { base env.C; resource r { get "/r"; id $.id } }
codes kinds { "A" -> "a" }
rates fx from "fx.csv"
table t from "t.csv" { key k : text, v : text }
entity A { key k : text; x : §type }
map c.r to A { k = $.id; x = §value }
"""
ROWS: list[tuple[str, str, Any, str, str]] = [
    ("date?", "$.y as date", "soon", "FM2103", "soon"),
    ("date?", 'datetime($.y as date, "02:30" as time) at "Europe/Berlin" as date at "UTC"', "2026-03-29", "FM2107", "02:30"),
    ("date?", "$.y as date(epoch days)", 10**6, "FM2108", "1000000"),
    ("decimal(9, 2)?", "$.y as decimal", "n/a", "FM2104", "n/a"),
    ("decimal(3, 1)?", "$.y as decimal", "12345", "FM2106", "12345"),
    ("decimal(9, 2)?", "1 / ($.y as decimal)", "0", "FM2115", "division by zero"),
    ("bool?", '$.y as bool("Y", "N")', "maybe", "FM2105", "maybe"),
    ("text?", "$.y via kinds", "Q", "FM2110", "Q"),
    ("money(9, 2) in EUR?", "5 in $.y", "USD", "FM2111", "USD"),
    ("text?", "only($.y[*]) as text", ["a", "b"], "FM2112", "2|several"),
    ("text(max 3)?", "$.y", "abcd", "FM2116", "4 characters|at most 3|3"),
    ("text?", "$.y as text", {"a": 1}, "FM2101", "object"),
    ("text?", 'case $.y { "a" -> "b" }', "z", "FM2165", "no arm"),
    ("text?", "lookup(t, k: $.y).v", "nobody", "FM2166", "nobody"),
    ("text?", "parse($.y, '{a}, {b}').a", "no comma", "FM2167", "\"no comma\" is not written like"),
    ("text?", "parse($.y, '{a},{b},{c},{d},{e},{f},{g}Z').a", "," * 2000 + "Z", "FM2167", "more than one way"),
    ("text?", "parse($.y, '{a},{b},{c},{d},{e},{f},{g}YZ').a", "," * 2000 + "Z", "FM2167", "is not written like"),
    ("text?", 'pad($.y, 20000, "0")', "x", "FM2168", "10000|10,000"),
    ("text?", "agreed($.y[*])", ["a", "b"], "FM2151", "do not agree"),
    ("email?", "$.y", "nobody", "FM2155", "nobody"),
    ("text matching '[A-Z]+'?", "$.y", "low", "FM2156", "low"),
    ("time?", "$.y as time", "late", "FM2157", "late"),
    ("decimal(9, 2) in kg?", "5 in unit($.y, unece)", "QQQ", "FM2140", "QQQ"),
    ("decimal(9, 2) in kg?", "5 in unit($.y, unece)", "MTR", "FM2141", "MTR"),
    ("decimal(9, 2) in kg?", "$.y as quantity", "heavy", "FM2145", "heavy"),
    ("decimal(9, 2) in kg?", "$.y as quantity", "12", "FM2146", "12"),
    ("decimal(9, 2) in kg?", "$.y as quantity", "12 m", "FM2147", "12 m"),
    ("decimal(9, 2) in cm?", "$.y as quantity", "17-22 cm", "FM2148", "17-22"),
    ("decimal(9, 2) in kg?", "$.y as quantity", "12 wug", "FM2150", "12 wug"),
    ("money(9, 2) in USD?", 'only($.y[*]) as decimal in EUR using fx on ("1999-01-01" as date)', ["5"], "FM2152", "1999|EUR"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value", "sent", "code", "reason"), ROWS, ids=[f"{row[3]} {row[1]}" for row in ROWS])
def test_reasons(type_: str, value: str, sent: Any, code: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "fx.csv").write_text("date,from,to,rate\n2026-03-02,EUR,USD,1.0842\n")
    (tmp_path / "t.csv").write_text("k,v\na,b\n")
    path = tmp_path / "x.map"
    path.write_text(PROJECT.replace("§type", type_).replace("§value", value), "utf-8")
    checked = check(tmp_path, [path])
    assert checked.ok, [one.message for one in checked.diagnostics]
    record = json.loads(json.dumps({"id": "1", "y": sent}), parse_float=Decimal)
    outcome = interpret.run_record(checked.project.maps[0], checked.project.codes, record)
    assert isinstance(outcome, Claimed | Rejected), outcome
    assert isinstance(outcome, Claimed), outcome
    assert [one.code for one in outcome.held] == [code], outcome.held
    assert re.search(reason, outcome.held[0].reason), outcome.held[0].reason


# Codes whose mistakes are of several files, of an archive, or of an expression in no file: where their cases are.
ELSEWHERE = {
    "FM0126": "tests/paths/test_compliance.py",
    "FM0334": "tests/compiler/test_rates.py",
    "FM0365": "tests/compiler/test_reference.py",
    "FM0366": "tests/compiler/test_reference.py",
    "FM0440": "tests/cli/test_odata.py",
    "FM0441": "tests/cli/test_odata.py",
    "FM0506": "tests/docs/test_cookbook.py",
    "FM0530": "tests/compiler/test_advice.py",
    "FM0531": "tests/compiler/test_advice.py",
    "FM0532": "tests/compiler/test_advice.py",
}


def test_every_code_of_the_checker_has_a_case() -> None:
    marks = re.compile(r"FM\d{4}")
    corpora = [*(ROOT / "tests/dsl/errors").glob("*.map"), *(ROOT / "tests/compiler/errors").glob("*.map")]
    said = [line.partition("# !! ")[2] for path in corpora for line in path.read_text("utf-8").splitlines()]
    covered = {code for line in said for code in marks.findall(line)}
    assert sum(bool(line) for line in said) >= 150
    assert covered <= set(CODES)
    for code in sorted(set(CODES) - covered):
        assert code in ELSEWHERE, f"no case of {code} in tests/dsl/errors or tests/compiler/errors"
        assert code in (ROOT / ELSEWHERE[code]).read_text("utf-8"), f"{ELSEWHERE[code]} no longer has a case of {code}"


def test_every_code_of_a_value_has_a_case() -> None:
    """Those that the code gives: a title may be registered before anything raises it."""
    own = Path(__file__)
    sources = [path for part in ("runtime", "compiler") for path in (ROOT / part).rglob("*.*")]
    given = {
        code
        for path in sources
        if path.suffix in (".py", ".j2", ".sql") and path.name != "failures.py"
        for code in re.findall(r"FM2\d{3}", path.read_text("utf-8"))
    }
    tests = [path for path in (ROOT / "tests").rglob("*.*") if path.suffix in (".py", ".txt", ".map") and path != own]
    documents = [ROOT / "docs/language.md"]  # whose tables are tried row by row
    tried = {code for path in [*tests, *documents] for code in re.findall(r"FM2\d{3}", path.read_text("utf-8"))}
    assert given <= set(TITLES)
    assert given - tried - {row[3] for row in ROWS} == set()
