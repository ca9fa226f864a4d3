"""Applies the edits that leave no doubt (`Edit.safe`) to the text of a file."""

from __future__ import annotations

from collections.abc import Iterable

from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

# A mended line can show the mistake behind it, so that a long line takes several rounds.
_ROUNDS = 20


def fixed(source: Source) -> tuple[str, list[tuple[int, str]]]:
    """The text with the safe edits of its reading mistakes applied, and what they mended: line and message.

    An edit that does not take its own mistake away, or brings one to another line, is not applied: better a message than a file
    changed for nothing.
    """
    text = source.text
    mended: list[tuple[int, str]] = []
    found = parse(source)[1]
    refused: set[tuple[str, str, int]] = set()
    for _ in range(_ROUNDS):
        wanted = [one for one in found if one.edit is not None and one.edit.safe and _key(one) not in refused]
        if not wanted:
            break
        for batch in [wanted, *([one] for one in wanted)] if len(wanted) > 1 else [wanted]:
            changed, applied = _apply(text, batch)
            after = parse(Source(source.path, changed))[1]
            if applied and _better(text, found, changed, after, applied):
                mended += [(Source("", text).position(one.span.start)[0], one.message) for one in applied]
                text, found = changed, after
                break
        else:
            refused.update(_key(one) for one in wanted)
    return text, mended


def _key(one: Diagnostic) -> tuple[str, str, int]:
    return one.code, one.message, one.span.start


def _better(
    text: str, before: list[Diagnostic], changed: str, after: list[Diagnostic], applied: list[Diagnostic]
) -> bool:
    """Whether what is left stood there before, or stands further right on a line that was changed."""
    old, new = Source("", text), Source("", changed)
    edited = {old.position(one.span.start)[0]: old.position(one.span.start)[1] for one in applied}
    known = {(one.code, one.message, old.position(one.span.start)[0]) for one in before if one not in applied}
    for one in after:
        line, column = new.position(one.span.start)
        if (one.code, one.message, line) not in known and column <= edited.get(line, column):
            return False
    return True


def _apply(text: str, diagnostics: Iterable[Diagnostic]) -> tuple[str, list[Diagnostic]]:
    """All edits that do not overlap, from the end of the file, so that no place moves before its turn."""
    applied: list[Diagnostic] = []
    before = len(text) + 1
    edits = [(one, one.edit) for one in diagnostics if one.edit is not None]
    for one, edit in sorted(edits, key=lambda pair: pair[1].span.start, reverse=True):
        if edit.span.end > before or "\n" in text[edit.span.start : edit.span.end] + edit.text:
            continue
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        before = edit.span.start
        applied.append(one)
    return text, applied[::-1]
