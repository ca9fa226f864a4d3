"""Rate tables: their files, the mistakes in them, and what is explained of a rate."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from fieldmap.compiler import interpret
from fieldmap.compiler.project import Checked, check, compile_project
from fieldmap.compiler.rates import MOST_MISTAKES
from fieldmap.dsl.render import render_json
from fieldmap.runtime.values.outcome import Claimed, Money

PROJECT = """
entity Sale { key no : text; usd : money(12, 2) in USD? }
rates fx from "fx.csv" { inverse }
connector shop is files {
  folder "drop"
  resource sales { files "*.csv" as csv; id $.no }
}
map shop.sales to Sale {
  no  = $.no
  usd = $.amount in $.cur using fx on §
}
"""
LINES = "date,from,to,rate\n2026-03-01,EUR,USD,1.08\n"


def checked(folder: Path, lines: str, day: str = "$.day") -> Checked:
    (folder / "fx.csv").write_bytes(lines.encode())
    path = folder / "sales.map"
    path.write_text(PROJECT.replace("§", day), "utf-8")
    return check(folder, [path])


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        ("date,from,to,rate\n2026-03-01,EUR,USD,1.08\n01.03.2026,EUR,USD,1.1\n", 3, "is no date"),
        ("date,from,to,rate\n2026-03-01,EUR,XXQ,1.08\n", 2, "is no currency"),
        ("date,from,to,rate\n2026-03-01,EUR,EUR,1\n", 2, "to itself"),
        ('date,from,to,rate\n2026-03-01,EUR,USD,"1,08"\n', 2, "is no rate"),
        ("date,from,to,rate\n2026-03-01,EUR,USD,0\n", 2, "is no rate"),
        ("date,from,to,rate\n2026-03-01,EUR,USD\n", 2, "too few columns"),
        ("date,from,to,rate\n2026-03-01,EUR,USD,1\n2026-03-01,EUR,USD,2\n", 3, "stands in line 2 already"),
        ("day,from,to,rate\n2026-03-01,EUR,USD,1\n", 1, "names no column date"),
        ("date,from,to,rate,rate\n2026-03-01,EUR,USD,1,2\n", 1, "no column rate, or names it twice"),
    ],
)
def test_a_bad_line_is_shown_with_its_number(lines: str, line: int, message: str, tmp_path: Path) -> None:
    result = checked(tmp_path, lines)
    found = [d for d in render_json(result.diagnostics, result.sources) if d["code"] == "FM0333"]
    assert [(d["file"], d["line"]) for d in found] == [("fx.csv", line)]
    assert message in found[0]["message"]


@pytest.mark.parametrize("lines", ["", "\n\n", "date,from,to,rate\n", 'date,"from\n', "date,from,to,rate\n\x00\n"])
def test_a_file_without_rates(lines: str, tmp_path: Path) -> None:
    assert not checked(tmp_path, lines).ok


def test_mistakes_end_somewhere(tmp_path: Path) -> None:
    result = checked(tmp_path, "date,from,to,rate\n" + "x\n" * 1000)
    assert sum(d.code == "FM0333" for d in result.diagnostics) == MOST_MISTAKES


def test_a_link_leads_nowhere_outside(tmp_path: Path) -> None:
    outside, inside = tmp_path / "fx.csv", tmp_path / "project"
    outside.write_text(LINES)
    inside.mkdir()
    (inside / "fx.csv").symlink_to(outside)
    path = inside / "sales.map"
    path.write_text(PROJECT.replace("§", "$.day"))
    assert [d.code for d in check(inside, [path]).diagnostics] == ["FM0332"]


def test_a_value_is_exchanged_and_explained(tmp_path: Path) -> None:
    result = checked(tmp_path, "rate,to,date,from,source\n1.08,USD,2026-03-01,EUR,ECB\n")
    assert result.ok, [d.message for d in result.diagnostics]
    record = {"no": "1", "amount": "0.1", "cur": "EUR", "day": "2026-03-02"}
    (map_,) = result.project.maps
    claimed = interpret.run_record(map_, result.project.codes, record)
    assert isinstance(claimed, Claimed)
    assert claimed.rows[0][0][1] == Money(Decimal("0.11"), "USD")
    steps = interpret.trace(map_, result.project.codes, record, "usd").steps
    assert "× 1.08 of 2026-03-01 (fx.csv:2)" in [step.text for step in steps]
    compile_project(result)


def test_the_rates_are_part_of_the_version(tmp_path: Path) -> None:
    versions = [
        checked(tmp_path, lines).versioned.maps[0].version
        for lines in (LINES, LINES + "\n", LINES.replace("1.08", "1.09"), LINES.replace("\n", "\r\n"))
    ]
    assert versions[0] == versions[1] == versions[3] != versions[2]


def test_the_day_is_a_date(tmp_path: Path) -> None:
    assert checked(tmp_path, LINES, '($.day as date("dd.MM.yyyy"))').ok
    assert [d.code for d in checked(tmp_path, LINES, '"2026-03-01"').diagnostics] in ([], ["FM0304"])


def test_an_amount_is_exchanged_into_a_currency(tmp_path: Path) -> None:
    (tmp_path / "fx.csv").write_text(LINES)
    path = tmp_path / "sales.map"
    path.write_text(PROJECT.replace("money(12, 2) in USD?", "money(12, 2)?").replace("§", "$.day"), "utf-8")
    (found,) = check(tmp_path, [path]).diagnostics
    assert found.code == "FM0334"
    assert "in which currency" in found.message
