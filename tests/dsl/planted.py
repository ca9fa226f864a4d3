"""Planted mistakes: good texts, each broken in ways that people break them, with the line where each mistake is to be told.

The texts are every block of the language's reference, set into its context, and every shipped mapping.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fieldmap.dsl.format import format_source
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source

ROOT = Path(__file__).parents[2]
_OPENS = re.compile(r"\{\s*$")
_MARK = "# the block"
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")


@dataclass(frozen=True, slots=True)
class Text:
    """A good text; only the lines from `first` to `last` (counted from 1) are broken: the others are its context."""

    name: str
    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken text. line: where the mistake is to be told, counted from 1."""

    name: str
    kind: str
    line: int
    text: str


def texts() -> list[Text]:
    """The good texts."""
    from tests.docs.test_language import CONTEXTS, blocks

    found = []
    for block in blocks():
        if block.error:
            continue
        before, _, after = CONTEXTS[block.context].partition("§")
        # Laid out, so that the block stands as deep as what it is set into; two comments tell where it is.
        marked = format_source(Source("x.map", f"{before}{_MARK}\n{block.text}{_MARK}\n{after}"))
        lines = marked.split("\n")
        first, last = (number for number, line in enumerate(lines, 1) if line.strip() == _MARK)
        found.append(Text(f"language.md:{block.line}", marked, first + 1, last - 1))
    for path in sorted((ROOT / "mappings").rglob("*.map")):
        text = path.read_text("utf-8")
        found.append(Text(path.relative_to(ROOT).as_posix(), text, 1, text.count("\n")))
    return found


# ------------------------------------------------------------------------------------- kinds of mistakes, line by line


def junk_behind(line: str) -> str | None:
    return None if _OPENS.search(line) or line.strip() == "}" else f"{line} )"


def junk_before(line: str) -> str | None:
    return None if line.strip().startswith("}") else re.sub(r"^(\s*)", r"\1) ", line)


def open_quote(line: str) -> str | None:
    """The last quote of the line is forgotten."""
    quoted = list(_QUOTED.finditer(line))
    return line[: quoted[-1].end() - 1] + line[quoted[-1].end() :] if quoted else None


def wrong_sign(line: str) -> str | None:
    return re.sub(r"\s[:=]\s", " % ", line, count=1) if re.search(r"\s[:=]\s", line) else None


def open_bracket(line: str) -> str | None:
    """The first closing bracket outside texts is forgotten."""
    bare = _QUOTED.sub(lambda match: "x" * len(match.group()), line)
    at = bare.find(")")
    return line[:at] + line[at + 1 :] if at >= 0 else None


def no_end(line: str) -> str | None:
    return re.sub(r"\s+\S+$", " @", line) if re.search(r"\S\s+\S+$", line) and not _OPENS.search(line) else None


def no_opening(line: str) -> str | None:
    return _OPENS.sub("", line) if _OPENS.search(line) else None


LINE_KINDS: list[Callable[[str], str | None]] = [
    junk_behind,
    junk_before,
    open_quote,
    wrong_sign,
    open_bracket,
    no_end,
    no_opening,
]


def code(line: str) -> str:
    """The line without its comment."""
    return re.sub(r"\s+#.*", "", line) if not line.lstrip().startswith("#") else ""


def planted(text: Text) -> Iterator[Broken]:
    """Every statement of the text with each of the eight kinds of mistake that it can have."""
    lines = text.text.split("\n")
    inside_json = _json_lines(text.text)
    for number in range(text.first, text.last + 1):
        line = code(lines[number - 1])
        if not line.strip() or number in inside_json:
            continue
        for kind in LINE_KINDS:
            broken = kind(line)
            if broken is not None and broken != line:
                yield Broken(
                    text.name, kind.__name__, number, "\n".join([*lines[: number - 1], broken, *lines[number:]])
                )
        if line.strip() == "}":
            opener = _opener(lines, number)
            yield Broken(text.name, "no_closing", opener, "\n".join([*lines[: number - 1], "", *lines[number:]]))


