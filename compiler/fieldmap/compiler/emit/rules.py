"""The rules of a merge as SQL: for each field an aggregate over the live claims of one key.

What an expression may use of a claim: its columns, `_rank`, `_changed`, `_record`, `_element`, `_claim`, and what `windows` and
`tallies` add. Every order ends in the total one, so that no two claims are equal in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fieldmap.compiler import ir
from fieldmap.compiler.emit import nulls, standins
from fieldmap.compiler.emit.columns import Column, literal, quote


@dataclass(frozen=True)
class Chosen:
    """One column of a merged row. alone: its value for a key with one claim; chosen: for several; taken: the claim that it is taken from. present: whether a claim competes.
    order: the order in which the claims compete. conflict: whether the rule finds no value, "" if it always does; told: the claims
    of a conflict as JSON, code: what it is. shown: the merged value as text. winner: the name of the column that holds the winning claim.
    newest: that of the column with the time of the newest claim, "" if the rule does not go by it. might_win: see `standing`."""

    name: str
    type: str
    field: str
    leads: bool
    required: bool
    present: str
    order: str
    alone: str
    chosen: str
    taken: str
    winner: str
    conflict: str
    told: str
    shown: str
    code: str
    newest: str
    might_win: str
    is_list: bool


class FieldRules:
    """The merged columns of an entity, and the window functions that their rules need."""

    def __init__(self, entity: ir.Entity, columns: list[Column]) -> None:
        self._entity = entity
        self._columns = columns
        self._types = {field.name: field.type for field in entity.fields}
        self._named: dict[str, str] = {}
        # Over counted claims, and over those with the first; each ends in AS and its name.
        self.windows: list[str] = []
        self.tallies: list[str] = []
        self.columns = [self._column(column, number) for number, column in enumerate(columns)]

    def _column(self, column: Column, number: int) -> Chosen:
        rule = self._entity.rules[column.field]
        columns = [c for c in self._columns if c.field == column.field]
        leader = next(c for c in columns if c.leads)
        present = self._present(rule, leader)
        giving = rule.value if rule.kind == "agree" and rule.value is not None else rule
        order = self._order(giving, leader, present)
        conflict = self._conflict(rule, columns, present)
        chosen = self._chosen(rule, column, order, present)
        winner = f"(array_agg(_claim ORDER BY {order}) FILTER (WHERE {present}))[1]"
        value = (
            quote(leader.name) if len(columns) == 1 else f"{quote(columns[0].name)} || ' ' || {quote(columns[1].name)}"
        )
        return Chosen(
            name=column.name,
            type=column.type,
            field=column.field,
            leads=column.leads,
            required=column.required,
            present=present,
            is_list=bool(column.list_of),
            order=order,
            alone=_alone(rule, column, present),
            chosen=f"CASE WHEN NOT ({conflict}) THEN {chosen}{_empty(column)} END" if conflict else chosen,
            taken=f"CASE WHEN NOT ({conflict}) THEN {winner} END" if conflict else winner,
            winner=f"_w{number}",
            conflict=conflict,
            told=f"CASE WHEN {conflict} THEN jsonb_agg(jsonb_build_array(_claim, ({value})::text) ORDER BY {order}) FILTER (WHERE {present}) END"
            if conflict
            else "",
            shown=" || ' ' || ".join(f"m.{quote(c.name)}::text" for c in columns),
            code="FM2180" if rule.kind == "agree" else "FM2181",
            newest=standins.newest(column.field) if column.leads and rule.hours is not None else "",
            might_win=standins.might_win(self._entity, column.field),
        )

    # ----------------------------------------------------------------------------------------- who competes, and how

    def _present(self, rule: ir.Rule, leader: Column) -> str:
        if rule.members:
            leaders = {c.field: quote(c.name) for c in self._columns if c.leads}
            parts = [f"{leaders[name]} IS NOT NULL" for name in rule.needs]
            if not set(rule.members) & set(rule.needs):
                parts.append("(" + " OR ".join(f"{leaders[name]} IS NOT NULL" for name in rule.members) + ")")
            present = " AND ".join(parts)
        else:
            present = f"{quote(leader.name)} IS NOT NULL"
            if rule.null_wins:
                present = f"({present} OR {nulls.flag(leader.field)})"
        if len(rule.order) < len(self._entity.sources):
            present += f" AND _rank IN ({', '.join(str(rank) for rank in rule.order)})"
        return present

    def _order(self, rule: ir.Rule, leader: Column, present: str) -> str:
        rank = _ranked(rule.order, len(self._entity.sources))
        ties = f"{rank}, _changed DESC, _record, _element"
        name, type_ = quote(leader.name), self._types[leader.field]
        match rule.kind:
            case "newest":
                return f"_changed DESC, {rank}, _record, _element"
            case "oldest":
                return f"_changed, {rank}, _record, _element"
            case "min":
                return f"{_sortable(name, type_)}, {ties}"
            case "max":
                return f"{_sortable(name, type_)} DESC NULLS LAST, {ties}"
            case "longest":
                return f"char_length({name}) DESC, {ties}"
            case "most common":
                return f"{self._votes(name, type_, leader, present, ties)} DESC, {ties}"
            case "prefer" if rule.hours is not None:
                return f"{self._fresh(rule, present)}, _changed DESC, {rank}, _record, _element"
            case _:
                return ties

    def _fresh(self, rule: ir.Rule, present: str) -> str:
        """The place of a preferred claim that is not too old beside the newest; all others come behind."""
        newest = self._window(f"max(_changed) FILTER (WHERE {present}) OVER ({{partition}})")
        places = " ".join(
            f"WHEN _rank = {rank} AND _changed >= {newest} - interval '{rule.hours} hours' THEN {place}"
            for place, rank in enumerate(rule.preferred)
        )
        return f"CASE {places} ELSE {len(rule.preferred)} END"

    def _votes(self, name: str, type_: ir.Type, leader: Column, present: str, ties: str) -> str:
        """How many records vote for the claim's value."""
        money = next((c for c in self._columns if c.field == leader.field and not c.leads), None)
        value = f"({name}::text || ' ' || {quote(money.name)})" if money is not None else _normalised(name, type_)
        resources = list(dict.fromkeys((s.connector, s.resource) for s in self._entity.sources))
        of_rank = ", ".join(str(resources.index((s.connector, s.resource))) for s in self._entity.sources)
        vote = self._window(
            f"CASE WHEN {present} AND row_number() OVER ({{partition}}, (ARRAY[{of_rank}])[_rank + 1], _record, {present} ORDER BY {ties}) = 1"
            f" THEN {value} END"
        )
        return self._window(f"count({vote}) OVER ({{partition}}, {value})", tally=True)

    def _window(self, expression: str, *, tally: bool = False) -> str:
        """The name of a window function's result; the same function is computed once."""
        keys = ", ".join(quote(name) for name in self._entity.key)
        text = expression.replace("{partition}", f"PARTITION BY {keys}")
        if text not in self._named:
            self._named[text] = f"_x{len(self._named)}"
            (self.tallies if tally else self.windows).append(f"{text} AS {self._named[text]}")
        return self._named[text]

    # ------------------------------------------------------------------------------------------------ what comes out

    def _chosen(self, rule: ir.Rule, column: Column, order: str, present: str) -> str:
        name = quote(column.name)
        if rule.kind == "union":
            return _union(column, order, present)
        if column.list_of:
            # array_agg cannot gather arrays of different lengths, so they travel as JSON.
            gathered = f"(jsonb_agg(coalesce(to_jsonb({name}), '[]') ORDER BY {order}) FILTER (WHERE {present}))->0"
            return f"ARRAY(SELECT {_element(column)} FROM {_elements(column, gathered)} WITH ORDINALITY AS x(e, n) ORDER BY n)"
        return f"(array_agg({name} ORDER BY {order}) FILTER (WHERE {present}))[1]"

    def _conflict(self, rule: ir.Rule, columns: list[Column], present: str) -> str:
        """Whether the claims contradict each other, as a condition over the group; "" if the rule cannot tell."""
        amount = quote(columns[0].name)
        several = f"count(DISTINCT {quote(columns[1].name)}) FILTER (WHERE {present}) > 1" if len(columns) > 1 else ""
        if rule.kind in ("min", "max"):
            return several
        if rule.kind != "agree":
            return ""
        if rule.tolerance is None:
            differ = f"count(DISTINCT {amount}) FILTER (WHERE {present}) > 1"
        else:
            differ = _apart(rule.tolerance, f"{amount}", present)
        return f"{differ} OR {several}" if several else differ


