"""The reference meaning of a merge: a row as a pure function of the set of live claims, written to be obviously right.

It knows neither SQL nor the order in which claims arrived; the statements that `emit/rules.py` makes must give the same rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.comparing import equal, plain
from fieldmap.compiler.interpret.rows import judge
from fieldmap.runtime.values.outcome import Money

_BLANKS = " \t\n\r\f\v"
_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


@dataclass(frozen=True)
class LiveClaim:
    """What one record, or one element of its `each`, says of one thing. rank: of its source. key: canonical. changed: None if the
    source does not say. values: field to value, absent ones left out or None. nulls: of these, what the source gave as null; held:
    what could not be read."""

    rank: int
    key: tuple[Any, ...]
    record: str
    values: dict[str, Any]
    changed: datetime | None = None
    element: int = 0
    nulls: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()


@dataclass
class Merged:
    """The row of one key. values: of every field but the key's, None (an empty list) where none was chosen. winners: the claim that
    a value was taken from, the first of them for a union. conflicts: fields on which the claims contradict each other. doubtful: of
    a field that has a value the claims whose own could not be read, and could have been chosen.

    whole: whether a source makes the row; missing, failed: why it is held back; warned: conditions that only warn. twice: whether
    duplicates hold it back. dangling: the references that must exist and find no row (`stand` says so)."""

    values: dict[str, Any] = field(default_factory=dict)
    winners: dict[str, LiveClaim] = field(default_factory=dict)
    conflicts: dict[str, list[LiveClaim]] = field(default_factory=dict)
    doubtful: dict[str, list[LiveClaim]] = field(default_factory=dict)
    whole: bool = True
    missing: tuple[str, ...] = ()
    failed: tuple[int, ...] = ()
    warned: tuple[int, ...] = ()
    twice: bool = False
    dangling: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the row is canonical."""
        return self.whole and not self.missing and not self.failed and not self.twice and not self.dangling


def by_key(claims: Iterable[LiveClaim]) -> dict[tuple[Any, ...], list[LiveClaim]]:
    """The claims of each thing."""
    found: dict[tuple[Any, ...], list[LiveClaim]] = {}
    for claim in claims:
        found.setdefault(claim.key, []).append(claim)
    return found


def merge(entity: ir.Entity, claims: Iterable[LiveClaim]) -> dict[tuple[Any, ...], Merged]:
    """The rows that a set of live claims makes, by key; those that only enrich, and those held back, among them."""
    return {key: merge_one(entity, together) for key, together in by_key(claims).items()}


def stand(entities: Iterable[ir.Entity], rows: dict[str, dict[tuple[Any, ...], Merged]]) -> None:
    """Says of each row which references of `must exist` find none: those to rows that are not complete, and so on from row to row.

    What is left is the largest set of rows in which every such reference finds its row, so rows that need each other stand.
    rows: of each entity by key, as `merge` makes them.
    """
    guarded = list(entities)
    fallen = True
    while fallen:
        fallen = False
        for entity in guarded:
            for key, row in rows[entity.name].items():
                values = {**dict(zip(entity.key, key, strict=True)), **row.values}
                dangling = tuple(
                    name for name, target, keys in _needs(entity, values) if not _there(rows[target], keys)
                )
                if row.complete and dangling:
                    fallen = True
                row.dangling = dangling


def _needs(entity: ir.Entity, values: dict[str, Any]) -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    """The references of a row that must exist: their names, the entities, and the keys that they hold."""
    for item in entity.fields:
        type_ = item.type.element if isinstance(item.type, ir.ListType) else item.type
        value = values[item.name]
        if item.must_exist and isinstance(type_, ir.ReferenceType) and value is not None:
            yield (
                item.name,
                type_.entity,
                [(one,) for one in (value if isinstance(item.type, ir.ListType) else [value])],
            )
    for one in entity.composites:
        if one.must_exist and values[one.fields[0]] is not None:
            yield one.name, one.entity, [tuple(values[name] for name in one.fields)]


def _there(rows: dict[tuple[Any, ...], Merged], keys: list[tuple[Any, ...]]) -> bool:
    return all(key in rows and rows[key].complete for key in keys)


