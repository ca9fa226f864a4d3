"""A statement that does not read is told once: no check says that what it declares is not there, or that what it uses is not used."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.dsl.planted import planted, texts

from fieldmap.compiler.project import check

SHARE = 24
DATA = {
    "countries.csv": "alpha-2,name\nCH,Switzerland\nDE,Germany\n",
    "cost_centers.csv": "company,code,Name of it,opened\n7,K1,Sales,2020-01-01\n7,K2,Buying,\n",
    "fx.csv": "date,from,to,rate\n2026-03-02,EUR,USD,1.0842\n",
}


def codes(folder: Path, text: str) -> Counter[str]:
    path = folder / "x.map"
    path.write_text(text, "utf-8")
    return Counter(one.code for one in check(folder, [path]).diagnostics)


def test_planted_mistakes_have_no_follow_ons(tmp_path: Path) -> None:
    for name, text in DATA.items():
        (tmp_path / name).write_text(text, "utf-8")
    tried = [one for text in texts() for one in planted(text)][SHARE // 2 :: SHARE]
    before = {text.name: codes(tmp_path, text.text) for text in texts()}
    for broken in tried:
        found = codes(tmp_path, broken.text) - before[broken.name]
        assert [code[:4] for code in found.elements()] == ["FM01"], (broken.name, broken.kind, broken.line, found)


HR = """connector hr {
  base env.HR
  resource people { get "/people"; id $.id; shape { id : text, name : text? } }
}
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # The name of a file that is not there, or of which the line does not read, may hold every entity.
        (f'use "people.map"\n{HR}map hr.people to Worker {{ number = $.id }}\n', ["FM0209"]),
        (f"use people.map\n{HR}map hr.people to Worker {{ number = $.id }}\n", ["FM0101"]),
        # A function without what it gives is none, and may be called all the same.
        (
            f"entity Worker {{ key number : text }}\nfn f(a: text): text {{\n  gives lower(a) )\n}}\n{HR}"
            "map hr.people to Worker { number = f($.id) }\n",
            ["FM0101"],
        ),
        # A case whose only arm does not stand.
        (f"entity Worker {{ key number : text }}\n{HR}map hr.people to Worker {{ number = case $.id {{ otherwise -> $.name }} }}\n", ["FM0105"]),
        # What has nothing to do with the broken statement is told.
        (f"entity Worker {{\n  key number : text )\n  name : text?\n}}\n{HR}map hr.people to Worker {{ number = $.id; name = $.nam }}\n", ["FM0101", "FM0206"]),
        (f"entity Worker {{ key number : text }}\nfoo\n{HR}map hr.persons to Worker {{ number = $.id }}\n", ["FM0101", "FM0203"]),
    ],
)  # fmt: skip
def test_what_follows_from_a_mistake_is_not_told(text: str, wanted: list[str], tmp_path: Path) -> None:
    assert sorted(codes(tmp_path, text).elements()) == wanted


_SHAPE = "shape { id: text, name: text, boss: text?, mail: text?, at: datetime }"
_SOURCES = f"""connector hr is files {{
  folder "x"
  resource people {{ files "*.json" as json; id $.id; changed $.at; {_SHAPE} }}
  resource more {{ files "*.json" as json; id $.id; changed $.at; {_SHAPE} }}
}}
connector old is files {{
  folder "y"
  resource people {{ files "*.json" as json; id $.id; changed $.at; {_SHAPE} }}
}}
map hr.people to Worker {{ number = $.id; name = $.name; boss = $.boss; mail = $.mail }}
"""
_MORE = "map hr.more to Worker { number = $.id; name = $.name }\n"
_OLD = "map old.people to Worker { number = $.id; name = $.name; mail = $.mail }\n"
_SAME = f"{_MORE}merge Worker {{ same number of hr; default prefer hr }}\n"
_FIELDS = "number : text\nname : text\nboss : Worker?\nmail : text?"


@pytest.mark.parametrize(
    "rest",
    [
        "",
        _SAME,
        f"{_MORE}merge Worker {{ same (number, name) of hr; default prefer hr }}\n",
        _MORE,
        f"{_OLD}merge Worker {{ match old to hr on mail when unique\n must agree on number\n default prefer hr, old }}\n",
        f"{_MORE}merge Worker {{ same number of hr; number newest; default newest }}\n",
        "entity Team { key code : text\n lead : Worker? must exist }\nmap hr.more to Team { code = $.id; lead = $.boss }\n",
        "entity Seat { key (who, n)\n who : Worker\n n : int }\nmap hr.more to Seat { who = $.id; n = 1 }\n",
    ],
)
@pytest.mark.parametrize("more", ["", '\nmust number != name "x"'])
def test_an_entity_without_a_key_is_told_once(tmp_path: Path, rest: str, more: str) -> None:
    assert codes(tmp_path, f"entity Worker {{\n{_FIELDS}{more}\n}}\n{_SOURCES}{rest}") == {"FM0301": 1}


@pytest.mark.parametrize(
    ("entity", "wanted"),
    [
        ("", "FM0301"),
        (f"key (number, nme)\n{_FIELDS}", "FM0202"),
        (f"key (nmber)\n{_FIELDS}", "FM0202"),
        ("key number : text\nname : text\nboss : text?\nmail : text?\nkey (number, name)", "FM0205"),
        ("key number : list of text\nname : text\nboss : Worker?\nmail : text?", "FM0303"),
    ],
)
def test_nothing_follows_from_a_key_that_is_none(tmp_path: Path, entity: str, wanted: str) -> None:
    assert codes(tmp_path, f"entity Worker {{\n{entity}\n}}\n{_SOURCES}{_SAME}") == {wanted: 1}
