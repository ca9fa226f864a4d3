"""The place where reading stopped, as the modules that explain it see it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lark import Token

from fieldmap.dsl.blocks import Block
from fieldmap.dsl.diagnostics import Diagnostic, Edit
from fieldmap.dsl.source import Source, Span

_WORD = re.compile(
    r"[A-Za-z_]\w*|`[^`\n]*`|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[0-9][\w.]*|[$@]\w*|\.\w+|[<>=!&|+*/-]+|.", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Site:
    """A statement (or a hole) text[start:end] that stopped reading at `at`.

    block: where it stands; None for a hole. tokens: what was read of it. expected: the terminals that could have followed.
    """

    source: Source
    block: Block | None
    start: int
    end: int
    at: int
    tokens: tuple[Token, ...] = field(repr=False)
    expected: frozenset[str]

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def before(self) -> str:
        return self.text[self.start : self.at]

    @property
    def after(self) -> str:
        return self.text[self.at : self.end]

    @property
    def in_value(self) -> bool:
        """Whether a value stands before the place, so that an operator could follow."""
        return "PLUS" in self.expected or "_AS" in self.expected

    @property
    def wants_value(self) -> bool:
        return "TEMPLATE" in self.expected and "ROOT" in self.expected

    def span(self, start: int, end: int) -> Span:
        return Span(self.source.path, start, max(end, start))

    def here(self, length: int) -> Span:
        return self.span(self.at, min(self.at + length, self.end))

    def word(self) -> str:
        """What stands at the place: a word, a text, a number or a sign."""
        match = _WORD.match(self.text, self.at, self.end)
        return match.group() if match is not None else ""

    def says(
        self,
        code: str,
        message: str,
        span: Span,
        help: str = "",
        edit: str | None = None,
        over: Span | None = None,
        *,
        safe: bool = True,
    ) -> Diagnostic:
        """A diagnostic whose edit replaces its own span, or the one named by `over`."""
        change = None if edit is None else Edit(over if over is not None else span, edit, safe)
        return Diagnostic(code, message, span, help=help, edit=change)