def merge_one(entity: ir.Entity, claims: Sequence[LiveClaim]) -> Merged:
    """The row of claims that all have one key."""
    row = Merged(whole=any(not entity.sources[claim.rank].partial for claim in claims))
    for item in entity.fields:
        if item.is_key:
            continue
        choice = _Choice(entity, item, claims, entity.rules[item.name])
        chosen = choice.choose()
        row.values[item.name] = chosen.value
        if chosen.winner is not None:
            row.winners[item.name] = chosen.winner
            if chosen.value is not None:
                row.doubtful[item.name] = [c for c in claims if choice.could_win(c, chosen.winner)]
        if chosen.conflict:
            row.conflicts[item.name] = chosen.conflict
    row.missing = tuple(
        item.name for item in entity.fields if not item.is_key and not item.optional and row.values[item.name] is None
    )
    key = dict(zip(entity.key, claims[0].key, strict=True))
    verdicts = [(n, c.kind) for n, c in enumerate(entity.conditions) if judge(c, {**key, **row.values}) is False]
    row.failed = tuple(n for n, kind in verdicts if kind == "must")
    row.warned = tuple(n for n, kind in verdicts if kind == "warn")
    row.twice = entity.unique and len({claim.rank for claim in claims}) < len(claims)
    return row


@dataclass
class _Chosen:
    value: Any = None
    winner: LiveClaim | None = None
    conflict: list[LiveClaim] = field(default_factory=list)


class _Choice:
    """One field of one row."""

    def __init__(self, entity: ir.Entity, item: ir.Field, claims: Sequence[LiveClaim], rule: ir.Rule) -> None:
        self._entity = entity
        self._item = item
        self._rule = rule
        self._claims = [claim for claim in claims if self._competes(claim)]

    def choose(self) -> _Chosen:
        is_list = isinstance(self._item.type, ir.ListType)
        nothing: Any = [] if is_list else None
        ordered = self._ordered(self._rule)
        if not ordered:
            return _Chosen(nothing)
        rule = self._rule
        if self._contradict():
            return _Chosen(nothing, conflict=self._ordered(rule.value if rule.value is not None else rule))
        if rule.kind == "union":
            return _Chosen(_union([self._value(claim) for claim in ordered]), ordered[0])
        if rule.kind == "agree" and rule.value is not None:
            ordered = self._ordered(rule.value)
        value = self._value(ordered[0])
        return _Chosen(nothing if value is None else value, ordered[0])

    def could_win(self, claim: LiveClaim, winner: LiveClaim) -> bool:
        """Whether a claim's held value could be the one chosen, had it been read: rules that look at values might choose any, others
        would not choose the winner any more."""
        name, rule = self._item.name, self._rule
        if name not in claim.held or claim.rank not in rule.order or claim is winner:
            return False
        if rule.needs and (name not in rule.needs or not all(self._known(claim, needed) for needed in rule.needs)):
            return False
        if rule.kind not in ("prefer", "only", "newest", "oldest"):
            return True
        others = [other for other in self._claims if other is not claim]
        return self._ordered(rule, [*others, claim])[0] is not winner

    @staticmethod
    def _known(claim: LiveClaim, name: str) -> bool:
        return name in claim.held or claim.values.get(name) is not None

    def _value(self, claim: LiveClaim) -> Any:
        return claim.values.get(self._item.name)

    def _competes(self, claim: LiveClaim) -> bool:
        rule = self._rule
        if claim.rank not in rule.order:
            return False
        if not rule.members:
            return self._value(claim) is not None or (rule.null_wins and self._item.name in claim.nulls)
        has = {name for name in rule.members if claim.values.get(name) is not None}
        return bool(has) and set(rule.needs) <= has

    # ------------------------------------------------------------------------------------------------------- orders

    def _ordered(self, rule: ir.Rule, among: Sequence[LiveClaim] | None = None) -> list[LiveClaim]:
        """The claims, the one that the rule chooses first: sorted by the total order, then by what the rule goes by."""
        competing = self._claims if among is None else among
        claims = sorted(competing, key=lambda claim: _total(rule, claim))
        match rule.kind:
            case "newest":
                return sorted(claims, key=_age)
            case "oldest":
                return sorted(claims, key=_time)
            case "min":
                return sorted(claims, key=lambda claim: self._sortable(self._value(claim)))
            case "max":
                # Stable, so that equal values keep the total order.
                return sorted(claims, key=lambda claim: _Reversed(self._sortable(self._value(claim))))
            case "longest":
                return sorted(claims, key=lambda claim: -len(self._value(claim)))
            case "most common":
                return sorted(claims, key=lambda claim: -self._votes(claim, claims))
            case "prefer" if rule.hours is not None:
                return sorted(sorted(claims, key=_age), key=lambda claim: self._freshness(rule, claim, claims))
            case _:
                return claims

    def _sortable(self, value: Any) -> Any:
        type_ = self._item.type
        if isinstance(type_, ir.EnumType):
            return type_.values.index(value)
        return plain(value.amount) if isinstance(value, Money) else plain(value)

    def _freshness(self, rule: ir.Rule, claim: LiveClaim, claims: Sequence[LiveClaim]) -> int:
        """The place of a preferred claim that is not older than the newest claim of the field by more than the hours."""
        if claim.rank not in rule.preferred:
            return len(rule.preferred)
        newest = max((_time(other) for other in claims), default=_NEVER)
        hours = timedelta(hours=rule.hours or 0)
        if newest > _NEVER and (claim.changed is None or newest[1] - claim.changed > hours):
            return len(rule.preferred)
        return rule.preferred.index(claim.rank)

    def _votes(self, claim: LiveClaim, ordered: list[LiveClaim]) -> int:
        """How many records vote for the claim's value: each for that of its first claim in the total order."""
        voters: dict[tuple[str, str, str], Any] = {}
        for other in ordered:
            source = self._entity.sources[other.rank]
            voters.setdefault((source.connector, source.resource, other.record), self._value(other))
        return sum(1 for value in voters.values() if self._alike(value, self._value(claim)))

    def _alike(self, one: Any, other: Any) -> bool:
        if isinstance(self._item.type, ir.TextType):
            return alike(one, other)
        return equal(one, other)

    # ---------------------------------------------------------------------------------------------------- conflicts

    def _contradict(self) -> bool:
        rule = self._rule
        values = [self._value(claim) for claim in self._claims]
        if rule.kind in ("agree", "min", "max") and len({v.currency for v in values if isinstance(v, Money)}) > 1:
            return True
        if rule.kind != "agree":
            return False
        if rule.tolerance is None:
            return any(not equal(values[0], value) for value in values[1:])
        numbers = [Fraction(value.amount if isinstance(value, Money) else value) for value in values]
        apart = max(numbers) - min(numbers)
        if rule.tolerance.percent is not None:
            larger = max(abs(max(numbers)), abs(min(numbers)))
            return apart > larger * Fraction(rule.tolerance.percent) / 100
        return apart > Fraction(rule.tolerance.amount or "0")