def _apart(tolerance: ir.Tolerance, name: str, present: str) -> str:
    # The difference of two whole numbers need not be one that bigint holds.
    least, most = (
        f"(min({name}) FILTER (WHERE {present}))::numeric",
        f"(max({name}) FILTER (WHERE {present}))::numeric",
    )
    if tolerance.percent is not None:
        share = Fraction(tolerance.percent) / 100
        return f"({most} - {least}) * {share.denominator} > greatest(abs({most}), abs({least})) * {share.numerator}"
    amount = Fraction(tolerance.amount or "0")
    return f"({most} - {least}) * {amount.denominator} > {amount.numerator}"


def _ranked(order: tuple[int, ...], sources: int) -> str:
    if order == tuple(range(sources)):
        return "_rank"
    return "CASE _rank " + " ".join(f"WHEN {rank} THEN {place}" for place, rank in enumerate(order)) + " END"


def _sortable(name: str, type_: ir.Type) -> str:
    match type_:
        case ir.TextType():
            return f'{name} COLLATE "C"'
        case ir.EnumType(values=values):
            return f"array_position(ARRAY[{', '.join(literal(value) for value in values)}]::text[], {name})"
        case _:
            return name


def _normalised(name: str, type_: ir.Type) -> str:
    if isinstance(type_, ir.TextType):
        return rf"""lower(btrim(regexp_replace(normalize({name}, NFC), '[ \t\n\r\f\v]+', ' ', 'g')) COLLATE "C")"""
    return name


