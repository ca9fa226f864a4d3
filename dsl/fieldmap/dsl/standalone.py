"""One expression, or one path, that stands in no file: what `fieldmap eval` and `fieldmap repl` read."""

from __future__ import annotations

import re
from dataclasses import replace

from fieldmap.dsl import ast
from fieldmap.dsl.build_expression import expression
from fieldmap.dsl.building import Broken, Building, leaf, required_branch
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Branch, Stuck, read
from fieldmap.dsl.limits import DEEPEST_EXPRESSION, too_deep, too_large
from fieldmap.dsl.mistakes import explain_alone
from fieldmap.dsl.source import Source, Span

NAME = "expression"
_TEXTS_AND_BREAKS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[\r\n]", re.DOTALL)
_TEXTS_AND_COMMENTS = re.compile(r"\"(?:[^\"\\\n]|\\[^\n])*\"|'[^'\n]*'|#[^\r\n]*")


def parse_expression(text: str) -> ast.Expr | Diagnostic:
    """The tree of an expression, or its first mistake. It may go over several lines as in a file; where it could not there, a line
    break is a blank."""
    kept = _without_comments(text)
    if not kept.strip():
        return Diagnostic(
            "FM0104", "there is no expression here", Span(NAME, 0, len(text)), help="write one, such as $.name"
        )
    begin = len(kept) - len(kept.lstrip())
    kept = " " * begin + kept.strip()
    found = _built(Source(NAME, kept))
    if not isinstance(found, Diagnostic) or not re.search(r"[\r\n]", kept):
        return found
    alone = _built(Source(NAME, _in_one_line(kept)))
    if not isinstance(alone, Diagnostic):
        return alone
    if kept[found.span.start : found.span.end].strip():
        return found
    return replace(found, code="FM0104", message="this breaks off before it is complete")


def is_unfinished(text: str) -> bool:
    """Whether this is no expression yet, and could become one if it went on."""
    found = parse_expression(text)
    return isinstance(found, Diagnostic) and found.code == "FM0104" and bool(_without_comments(text).strip())


def is_empty(text: str) -> bool:
    """Whether there is nothing but blanks and comments."""
    return not _without_comments(text).strip()


def _built(source: Source) -> ast.Expr | Diagnostic:
    tree = _read(source)
    if isinstance(tree, Diagnostic):
        return tree
    ctx = Building(source)
    mark = leaf(tree, "OPTIONAL", "BANG")
    if mark is not None:
        return Diagnostic(
            "FM0101", f"`{mark}` does not belong here", ctx.span(mark), help="it stands in a hole of a text only"
        )
    try:
        made = expression(required_branch(tree), ctx)
    except Broken as broken:
        # What broke without words of its own has left them behind.
        found = broken.diagnostic or (ctx.diagnostics[0] if ctx.diagnostics else None)
        return found or Diagnostic("FM0101", "this does not read", Span(NAME, 0, len(source.text)))
    # What is built part by part, such as the arms of a case, leaves its mistakes behind.
    return ctx.diagnostics[0] if ctx.diagnostics else made


def parse_query(text: str) -> ast.Path | Diagnostic:
    """The tree of a path as RFC 9535 has it: from `$` on, without blanks round the whole."""
    everything = Span(NAME, 0, len(text))
    if text != text.strip(" \t\r\n"):
        return Diagnostic("FM0126", "a blank stands before or behind the path", everything, help="take it out")
    blank = re.search(r"[\f\v\ufeff]", _TEXTS_AND_BREAKS.sub(lambda found: "x" * len(found.group()), text))
    if blank is not None:
        return Diagnostic("FM0126", "between the steps of a path stand plain blanks only", Span(NAME, *blank.span()))
    found = _built(Source(NAME, _in_one_line(text)))
    if isinstance(found, Diagnostic | ast.Path) and not (isinstance(found, ast.Path) and found.root != "$"):
        return found
    return Diagnostic("FM0126", "this is no path", everything, help="a path begins with $, as in $.data[*].name")


def _without_comments(text: str) -> str:
    """The text with blanks where comments are, so that every place in it stays."""
    return _TEXTS_AND_COMMENTS.sub(
        lambda found: " " * len(found.group()) if found.group()[0] == "#" else found.group(), text
    )


def _in_one_line(text: str) -> str:
    return _TEXTS_AND_BREAKS.sub(lambda found: " " if found.group() in "\r\n" else found.group(), text)


def _read(source: Source) -> Branch | Diagnostic:
    refused = too_large(source)
    if refused is not None:
        return refused
    result = read(source.text, (0, len(source.text)), rule="hole")
    if isinstance(result, Stuck):
        return explain_alone(source, result)
    return too_deep(result.tree, DEEPEST_EXPRESSION, source.path) or result.tree
