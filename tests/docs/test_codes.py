"""The pages of the codes: one for each, with its own heading, and snippets that read as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fieldmap.dsl.diagnostics import CODES
from fieldmap.dsl.pages import page
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source
from fieldmap.runtime.values.failures import TITLES

FOLDER = Path(__file__).parents[2] / "docs" / "codes"
KNOWN = {**CODES, **TITLES}
_FENCE = re.compile(r"^```map( wrong)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# A snippet is a file, or lines of one of these blocks.
_FRAMES: tuple[str, ...] = (
    "{}",
    "map a.b to C {{\n{}}}\n",
    "entity C {{\n{}}}\n",
    "merge C {{\n{}}}\n",
    "connector a {{\n{}}}\n",
)
_FRAMES += ("connector a {{\nresource b {{\n{}}}\n}}\n", 'example "e" {{\n{}}}\n')


# Mistakes of reading that a file shows only when it is checked.
_CHECKED = {"FM0125"}
# Of these nothing can be shown: a file that is too large, a part that this release lacks, a file that nobody may read.
_NOT_SHOWN = {"FM0111", "FM0112", "FM0901"}
_SHOWN = re.compile(
    r"^Wrong:\n\n```(\w+)(?: wrong)?\n(.*?)^```\n\nMended:\n\n```\1\n(.*?)^```\n\Z", re.MULTILINE | re.DOTALL
)


def mistakes(snippet: str) -> set[str]:
    """The codes that reading it gives, in the frame that suits it best."""
    tried = [{one.code for one in parse(Source("page.md", frame.format(snippet)))[1]} for frame in _FRAMES]
    return min(tried, key=len)


def test_no_page_without_a_code() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} <= set(KNOWN)


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_every_code_has_its_page(code: str) -> None:
    text = page(code)
    assert text, f"docs/codes/{code}.md is missing"
    assert text.splitlines()[0] == f"# {code}: {KNOWN[code]}"
    assert len(text.split("\n\n", 1)[1].split()) > 12, "a page says more than its heading"
    for wrong, snippet in _FENCE.findall(text):
        found = mistakes(snippet)
        if wrong and code.startswith("FM01") and code not in _CHECKED:
            assert code in found, snippet
        else:
            assert found == set(), (found, snippet)


@pytest.mark.parametrize("code", sorted(set(KNOWN) - _NOT_SHOWN))
def test_every_page_shows_the_mistake_and_the_mended_line(code: str) -> None:
    """At its end, under words that are seen: what stands behind the marks of a block is not shown by a reader of Markdown."""
    shown = _SHOWN.search(page(code))
    assert shown, code
    assert shown[2] != shown[3]
    assert len(re.findall("^```", page(code), re.MULTILINE)) == 4
