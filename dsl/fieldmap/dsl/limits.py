"""What is refused before and after reading, so that no file can exhaust the reader or those who come after it."""

from __future__ import annotations

import re

from lark import Tree

from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Branch
from fieldmap.dsl.source import Source, Span

LARGEST_FILE = 256 * 1024
DEEPEST_NESTING = 64
DEEPEST_EXPRESSION = 128
DEEPEST_HOLE = 24
MOST_MISTAKES = 500
MOST_STEPS = 200
LONGEST_LINE = 64 * 1024

_BRACKETS = re.compile(r"\"(?>(?:[^\"\\\n]+|\\[^\n])*)\"?|'[^'\n]*'?|#[^\n]*|[(\[{]|[)\]}]")
_CHAINS = {"sum", "product", "and", "or"}


def too_large(source: Source) -> Diagnostic | None:
    """A file that is not read at all."""
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_FILE:
        message = f"the file has {size // 1024} KB, and {LARGEST_FILE // 1024} KB are read"
        return Diagnostic(
            "FM0111", message, Span(source.path, 0, 0), help="divide it into several files, joined by `use`"
        )
    for number, start in enumerate(source.starts, 1):
        end = source.starts[number] if number < len(source.starts) else len(source.text)
        if end - start > LONGEST_LINE:
            message = f"this line has {end - start:,} characters, and {LONGEST_LINE:,} are read"
            return Diagnostic(
                "FM0111", message, Span(source.path, start, start + 1), help="break it, or take out what is no map"
            )
    depth = 0
    for match in _BRACKETS.finditer(source.text):
        if match.group() in "([{":
            depth += 1
            if depth > DEEPEST_NESTING:
                span = Span(source.path, match.start(), match.end())
                return Diagnostic("FM0111", f"brackets nest more than {DEEPEST_NESTING} deep here", span)
        elif match.group() in ")]}":
            depth = max(depth - 1, 0)
    return None


def too_deep(tree: Branch, limit: int, path: str) -> Diagnostic | None:
    """An expression of more parts, one within the other, than those who walk the tree can bear."""
    waiting: list[tuple[Branch, int]] = [(tree, 1)]
    while waiting:
        current, depth = waiting.pop()
        if depth > limit:
            start = current.meta.start_pos
            return Diagnostic(
                "FM0111",
                "this expression has too many parts",
                Span(path, start, start + 1),
                help="divide it, or use `codes` or `in [ … ]`",
            )
        parts = [child for child in current.children if isinstance(child, Tree)]
        weight = len(parts) if current.data in _CHAINS else 1
        waiting.extend((part, depth + weight) for part in parts)
    return None
