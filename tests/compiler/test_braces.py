"""Braces in what the author writes: members, patterns, codes and constants stand in generated code as they are."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.meaning.equal import essence, load

from fieldmap.compiler import interpret
from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime.values.outcome import Claimed

PROJECT = """
connector c { base env.C; resource r { get "/r"; id $.id } }
codes kinds { "{}" -> "braces"; "{0}" -> "zero"; "a{" -> "open" }
entity A { key k : text; x : §type }
map c.r to A { k = $.id; x = §value }
"""


@pytest.mark.parametrize(
    ("type_", "value", "sent", "wanted"),
    [
        ("text matching 'V-[0-9]{6}'?", '"{$.y!}"', "V-123456", "V-123456"),
        ("text matching 'V-[0-9]{6}'?", "lower($.y)", "v-1", None),
        ("text?", '$["{}"] as text', "b", "b"),
        ("text?", '$["{0}{x}"] as text', "b", "b"),
        ("text?", "$.y via kinds", "{}", "braces"),
        ("text?", "$.y via kinds", "{1}", None),
        ("bool?", "$.y in ['{}', '{0}', 'a{']", "{0}", True),
        ("text?", "if ($.y == '{}' otherwise false) then '{x}' else '}{'", "{}", "{x}"),
        ("text?", 'replace($.y, "{{}}", "}}{{")', "a{}b", "a}{b"),
        ("decimal(9, 2)?", '($["{}"] as decimal) * 2', "2", Decimal(4)),
        ("decimal(9, 2)?", '-($["{}{}"] as decimal)', "2", Decimal(-2)),
        ("bool?", '$["{}"] as bool("{}", "{0}")', "{0}", False),
    ],
)
def test_braces(type_: str, value: str, sent: Any, wanted: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.map"
    path.write_text(PROJECT.replace("§type", type_).replace("§value", value), "utf-8")
    checked = check(tmp_path, [path])
    assert checked.ok, [one.message for one in checked.diagnostics]
    record = dict.fromkeys(("y", "{}", "{0}{x}", "{}{}"), sent) | {"id": "1"}
    (map_,) = checked.project.maps
    meant = interpret.run_record(map_, checked.project.codes, record)
    assert isinstance(meant, Claimed)
    assert meant.rows[0][0][1] == wanted
    (source,) = (part for name, part in compile_project(checked).parts.items() if name.startswith("transform/"))
    assert essence(load(source.decode()).transform(record)) == essence(meant)
