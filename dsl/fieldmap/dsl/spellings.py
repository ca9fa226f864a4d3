"""Numbers, paths, units, characters and texts that are nearly written as the language writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace

from fieldmap.dsl import templates
from fieldmap.dsl.building import shortened
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Stuck, read
from fieldmap.dsl.site import Site
from fieldmap.dsl.source import Source, Span

_FOREIGN = {
    "“": ('"', "a typographic quote"), "”": ('"', "a typographic quote"), "„": ('"', "a typographic quote"),
    "‘": ("'", "a typographic quote"), "’": ("'", "a typographic quote"), "–": ("-", "a dash"), "—": ("-", "a dash"),
    "−": ("-", "a typographic minus"), "\u00a0": (" ", "a no-break space"), "\u202f": (" ", "a no-break space"),
    "\u3000": (" ", "a wide space"), "\u200b": ("", "an invisible space"), "×": ("*", "a typographic sign"),
    "≤": ("<=", "a typographic sign"), "≥": (">=", "a typographic sign"), "≠": ("!=", "a typographic sign"),
    "→": ("->", "a typographic sign"), "÷": ("/", "a typographic sign"),
}  # fmt: skip
# Characters that look like a blank or like nothing.
_UNSEEN = set(
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u00ad\u180e\u200b\u200c\u200d\u2060\ufeff"
)
_UNSEEN |= set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ORDINARY = set("()[]{}<>=!&|+*/-.,:;?\"'#$@%`^~\\")
_PLAIN = re.compile(r"\"(?>(?:[^\"\\\n]+|\\[^\n])*)\"|'[^'\n]*'")
_LONG_UNITS = {"in": "inch", "at": "technical_atmosphere", "as": "attosecond"}


def _text(site: Site) -> Diagnostic | None:
    """A text that is not closed on its line, or whose braces do not pair."""
    quote = site.text[site.at : site.at + 1]
    if quote not in ('"', "'"):
        return None
    line_end = site.text.find("\n", site.at)
    line_end = len(site.text) if line_end < 0 else line_end
    match = _PLAIN.match(site.text, site.at, line_end)
    if match is None:
        written = site.text[site.at : line_end].rstrip()
        span = site.span(site.at, site.at + len(written))
        return site.says(
            "FM0107",
            "this text is not closed on its line",
            span,
            f"end it with {quote}; no text goes over a line's end",
        )
    if "TEMPLATE" not in site.expected or quote == "'":
        return None
    try:
        parts = templates.split(site.text, site.at, match.end())
    except templates.TemplateMistake as mistake:
        place = site.span(mistake.start, mistake.end)
        return site.says("FM0108", mistake.message, place, "a brace that is meant as text is doubled: `{{` and `}}`")
    for part in parts:
        if isinstance(part, templates.HolePart):
            result = read(site.text, (part.start + 1, part.end - 1), rule="hole")
            if isinstance(result, Stuck):
                return site.says("FM0108", "this hole does not read", site.span(part.start, part.end))
    return None


def _character(site: Site) -> Diagnostic | None:
    """A character of no use here; or one that nobody sees, within or behind the word that stands here."""
    behind = site.at + len(site.word())
    if site.word().isalnum() and site.text[behind : min(behind + 1, site.end)] in _UNSEEN:
        return _foreign(site, behind)
    return _foreign(site, site.at)


def _foreign(site: Site, at: int) -> Diagnostic | None:
    site = replace(site, at=at)
    char = site.text[site.at : min(site.at + 1, site.end)]
    word = site.word()
    if char.isalpha() and not word.isascii():
        help_ = (
            'names have the letters a to z, digits and `_`; a member of another name is written in quotes: `$["größe"]`'
        )
        return site.says("FM0106", "a name is written with the letters a to z", site.here(len(word)), help_)
    if char in _FOREIGN:
        ours, called = _FOREIGN[char]
        help_ = f"write `{ours}`" if ours.strip() else "write a plain blank" if ours else "take it out"
        return site.says("FM0106", f"this is {called}, which the language does not use", site.here(1), help_, ours)
    if char in _UNSEEN:
        message = f"an invisible character, U+{ord(char):04X}, stands here"
        return site.says("FM0106", message, site.here(1), "take it out", "")
    if not char or (char.isascii() and (char.isalnum() or char == "_" or char in _ORDINARY or char.isspace())):
        return None
    if char == "_" or char in "°µμΩ·":
        return None
    shown = f"U+{ord(char):04X}" if not char.isprintable() else f"`{char}`"
    return site.says("FM0106", f"{shown} is a character that the language does not use", site.here(1), "take it out")


_NEVER_WRITTEN = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def never_written(source: Source) -> Iterator[Diagnostic]:
    """Characters that stand in no text and no comment either: they steer a terminal, or make a line look as if it said something
    else. Where a text is to hold one, an escape shows it."""
    for match in _NEVER_WRITTEN.finditer(source.text):
        number = f"{ord(match.group()):04x}"
        turns = unicodedata.category(match.group()) == "Cf"
        called = "a mark that turns the direction of writing" if turns else "a control character"
        span = Span(source.path, match.start(), match.end())
        help_ = "take it out" + (f"; a text that has to hold it says \\u{number}" if number != "0000" else "")
        yield Diagnostic("FM0106", f"{called}, U+{number.upper()}, stands here", span, help=help_)


def _hyphenated_member(site: Site) -> Diagnostic | None:
    """`$.first-name`"""
    rest = re.compile(r"(?:-[A-Za-z_]\w*)+").match(site.text, site.at, site.end)
    last = site.tokens[-1] if site.tokens else None
    if rest is None or last is None or last.type != "DOT_NAME" or last.end_pos != site.at or last.start_pos is None:
        return None
    span = site.span(last.start_pos, rest.end())
    name = site.text[last.start_pos + 1 : rest.end()]
    return site.says(
        "FM0110",
        f"a member with a hyphen is written in quotes, and `{name}` is not",
        span,
        "a minus has a blank on both sides",
        f'["{name}"]',
    )


def _tight_minus(site: Site) -> Diagnostic | None:
    """`a -5`, `a-b`"""
    if not site.in_value or not re.match(r"-\S", site.after) or site.after.startswith(("->", "--")):
        return None
    return site.says("FM0110", "a minus between two values has a blank behind it", site.here(1), "write `a - b`", "- ")


def _rootless(site: Site) -> Diagnostic | None:
    """`$name`, `.name`, `$.`"""
    if not site.wants_value and not site.after.startswith("$") and "ROOT" not in site.expected:
        return None
    match = re.compile(r"\$(?=[A-Za-z_])").match(site.text, site.at, site.end)
    if match is not None:
        return site.says(
            "FM0110", "a member stands behind a dot", site.here(len(site.word())), "write `$.name`", "$.", site.here(1)
        )
    match = re.compile(r"\.[A-Za-z_]\w*").match(site.text, site.at, site.end)
    if match is not None:
        return site.says(
            "FM0110",
            "a path begins with `$`",
            site.here(len(match.group())),
            f"write `${match.group()}`",
            "$",
            site.span(site.at, site.at),
        )
    return None


def _unfinished_step(site: Site) -> Diagnostic | None:
    """`$.a.`, `$.data[]`, `$.a[b]`"""
    if site.after.startswith("]") and site.before.rstrip().endswith("["):
        return site.says(
            "FM0110", "all elements of a list are `[*]`", site.here(1), "write `[*]`, or one element's number", "*]"
        )
    word = site.word()
    if {"INDEX", "_ANY"} <= site.expected and word.strip():
        if re.fullmatch(r"[A-Za-z_]\w*", word):
            return site.says(
                "FM0110",
                "a name in brackets stands in quotes",
                site.here(len(word)),
                f'write `["{word}"]`',
                f'"{word}"',
            )
        return site.says(
            "FM0110",
            f"`{shortened(word)}` is no step of a path",
            site.here(len(word)),
            'a step is `.name`, `["name"]`, `[0]` or `[*]`',
        )
    if re.match(r"\.(?![A-Za-z_.*])", site.after) and "DOT_NAME" in site.expected:
        return site.says(
            "FM0110", "a name is missing behind this dot", site.here(1), 'a step is `.name`, `["name"]`, `[0]` or `[*]`'
        )
    return None


def _number(site: Site) -> Diagnostic | None:
    """`.5`, `5.`, `+5`, `1_000`, `1.2.3`"""
    if "NUMBER" not in site.expected and not re.search(r"\d\Z", site.before):
        return None
    match = re.compile(r"[+-]?(?:\.\d[\w.]*|\d[\d_.]*\w*)").match(site.text, site.at, site.end)
    tail = re.compile(r"[_.]\w*").match(site.text, site.at, site.end)
    if re.search(r"\d\Z", site.before) and tail is not None and site.tokens and site.tokens[-1].end_pos == site.at:
        return site.says(
            "FM0110", "a number has digits and one point only", site.here(len(tail.group())), "write `1000` or `1.5`"
        )
    if match is None or "NUMBER" not in site.expected:
        return None
    written = match.group()
    plain = written.removeprefix("+")
    plain = f"0{plain}" if plain.startswith(".") else plain.removesuffix(".")
    mended = plain if re.fullmatch(r"-?\d+(?:\.\d+)?", plain) else None
    return site.says(
        "FM0110",
        f"`{shortened(written)}` is not a number of the language",
        site.here(len(written)),
        "write `1000` or `1.5`",
        mended,
    )


def _keyword_as_unit(site: Site) -> Diagnostic | None:
    """`x in in`, `5 in`"""
    if "UNIT" not in site.expected:
        return None
    match = re.compile(r"(in|at|as)(?!\w)").match(site.text, site.at, site.end)
    if match is not None:
        word, span = match.group(1), site.here(2)
    elif (earlier := re.search(r"\d[ \t]*(in)[ \t]*\Z", site.before)) and not site.after.strip():
        word, span = earlier.group(1), site.span(site.start + earlier.start(1), site.start + earlier.end(1))
    else:
        return None
    return site.says(
        "FM0110",
        f"`{word}` is a word of the language, not a unit",
        span,
        f"write the unit `{_LONG_UNITS[word]}`",
        _LONG_UNITS[word],
    )


def _function_after_in(site: Site) -> Diagnostic | None:
    """`x in lower($.unit)`"""
    earlier = re.search(r"(?<!\w)in[ \t]+(\w+)[ \t]*\Z", site.before)
    match = re.compile(r"\([^()\n]*\)").match(site.text, site.at, site.end)
    if earlier is None or match is None:
        return None
    span = site.span(site.start + earlier.start(1), match.end())
    call = site.text[span.start : span.end]
    return site.says(
        "FM0110", "a unit that is calculated stands in brackets", span, f"write `({shortened(call)})`", f"({call})"
    )


def _bare_pattern(site: Site) -> Diagnostic | None:
    """`as date(MM/dd/yyyy)`"""
    earlier = re.search(r"(?<!\w)as[ \t]+\w+[ \t]*\(([^()\"'\n]*)\Z", site.before)
    close = site.text.find(")", site.at, site.end)
    if earlier is None or close < 0 or site.after.startswith(("$", "@")):
        return None
    start = site.start + earlier.start(1)
    pattern = site.text[start:close].strip()
    if any(quote in pattern for quote in "\"'("):
        return None
    return site.says(
        "FM0110", "a pattern stands in quotes", site.span(start, close), 'write `as date("MM/dd/yyyy")`', f'"{pattern}"'
    )


def _json(site: Site) -> Diagnostic | None:
    """The document of an example, which is JSON and nothing else."""
    if not any(terminal.startswith(("JSON_", "_JSON_")) for terminal in site.expected - {"JSON_LBRACE", "JSON_NULL"}):
        return None
    word = site.word()
    if word.startswith("'"):
        return site.says(
            "FM0110",
            "JSON has double quotes only",
            site.here(len(word)),
            "write the text in double quotes",
            _double_quoted(word),
        )
    if re.fullmatch(r"[A-Za-z_]\w*", word):
        return site.says(
            "FM0110",
            "in JSON every name and text stands in quotes",
            site.here(len(word)),
            f'write `"{word}"`',
            f'"{word}"',
        )
    if word in ("}", "]") and site.before.rstrip().endswith(","):
        return site.says("FM0110", f"JSON has no comma before `{word}`", site.here(1), "take the comma out")
    if word == "#":
        return site.says("FM0110", "JSON has no comments", site.here(1), "write the comment above the example")
    return None


def _double_quoted(word: str) -> str | None:
    return f'"{word[1:-1]}"' if '"' not in word and "\\" not in word else None


SPELLINGS: tuple[Callable[[Site], Diagnostic | None], ...] = (
    _json,
    _hyphenated_member,
    _keyword_as_unit,
    _function_after_in,
    _bare_pattern,
    _unfinished_step,
    _rootless,
    _number,
    _tight_minus,
)
CHARACTERS: tuple[Callable[[Site], Diagnostic | None], ...] = (_text, _character)
