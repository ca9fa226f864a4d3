"""Merging side by side: where each source has at most one claim for a key, its claims stand in one row, and each field is chosen by a
CASE over them. The general way gathers the claims of a key and sorts them for each field: several times the work.

At most one: where the records of a source are told apart by the very values that make the key.
"""

from __future__ import annotations

from dataclasses import dataclass

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import Column, quote


@dataclass(frozen=True)
class Paired:
    """A column of the merged row. chosen: its value; taken: the number of the claim that gives it."""

    name: str
    chosen: str
    taken: str


def is_alone(map_: ir.Map, claim: int, entity: ir.Entity) -> bool:
    """Whether no two records of a map can claim the same key."""
    if claim != 0 or map_.claim is None:
        return False
    values = {assignment.field: assignment for assignment in map_.claim.assignments}
    made = [values[name] for name in entity.key if name in values]
    nodes = [assignment.value for assignment in made]
    return (
        len(made) == len(entity.key)
        and all(node in map_.identity for node in nodes)
        and all(node in nodes for node in map_.identity)
        and not any(_folds(assignment.target) for assignment in made)
    )


def _folds(target: ir.Type) -> bool:
    """Whether two values that tell records apart may be one in a field: a checked text is put into its canonical spelling."""
    key = target.key if isinstance(target, ir.ReferenceType) else target
    return isinstance(key, ir.TextType) and key.checked is not None


def paired(entity: ir.Entity, columns: list[Column], has: dict[int, frozenset[str]]) -> list[Paired] | None:
    """The columns of the merged row over claims `t<rank>`; None where a rule looks at more than one claim of a source, or gathers.
    has: of each rank the columns that its claims have."""
    made = [_column(entity, columns, column, has) for column in columns]
    return None if None in made else [one for one in made if one is not None]


def _column(entity: ir.Entity, columns: list[Column], column: Column, has: dict[int, frozenset[str]]) -> Paired | None:
    rule = entity.rules[column.field]
    plain = rule.kind in ("prefer", "only", "newest", "oldest") and rule.hours is None and not rule.null_wins
    if not plain or column.list_of:
        return None
    leaders = {other.field: other.name for other in columns if other.leads}
    competing = [(rank, _present(rule, leaders, column.field, rank, has[rank])) for rank in rule.order]
    competing = [(rank, present) for rank, present in competing if present]
    chosen, taken = list[str](), list[str]()
    for place, (rank, present) in enumerate(competing):
        wins = [f"({present})"]
        if rule.kind in ("newest", "oldest"):
            wins += [
                _before(rule.kind, rank, other, theirs, first=place < at)
                for at, (other, theirs) in enumerate(competing)
                if at != place
            ]
        value = f"t{rank}.{quote(column.name)}" if column.name in has[rank] else "NULL"
        chosen.append(f"WHEN {' AND '.join(wins)} THEN {value}")
        taken.append(f"WHEN {' AND '.join(wins)} THEN t{rank}._claim")
    if not chosen:
        return Paired(column.name, f"NULL::{column.type}", "NULL::bigint")
    return Paired(column.name, f"CASE {' '.join(chosen)} END", f"CASE {' '.join(taken)} END")


def _present(rule: ir.Rule, leaders: dict[str, str], field: str, rank: int, has: frozenset[str]) -> str:
    """Whether the claim of a source competes, as a condition; "" if it never does."""

    def given(name: str) -> str:
        return f"t{rank}.{quote(leaders[name])} IS NOT NULL" if leaders[name] in has else ""

    if not rule.members:
        return given(field)
    parts = [given(name) for name in rule.needs]
    if not set(rule.members) & set(rule.needs):
        some = [part for part in map(given, rule.members) if part]
        parts.append(f"({' OR '.join(some)})" if some else "")
    return " AND ".join(parts) if all(parts) else ""


def _before(kind: str, rank: int, other: int, theirs: str, *, first: bool) -> str:
    """Whether a claim comes before another in the order of times. first: of two equal ones it is this."""
    sign = (">" if kind == "newest" else "<") + ("=" if first else "")
    return f"(NOT ({theirs}) OR t{rank}._changed {sign} t{other}._changed)"
