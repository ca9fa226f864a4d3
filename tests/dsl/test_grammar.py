"""The grammar has no conflicts, no two terminals for one text in one place, and is quick to build."""

from __future__ import annotations

import logging
import time
from importlib import resources

import pytest
from lark import Lark, logger

from fieldmap.dsl import language

GRAMMAR = resources.files("fieldmap.grammar").joinpath("fieldmap.lark").read_text(encoding="utf-8")


def conflicts(grammar: str, start: list[str], caplog: pytest.LogCaptureFixture) -> list[str]:
    """Lark settles shift/reduce conflicts silently; only its debug log tells of them."""
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(caplog.handler)
    caplog.handler.setLevel(logging.DEBUG)
    try:
        Lark(grammar, parser="lalr", lexer="contextual", start=start, debug=True)
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(level)
    return [record.getMessage() for record in caplog.records if "/reduce" in record.getMessage().lower()]


def test_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    assert conflicts(GRAMMAR, ["file", "hole"], caplog) == []


def test_a_conflict_would_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    assert conflicts('start: e\ne: e "+" e | "1"', ["start"], caplog) != []


def test_no_place_reads_one_text_as_two_terminals() -> None:
    patterns = {terminal.name: terminal.pattern.to_regexp() for terminal in language.lark().terminals}
    state, _ = language._initial("file")
    for accepted in state.parse_conf.states.values():
        terminals = [name for name in accepted if name in patterns]
        found = [patterns[name] for name in terminals]
        assert len(found) == len(set(found)), terminals


@pytest.mark.parametrize(
    ("one", "other"),
    [("PLAIN", "TEMPLATE"), ("PLAIN", "RAW"), ("MINUS", "NUMBER"), ("MINUS", "_NEGATE"), ("STAR", "_ANY")],
)
def test_look_alikes_never_meet(one: str, other: str) -> None:
    state, _ = language._initial("file")
    assert not [1 for accepted in state.parse_conf.states.values() if one in accepted and other in accepted]


def test_a_cold_build_is_quick() -> None:
    begin = time.process_time()
    Lark(GRAMMAR, parser="lalr", lexer="contextual", start=["file", "hole"], propagate_positions=True)
    assert time.process_time() - begin < 2  # about 0.3 s; the margin is for slow machines
