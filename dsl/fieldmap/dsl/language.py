"""The grammar at work: loads it once per process and runs it over a range of a text.

This is the only module that touches Lark's parser; the others see trees, tokens and `Stuck`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import LexerState, LineCounter
from lark.parsers.lalr_parser_state import ParserState
from lark.utils import TextSlice

from fieldmap.dsl.tables import built

Leaf = Token
Branch = Tree[Token]
State = ParserState[int]

END = "$END"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A range that reads: its tree, and every token that is not blank or comment, in order."""

    tree: Branch
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """A range that does not read: where the parser stopped, what it had read, and what could have come next."""

    offset: int
    tokens: tuple[Token, ...]
    expected: frozenset[str]


@cache
def lark() -> Lark:
    """The built grammar; the very first call on a machine costs about 0.3 s, later ones a tenth of that."""
    grammar = resources.files("fieldmap.grammar").joinpath("fieldmap.lark").read_text(encoding="utf-8")
    options: dict[str, Any] = {
        "parser": "lalr",
        "lexer": "contextual",
        "start": ["file", "hole"],
        "propagate_positions": True,
        "maybe_placeholders": False,
    }
    return built(grammar, options)


@cache
def _initial(start: str) -> tuple[State, Any]:
    interactive = lark().parse_interactive("", start=start)
    return cast(State, interactive.parser_state), interactive.lexer_thread.lexer


@cache
def _prefix(start: str, prefix: str) -> tuple[Token, ...]:
    state, lexer = _initial(start)
    state = state.copy()
    tokens = []
    for token in lexer.lex(_lexer_state(prefix, 0, len(prefix)), state):
        state.feed_token(token)
        tokens.append(token)
    return tuple(tokens)


def _after(start: str, prefix: str) -> State:
    """A new parser behind a canned beginning, such as `map a.b to C {`.

    It is fed anew each time: Lark extends lists of trees in place, so that a copy of a state shares them.
    """
    state = _initial(start)[0].copy()
    for token in _prefix(start, prefix):
        state.feed_token(token)
    return state


Piece = tuple[int, int] | Token


def read(text: str, *pieces: Piece, rule: str = "file", prefix: str = "") -> Parsed | Stuck:
    """Reads ranges of a text (and tokens that are not in it) one after the other, as if they stood behind `prefix`."""
    state = _after(rule, prefix)
    tokens: list[Token] = []
    end = max((piece[1] for piece in pieces if not isinstance(piece, Token)), default=0)
    try:
        for piece in pieces:
            for token in _tokens(text, piece, state, rule):
                state.feed_token(token)
                tokens.append(token)
        tree = state.feed_token(Token(END, "", end, end_pos=end), True)
    except UnexpectedInput as error:
        return Stuck(_offset(text, error, end), tuple(tokens), _expected(rule, prefix, tokens))
    return Parsed(cast(Branch, tree), tuple(tokens))


def _tokens(text: str, piece: Piece, state: State, rule: str) -> Iterable[Token]:
    if isinstance(piece, Token):
        return [piece]
    _, lexer = _initial(rule)
    return cast(Iterable[Token], lexer.lex(_lexer_state(text, *piece), state))


def _lexer_state(text: str, start: int, end: int) -> LexerState:
    counter = cast(Any, LineCounter)("\n")
    counter.char_pos = start
    return LexerState(TextSlice(text, start, end), counter)


def _offset(text: str, error: UnexpectedInput, end: int) -> int:
    """Where reading stopped: the first character that is not a blank."""
    position = error.token.start_pos if isinstance(error, UnexpectedToken) else error.pos_in_stream
    position = end if position is None else min(position, end)
    while position < end and text[position] in " \t\r\f":
        position += 1
    return position


def _expected(rule: str, prefix: str, tokens: Iterable[Token]) -> frozenset[str]:
    """The terminals that would really be accepted: the state before the failure, each tried to the end of its reductions."""
    state = _after(rule, prefix)
    for token in tokens:
        state.feed_token(token)
    accepted = set()
    for terminal in state.parse_conf.states[state.position]:
        if not terminal.isupper():
            continue
        trial = state.copy(deepcopy_values=False)
        try:
            trial.feed_token(Token(terminal, "", 0, end_pos=0), terminal == END)
        except UnexpectedInput:
            continue
        accepted.add(terminal)
    return frozenset(accepted)
