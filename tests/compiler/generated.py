"""Inputs for the checker that know the grammar: sentences derived from its rules, and good projects with parts exchanged.

Every terminal is written as some good text writes it, and an exchanged part is one of the same kind from another place. So most of the
inputs read, and meet the checker with what nobody would write.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from functools import cache
from itertools import pairwise

from hypothesis import strategies as st
from lark import Tree
from lark.grammar import NonTerminal, Rule, Symbol
from tests.dsl.helpers import FIXTURES
from tests.dsl.planted import ROOT

from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.dsl.language import Parsed, lark, read

DEEPEST = 16
# Terminals that no good text here has.
SAMPLES = {
    "VARIABLE": "@key", "INDEX": "-1", "FILTER_WORD": "true", "_DESCENDANT_LSQ": "..[", "BANG": "!", "_DOT_ANY": ".*", "_DESCENDANT_ANY": "..*",
    "COLON": ":", "_PIPES": "||", "PLUS": "+", "MINUS": "- ", "_NEGATE": "-", "_FORMAT": "format", "_NONE": "none", "OLDEST": "oldest",
    "MIN": "min", "MAX": "max", "LONGEST": "longest", "MOST_COMMON": "most common", "UNION": "union", "AGREE": "agree",
    "NULL_WINS": "null wins", "_DUPLICATES": "duplicates", "_KEEPS_HISTORY": "keeps history", "DELETED": "deleted", "NOT": "not", "NOT_IN_LIST": "not in", "MISSING": "missing",
    "JSON_NULL": "json null", "_ASSUMED": "assumed", "_TLS": "tls", "_LIMIT": "limit", "_REQUESTS": "requests", "_BREAKER": "breaker",
    "_OPENS": "opens", "_AFTER": "after", "_FAILURES": "failures", "_PROBES": "probes", "_ODATA4": "odata4", "_LINK": "link",
    "_OFFSET": "offset", "_NUMBERED": "number", "_KEYSET": "keyset", "_TOTAL": "total", "_MORE": "more", "_WRITTEN": "written",
    "_AT_ONCE": "at once", "_METADATA": "metadata", "_S3": "s3", "_URL": "url", "_MARKED_BY": "marked by", "_OLDEST_FIRST": "oldest first",
    "_BY_ABSENCE": "by absence", "_REFUSE": "refuse", "_ABOVE": "above",
}  # fmt: skip
TYPES = [
    "text", "int", "bool", "float", "date", "time", "datetime", "duration", "uuid", "json", "decimal(9, 2)", "decimal(9, 2) in km",
    "decimal(9, 2) in degC", "money(12, 2)", "money(12, 2) in EUR per year", "enum { active, leave }", "A", "email", "country",
    "quantity in each or kg", "list of text", "list of decimal(8, 2)",
]  # fmt: skip


@cache
def projects() -> tuple[str, ...]:
    """Good projects of one file: the blocks of the reference in their contexts, the shipped mappings, the fixtures."""
    from tests.docs.test_language import blocks

    found = [block.project for block in blocks() if not block.error]
    found += [path.read_text("utf-8") for path in sorted((ROOT / "mappings").rglob("*.map"))]
    found += [path.read_text("utf-8") for path in FIXTURES]
    whole = ROOT / "mappings"
    for folder in (whole / "starter", whole / "demo"):  # several files as one, so that names meet what they name
        texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.map"))]
        found.append("\n".join(line for text in texts for line in text.split("\n") if not line.startswith("use ")))
    return tuple(found)


# ----------------------------------------------------------------------------------------------------- how it is written


@cache
def _written() -> tuple[dict[tuple[str, ...], list[str]], dict[tuple[str, str], list[str]]]:
    """The texts of each terminal in good projects, alone and between its neighbours; and what stands between two that follow each other.

    So a name before a bracket is mostly that of a function, and one behind `via` that of a code list.
    """
    texts: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    gaps: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for project in projects():
        parsed = read(project, (0, len(project)))
        assert isinstance(parsed, Parsed)
        kinds = ["", *(token.type for token in parsed.tokens), ""]
        for index, token in enumerate(parsed.tokens):
            texts[(token.type,)][str(token)] = None
            texts[tuple(kinds[index : index + 3])][str(token)] = None
        for before, token in pairwise(parsed.tokens):
            gaps[before.type, token.type][project[before.end_pos : token.start_pos]] = None
    return {name: list(found) for name, found in texts.items()}, {pair: list(found) for pair, found in gaps.items()}


@cache
def _rules() -> tuple[dict[Symbol, list[Rule]], dict[Symbol, int]]:
    """The rules by what they derive, and the depth of the flattest derivation of each."""
    by_origin: dict[Symbol, list[Rule]] = defaultdict(list)
    for rule in lark().rules:
        by_origin[rule.origin].append(rule)
    depths: dict[Symbol, int] = {}
    while len(depths) < len(by_origin):
        for origin, rules in by_origin.items():
            known = [_depth(rule, depths) for rule in rules]
            best = min((depth for depth in known if depth is not None), default=None)
            if best is not None:
                depths[origin] = best
    return by_origin, depths


def _depth(rule: Rule, depths: dict[Symbol, int]) -> int | None:
    parts = [0 if symbol.is_term else depths.get(symbol) for symbol in rule.expansion]
    return None if None in parts else 1 + max((part for part in parts if part is not None), default=0)


def derived(start: str, chance: random.Random) -> str:
    """A sentence of the rule, with every terminal as good texts write it."""
    texts, gaps = _written()
    kinds = ["", *_terminals(NonTerminal(start), chance, DEEPEST), ""]
    words: list[str] = []
    for index, kind in enumerate(kinds[1:-1]):
        before, after = kinds[index], kinds[index + 2]
        known = texts.get((before, kind, after)) if chance.random() < 0.9 else None
        words.append(chance.choice(gaps.get((before, kind)) or [" "]))
        words.append(chance.choice(known or texts.get((kind,)) or [SAMPLES[kind]]))
    return "".join(words).strip()


def _terminals(symbol: Symbol, chance: random.Random, room: int) -> list[str]:
    if symbol.is_term:
        return [symbol.name]
    by_origin, depths = _rules()
    rules = by_origin[symbol]
    fitting = [rule for rule in rules if (_depth(rule, depths) or 0) <= room]
    rule = chance.choice(fitting or [min(rules, key=lambda rule: _depth(rule, depths) or 0)])
    return [name for part in rule.expansion for name in _terminals(part, chance, room - 1)]


# ---------------------------------------------------------------------------------------------------- exchanged parts


@cache
def _parts() -> tuple[list[list[tuple[str, int, int]]], dict[str, list[str]]]:
    """The parts of each project (kind, from, to), and all texts of a kind."""
    places: list[list[tuple[str, int, int]]] = []
    texts: dict[str, dict[str, None]] = defaultdict(dict)
    values = _kinds_of_values()
    for project in projects():
        parsed = read(project, (0, len(project)))
        assert isinstance(parsed, Parsed)
        found = []
        for tree in parsed.tree.iter_subtrees():
            if tree.data == "file" or tree.meta.empty:
                continue
            kind = "value" if tree.data in values else str(tree.data)
            start, end = tree.meta.start_pos, tree.meta.end_pos
            found.append((kind, start, end))
            texts[kind][project[start:end].rstrip()] = None
        for token in parsed.tokens:
            if token.strip() and token.type[0] != "_":
                found.append((token.type, token.start_pos or 0, token.end_pos or 0))
                texts[token.type][str(token)] = None
        places.append(found)
    return places, {kind: list(found) for kind, found in texts.items()}


def _kinds_of_values() -> set[str]:
    """The kinds of trees that stand to the right of a `=`, and so may each stand for the other."""
    kinds: set[str] = set()
    for project in projects():
        parsed = read(project, (0, len(project)))
        assert isinstance(parsed, Parsed)
        for tree in parsed.tree.find_pred(
            lambda tree: tree.data in ("assignment", "let", "gives", "when", "comparison")
        ):
            kinds |= {str(child.data) for child in tree.children if isinstance(child, Tree)}
    return kinds - {"name", "outcome", "text"}


def exchanged(index: int, chance: random.Random, count: int) -> str:
    """A project with some of its parts exchanged for others of their kind, or derived anew."""
    places, texts = _parts()
    text = projects()[index]
    taken: list[tuple[int, int]] = []
    changes: list[tuple[int, int, str]] = []
    for _ in range(count):
        kind, start, end = chance.choice(places[index])
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            continue
        taken.append((start, end))
        new = value(chance, 2) if kind == "value" and chance.random() < 0.3 else chance.choice(texts[kind])
        changes.append((start, end, new))
    for start, end, new in sorted(changes, reverse=True):
        behind = text[start:end][len(text[start:end].rstrip()) :]
        text = text[:start] + new + behind + text[end:]
    return text


@st.composite
def sentences(draw: st.DrawFn) -> str:
    """Whole files, derived."""
    chance = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311
    return "\n".join(derived("file", chance) for _ in range(draw(st.integers(1, 3))))


@st.composite
def projects_with_parts_exchanged(draw: st.DrawFn) -> str:
    index = draw(st.integers(0, len(projects()) - 1))
    chance = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311
    return exchanged(index, chance, draw(st.integers(1, 6)))


ATOMS = [
    "$.a", "$.b.c", "$.l[*]", "$.l[*].x", "$.l[?@.x == 1].y", "$..z", "@fetched_at", "@url", '@header("etag")', "@envelope.q", "12", "-1.5", "2e3", "5 km",
    "3 USD", "-5 degC", "2 USD/kg", '"x"', "'y'", '"{$.a!} {$.b?}"', "true", "absent", "active", "$", "order.l[*]", '"2026-03-01"', "1 lb",
]  # fmt: skip
# How values are put together; a letter in capitals stands for one more value.
FORMS = [
    "A otherwise B", "(A otherwise B)", "A + B", "(A) - (B)", "A * B", "(A) / (B)", "-(A)", "A == B", "(A) != (B)", "(A) < (B)", "not (A)",
    "(A) and (B)", "(A) or (B)", "if A then B else C", "(A) in km", "(A) in lb", "(A) in degC", "(A) in EUR", "(A) in $.cur", "(A) in EUR per month",
    "(A) in USD/h", "(A) in unit($.u, unece)", "(A) in unit($.u)", "(A) as decimal", '(A) as decimal("1.234,56")', "(A) as int", "(A) as text",
    '(A) as date("dd.MM.yyyy")', "(A) as date", "(A) as datetime(epoch ms)", '(A) as datetime("yyyy-MM-dd HH:mm") at "Europe/Berlin"',
    "(A) as time", "(A) as duration", '(A) as bool("Y", "N")', "(A) as quantity", "(A) as quantity(in kg)", "(A) as quantity(bare in inch, range both)",
    "(A) as money", '(A) as money("$" in USD, bare in EUR)', "(A) as country(name)", '(A) as phone("DE")', "(A) as uuid", "(A) as json",
    '(A) as date at "Europe/Berlin"', "(A) via worker_status", "(A) in EUR using fx on B", '(A) in USD assumed "so"',
    "(A) in EUR per hour using 2080 h per year", "(A) in EUR per period(B, pay_period)", "(A) as quantity per period($.p, pay_period)",
    "(A) is absent", "(A) is not absent", "(A) is missing", "(A) is json null", "(A) in [B, C]", "(A) not in [B]", 'case A { "x", "y" -> B; else -> C }',
    "case A { 1 -> B; 2 -> C }", "case A { true -> B; false -> C }", "lookup(cost_centers, company: A, code: B).name", "datetime(A, B)",
    'datetime(A, B) at "UTC"', "full_name(A, B)", "full_name(first: A, last: B)", "only(A).x", "(A, B)", '"x{A!}y"', '"{A?}"', "A by id",
    "A if invalid use B", "A if invalid hold up to 20 %", "A if invalid reject",
]  # fmt: skip


def value(chance: random.Random, room: int) -> str:
    """An expression of at most so many levels."""
    if room == 0 or chance.random() < 0.15:
        return chance.choice(ATOMS)
    if chance.random() < 0.35:
        function = chance.choice(list(FUNCTIONS.values()))
        count = max(0, function.signature.count(",") + chance.choice([0, 1, 1, 1, 1, 2]))
        return f"{function.name}({', '.join(value(chance, room - 1) for _ in range(count))})"
    return re.sub(r"(?<![A-Za-z\"])[ABC](?![A-Za-z])", lambda _: value(chance, room - 1), chance.choice(FORMS))


@st.composite
def maps_of_values(draw: st.DrawFn) -> str:
    """Values of every form for fields of every type; no shape restricts the paths, so that it is the types which are met."""
    chance = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311
    types = [chance.choice(TYPES) for _ in range(draw(st.integers(1, 4)))]
    fields = "".join(f"  f{i} : {one}{'' if one.startswith('list') else '?'}\n" for i, one in enumerate(types))
    lines = [f"f{i} = {value(chance, chance.choice([1, 1, 2, 3]))}" for i in range(len(types))]
    words = draw(st.lists(st.sampled_from(["when", "let l =", "expect", "warn"]), max_size=2, unique=True))
    lines += [f"{word} {value(chance, chance.choice([1, 1, 2, 3]))}" for word in words]
    conditions = "".join(f"  must {value(chance, 2)}\n" for _ in range(draw(st.integers(0, 1))))
    return FRAME.replace("FIELDS", fields + conditions).replace("VALUES", "".join(f"  {line}\n" for line in lines))


FRAME = """entity A {
  key k : text
FIELDS}
entity Worker { key worker_id : text }
codes worker_status { "Active" -> active; "On Leave" -> leave }
codes pay_period { "H" -> hour; "Y" -> year; "M" -> month }
rates fx from "fx.csv"
table cost_centers from "cost_centers.csv" { key company : int, key code : text, name : text from "Name of it", opened : date? }
fn full_name(first: text, last: text?): text { gives words(first, last); expect full_name("Ada", absent) == "Ada" }
connector c { base "https://c.example.com"; resource r { get "/r"; id $.id } }
map c.r as order to A {
  k = $.id
VALUES}
"""
