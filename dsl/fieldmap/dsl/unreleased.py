"""What the language's manual names and this release does not compile: each gets one clear answer, and what to use instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fieldmap.dsl.blocks import Block


@dataclass(frozen=True, slots=True)
class Found:
    """what: as a message names it. instead: what to write in this release, "" if there is nothing."""

    what: str
    instead: str
    start: int
    end: int


class _Part:
    """One part of the language: its pattern, the blocks in which it may be met (all, if none is named), and its answer."""

    def __init__(self, pattern: str, *blocks: str, what: str = "", instead: str = "") -> None:
        self.pattern, self.blocks, self.what, self.instead = re.compile(pattern), blocks, what, instead

    def concerns(self, block: Block | None) -> bool:
        return not self.blocks or (block is not None and block.key in self.blocks)

    def found(self, match: re.Match[str]) -> Found:
        return Found(self.what or f"`{' '.join(match.group().split())}`", self.instead, match.start(), match.end())


# A name before `:` or `=` is a field, whatever it spells.
_ENTRY = re.compile(r"(?:`\w+`|[A-Za-z_]\w*)[ \t]*(?:=(?!=)|:)")

# Lines with a block of their own, which is passed over.
_OPENING = {
    "connector": {"for"},
    "resource": {
        "put",
        "params",
    },
}

# At the start of a line.
_LINES = (
    _Part(r"(?:limit|breaker)(?!\w)", "resource", instead="it is a line of the connector, whose resources share it"),
    _Part(r"for[ \t]+each(?!\w)", "connector", instead="it is a line of a resource"),
    _Part(r"(?:brokers|topic)(?!\w)", "connector", "resource", instead="a connector reads HTTP or `is files`"),
    _Part(r"(?:submit|params|path)(?!\w)", "connector", "resource"),
    _Part(r"put(?!\w)", "resource", instead="a source is asked with `get` or `post`"),
    _Part(r"on(?!\w)", "connector", instead="it is a line of a resource"),
    _Part(r"(?:expect|warn)(?!\w)", "connector", "resource"),
    _Part(r"shape[ \t]+from(?!\w)", "resource", instead="write the members that are read: `shape { name : text }`"),
    _Part(r"must(?!\w)", "map", instead="use `expect`, or `if invalid reject` on a field"),
    _Part(r"key(?=[ \t]+\w)", "map", what="`key` in a map", instead="assign the key's fields like any others"),
    _Part(r"(?:warn|must|property)(?!\w)", "example", instead="expect the row, or `expect reject`"),
)

# Before the place where reading stopped: (what stands before, what stands there).
_BEFORE = (
    (
        _Part(r"(?<![\w.])period[ \t]*\Z", what="a period named by the data", instead="name the period: `per year`"),
        r"\(",
    ),
)


def opens_unreleased_block(word: str, block: Block) -> bool:
    """Whether a line that begins with this word may have a block of its own."""
    return word in _OPENING.get(block.key, ())


def find(text: str, block: Block | None, start: int, end: int, at: int) -> Found | None:
    """The unreleased part that explains why text[start:end], a line of the block, stopped reading at `at`."""
    for part in () if _ENTRY.match(text, start, end) else _LINES:
        if part.concerns(block) and (match := part.pattern.match(text, start, end)):
            return part.found(match)
    before = text[:at]
    for part, here in _BEFORE:
        if (
            part.concerns(block)
            and re.compile(here).match(text, at, end)
            and (match := part.pattern.search(before, start))
        ):
            return part.found(match)
    return None