# Before every time: a claim whose source does not say when it changed.
_NEVER: tuple[int, Any] = (0, 0)


def _time(claim: LiveClaim) -> tuple[int, Any]:
    return _NEVER if claim.changed is None else (1, claim.changed)


def _age(claim: LiveClaim) -> _Reversed:
    return _Reversed(_time(claim))


def _total(rule: ir.Rule, claim: LiveClaim) -> tuple[Any, ...]:
    """Sources as the rule orders them, the newer time, the record's id bytewise, the place in the list."""
    by_source = (rule.order.index(claim.rank),)
    rest = (claim.record.encode(), claim.element)
    if rule.kind in ("newest", "oldest"):
        return (*by_source, *rest)
    return (*by_source, _age(claim), *rest)


@dataclass(frozen=True)
class _Reversed:
    """Sorts the other way round."""

    value: Any

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)


def alike(one: str, other: str) -> bool:
    """Whether two texts vote for one value."""
    return _normalised(one) == _normalised(other)


def _normalised(text: str) -> str:
    """As texts vote: Unicode form NFC, ASCII letters in lower case, white space as one blank and none at the ends."""
    text = unicodedata.normalize("NFC", text)
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    return " ".join(part for part in text.split(" ") if part).translate(_LOWER)


def _union(lists: list[list[Any]]) -> list[Any]:
    found: list[Any] = []
    for items in lists:
        for item in items:
            if not any(equal(item, other) for other in found):
                found.append(item)
    return found
