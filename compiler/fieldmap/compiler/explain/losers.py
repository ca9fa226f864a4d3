"""Why a claim is not the one chosen, in the words of its rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.merging import alike


class Competitor(Protocol):
    """What is looked at of a claim. value: as text, None if it makes no claim of the field. lacks: what its group needs of it.
    null: the source says that there is none, and that counts. founded: not so if its source leaves the field unchanged and no earlier version gave it."""

    @property
    def source(self) -> ir.Source: ...
    @property
    def record(self) -> str: ...
    @property
    def changed(self) -> datetime | None: ...
    @property
    def value(self) -> str | None: ...
    @property
    def held(self) -> str: ...
    @property
    def invented(self) -> bool: ...
    @property
    def lacks(self) -> list[str]: ...
    @property
    def null(self) -> bool: ...
    @property
    def founded(self) -> bool: ...


def why_lost(
    rule: ir.Rule,
    claim: Competitor,
    winner: Competitor | None,
    claims: Sequence[Competitor],
    *,
    conflict: bool,
    unit: str,
) -> str:
    """Why a claim is not the winner. conflict: whether the claims contradict each other, so that none won. unit: of the field, "" if
    it has none."""
    if claim.held and not claim.invented:
        return f"held: {claim.held}"
    if not claim.founded:
        return "unchanged, says the source, and no earlier version of the record has been read"
    if claim.lacks:
        return f"lacks {', '.join(claim.lacks)}, which the group needs"
    if claim.value is None and not rule.members and not claim.null:
        return "makes no claim here"
    if claim.source.rank not in rule.order:
        return f"the rule is {rule.text}"
    if conflict:
        return "in conflict with the others"
    if winner is None:
        return "no row is made"
    return _beaten(rule, claim, winner, claims, unit)


def _beaten(rule: ir.Rule, claim: Competitor, winner: Competitor, claims: Sequence[Competitor], unit: str) -> str:
    same_value = claim.value == winner.value
    match rule.kind:
        case "union":
            return "its elements are added where they are new"
        case "agree":
            said = "says the same" if same_value else "agrees within the tolerance"
            return f"{said}; {_beaten(rule.value, claim, winner, claims, unit)}" if rule.value is not None else said
        case "most common" if not alike(claim.value or "", winner.value or ""):
            return f"{_votes(claim, claims)}, against {_votes(winner, claims)} for {winner.value} {unit}".rstrip()
        case "min" | "max" if not same_value:
            return "greater" if rule.kind == "min" else "smaller"
        case "longest" if len(claim.value or "") != len(winner.value or ""):
            return "shorter"
        case "newest" | "oldest" if winner.changed != claim.changed:
            return "older" if rule.kind == "newest" else "newer"
        case "prefer" if rule.hours is not None and _too_old(rule, claim, claims):
            return f"the newest claim of the field is newer by more than {_hours(rule.hours)}"
        case "prefer" if rule.hours is not None and not {claim.source.rank, winner.source.rank} & set(rule.preferred):
            if winner.changed != claim.changed:
                return "older"
    if winner.source.rank == claim.source.rank:
        if winner.changed != claim.changed:
            return "an older record of the same source"
        return "the same source and time; the first record in order wins"
    return f"comes after {winner.source.connector}.{winner.source.resource}"


def _too_old(rule: ir.Rule, claim: Competitor, claims: Sequence[Competitor]) -> bool:
    times = [other.changed for other in claims if other.value is not None and other.changed is not None]
    if claim.source.rank not in rule.preferred or not times:
        return False
    return claim.changed is None or max(times) - claim.changed > timedelta(hours=rule.hours or 0)


def _votes(claim: Competitor, claims: Sequence[Competitor]) -> str:
    voters = {
        (other.source.connector, other.source.resource, other.record)
        for other in claims
        if other.value is not None and alike(other.value, claim.value or "")
    }
    return f"{len(voters)} vote{'' if len(voters) == 1 else 's'}"


def _hours(hours: int) -> str:
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
