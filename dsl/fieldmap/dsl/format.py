"""The canonical layout: two blanks a level, columns for lines of one kind, comments where they were.

It works on the tokens and never on the tree, so that it cannot change what a file means; a file with mistakes is not touched.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from fieldmap.dsl.diagnostics import Diagnostic, Severity
from fieldmap.dsl.language import Stuck, read
from fieldmap.dsl.layout import Line, Word, gap, lines
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

_WIDEST_COLUMN = 44
_WIDEST_LINE = 110
_TAGS = {"TAG", "DEPRECATED", "ROUNDED", "MUST_EXIST"}


class Unformattable(ValueError):
    """A file with mistakes, which keeps its layout until they are mended."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(f"{len(diagnostics)} mistakes keep this file from being formatted")
        self.diagnostics = tuple(diagnostics)


def format_source(source: Source) -> str:
    """The file's text in canonical layout. Raises `Unformattable` with its mistakes if there are any."""
    _, diagnostics = parse(source)
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    result = read(source.text, (0, len(source.text)))
    if errors or isinstance(result, Stuck):
        raise Unformattable(errors)
    return "".join(f"{line}\n" for line in _written(lines(source.text, result.tokens)))


def _written(all_lines: list[Line]) -> Iterator[str]:
    for _, group in groupby(_runs(all_lines), key=lambda numbered: numbered[0]):
        run = [line for _, line in group]
        bodies = _aligned(run)
        for line, text in zip(run, _with_comments(run, bodies), strict=True):
            if line.blank:
                yield ""
            yield text


def _runs(all_lines: list[Line]) -> Iterator[tuple[int, Line]]:
    """Numbers the runs: lines of one kind and block, without an empty line between them. A comment line interrupts none."""
    number, current = 0, ""
    for line in all_lines:
        kind = "" if not line.words else f"{line.indent} {line.block} {_kind(line)}"
        if line.blank or (line.words and kind != current):
            number += 1
            current = kind
        yield number, line


# ------------------------------------------------------------------------------------------------------------ columns


def _kind(line: Line) -> str:
    """What a line is, as far as columns go; "" if it has none."""
    if not line.starts or not line.words:
        return ""
    kinds = [word.kind for word in line.words]
    if line.opens and (
        not {"DECL", "PLAIN"} & set(kinds[:2])
        or line.block not in ("_ENTITY", "_SHAPE", "DECL", "PLAIN", "_CODES", "_CASE")
    ):
        return ""
    match line.block:
        case "_ENTITY" | "_TABLE" if "DECL" in kinds[:2]:
            return "field"
        case "_SHAPE" | "DECL" | "PLAIN" | "_COLUMNS" if kinds[0] in ("DECL", "PLAIN"):
            return "member"
        case "_MERGE" if kinds[0] in ("NAME", "DEFAULT"):
            return "rule"
        case "_CODES" | "_CASE":
            return "arm"
        case "_FN" if kinds[0] != "_LET":
            return "setting"
        case "_CONNECTOR" | "_RESOURCE" | "_AUTH" | "_FILES" | "_FORMAT" | "_DELETES":
            # `for each jobs as j get` is one word and a sentence.
            return "setting" if kinds[0] != "_FOR" else ""
        case "_EXPECT":
            return "assignment"
    return {"FIELD": "assignment", "_LET": "let"}.get(kinds[0], "")


def _cells(line: Line) -> list[list[Word]]:
    """The words of a line, cut where its columns begin."""
    words = line.words
    cuts: list[int]
    match _kind(line):
        case "field" | "member":
            colon = _first(words, lambda word: word.kind == "_COLON", 0)
            tail = _first(words, lambda word: word.kind in _TAGS or word.kind == "_ABSENT_WHEN", colon, top=True)
            doc = (
                len(words) - 1
                if _kind(line) == "field" and words[-1].kind == "PLAIN" and _ends_in_doc(words)
                else len(words)
            )
            cuts = [colon, min(tail, doc), doc]
        case "assignment":
            cuts = [1]
        case "rule" | "setting":
            cuts = [1]
        case "let":
            cuts = [2]
        case "arm":
            cuts = [_first(words, lambda word: word.kind == "_ARROW", 0)]
        case _:
            cuts = []
    if words[0].kind == "ELSE_ARROW":
        return [[Word("_ELSE", "else")], [Word("_ARROW", "->"), *words[1:]]]
    return [words[start:end] for start, end in zip([0, *cuts], [*cuts, len(words)], strict=True)]


def _first(words: Sequence[Word], found: Callable[[Word], bool], start: int, *, top: bool = False) -> int:
    """The index of the first such word, outside any braces if `top`; the number of words if there is none."""
    depth = 0
    for index in range(start, len(words)):
        depth += {"_LBRACE": 1, "_RBRACE": -1}.get(words[index].kind, 0)
        if found(words[index]) and (depth == 0 or not top):
            return index
    return len(words)


def _ends_in_doc(words: Sequence[Word]) -> bool:
    """Whether the last text of a field is its description, and not the advice of `deprecated` or a pattern."""
    return words[-2].kind not in ("DEPRECATED", "_MATCHING", "_FROM")


def _aligned(run: list[Line]) -> list[str]:
    """The lines of a run, without their comments."""
    rows = [_columns(line) for line in run]
    count = max(len(row) for row in rows)
    for column in range(count - 1):
        widths = [width(row[column]) for row in rows if len(row) > column + 1 and any(row[column + 1 :])]
        widths = [one for one in widths if one <= _WIDEST_COLUMN] or [0]
        for row in rows:
            if len(row) > column + 1 and any(row[column + 1 :]):
                row[column] = row[column] + " " * (max(widths) - width(row[column])) + _distance(column, row[column])
    return ["  " * line.indent + "".join(row).rstrip() for line, row in zip(run, rows, strict=True)]


def _distance(column: int, cell: str) -> str:
    """Names keep one blank from what follows, later columns two; an empty cell needs none of its own."""
    return " " if column == 0 else "  " if cell.strip() or column > 0 else ""


def _columns(line: Line) -> list[str]:
    if not line.words:
        return [""]
    if _kind(line):
        return [_joined(cell) for cell in _cells(line)]
    return [_joined(line.words)]


def _joined(words: Sequence[Word]) -> str:
    text = ""
    for index, word in enumerate(words):
        before = gap(words[index - 1], word) if index else ""
        if word.text == ";" and word.kind == "_NL":
            before = ""
        text += before + word.text
    return text


# ----------------------------------------------------------------------------------------------------------- comments


def _with_comments(run: list[Line], bodies: list[str]) -> list[str]:
    """Comments behind code stand in one column where they follow each other."""
    texts = list(bodies)
    for has_comment, group in groupby(range(len(run)), key=lambda index: bool(run[index].words and run[index].comment)):
        indexes = list(group)
        column = max(width(bodies[index].rpartition("\n")[2]) for index in indexes) + 2
        for index in indexes:
            line, body = run[index], bodies[index]
            if has_comment:
                length = width(body.rpartition("\n")[2])
                fits = column + len(line.comment) <= _WIDEST_LINE
                texts[index] = body + " " * ((column if fits else length + 2) - length) + line.comment
            elif line.comment:
                texts[index] = "  " * line.indent + line.comment
    return texts


def width(text: str) -> int:
    """How many columns a text takes on a screen: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
