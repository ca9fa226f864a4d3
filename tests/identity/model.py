"""What identity means, written down once more and without a database: from the live claims and decisions to canonical keys.

It shares no code with the checker, the emitted SQL or the runtime, and does everything from the beginning each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

Key = tuple[str, str]
"""A numbering and a key of it."""


@dataclass(frozen=True)
class Claim:
    """One live claim: whose key it has, and what it says of the fields (absent: left out)."""

    source: str
    key: str
    values: tuple[tuple[str, str], ...]

    def says(self, fields: tuple[str, ...]) -> tuple[str, ...] | None:
        known = dict(self.values)
        return tuple(known[name] for name in fields) if all(name in known for name in fields) else None


@dataclass(frozen=True)
class Line:
    source: str
    target: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    base: str
    own: tuple[str, ...]
    lines: tuple[Line, ...]
    agree: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    kind: str
    one: Key
    other: Key


@dataclass
class Result:
    """canonical: of every live key. refused: (source, key, number of the line, target key) to why."""

    canonical: dict[Key, str] = field(default_factory=dict)
    refused: dict[tuple[str, str, int, str], str] = field(default_factory=dict)


def resolve(rules: Rules, claims: Iterable[Claim], decisions: Iterable[Decision] = ()) -> Result:
    claims, decisions = list(claims), list(decisions)
    names = (rules.base, *rules.own)
    result = Result()
    members: dict[str, list[Key]] = defaultdict(list)

    def join(key: Key, canonical: str) -> None:
        result.canonical[key] = canonical
        members[canonical].append(key)

    def base_key(key: str) -> str:
        return f"{rules.base}:{key}" if any(key.startswith(f"{name}:") for name in names) else key

    def canonical(key: Key) -> str:
        if key[0] == rules.base:
            return base_key(key[1])
        return result.canonical.get(key, f"{key[0]}:{key[1]}")

    for claim in claims:
        if claim.source == rules.base and (rules.base, claim.key) not in result.canonical:
            join((rules.base, claim.key), base_key(claim.key))
    for own in rules.own:
        earlier = names[: names.index(own)]
        keys = sorted({claim.key for claim in claims if claim.source == own})
        # Of the decisions about one key, and of those about one thing, the oldest.
        wanted = [
            (number, key, canonical(other))
            for key in keys
            for number, other in _about(decisions, "same", (own, key))[:1]
            if other[0] in earlier
        ]
        taken: set[str] = set()
        for _, key, thing in sorted(wanted):
            if thing not in taken:
                taken.add(thing)
                join((own, key), thing)
        for number, line in enumerate(rules.lines, 1):
            if line.source == own:
                _line(rules, number, line, claims, decisions, result, members, canonical, join)
        for key in keys:
            if (own, key) not in result.canonical:
                join((own, key), f"{own}:{key}")
    return result


def _line(rules, number, line, claims, decisions, result, members, canonical, join) -> None:  # type: ignore[no-untyped-def]
    holders: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: {line.source: set(), line.target: set()})
    for claim in claims:
        value = claim.says(line.fields) if claim.source in (line.source, line.target) else None
        if value is not None:
            holders[value][claim.source].add(claim.key)
    pairs = {
        (next(iter(by[line.source])), next(iter(by[line.target])))
        for by in holders.values()
        if len(by[line.source]) == len(by[line.target]) == 1
    }
    open_pairs = {(s, t) for s, t in pairs if (line.source, s) not in result.canonical}
    good: list[tuple[str, str]] = []
    for s, t in open_pairs:
        thing = canonical((line.target, t))
        group = members[thing] if (line.target, t) in members[thing] else [*members[thing], (line.target, t)]
        if any(other in group for _, other in _about(decisions, "apart", (line.source, s))):
            result.refused[(line.source, s, number, t)] = "apart"
        elif any(_disagree(claims, (line.source, s), group, name) for name in rules.agree):
            result.refused[(line.source, s, number, t)] = "disagree"
        elif any(member[0] == line.source for member in group):
            result.refused[(line.source, s, number, t)] = "taken"
        else:
            good.append((s, t))
    for s, t in good:
        if sum(one == s for one, _ in good) > 1:
            result.refused[(line.source, s, number, t)] = "several"
        elif sum(canonical((line.target, other)) == canonical((line.target, t)) for _, other in good) > 1:
            result.refused[(line.source, s, number, t)] = "contested"
    for s, t in [pair for pair in good if (line.source, pair[0], number, pair[1]) not in result.refused]:
        join((line.source, s), canonical((line.target, t)))


def _about(decisions: list[Decision], kind: str, key: Key) -> list[tuple[int, Key]]:
    """The decisions about a key, by their number, with the other key of each."""
    both = [
        (n, pair) for n, d in enumerate(decisions) if d.kind == kind for pair in ((d.one, d.other), (d.other, d.one))
    ]
    return [(number, other) for number, (one, other) in both if one == key]


def _disagree(claims: list[Claim], one: Key, group: list[Key], name: str) -> bool:
    mine = {dict(c.values)[name] for c in claims if (c.source, c.key) == one and name in dict(c.values)}
    theirs = {dict(c.values)[name] for c in claims if (c.source, c.key) in group and name in dict(c.values)}
    return bool(mine and theirs and not mine & theirs)
