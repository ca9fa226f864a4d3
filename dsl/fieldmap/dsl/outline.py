"""The structure of a file that does not read: which statements there are, and which block each stands in.

Where the braces of a top-level statement pair up they are believed. Where they do not, indentation says which one is missing
or too many; that is the only use ever made of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

from fieldmap.dsl.blocks import BLOCKS, Block, first_word
from fieldmap.dsl.unreleased import opens_unreleased_block

_PLAIN = re.compile(r"\"(?>(?:[^\"\\\n]+|\\[^\n])*)\"?|'[^'\n]*'?")
_TEMPLATE = re.compile(
    r"\"(?>(?:[^\"\\\n{}]+|\\[^\n]|\{\{|\}\}|\{(?!\{)(?>(?:[^\"'{}\n]+|'[^'\n]*'|\"(?>(?:[^\"\\\n]+|\\[^\n])*)\")*)\})*)\""
)
_TRIVIA = re.compile(r"(?>(?:[ \t\f\r\n\ufeff;]+|#[^\n]*)*)")
_TRIVIA_OF_ROWS = re.compile(r"(?>(?:[ \t\f\r\n\ufeff;,]+|#[^\n]*)*)")
_TO_NEXT_CODE = re.compile(r"(?>(?:[ \t\f\r\n]+|#[^\n]*)*)")
_TO_LINE_END = re.compile(r"[^\n]*")
_CASE = re.compile(r"(?<!\w)case[ \t][^{\n]*\Z")
_BLANKS = re.compile(r"[ \t\ufeff]*")
_COMMENT_OR_BLANK = re.compile(r"(?>(?:[ \t\f\r\ufeff]+|#[^\n]*)+)")
_OPENING = {")": "(", "]": "["}
_GOES_ON = re.compile(
    r"(?:(?:otherwise|else)(?![ \t]*->)|then|and|or|as|in|is|via|using|not[ \t]+in|if[ \t]+invalid)(?!\w)(?![ \t]*(?::|=(?!=)))"
    r"|[+*/.)\]<>]|-[ \t>]|[=!]="
)
_ENTRY = re.compile(r"(?:`\w+`|\w+|\"[^\"\n]*\")[ \t]*(?:=(?!=)|:)")
_MEMBER_OPENS = re.compile(r"(?:`\w+`|\w+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*:\s*(?:\[\s*)?\Z")
_BRACES = re.compile(r"\"(?>(?:[^\"\\\n]+|\\[^\n])*)\"?|'[^'\n]*'|#[^\n]*|[{}]")
_TOP_LEVEL = re.compile(r"^[A-Za-z_]\w*(?!\w)(?![ \t]*[:=])", re.MULTILINE)
_HEADER = re.compile(r"[^\n#]*\{[ \t]*(?:#[^\n]*)?$", re.MULTILINE)


@dataclass(slots=True)
class Statement:
    """One statement: text[start:end] up to its opening brace if it opens a block, and what follows the closing one.

    close: the offset of the closing brace, None if there is none. tail: the end of what stands behind it. implied: the
    opening brace is not in the text; without a block to open it is that of JSON, which goes on up to `tail`.
    """

    block: Block
    start: int
    end: int
    opens: Block | None = None
    implied: bool = False
    children: list[Statement] = field(default_factory=list)
    close: int | None = None
    tail: int = 0
    noticed: int = 0


@dataclass(slots=True)
class Outline:
    """statements: of the file. never_closed: those whose block has no end. surplus: braces that close nothing."""

    statements: list[Statement] = field(default_factory=list)
    never_closed: list[Statement] = field(default_factory=list)
    surplus: list[int] = field(default_factory=list)


def outline(text: str) -> Outline:
    found = Outline()
    starts = [0, *(start for start in _boundaries(text) if start > 0), len(text)]
    line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
    for start, limit in pairwise(starts):
        _Chunk(text, start, limit, found, line_starts).read()
    return found


def _boundaries(text: str) -> list[int]:
    """Where a top-level statement begins for certain: its keyword, or nearly that, at column 1.

    A word that only resembles a keyword is one within a block, too, if its line opens a block itself: `cable` is no `table`.
    """
    file = BLOCKS["file"]
    nested = {word for block in BLOCKS.values() if block is not file for word in block.lines}
    found = []
    braces, depth = _BRACES.finditer(text), 0
    brace = next(braces, None)
    for match in _TOP_LEVEL.finditer(text):
        word = match.group()
        if word in nested:
            continue
        while brace is not None and brace.start() < match.start():
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            brace = next(braces, None)
        if (
            word in file.lines
            or opens_unreleased_block(word, file)
            or ((depth <= 0 or _HEADER.match(text, match.start())) and file.near(word) is not None)
        ):
            found.append(match.start())
            depth = 0
    return found


class _Chunk:
    """One top-level statement's stretch of the text."""

    def __init__(self, text: str, start: int, limit: int, found: Outline, line_starts: list[int]) -> None:
        self.line_starts = line_starts
        self.text, self.position, self.limit, self.found = text, start, limit, found
        self.openers: list[Statement] = []
        self._places: list[int] = []
        self._sums: list[int] = [0]
        lowest = 0
        for match in _BRACES.finditer(text, start, limit):
            if match.group() in "{}":
                self._places.append(match.start())
                self._sums.append(self._sums[-1] + (1 if match.group() == "{" else -1))
                lowest = min(lowest, self._sums[-1])
        self.balanced = lowest == 0 and self._sums[-1] == 0

    def read(self) -> None:
        self.found.statements.extend(self._lines(BLOCKS["file"], None))

    # -------------------------------------------------------------------------------------------------------- blocks

    def _lines(self, block: Block, opener: Statement | None) -> list[Statement]:
        """The statements of a block, up to and including its closing brace."""
        lines: list[Statement] = []
        trivia = _TRIVIA_OF_ROWS if block.rows else _TRIVIA
        while True:
            self.position = self._match(trivia, self.position)
            if self.position >= self.limit:
                if opener is not None:
                    self._never_closed(opener)
                return lines
            if self.text[self.position] == "}":
                if opener is None:
                    self.found.surplus.append(self.position)
                    self.position += 1
                    continue
                match self._closing(opener):
                    case "here":
                        opener.close = self.position
                        self.position += 1
                        return lines
                    case "outside":
                        self._never_closed(opener)
                        return lines
                    case _:
                        self.found.surplus.append(self.position)
                        self.position += 1
                        continue
            if opener is not None and self._dedents(opener):
                self._never_closed(opener)
                return lines
            lines.append(self._statement(block))

    def _closing(self, opener: Statement) -> str:
        """Whether the brace at the position closes this block ("here"), one further out ("outside") or none ("none")."""
        if not self._first_on_line(self.position) or not self._first_on_line(opener.start):
            return "here"
        indent, own = self._indent(self.position), self._indent(opener.start)
        if indent > own:
            following = self._match(_TO_NEXT_CODE, self.position + 1)
            below = self._indent(following) if following < self.limit else own
            if below > own and (below == indent or not self.balanced):
                self.balanced = False  # the block goes on below
                return "none"
            return "none" if self._shortage() < 0 and not self.balanced else "here"
        if indent == own or self.balanced:
            return "here"
        outer = [self._indent(statement.start) for statement in self.openers[:-1]]
        return "outside" if indent in outer and self._shortage() > 0 else "here"

    def _dedents(self, opener: Statement) -> bool:
        """Whether the line at the position is no deeper than the block's opener, while braces are short."""
        return (
            not self.balanced
            and self._first_on_line(self.position)
            and self._indent(self.position) <= self._indent(opener.start)
            and self._shortage() > 0
        )

    def _never_closed(self, opener: Statement) -> None:
        opener.noticed = self.position
        self.found.never_closed.append(opener)

    def _shortage(self) -> int:
        """How many closing braces are missing from here to the end, all open blocks counted."""
        before = self._sums[bisect_left(self._places, self.position)]
        return len(self.openers) + self._sums[-1] - before

    # ---------------------------------------------------------------------------------------------------- statements

    def _statement(self, block: Block) -> Statement:
        start = self.position
        end, opened = self._extent(block, start)
        statement = Statement(block, start, max(end, start + 1))
        self.position = max(end, start + 1)
        if opened is None:
            opened = self._implied(statement)
            statement.implied = opened is not None
            if block.key == "example" and opened is None:
                self._json_without_brace(statement)
        if opened is not None:
            statement.opens = opened
            self.openers.append(statement)
            statement.children = self._lines(opened, statement)
            self.openers.pop()
            if statement.close is not None:
                statement.tail = statement.close + 1
                if opened.key in ("members", "case"):  # `}?`, `} ] pii` and `} otherwise 1` belong to the line
                    statement.tail = max(statement.tail, self._extent(block, self.position)[0])
                self.position = statement.tail
        return statement

    def _implied(self, statement: Statement) -> Block | None:
        """The block of a header without its brace: only deeper lines below tell that there is one."""
        following = self._match(_TO_NEXT_CODE, self.position)
        opened = self._opened_without_brace(statement, following)
        if opened is None or following >= self.limit or "\n" not in self.text[self.position : following]:
            return None
        if self._indent(following) <= self._indent(statement.start):
            return None
        if opened.key in ("settings", "reading", "expected") and (self.balanced or self._shortage() >= 0):
            return None  # `auth none`, `format xml` and `expect reject x` need no block
        self.balanced = False
        return opened

    def _opened_without_brace(self, statement: Statement, following: int) -> Block | None:
        """The block that the statement would open if it ended in a brace; the line at `following` has to look like one of it."""
        block, start, end = statement.block, statement.start, statement.end
        if block.key in ("shape", "members") and _MEMBER_OPENS.match(self.text, start, end):
            return BLOCKS["members"]
        if "case" in block.opens and _CASE.search(self.text[start:end]):
            arms = BLOCKS["case"]
            return arms if re.compile(arms.begins).match(self.text, following) else None
        return self._opened_by_word(block, start)

    def _json_without_brace(self, statement: Statement) -> None:
        """The lines of a record whose `{` is missing, or stands in a text that is never closed: no statements of their own."""
        line_end = self._match(_TO_LINE_END, self.position)
        following = self._match(_TO_NEXT_CODE, line_end)
        own = self._indent(statement.start)
        if first_word(self.text, statement.start) != "given" or "{" in _PLAIN.sub(
            "", self.text[statement.start : statement.end]
        ):
            return
        if following >= self.limit or self._indent(following) <= own or self.text[following] not in "\"'":
            return
        while following < self.limit and self._indent(following) > own:
            following = self._match(_TO_NEXT_CODE, self._match(_TO_LINE_END, following))
        if following < self.limit and self.text[following] == "}" and self._indent(following) == own:
            following += 1
        statement.implied, statement.tail, self.position = True, following, following
        self.balanced = False

    def _extent(self, block: Block, start: int) -> tuple[int, Block | None]:
        """The end of the statement at start, and the block that it opens there."""
        text, position, end = self.text, start, start
        stack: list[str] = []
        while position < self.limit:
            char = text[position]
            if char == "\n":
                following = self._match(_TO_NEXT_CODE, position)
                if self._ends_before(block, start, end, following, stack):
                    break
                position = following
                continue
            if char in " \t\f\r\ufeff#":
                position = self._match(_COMMENT_OR_BLANK, position)
                continue
            if not stack and (char == ";" or (char == "," and block.rows)):
                break
            if char in "\"'":
                position = end = self._text_end(block, position)
                continue
            if char == "{":
                opened = self._opened(block, start, position)
                if opened is not None and not self._is_inline(start, position):
                    return position + 1, opened
                stack.append(char)
            elif char in "([":
                stack.append(char)
            elif char == "}":
                if "{" not in stack:
                    break
                while stack.pop() != "{":
                    pass
            elif char in ")]" and stack and stack[-1] == _OPENING[char]:
                stack.pop()
            position += 1
            end = position
        return end, None

    def _ends_before(self, block: Block, start: int, end: int, following: int, stack: list[str]) -> bool:
        """Whether the statement ends at this line break, rather than going on at `following`."""
        if following >= self.limit:
            return True
        goes_on = _GOES_ON.match(self.text, following) is not None and (bool(stack) or self.text[following] not in ")]")
        dedented = self._indent(following) <= self._indent(start)
        closes = self.text[following] in ")]}"
        if stack and self.text[following] in ")]" and self._begins_statement(block, self._code_behind(following)):
            return True  # `) email = $.email`: the bracket is not this statement's
        if (
            block.key in ("shape", "members")
            and _MEMBER_OPENS.match(self.text, start, end)
            and _ENTRY.match(self.text, following)
        ):
            return True  # `address :` above deeper members: its brace is missing
        if "{" in stack:
            closes_it = closes and self._indent(following) == self._indent(start)
            return dedented and not closes_it and not self.balanced
        waits = end > start and (
            self.text[end - 1] in ",([" or self.text.endswith("->", start, end) or self._ends_in_equals(start, end)
        )
        if waits and dedented and self._begins_statement(block, following):
            return True
        if stack:
            return not (waits or closes or goes_on)
        return self.text[following] == "}" or not (waits or goes_on)

    def _code_behind(self, offset: int) -> int:
        return self._match(_BLANKS, offset + 1)

    def _ends_in_equals(self, start: int, end: int) -> bool:
        return self.text.endswith("=", start, end) and not self.text.endswith(("==", "!=", "<=", ">="), start, end)

    def _begins_statement(self, block: Block, offset: int) -> bool:
        if _ENTRY.match(self.text, offset) is not None:
            return True
        if block.begins and re.compile(block.begins).match(self.text, offset, self.limit) is not None:
            return True
        return first_word(self.text, offset) in block.lines

    # ------------------------------------------------------------------------------------------------------- openers

    def _opened(self, block: Block, start: int, brace: int) -> Block | None:
        """The block opened by the brace of a statement, None for an object that belongs to the statement itself."""
        if block.key in ("shape", "members"):
            return BLOCKS["members"] if _MEMBER_OPENS.match(self.text, start, brace) else None
        opened = self._opened_by_word(block, start)
        if opened is not None:
            return opened
        words = re.findall(r"\w+", self.text[start:brace])
        if not words or opens_unreleased_block(words[0], block):
            return None
        known = next((word for word in words[:3] if word in block.opens), block.near(words[0]))
        return BLOCKS[block.opens[known]] if known in block.opens else None

    def _opened_by_word(self, block: Block, start: int) -> Block | None:
        word = first_word(self.text, start)
        if word not in block.opens or _ENTRY.match(self.text, start):
            return None
        opened = BLOCKS[block.opens[word]]
        while opened.kin[1] and re.compile(opened.kin[0]).match(self.text, start, self.limit):
            opened = BLOCKS[opened.kin[1]]
        return opened

    def _is_inline(self, start: int, brace: int) -> bool:
        """Whether the brace closes on its line, or would if a text on that line were closed."""
        depth = 0
        line_end = self.text.find("\n", brace, self.limit)
        line_end = self.limit if line_end < 0 else line_end
        for match in _BRACES.finditer(self.text, brace, line_end):
            if match.group() in "{}":
                depth += 1 if match.group() == "{" else -1
                if depth == 0:
                    return True
        following = self._match(_TO_NEXT_CODE, brace + 1)
        if following >= line_end or self.balanced:
            return False
        below = self._match(_TO_NEXT_CODE, line_end)
        return below >= self.limit or self._indent(below) <= self._indent(start)

    # -------------------------------------------------------------------------------------------------------- places

    def _text_end(self, block: Block, position: int) -> int:
        """The end of the text at the position; a text that is never closed ends with its line."""
        if block.templates and self.text[position] == '"':
            match = _TEMPLATE.match(self.text, position, self.limit)
            if match is not None:
                return match.end()
        return self._match(_PLAIN, position)

    def _match(self, pattern: re.Pattern[str], position: int) -> int:
        match = pattern.match(self.text, position, self.limit)
        return match.end() if match is not None else position

    def _first_on_line(self, offset: int) -> bool:
        return self._match(_BLANKS, self._line_start(offset)) >= offset

    def _indent(self, offset: int) -> int:
        start = self._line_start(offset)
        return len(self.text[start : self._match(_BLANKS, start)].expandtabs(4))

    def _line_start(self, offset: int) -> int:
        return self.line_starts[bisect_right(self.line_starts, offset) - 1]
