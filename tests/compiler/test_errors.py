"""The error corpus: what the checker says of projects with mistakes.

A file of `errors/` holds cases separated by lines `--- what is tried`. What stands before the first is put before each. A line's
expected mistakes stand at its end: `# !! FM0304 a pattern of the message`, several separated by `&&`. Both a missing and a surplus
mistake fail, and so do warnings (but for a code list of the common part that one case does not use).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fieldmap.compiler.project import check
from fieldmap.dsl.diagnostics import CODES
from fieldmap.dsl.render import render_json, render_text

ERRORS = Path(__file__).parent / "errors"


def cases() -> list[tuple[str, str]]:
    found = []
    for path in sorted(ERRORS.glob("*.map")):
        prelude, *rest = re.split(r"^--- *(.*)\n", path.read_text("utf-8"), flags=re.MULTILINE)
        if not rest:  # the whole file is one case
            found.append((path.stem, prelude))
        for title, text in zip(rest[::2], rest[1::2], strict=True):
            found.append((f"{path.stem}: {title}", prelude + text))
    return found


def expected(text: str) -> list[tuple[int, str, str]]:
    wanted = []
    for number, line in enumerate(text.splitlines(), 1):
        _, mark, marks = line.partition("# !! ")
        for part in marks.split(" && ") if mark else []:
            code, _, pattern = part.strip().partition(" ")
            wanted.append((number, code, pattern))
    return wanted


@pytest.mark.parametrize(("title", "text"), cases(), ids=lambda value: value if "\n" not in value else "")
def test_mistakes(title: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "case.map"
    path.write_text(text, "utf-8")
    checked = check(tmp_path, [path])
    found = [
        (d["line"], d["code"], d["message"])
        for d in render_json(checked.diagnostics, checked.sources)
        if d["severity"] != "info" and (d["code"] != "FM0380" or "FM0380" in text)
    ]
    shown = render_text(checked.diagnostics, checked.sources, color=False)
    wanted = expected(text)
    assert [(line, code) for line, code, _ in sorted(found)] == [(line, code) for line, code, _ in sorted(wanted)], (
        shown
    )
    for (_, _, pattern), (_, _, message) in zip(sorted(wanted), sorted(found), strict=True):
        assert re.search(pattern, message), f"{message!r} does not match {pattern!r}"


def test_messages_are_one_sentence(tmp_path: Path) -> None:
    for _, text in cases():
        path = tmp_path / "case.map"
        path.write_text(text, "utf-8")
        for diagnostic in check(tmp_path, [path]).diagnostics:
            assert diagnostic.code in CODES
            assert not diagnostic.message.endswith("."), diagnostic.message
            assert "\n" not in diagnostic.message
            assert "Type" not in diagnostic.message, diagnostic.message
            assert "ir." not in diagnostic.message, diagnostic.message
