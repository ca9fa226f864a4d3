"""Reads a file that does not read as a whole, statement by statement, each behind a canned header of its block.

So every mistake is found at its own place and none causes another. The good statements are put together to the tree that
the whole file would have given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lark import Token, Tree

from fieldmap.dsl.blocks import Block
from fieldmap.dsl.diagnostics import Diagnostic, Edit, Label
from fieldmap.dsl.language import Branch, Parsed, Piece, Stuck, read
from fieldmap.dsl.limits import MOST_MISTAKES
from fieldmap.dsl.mistakes import explain
from fieldmap.dsl.outline import Outline, Statement, outline
from fieldmap.dsl.site import Site
from fieldmap.dsl.source import Source, Span


@dataclass(slots=True)
class Recovered:
    """tree: the file without its broken statements. orphans: the good lines of blocks whose header is broken, each set in a
    file of its own, to be looked through for mistakes and then forgotten. lost: the places of the broken statements."""

    tree: Branch
    orphans: list[Branch] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    lost: list[Span] = field(default_factory=list)


def recover(source: Source) -> Recovered:
    """All that can be read of the file, and the syntax mistakes in it."""
    found = outline(source.text)
    recovered = Recovered(Tree("file", []))
    _report_braces(source, found, recovered.diagnostics)
    reader = _Reader(source, recovered)
    recovered.tree.children.extend(reader.trees(found.statements))
    return recovered


def _report_braces(source: Source, found: Outline, diagnostics: list[Diagnostic]) -> None:
    for offset in found.surplus:
        span = Span(source.path, offset, offset + 1)
        diagnostics.append(
            Diagnostic("FM0101", "this `}` closes nothing", span, help="take it out", edit=Edit(span, ""))
        )
    for statement in found.never_closed:
        brace = Span(source.path, statement.end - 1, statement.end)
        if statement.implied:
            brace = Span(source.path, statement.start, statement.end)
        labels: tuple[Label, ...] = ()
        if statement.noticed < len(source.text):
            labels = (
                Label(Span(source.path, statement.noticed, statement.noticed + 1), "this stands outside the block"),
            )
        diagnostics.append(
            Diagnostic(
                "FM0102",
                "this block is never closed",
                brace,
                labels=labels,
                help="close it with `}` on a line of its own",
            )
        )


class _Reader:
    def __init__(self, source: Source, recovered: Recovered) -> None:
        self.source, self.recovered = source, recovered

    def trees(self, statements: list[Statement]) -> list[Branch]:
        """The trees of the statements that read."""
        read_ones = []
        for statement in statements:
            if len(self.recovered.diagnostics) >= MOST_MISTAKES:
                break
            tree = self._tree(statement)
            if tree is not None:
                read_ones.append(tree)
        return read_ones

    def _tree(self, statement: Statement) -> Branch | None:
        result = self._read(statement)
        lost = len(self.recovered.lost)
        children = self.trees(statement.children)
        if statement.opens is not None and statement.opens.key == "fn" and len(self.recovered.lost) > lost:
            self._lose(statement)  # without its lines a function is none, and what it is called may be called
        if isinstance(result, Stuck):
            self._lose(statement)
            if statement.opens is None or not children:
                return None
            canned = _behind_canned_header(statement.opens, children)
            if statement.opens.key == "shape":  # it has no name: that it is a shape is all that its header says
                return _innermost_line(canned, statement.block)
            self.recovered.orphans.append(canned)
            return None
        tree = _innermost_line(result.tree, statement.block)
        if tree is not None and statement.opens is not None:
            _empty_lines(tree, statement.opens).children.extend(children)
        return tree

    def _lose(self, statement: Statement) -> None:
        end = statement.noticed if statement.opens is not None and statement.close is None else statement.tail
        self.recovered.lost.append(Span(self.source.path, statement.start, max(statement.end, end)))

    def _read(self, statement: Statement) -> Parsed | Stuck:
        """Reads a statement without the lines of its block; its mistake goes to the list."""
        text = self.source.text
        pieces: list[Piece] = [(statement.start, statement.end)]
        end = statement.end
        if statement.implied:
            pieces.append(_brace("_LBRACE", "{", statement.end))
            if statement.opens is None:
                pieces.append((statement.end, statement.tail))
                end = statement.tail
        if statement.opens is not None:
            if statement.close is None:
                pieces.append(_brace("_RBRACE", "}", statement.noticed))
                if statement.opens.key == "members" and text[statement.start : statement.end - 1].rstrip().endswith(
                    "["
                ):
                    pieces.append(_brace("_RSQ", "]", statement.noticed))
            else:
                pieces.append((statement.close, statement.tail))
                end = statement.tail
        pieces.extend(_brace("_RBRACE", "}", end) for _ in range(statement.block.depth))
        result = read(text, *pieces, prefix=statement.block.prefix)
        if isinstance(result, Stuck):
            self.recovered.diagnostics.append(explain(self._site(statement, result)))
        elif statement.implied:
            self.recovered.diagnostics.append(self._missing_brace(statement))
        return result

    def _site(self, statement: Statement, stuck: Stuck) -> Site:
        in_tail = statement.close is not None and stuck.offset >= statement.close
        in_tail = in_tail or (statement.implied and statement.opens is None and stuck.offset > statement.end)
        end = statement.tail if in_tail else statement.end
        return Site(
            self.source, statement.block, statement.start, end, min(stuck.offset, end), stuck.tokens, stuck.expected
        )

    def _missing_brace(self, statement: Statement) -> Diagnostic:
        span = Span(self.source.path, statement.start, statement.end)
        edit = Edit(Span(self.source.path, statement.end, statement.end), " {")
        return Diagnostic(
            "FM0103",
            "the block below this line has no opening brace",
            span,
            help="write `{` at the end of the line",
            edit=edit,
        )


def _brace(terminal: str, char: str, offset: int) -> Token:
    return Token(terminal, char, offset, end_pos=offset)


def _innermost_line(tree: Branch, block: Block) -> Branch | None:
    """The one line that was read behind the block's canned header."""
    if block.depth == 0:
        lines: Branch = tree
    else:
        lines = next(part for part in _walk(tree) if part.data == block.rule)
    return next((child for child in lines.children if isinstance(child, Tree)), None)


def _empty_lines(tree: Branch, opens: Block) -> Branch:
    """The place in a header's tree where the lines of its block belong."""
    return next(part for part in _walk(tree) if part.data == opens.rule and not part.children)


def _behind_canned_header(opens: Block, children: list[Branch]) -> Branch:
    result = read(opens.prefix + "}" * opens.depth, (0, len(opens.prefix) + opens.depth))
    if isinstance(result, Stuck):
        raise LookupError(f"the canned header of {opens.called} does not read")
    _empty_lines(result.tree, opens).children.extend(children)
    return result.tree


def _walk(tree: Branch) -> Iterator[Branch]:
    """The branches of a tree, a branch before those in it."""
    waiting = [tree]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(child for child in reversed(current.children) if isinstance(child, Tree))
