"""Every snippet of the page on connectors compiles in the place that its comment names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.compiler.test_edm import V2
from tests.support import project

TEXT = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text("utf-8")
_SNIPPET = re.compile(r"^<!-- in: (\w+) -->\n```map\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = _SNIPPET.findall(TEXT)

_BASE = 'base "https://hr.example.com"\n'
_RESOURCE = 'resource people {\n  get "/people"\n  id $.id\n}\n'
_FRAMES = {
    "file": "{}",
    "connector": "connector hr {{\n" + _BASE + "{}" + _RESOURCE + "}}\n",
    "resource": "connector hr {{\n" + _BASE + 'resource people {{\nget "/people"\nid $.id\n{}}}\n}}\n',
    "export": "connector hr {{\n"
    + _BASE
    + 'resource people {{\npost "/exports"\njob $.id\npoll "/exports/{job}"\ndone when $.done == true otherwise false\n'
    + "id $.id\n{}}}\n}}\n",
}


def test_no_snippet_is_passed_over() -> None:
    assert len(SNIPPETS) == TEXT.count("```map\n") > 5


@pytest.mark.parametrize(("place", "snippet"), SNIPPETS)
def test_snippets_compile(tmp_path: Path, place: str, snippet: str) -> None:
    frame = _FRAMES[place].replace("{{", "{").replace("}}", "}")
    # A line of the snippet takes the place of the frame's own.
    for word, others in (("get", "get|post"), ("id", "id")):
        if re.search(rf"^(?:{others})\b", snippet, re.MULTILINE):
            frame = re.sub(rf"^{word} .*\n", "", frame, flags=re.MULTILINE)
    for name in re.findall(r'^ *metadata +"([^"]+)"', snippet, re.MULTILINE):
        (tmp_path / name).write_text(V2, "utf-8")
    checked = project(tmp_path, snippet=frame.replace("{}", snippet, 1))
    assert checked.ok, [(one.code, one.message) for one in checked.diagnostics]
