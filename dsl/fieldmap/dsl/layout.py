"""Cuts a file that reads into the lines that its canonical layout has, with every comment on its line.

The author's line breaks are kept where they carry meaning to a reader: a block or a list written on one line stays on one
line, one written on several gets one line for each of its parts. Columns are the business of `format.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lark import Token

_SWALLOWING = {
    "_LBRACE": "{",
    "_LPAR": "(",
    "_LSQ": "[",
    "_LSQ_TYPE": "[",
    "_LSQ_PATH": "[",
    "_DESCENDANT_LSQ": "..[",
    "_COMMA": ",",
    "_EQUALS": "=",
    "_ARROW": "->",
    "ELSE_ARROW": "else ->",
}
_OPENING = {"_LBRACE", "_LPAR", "_LSQ", "_LSQ_TYPE", "_LSQ_PATH", "_DESCENDANT_LSQ"}
_CLOSING = {"_RBRACE", "_RPAR", "_RSQ"}
# The first word of statements whose braces hold rows, which a comma may separate.
_ROWS = {"_SHAPE", "DECL", "FIELD", "PLAIN", "KEY", "_HEADERS", "_QUERY", "_BODY", "_EXPECT", "_TABLE", "_COLUMNS"}
_TIGHT_BEFORE = {
    "_COMMA", "_RPAR", "OPTIONAL", "PREFIX_STAR", "_COLON", "COLON",
    "DOT_NAME", "_LSQ_PATH", "_DOT_ANY", "DESCENDANT_NAME", "_DESCENDANT_ANY", "_DESCENDANT_LSQ",
}  # fmt: skip
_TIGHT_AFTER = {"_LPAR", "_LSQ", "_LSQ_PATH", "_DESCENDANT_LSQ", "_NEGATE", "COLON", "_FILTER", "_FILTER_NOT"}
_CALLED = {"NAME", "_PERIOD", "_UNIT_OF", "FILTER_FUNCTION", "VARIABLE"}


@dataclass(frozen=True, slots=True)
class Word:
    """One token as it is written in the canonical layout, with the kind of bracket that it closes, if it does."""

    kind: str
    text: str
    opener: str = ""


@dataclass(slots=True)
class Line:
    """One line: its words or nothing, and a comment or nothing.

    block: the first word's kind of the header whose block it stands in ("" for the file). starts: a statement begins here.
    opens: it ends with the brace of a block that goes over several lines. blank: an empty line stands before it.
    """

    indent: int
    block: str
    words: list[Word] = field(default_factory=list)
    comment: str = ""
    starts: bool = False
    opens: bool = False
    blank: bool = False


@dataclass(slots=True)
class _Part:
    """A token without what it swallows. after: the text up to the next one, with its comments and line breaks."""

    word: Word
    start: int
    end: int
    after: str = ""
    separates: bool = False
    spread: bool = False


@dataclass(slots=True)
class _Open:
    """A bracket that is open. spread: its parts have a line each. header: the first word of the statement that opened it."""

    kind: str
    spread: bool
    header: str


def lines(text: str, tokens: Sequence[Token]) -> list[Line]:
    parts = _parts(text, tokens)
    _mark_spread(parts)
    return _Writer(text, parts).write()


def gap(left: Word, right: Word) -> str:
    """The blank between two words of a line, or none."""
    if left.kind == "_LBRACE" and right.kind == "_RBRACE":
        return ""
    if right.kind == "_RSQ":
        return " " if right.opener == "_LSQ_TYPE" else ""
    if right.kind == "COLON" and left.kind == "_COMMA":
        return " "
    if right.kind in _TIGHT_BEFORE or left.kind in _TIGHT_AFTER:
        return ""
    if right.kind == "_LPAR" and left.kind in _CALLED:
        return ""
    return " "


def _parts(text: str, tokens: Sequence[Token]) -> list[_Part]:
    """The tokens that are written, brackets paired; a JSON document is one part, and separators are marks on the part before."""
    parts: list[_Part] = []
    stack: list[str] = []
    document = 0
    for token in tokens:
        start, end = token.start_pos or 0, token.end_pos or 0
        if document:
            document += {"JSON_LBRACE": 1, "JSON_RBRACE": -1}.get(token.type, 0)
            parts[-1].end = end
            parts[-1].word = Word("JSON", text[parts[-1].start : end])
            continue
        if token.type == "_NL":
            if parts:
                parts[-1].separates = True
            continue
        if token.type == "JSON_LBRACE":
            document = 1
        written = _SWALLOWING.get(token.type)
        opener = stack.pop() if token.type in _CLOSING and stack else ""
        if token.type in _OPENING:
            stack.append(token.type)
        end = (
            end
            if written is None
            else start + (len(written) if token.type != "ELSE_ARROW" else str(token).index(">") + 1)
        )
        parts.append(_Part(Word(token.type, str(token) if written is None else written, opener), start, end))
    for part, following in pairwise(parts):
        part.after = text[part.end : following.start]
    if parts:
        parts[-1].after = text[parts[-1].end :]
    return parts


def _mark_spread(parts: list[_Part]) -> None:
    """A brace is spread if a line break stands between its parts or before its end, or if one within it is spread."""
    stack: list[_Part] = []
    for part, following in pairwise([*parts, None]):
        if part is None:
            break
        if part.word.kind in _CLOSING and stack:
            closed = stack.pop()
            if closed.spread and stack:
                stack[-1].spread = True
        if part.word.kind in _OPENING:
            stack.append(part)
        if not stack or "\n" not in part.after:
            continue
        ends = following is not None and following.word.kind == "_RBRACE"
        if stack[-1].word.kind == "_LBRACE" and (
            part is stack[-1] or part.separates or part.word.kind == "_COMMA" or ends
        ):
            stack[-1].spread = True


class _Writer:
    def __init__(self, text: str, parts: list[_Part]) -> None:
        self.text, self.parts = text, parts
        self.done: list[Line] = []
        self.open: list[_Open] = []
        self.line = Line(0, "")
        self.header = ""
        self.starting = True
        self.cases = 0  # how many of them wait for their brace

    def write(self) -> list[Line]:
        self._comments(self.text[: self.parts[0].start] if self.parts else self.text, own_lines=True)
        for index, part in enumerate(self.parts):
            following = self.parts[index + 1] if index + 1 < len(self.parts) else None
            self._part(part, following)
        return self.done

    def _part(self, part: _Part, following: _Part | None) -> None:
        kind = part.word.kind
        if kind in _CLOSING and self.open:
            self.open.pop()
        if self.starting and kind not in _CLOSING:
            self.header = kind
            self.line.starts = True
        self.starting = False
        within = self.open[-1] if self.open else None
        dropped = kind == "_COMMA" and self._is_surplus_comma(within, following)
        if not dropped:
            self.line.words.append(part.word)
        if kind == "_CASE":
            self.cases += 1
        if kind in _OPENING:
            header = "_CASE" if kind == "_LBRACE" and self.cases else self.header
            self.cases -= header == "_CASE"
            self.open.append(_Open(kind, part.spread, header))
            within = self.open[-1]
            self.line.opens = self.line.opens or part.spread
        self._end(part, following, within)

    def _is_surplus_comma(self, within: _Open | None, following: _Part | None) -> bool:
        """A comma at the end of a line's part, or before a closing bracket."""
        if within is not None and within.kind == "_LBRACE" and within.spread and within.header in _ROWS:
            return True
        return following is not None and following.word.kind in _CLOSING

    def _end(self, part: _Part, following: _Part | None, within: _Open | None) -> None:
        """What stands behind a part: nothing, a blank, or the end of the line with its comments."""
        kind = part.word.kind
        in_block = within is None or (within.kind == "_LBRACE" and within.spread)
        separates = part.separates or (kind == "_COMMA" and in_block and within is not None and within.header in _ROWS)
        closes_next = following is not None and following.word.kind == "_RBRACE" and in_block and within is not None
        ends = following is None or (in_block and (separates or closes_next)) or (kind == "_LBRACE" and part.spread)
        if ends:
            self.starting = True
            self._break(part.after, following, continues=False)
        elif "\n" in part.after and not self._hugs(part, following):
            self._break(part.after, following, continues=True)
        elif part.separates:
            self.line.words.append(Word("_NL", ";"))
            self.starting = True

    def _hugs(self, part: _Part, following: _Part | None) -> bool:
        """Whether a line break goes: between the brackets of `[ {` and `} ]`."""
        if following is None or "#" in part.after:
            return False
        return part.word.kind == "_LSQ_TYPE" or (following.word.kind == "_RSQ" and following.word.opener == "_LSQ_TYPE")

    def _break(self, after: str, following: _Part | None, *, continues: bool) -> None:
        before, *_ = after.split("\n", 1)
        mark = before.find("#")
        if mark >= 0:
            self.line.comment = before[mark:].rstrip()
        self._flush()
        closes = following is not None and following.word.kind in _CLOSING
        self._comments(after, own_lines=False, deeper=1 if continues else 0, closes=closes)
        if closes and not continues:
            self.line = Line(max(self._depth() - 1, 0), self._block())
        else:
            blank = self.line.blank and not continues
            self.line = Line(self._depth() + (2 if continues and not closes else 0), self._block(), blank=blank)

    def _comments(self, trivia: str, *, own_lines: bool, deeper: int = 0, closes: bool = False) -> None:
        """The comments on lines of their own, and whether an empty line stands before what follows."""
        rest = trivia.split("\n")
        blank = False
        for number, piece in enumerate(rest if own_lines else rest[1:]):
            # What separates statements may stand before a comment; what ends one belongs to it.
            content = piece.lstrip(" \t\r\f;,\ufeff").rstrip(" \t\r\f\ufeff")
            last = number == len(rest) - (1 if own_lines else 2)
            if content.startswith("#"):
                line = Line(
                    self._depth() + 2 * deeper, self._block(), comment=content, blank=blank and self._may_be_blank()
                )
                self.done.append(line)
                blank = False
            elif not last:
                blank = True
        self.line = Line(self._depth(), self._block(), blank=blank and not closes and self._may_be_blank())

    def _may_be_blank(self) -> bool:
        return bool(self.done) and not self.done[-1].opens

    def _flush(self) -> None:
        if self.line.words or self.line.comment:
            self.done.append(self.line)

    def _depth(self) -> int:
        return sum(1 for bracket in self.open if bracket.kind == "_LBRACE" and bracket.spread)

    def _block(self) -> str:
        braces = [bracket for bracket in self.open if bracket.kind == "_LBRACE" and bracket.spread]
        return braces[-1].header if braces else ""
