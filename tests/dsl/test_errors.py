"""The corpus of mistakes: every file says, on each line, what is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fieldmap.dsl.language import lark
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

CORPUS = sorted((Path(__file__).parent / "errors").glob("*.map"))
_MARK = re.compile(r"# !! (FM\d{4}) (.*?)(?=\s*# !! |\s*$)")

Expected = tuple[int, str, str]


def expected(text: str) -> list[Expected]:
    return [
        (number, match.group(1), match.group(2))
        for number, line in enumerate(text.splitlines(), 1)
        for match in _MARK.finditer(line)
    ]


def differences(text: str) -> list[str]:
    """What is missing and what is surplus, each as a line that tells where."""
    source = Source("x.map", text)
    _, found = parse(source)
    wanted = expected(text)
    problems = []
    for diagnostic in found:
        line, column = source.position(diagnostic.span.start)
        hit = next(
            (
                one
                for one in wanted
                if one[0] == line and one[1] == diagnostic.code and re.search(one[2], diagnostic.message)
            ),
            None,
        )
        if hit is None:
            problems.append(f"surplus: {line}:{column} {diagnostic.code} {diagnostic.message}")
        else:
            wanted.remove(hit)
    return problems + [f"missing: {line} {code} {pattern}" for line, code, pattern in wanted]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_mistake_is_reported_and_nothing_else(path: Path) -> None:
    assert differences(path.read_text(encoding="utf-8")) == []


def test_the_corpus_is_large() -> None:
    assert sum(len(expected(path.read_text(encoding="utf-8"))) for path in CORPUS) >= 150


def test_twenty_mistakes_are_twenty_messages() -> None:
    text = (Path(__file__).parent / "errors" / "twenty.map").read_text(encoding="utf-8")
    assert len(parse(Source("twenty.map", text))[1]) == 20


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_no_word_of_the_grammar_reaches_a_message(path: Path) -> None:
    terminals = {terminal.name for terminal in lark().terminals} | {"$END"}
    names = {name for name in terminals if len(name.strip("_")) > 2 or name.startswith("_")}
    rules = {str(rule.origin.name) for rule in lark().rules if "_" in str(rule.origin.name).strip("_")}
    pattern = re.compile(r"(?<![\w$])(?:" + "|".join(map(re.escape, names | rules)) + r")(?!\w)")
    source = Source(path.name, path.read_text(encoding="utf-8"))
    for diagnostic in parse(source)[1]:
        written = source.text[diagnostic.span.start : diagnostic.span.end]
        for said in (diagnostic.message, diagnostic.help, diagnostic.note):
            leaked = set(pattern.findall(said)) - set(pattern.findall(written))
            assert not leaked, f"{leaked} in {said!r}"


def test_a_mistake_does_not_take_good_statements_with_it() -> None:
    text = (Path(__file__).parent / "errors" / "twenty.map").read_text(encoding="utf-8")
    file, _ = parse(Source("twenty.map", text))
    assert [type(item).__name__ for item in file.items] == ["Use", "Entity", "Connector", "Codes", "Map", "Merge"]


def test_edits_mend() -> None:
    """Where an edit is offered, applying it takes the mistake away (or leaves one further on the same line)."""
    text = (Path(__file__).parent / "errors" / "habits.map").read_text(encoding="utf-8")
    source = Source("habits.map", text)
    diagnostics = [diagnostic for diagnostic in parse(source)[1] if diagnostic.edit is not None]
    assert len(diagnostics) > 25
    for diagnostic in diagnostics:
        edit = diagnostic.edit
        assert edit is not None
        mended = text[: edit.span.start] + edit.text + text[edit.span.end :]
        after = {(one.code, one.message, one.span.start) for one in parse(Source("habits.map", mended))[1]}
        assert (diagnostic.code, diagnostic.message, diagnostic.span.start) not in after, diagnostic
