"""Whether a value stands only because another claim's own could not be read, as SQL over the held claim `h` and the winner `w`.

`h` and `w` have `_rank`, `_changed`, `_record` and `_element`; `h` also, for each group of fields, `_lacks<n>` and `_held<n>`: of the
fields that the group needs how many the claim lacks, and how many of these are held. `m` is the merged row.
"""

from __future__ import annotations

from fieldmap.compiler import ir

CLAIM_RULES = ("prefer", "only", "newest", "oldest")


def groups(entity: ir.Entity) -> list[tuple[str, ...]]:
    """What each group of fields needs, of those that need something."""
    return list(dict.fromkeys(rule.needs for rule in entity.rules.values() if rule.needs))


def newest(field: str) -> str:
    """The column of the merged row that has the time of the newest claim of a field, where its rule goes by that."""
    return f"_newest_{field}"


def might_win(entity: ir.Entity, field: str) -> str:
    """Whether the held value could be the one chosen, had it been read."""
    rule = entity.rules[field]
    ranks = ", ".join(str(rank) for rank in rule.order)
    parts = [f"h._rank IN ({ranks})"] if len(rule.order) < len(entity.sources) else []
    if rule.needs:
        number = groups(entity).index(rule.needs)
        parts.append(f"h._lacks{number} = h._held{number}" if field in rule.needs else "false")
    if rule.kind in CLAIM_RULES:
        parts.append(_before(rule, field))
    return " AND ".join(parts) or "true"


def _before(rule: ir.Rule, field: str) -> str:
    here, there = _place("h", rule.order), _place("w", rule.order)
    # Of two rows the first is less where h comes first: what goes downwards changes sides.
    last = f"{here}, h._record, h._element", f"{there}, w._record, w._element"
    newer = f"(w._changed, {last[0]}) < (h._changed, {last[1]})"
    match rule.kind:
        case "newest":
            return newer
        case "oldest":
            return f"(h._changed, {last[0]}) < (w._changed, {last[1]})"
        case _ if rule.hours is not None:
            age, least = f"interval '{rule.hours} hours'", len(rule.preferred)
            one, other = (_place(alias, rule.preferred, least) for alias in ("h", "w"))
            fresh = f'{one} < {other} AND h._changed >= m."{newest(field)}" - {age}'
            ousted = f"{other} < {least} AND h._changed - {age} > w._changed"
            return f"({fresh} OR {ousted} OR {one} = {other} AND {newer})"
        case _:
            return f"({here}, w._changed, h._record, h._element) < ({there}, h._changed, w._record, w._element)"


def _place(alias: str, order: tuple[int, ...], others: int | None = None) -> str:
    places = " ".join(f"WHEN {rank} THEN {place}" for place, rank in enumerate(order))
    return f"CASE {alias}._rank {places}{'' if others is None else f' ELSE {others}'} END"
