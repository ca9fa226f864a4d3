"""Habits met within the brackets of a path, where the signs are those of RFC 9535."""

from __future__ import annotations

import re
from collections.abc import Callable

from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.site import Site

_SIGNS = {"=": "==", "<>": "!=", "===": "==", "!==": "!=", "=>": ">=", "=<": "<=", "&": "&&", "|": "||"}
_WORDS = {"and": "&&", "or": "||"}


def _after_operand(site: Site) -> bool:
    return "_AMPERSANDS" in site.expected or ("COMPARE" in site.expected and "PLUS" not in site.expected)


def _before_operand(site: Site) -> bool:
    return "CURRENT" in site.expected


def _joining(site: Site) -> Diagnostic | None:
    """`@.a == 1 and @.b`, `@.a & @.b`"""
    if not _after_operand(site):
        return None
    word = site.word()
    ours = _WORDS.get(word.lower())
    if ours is not None:
        help_ = f"outside the brackets it is `{word.lower()}`"
        return site.says("FM0105", f"in a filter `{word}` is written `{ours}`", site.here(len(word)), help_, ours)
    match = re.compile(r"===|!==|<>|=>|=<|=(?!=)|&(?!&)|\|(?!\|)").match(site.text, site.at, site.end)
    if match is not None:
        ours = _SIGNS[match.group()]
        return site.says(
            "FM0105",
            f"in a filter `{match.group()}` is written `{ours}`",
            site.here(len(match.group())),
            f"write `{ours}`",
            ours,
        )
    return None


def _absent(site: Site) -> Diagnostic | None:
    """`@.left is absent`, `@.kind in ["a", "b"]`"""
    if not _after_operand(site):
        return None
    match = re.compile(r"is(?!\w)[ \t]*(not(?!\w))?").match(site.text, site.at, site.end)
    if match is not None:
        help_ = "a path alone asks whether it is there: `?@.left`; `?!@.left` asks whether it is not"
        return site.says("FM0105", "a filter has no `is`", site.here(2), help_)
    if re.compile(r"(?:not[ \t]+)?in(?!\w)").match(site.text, site.at, site.end):
        help_ = 'write the comparisons one by one: `@.kind == "a" || @.kind == "b"`'
        return site.says("FM0105", "a filter has no `in`", site.here(len(site.word())), help_)
    return None


def _negation(site: Site) -> Diagnostic | None:
    """`not @.left`"""
    match = re.compile(r"not(?!\w)[ \t]*", re.IGNORECASE).match(site.text, site.at, site.end)
    if match is None or not _before_operand(site):
        return None
    span = site.here(match.end() - site.at)
    return site.says("FM0105", "in a filter `not` is written `!`", span, "it stands before a path or brackets", "!")


def _rootless(site: Site) -> Diagnostic | None:
    """`[?kind == "a"]`, `[?.kind == "a"]`, `[?@page.x]`"""
    if not _before_operand(site):
        return None
    match = re.compile(r"([A-Za-z_]\w*)([ \t]+)\(").match(site.text, site.at, site.end)
    if match is not None:
        over = site.span(match.start(2), match.end(2))
        return site.says("FM0110", "no blank stands between a function and its brackets", over, "take it out", "", over)
    match = re.compile(r"\.?([A-Za-z_]\w*)(?![\w(])").match(site.text, site.at, site.end)
    if match is not None and match.group(1).lower() in ("true", "false", "null", "none", "absent"):
        word = match.group(1)
        ours = "null" if word.lower() in ("none", "absent", "null") else word.lower()
        return site.says("FM0105", f"in a filter `{word}` is written `{ours}`", site.here(len(word)), "", ours)
    if match is not None:
        written = f"@.{match.group(1)}"
        return site.says(
            "FM0110",
            "in a filter a member of the element begins with `@.`",
            site.here(len(match.group())),
            f"write `{written}`",
            written,
        )
    match = re.compile(r"@\w+").match(site.text, site.at, site.end)
    if match is not None:
        help_ = "there it is `@` for the element and `$` for the record"
        return site.says("FM0120", f"{match.group()} cannot stand in a filter", site.here(len(match.group())), help_)
    return None


def _unmarked(site: Site) -> Diagnostic | None:
    """`$.items[@.open]`, `$.items[(@.open)]`"""
    if "_FILTER" in site.expected and re.match(r"\(?[ \t]*[@!]", site.after):
        here = site.span(site.at, site.at)
        return site.says("FM0110", "a filter begins with `?`", site.here(1), "write `[?@.open]`", "?", here)
    return None


FILTER_HABITS: tuple[Callable[[Site], Diagnostic | None], ...] = (_joining, _absent, _negation, _rootless, _unmarked)