def _json_lines(text: str) -> set[int]:
    """The lines within JSON, which is one statement with the line above it: a mistake there is the statement's."""
    found: set[int] = set()
    for match in re.finditer(r"^ *given [^\n]*\{$", text, re.MULTILINE):
        start = text.count("\n", 0, match.end()) + 1
        indent = len(match.group()) - len(match.group().lstrip())
        for number, line in enumerate(text.split("\n")[start:], start + 1):
            found.add(number)
            if len(line) - len(line.lstrip()) <= indent and line.strip():
                break
    return found


def _opener(lines: list[str], number: int) -> int:
    """The line whose block the brace on its own line closes: the nearest above with its indentation."""
    indent = len(lines[number - 1]) - len(lines[number - 1].lstrip())
    return next(
        above
        for above in range(number - 1, 0, -1)
        if len(lines[above - 1]) - len(lines[above - 1].lstrip()) == indent and _OPENS.search(code(lines[above - 1]))
    )


# -------------------------------------------------------------------------------------------------------- measurement


def told(text: str) -> list[int]:
    """The lines at which the parser tells mistakes."""
    source = Source("x.map", text)
    return [source.position(one.span.start)[0] for one in parse(source)[1]]


@dataclass
class Singles:
    """How files with one mistake were answered: exact is one message at its line."""

    counts: Counter[str] = field(default_factory=Counter)
    inexact: list[tuple[Broken, list[int]]] = field(default_factory=list)

    def add(self, broken: Broken) -> None:
        lines = told(broken.text)
        how = (
            "exact"
            if lines == [broken.line]
            else "missed"
            if not lines
            else "elsewhere"
            if len(lines) == 1
            else "with follow-ons"
        )
        self.counts[how] += 1
        if how != "exact":
            self.inexact.append((broken, lines))


def several(texts_: list[Text], seed: int, mistakes: int = 20, length: int = 95) -> tuple[str, list[int]]:
    """A file of about `length` lines of whole texts, with so many mistakes of five kinds on different lines."""
    chance = random.Random(seed)  # noqa: S311
    files = [text for text in texts_ if text.first == 1 and text.text.count("\n") < length]
    lines: list[str] = []
    while len(lines) < length:
        lines += chance.choice(files).text.rstrip("\n").split("\n")
    inside_json = _json_lines("\n".join(lines))
    kinds = [junk_behind, junk_before, open_quote, wrong_sign, open_bracket, no_end]
    chosen = chance.sample(kinds, 5)
    wanted: list[int] = []
    for index in chance.sample(range(len(lines)), len(lines)):
        line = code(lines[index])
        if not line.strip() or index + 1 in inside_json or len(wanted) == mistakes:
            continue
        choices = [new for kind in chosen if (new := kind(line)) is not None and new != line]
        if choices:
            lines[index] = chance.choice(choices)
            wanted.append(index + 1)
    return "\n".join(lines), sorted(wanted)


@dataclass
class Severals:
    """How files with many mistakes were answered: perfect is one message at each line, and none elsewhere."""

    files: int = 0
    perfect: int = 0
    mistakes: int = 0
    missed: int = 0
    surplus: int = 0
    imperfect: list[tuple[int, list[int], list[int]]] = field(default_factory=list)

    def add(self, texts_: list[Text], seed: int) -> None:
        text, wanted = several(texts_, seed)
        found = told(text)
        missed = Counter(wanted) - Counter(found)
        surplus = Counter(found) - Counter(wanted)
        self.files += 1
        self.mistakes += len(wanted)
        self.missed += missed.total()
        self.surplus += surplus.total()
        if missed or surplus:
            self.imperfect.append((seed, sorted(missed.elements()), sorted(surplus.elements())))
        else:
            self.perfect += 1
