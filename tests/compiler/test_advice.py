"""What archived records show and types cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fieldmap.compiler.advice import advise
from fieldmap.compiler.project import check

PROJECT = """entity Worker {
  key id : text
  name   : text?
  email  : text?
  born   : date?
  miles  : decimal(8, 1)?
}
connector hr {
  base env.HR
  resource people {
    get     "/people"
    records $.data[*]
    id      $.id
    shape {
      id   : text
      mail : text?
      born : text?   absent when "00/00/0000"
      in   : { miles: number? absent when -1 }?
    }
  }
}
map hr.people to Worker {
  id    = $.id
  name  = $.mail
  email = $.mail
  born  = $.born as date("MM/dd/yyyy")
  miles = $.in.miles
}
"""


def told(tmp_path: Path, records: list[Any]) -> list[tuple[str, int, str]]:
    path = tmp_path / "hr.map"
    path.write_text(PROJECT)
    checked = check(tmp_path, [path])
    assert checked.ok, checked.diagnostics
    found = advise(checked.project, checked.context.symbols, checked.sources, {"hr.people": records})
    return [
        (one.code, checked.sources["hr.map"].position(one.span.start)[0], one.message.partition(",")[0])
        for one in found
    ]


def records(count: int, **more: Any) -> list[Any]:
    return [
        {"id": str(number), "mail": f"a{number}@example.com", "born": f"03/{number % 12 + 1:02}/1990", **more}
        for number in range(count)
    ]


def test_what_types_cannot_see(tmp_path: Path) -> None:
    line = {text.strip(): number for number, text in enumerate(PROJECT.splitlines(), 1)}
    assert told(tmp_path, records(60, **{"in": {"miles": 3}})) == [
        ("FM0532", line["name  = $.mail"], "60 of 60 archived values of name look like e-mail addresses"),
        ("FM0530", line['born  = $.born as date("MM/dd/yyyy")'], "60 archived values look like 03/01/1990"),
        (
            "FM0531",
            line['born : text?   absent when "00/00/0000"'],
            "none of 60 archived values of born is what stands for absent here",
        ),
        (
            "FM0531",
            line["in   : { miles: number? absent when -1 }?"],
            "none of 60 archived values of miles is what stands for absent here",
        ),
    ]


def test_one_day_above_twelve_tells(tmp_path: Path) -> None:
    told_of = told(tmp_path, [*records(60), {"id": "x", "born": "03/25/1990"}, {"id": "y", "born": "00/00/0000"}])
    assert [code for code, _, _ in told_of] == ["FM0532"]


def test_a_few_records_tell_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, records(15)) == []
    assert told(tmp_path, []) == []
