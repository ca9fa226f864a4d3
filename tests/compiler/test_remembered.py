"""A process that keeps what it knows of a project must say the same after every change as one that begins anew.

FIELDMAP_WARM_EDITS says how many changes are tried; without it only some are.
"""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import msgspec
import pytest

from fieldmap.compiler.project import Checked, check
from fieldmap.compiler.sources import Trees

EDITS = int(os.environ.get("FIELDMAP_WARM_EDITS", "60"))
MODEL = """
unit crate = 24 each
fn tidy(t: text): text {
  gives upper(trim(t))
  expect tidy(" a ") == "A"
}
codes states "state of a part" { "A" -> active; "L" -> leave }
codes colours from "colours.csv" { columns code -> name }
table centers from "centers.csv" { key code : text, name : text }
rates fx from "fx.csv" { valid 30 days }
entity Part {
  key no  : text
  name    : text?
  state   : enum { active, leave }?
  colour  : text?
  center  : text?
  mass    : decimal(12, 3) in kg?
  count   : decimal(12, 3) in crate?
  paid    : money(12, 2) in EUR?
  size    : { width: decimal(8, 2) in cm, note: text? }?
  site    : Site?
}
"""
SITES = """
entity Site {
  key code : text
  town     : text  deprecated "use code"
}
merge Site { same code of shop, mill; default newest }
merge Part {
  same no of shop, mill
  default prefer shop, mill
  name newest null wins
}
"""
SOURCE = """
connector § {
  base env.URL
  resource parts {
    get "/p"
    id $.no
    changed $.at
    shape { no: text, name: text?, st: text?, col: text?, cc: text?, kg: number?, n: number?, pay: number?, day: date?, w: number?, site: text?, town: text, at: datetime }
  }
}
map §.parts to Part {
  no     = $.no
  name   = tidy($.name)
  state  = $.st via states
  center = lookup(centers, code: $.cc).name
  mass   = $.kg in lb
  count  = $.n in each
  paid   = $.pay in USD using fx on $.day
  size   = { width: $.w in inch, note: $.name }
  site   = $.site
  also to Site partial { code = $.site otherwise "none"; town = $.town }
  colour = $.col via colours
}
"""
FILES = {
    "model.map": MODEL,
    "sites.map": SITES,
    "shop.map": SOURCE.replace("§", "shop"),
    "mill.map": SOURCE.replace("§", "mill"),
}
DATA = {
    "colours.csv": ["code,name\nR,red\n", "code,name\nR,rot\nG,green\n", "code\n"],
    "centers.csv": ["code,name\n1,one\n", "code,name\n1,eins\n", "code,nom\n1,un\n"],
    "fx.csv": ["date,from,to,rate\n2026-01-01,USD,EUR,0.9\n", "date,from,to,rate\n2026-01-01,USD,EUR,0.8\n", "date\n"],
}


def said(checked: Checked) -> tuple[object, ...]:
    return (checked.diagnostics, checked.examples, msgspec.json.encode(checked.project))


def edit(dice: random.Random, text: str, words: list[str]) -> str:
    """One change that somebody could make, or a slip."""
    lines = text.split("\n")
    number = dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            del lines[number]
        case 1:
            lines.insert(number, lines[dice.randrange(len(lines))])
        case 2:
            lines.insert(number, "# a word" if dice.random() < 0.7 else "")
        case 3:
            lines[number] = lines[number][: dice.randrange(len(lines[number]) + 1)]
        case _:
            found = [match.span() for match in re.finditer(r"\w+", lines[number])]
            if found:
                start, end = dice.choice(found)
                lines[number] = lines[number][:start] + dice.choice(words) + lines[number][end:]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_remembered_is_what_would_be_found(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)  # noqa: S311
    words = re.findall(r"\w+", "".join(FILES.values()))
    for name, texts in DATA.items():
        (tmp_path / name).write_text(texts[0])
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in FILES]
    trees = Trees()
    assert check(tmp_path, paths, trees).ok
    for _ in range(EDITS // 4):
        changed = dice.choice([*FILES, *FILES, *DATA])
        if changed in DATA:
            (tmp_path / changed).write_text(dice.choice(DATA[changed]))
        else:
            before = (tmp_path / changed).read_text()
            # Back to what compiles often, or the project would soon be all mistakes.
            text = FILES[changed] if dice.random() < 0.4 else edit(dice, before, words)
            (tmp_path / changed).write_text(text)
        assert said(check(tmp_path, paths, trees)) == said(check(tmp_path, paths)), changed


def test_maps_that_reach_nothing_of_a_change_are_not_lowered_again(tmp_path: Path) -> None:
    for name, texts in DATA.items():
        (tmp_path / name).write_text(texts[0])
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in FILES]
    trees = Trees()
    first = check(tmp_path, paths, trees)
    (tmp_path / "mill.map").write_text("# one line lower\n" + FILES["mill.map"])
    second = check(tmp_path, paths, trees)
    same = {one.connector: one in first.project.maps for one in second.project.maps}
    assert same == {"shop": True, "mill": False}
    shop = next(one for one in first.project.maps if one.connector == "shop")
    assert any(one is shop for one in second.project.maps)
