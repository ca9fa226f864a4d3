"""Says what is wrong with a statement that does not read: the most telling explanation first, the plain one last."""

from __future__ import annotations

import re

from fieldmap.dsl import unreleased
from fieldmap.dsl.building import shortened
from fieldmap.dsl.building import unreleased as not_released
from fieldmap.dsl.diagnostics import Diagnostic, Edit
from fieldmap.dsl.expectations import describe
from fieldmap.dsl.filter_habits import FILTER_HABITS
from fieldmap.dsl.habits import HABITS
from fieldmap.dsl.language import Stuck
from fieldmap.dsl.nearly import NEARLY
from fieldmap.dsl.site import Site
from fieldmap.dsl.source import Source, Span
from fieldmap.dsl.spellings import CHARACTERS, SPELLINGS

_RESERVED = re.compile(
    r"(?:and|or|not|in|is|if|then|else|otherwise|as|at|by|via|using|per|case|true|false|null|absent)(?!\w)"
)


def explain(site: Site) -> Diagnostic:
    """One mistake of a statement."""
    for character in CHARACTERS:
        if (found := character(site)) is not None:
            return found
    if (part := unreleased.find(site.text, site.block, site.start, site.end, site.at)) is not None:
        return not_released(part.what, site.span(part.start, part.end), part.instead)
    for explanation in (*FILTER_HABITS, *NEARLY, *HABITS, *SPELLINGS):
        if (found := explanation(site)) is not None:
            return found
    return _plain(site)


def explain_hole(source: Source, where: Span, stuck: Stuck) -> Diagnostic:
    """A mistake within the braces of a text template."""
    site = Site(source, None, where.start + 1, where.end - 1, stuck.offset, stuck.tokens, stuck.expected)
    if not source.text[site.start : site.end].strip():
        return Diagnostic(
            "FM0108", "this hole is empty", where, help="write what it stands for, or `{{}}` for two braces"
        )
    for explanation in (*CHARACTERS, *FILTER_HABITS, *NEARLY, *HABITS, *SPELLINGS):
        if (found := explanation(site)) is not None:
            return found
    if (part := unreleased.find(source.text, None, site.start, site.end, site.at)) is not None:
        return not_released(part.what, site.span(part.start, part.end), part.instead)
    at = site.here(len(site.word())) if site.at < site.end else where
    return Diagnostic(
        "FM0108",
        "this hole does not read",
        at,
        help=(wanted if (wanted := _expected(site)).startswith("expected") else "")
        or "a hole holds one value, with `?` or `!` behind it",
    )


def explain_alone(source: Source, stuck: Stuck) -> Diagnostic:
    """A mistake of an expression that stands in no file."""
    site = Site(source, None, 0, len(source.text), stuck.offset, stuck.tokens, stuck.expected)
    for explanation in (*CHARACTERS, *FILTER_HABITS, *NEARLY, *HABITS, *SPELLINGS):
        if (found := explanation(site)) is not None:
            return found
    if (part := unreleased.find(source.text, None, site.start, site.end, site.at)) is not None:
        return not_released(part.what, site.span(part.start, part.end), part.instead)
    if site.at >= site.end or not site.text[site.at : site.end].strip():
        return _breaks_off(site)
    word = site.word()
    return Diagnostic("FM0101", f"`{shortened(word)}` does not belong here", site.here(len(word)), help=_expected(site))


def _plain(site: Site) -> Diagnostic:
    if site.at >= site.end:
        return _breaks_off(site)
    word = site.word()
    span = site.here(len(word))
    if (missing := _missing_sign(site)) is not None:
        return missing
    if site.at == site.start:
        return _unknown_line(site, word, span)
    if (reserved := _RESERVED.match(site.text, site.at, site.end)) and "NAME" in site.expected:
        help_ = f"write `{reserved.group()}` in backquotes where it is a name"
        edit = Edit(span, f"`{reserved.group()}`", safe=True)
        return Diagnostic("FM0113", f"`{reserved.group()}` is a word of the language", span, help=help_, edit=edit)
    if "\n" in word or word in "}":
        return _breaks_off(site)
    return Diagnostic("FM0101", f"`{shortened(word)}` does not belong here", span, help=_expected(site))