def _alone(rule: ir.Rule, column: Column, present: str) -> str:
    name = quote(column.name)
    if rule.kind == "union":
        once = f"SELECT e FROM unnest({name}) WITH ORDINALITY AS x(e, n) GROUP BY e ORDER BY min(n)"
        return f"CASE WHEN {present} THEN ARRAY({once}) ELSE '{{}}' END"
    if column.list_of:
        return f"CASE WHEN {present} THEN coalesce({name}, '{{}}') ELSE '{{}}' END"
    if present == f"{name} IS NOT NULL":
        return name
    return f"CASE WHEN {present} THEN {name} END"


def _empty(column: Column) -> str:
    return " ELSE '{}'" if column.list_of else ""


def _elements(column: Column, array: str) -> str:
    return f"jsonb_array_elements{'' if column.list_of == 'jsonb' else '_text'}({array})"


def _element(column: Column) -> str:
    return f"e::{column.list_of}"


def _union(column: Column, order: str, present: str) -> str:
    gathered = f"jsonb_agg(to_jsonb({quote(column.name)}) ORDER BY {order}) FILTER (WHERE {present})"
    return (
        f"ARRAY(SELECT {_element(column)} FROM jsonb_array_elements({gathered}) WITH ORDINALITY AS y(l, m),"
        f" {_elements(column, 'y.l')} WITH ORDINALITY AS x(e, n) GROUP BY {_element(column)} ORDER BY min(ARRAY[m, n]))"
    )