_NAMED = re.compile(r"(`\w+`|[A-Za-z_]\w*|\"[^\"\n]*\")([ \t]+)(?=[\w\"'$\[{(-])")


def _missing_sign(site: Site) -> Diagnostic | None:
    """`email text?`, `email $.email`: a field, and its sign left out."""
    block, match = site.block, _NAMED.match(site.text, site.at, site.end)
    if block is None or match is None or not site.expected & {"DECL", "FIELD"}:
        return None
    near = block.near(match.group(1))
    if near is not None and (near == match.group(1) or block.key == "map"):
        return None
    sign = ":" if "DECL" in site.expected else "="
    example = (
        {":": "email : text?", "=": "email = $.email"}[sign] if site.at > site.start or not block.entry else block.entry
    )
    return Diagnostic(
        "FM0101",
        f"a `{sign}` is missing behind `{match.group(1).strip('`')}`",
        site.span(match.start(1), match.end(1)),
        help=f"write it as in `{example}`",
        edit=Edit(site.span(match.start(2), match.end(2)), f" {sign} "),
    )


def _unknown_line(site: Site, word: str, span: Span) -> Diagnostic:
    block = site.block
    if block is None:
        return Diagnostic("FM0101", f"`{shortened(word)}` does not belong here", span)
    if word == "}":
        return Diagnostic("FM0101", "this `}` closes nothing", span, help="take it out")
    near = block.near(word) if re.fullmatch(r"\w+", word) else None
    if near is not None and near != word:
        return Diagnostic(
            "FM0101",
            f"`{word}` is not a line of {block.called}",
            span,
            help=f"did you mean `{near}`?",
            edit=Edit(span, near),
        )
    if near is not None:
        return Diagnostic(
            "FM0101",
            f"this does not read as a line of {block.called}",
            span,
            help=f"write it as in `{block.lines[near]}`",
        )
    lines = [f"`{line}`" for line in ([block.entry] if block.entry else []) + list(block.lines)]
    help_ = f"a line of {block.called} is one of {', '.join(lines)}" if len(lines) > 1 else f"write it as in {lines[0]}"
    return Diagnostic("FM0101", f"`{shortened(word)}` does not begin a line of {block.called}", span, help=help_)


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def _breaks_off(site: Site) -> Diagnostic:
    """The statement ends too early: said of the bracket that is open, or of its last word."""
    opening = _open_bracket(site)
    if opening is not None:
        char = site.text[opening]
        span = site.span(opening, opening + 1)
        return Diagnostic("FM0104", "this bracket is never closed", span, help=f"close it with `{_PAIRS[char]}`")
    written = site.text[site.start : min(site.at, site.end)].rstrip()
    end = site.start + len(written)
    start = max(site.start, end - len(re.split(r"\s", written)[-1])) if written else site.start
    help_ = _expected(site, ended=True)
    return Diagnostic("FM0104", "this breaks off before it is complete", site.span(start, end), help=help_)


def _open_bracket(site: Site) -> int | None:
    """The innermost bracket of the statement that has no other half; the brace of its block is not one."""
    open_ones: list[int] = []
    for token in site.tokens:
        start = token.start_pos or 0
        if not site.start <= start < site.end or not token.strip():
            continue
        sign = token.strip()[0]
        if sign in _PAIRS and token.type.endswith(
            ("_LPAR", "_LBRACE", "_LSQ", "_LSQ_TYPE", "_LSQ_PATH", "_DESCENDANT_LSQ")
        ):
            open_ones.append(start)
        elif sign in ")]}" and token.type.endswith(("_RPAR", "_RBRACE", "_RSQ")) and open_ones:
            open_ones.pop()
    if open_ones and site.text[open_ones[-1]] == "{" and open_ones[-1] == site.end - 1:
        open_ones.pop()
    return open_ones[-1] if open_ones else None


def _expected(site: Site, *, ended: bool = False) -> str:
    return describe(site.expected, site.block, ended=ended)
