"""The rules of a merge: checked against the fields that they choose for and the sources that they choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import msgspec

from fieldmap.compiler import arrival, ir, tolerances, types
from fieldmap.compiler.composite import Composite
from fieldmap.compiler.composite import names as names_of
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.identity import named, speaks_for
from fieldmap.compiler.places import place
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.dsl.source import Span

# Rules that choose a claim, so that several fields can be taken from it.
CLAIM_RULES = ("prefer", "only", "newest", "oldest")
TIME_RULES = ("newest", "oldest")
_ORDERED = (
    ir.IntType
    | ir.DecimalType
    | ir.FloatType
    | ir.DateType
    | ir.TimeType
    | ir.DatetimeType
    | ir.TextType
    | ir.EnumType
    | ir.BoolType
)


@dataclass
class RuleLowering:
    """Lowers the rules of one entity. sources: in the order of the identity. known: whether a source claims the entity, after a
    diagnostic if not."""

    info: EntityInfo
    merge: ast.Merge | None
    claims: list[tuple[ir.Map, ir.Claim]]
    sources: tuple[ir.Source, ...]
    known: Callable[[ast.SourceName], bool]
    symbols: Symbols
    report: Report
    _grouped: dict[str, ast.Together] = field(default_factory=dict)

    def lower(self) -> dict[str, ir.Rule]:
        """The rule of each field but those of the key."""
        free = [name for name in self.info.fields if name not in self.info.key]
        lines = self._lines()
        default_line = lines.pop("default", None)
        default = self._implied()
        if default_line is not None:
            default = self._rule(default_line.rule, None, default) or default
            if default_line.null_wins:
                self._one_field("default stands for all fields", default_line.span)
        rules: dict[str, ir.Rule] = {}
        for group in self.merge.together if self.merge is not None else ():
            rules.update(self._together(self._of_parts(group), default))
        for name, held in self._composites().items():
            rules.update(self._composite(name, held, lines.pop(name, None), default))
        for name, line in lines.items():
            if line.field is None or not self._has_rule(name, line):
                continue
            rule = self._rule(line.rule, name, default)
            if rule is None:
                rules[name] = default
            elif not line.null_wins or self._null_can_win(name, line):
                rules[name] = _with_null(rule) if line.null_wins else rule
        rest = [name for name in free if name not in rules]
        if default_line is not None:
            self._default_suits(default_line, default, rest)
        elif len({(source.connector, source.resource) for source in self.sources}) > 1:
            self._no_default(rest)
        return {name: rules.get(name, default) for name in free}

    # ------------------------------------------------------------------------------------------------------ lines

    def _lines(self) -> dict[str, ast.MergeField]:
        seen: dict[str, ast.MergeField] = {}
        for line in self.merge.rules if self.merge is not None else ():
            name = line.field.text if line.field is not None else "default"
            if name in seen:
                self.report.twice(f"the rule of {name}", line.span, seen[name].span)
            else:
                seen[name] = line
        return seen

    def _has_rule(self, name: str, line: ast.MergeField) -> bool:
        """Whether the field may have a rule of its own."""
        if line.field is None:
            return False
        if name not in self.info.fields:
            self.report.unknown("FM0202", f"field of {self.info.node.name.text} called", line.field, self.info.fields)
            return False
        if name in self.info.key:
            self.report.error(
                "FM0602",
                f"{name} is the key; all the claims of one row have the same",
                line.span,
                help="leave the line out",
            )
            return False
        if name in self._grouped:
            self.report.error(
                "FM0607",
                f"{name} is chosen together with other fields and cannot have a rule of its own",
                line.span,
                labels=[Label(self._grouped[name].span, "chosen here")],
                help="leave this line out, or take the field out of the group",
            )
            return False
        return True

    def _implied(self) -> ir.Rule:
        one = len({source.map for source in self.sources}) < 2
        return ir.Rule(
            kind="prefer",
            order=self._everyone(),
            text="the only source" if one else "the order of the identity statement",
        )

    def _no_default(self, names: list[str]) -> None:
        contested = [name for name in names if len(list(self._claiming([name]))) > 1]
        if contested and self.merge is not None and not self.report.broken(self.merge.span):
            self.report.error(
                "FM0602",
                f"{', '.join(contested[:4])}{' …' if len(contested) > 4 else ''} can come from more than one source, and no rule chooses",
                self.merge.entity.span,
                help="add a line: default prefer …, naming the sources from the most trusted on",
            )

    def _default_suits(self, line: ast.MergeField, default: ir.Rule, names: Iterable[str]) -> None:
        for name in names:
            why = _unsuited(default.kind, self.info.fields[name].type)
            if why:
                self.report.error(
                    "FM0605",
                    f"{line.rule.kind} {why}, and {name} is {types.describe(self.info.fields[name].type)}",
                    line.rule.span,
                    labels=[Label(self.info.declared[name].span, "this field has no rule of its own")],
                    help=f"give {name} a line of its own, such as: {name} newest",
                )
                return

    # ------------------------------------------------------------------------------------------------------ rules

    def _rule(self, rule: ast.Rule, name: str | None, default: ir.Rule) -> ir.Rule | None:
        """The rule of a field, or of all (name None); None after a diagnostic."""
        if name is not None and (why := _unsuited(rule.kind, self.info.fields[name].type)):
            self.report.error(
                "FM0605",
                f"{rule.kind} {why}, and {name} is {types.describe(self.info.fields[name].type)}",
                rule.span,
                labels=[Label(self.info.declared[name].span, "declared here")],
                help="choose by prefer, only, newest, oldest or most common",
            )
            return None
        names = [name] if name is not None else None
        at = place(self.symbols.sources, rule.span)
        if rule.kind in ("prefer", "only"):
            return self._of_sources(rule, names, at)
        if rule.kind in TIME_RULES and not self._timed(rule, rule.kind, names):
            return None
        found = ir.Rule(kind=rule.kind, order=self._everyone(), text=rule.kind, place=at)
        if rule.kind != "agree":
            return found
        return tolerances.agreeing(rule, found, name, self._of_default(default), self.info, self.report)

    def _of_default(self, default: ir.Rule) -> ir.Rule:
        """The rule that gives the value where all agree: the default, where that chooses a value at all."""
        return self._implied() if default.kind in ("agree", "union") else default

    def _of_sources(self, rule: ast.Rule, names: list[str] | None, at: ir.Place) -> ir.Rule | None:
        order: list[int] = []
        words: list[str] = []
        for source in rule.sources:
            if not self.known(source):
                return None
            words.append(named(source))
            order.extend(
                s.rank for s in self.sources if speaks_for(source, (s.connector, s.resource)) and s.rank not in order
            )
        preferred = tuple(order)
        text = f"{rule.kind} {', '.join(words)}"
        if rule.kind == "only":
            return ir.Rule(kind="only", order=preferred, text=text, place=at)
        if rule.within is not None:
            if not self._timed(rule, "within", names):
                return None
            text += f" within {_age(rule.within.hours)} otherwise newest"
            return ir.Rule(
                kind="prefer", order=self._everyone(), preferred=preferred, hours=rule.within.hours, text=text, place=at
            )
        left_out = [
            source
            for source in self.sources
            if source.rank not in order and (names is None or self._has(source, names))
        ]
        if left_out and not rule.then_any:
            missing = ", ".join(dict.fromkeys(source.connector for source in left_out))
            self.report.error(
                "FM0602", f"this rule leaves {missing} out", rule.span, help="name it, or end the rule with: then any"
            )
            return None
        order.extend(source.rank for source in self.sources if source.rank not in order)
        return ir.Rule(kind="prefer", order=tuple(order), text=text + (" then any" if rule.then_any else ""), place=at)

    def _timed(self, rule: ast.Rule, word: str, names: list[str] | None) -> bool:
        """Whether every source that claims the fields says when its data changed; prints two arrival orders that differ if not."""
        claiming = list(self._claiming(names))
        untimed = [map_ for map_ in claiming if map_.changed is None and not map_.changed_unknown]
        if not untimed:
            return True
        without = list(dict.fromkeys(f"{map_.connector}.{map_.resource}" for map_ in untimed))
        missing = f"{', '.join(without)} {'does' if len(without) == 1 else 'do'}"
        name = names[0] if names else next(n for n in [*self.info.fields, ""] if n not in self.info.key)
        others = [map_ for map_ in claiming if map_ is not untimed[0]]
        self.report.error(
            "FM0603",
            f"{word} goes by the time of the data, and {missing} not say it",
            rule.span,
            help="give the resource a line: changed $.lastModified, or changed unknown (it then counts as the oldest). Without it the row would depend on what arrives last:",
            table=arrival.two_orders(
                name, self.info.fields.get(name), rule.kind, untimed[0], others[0] if others else None
            ),
        )
        return False

    # ------------------------------------------------------------------------------------------------------ groups

    def _together(self, group: ast.Together, default: ir.Rule) -> dict[str, ir.Rule]:
        names = [name.text for name in group.fields]
        known = [self._member(group, name) for name in group.fields]
        if not all(known):
            return {}
        for needed in group.needs:
            if needed.text not in names:
                self.report.error(
                    "FM0607",
                    f"{needed.text} is needed, and is not a member of the group",
                    needed.span,
                    help=f"add it to the fields after together, or need one of: {', '.join(names)}",
                )
                return {}
        if group.null_wins:
            self._one_field(
                "fields that belong together come from one claim, and its absent members stay empty", group.span
            )
            return {}
        rule = default
        if group.rule is not None:
            if not self._chooses_a_claim(group.rule.kind, group.rule.span):
                return {}
            made = self._group_rule(group.rule, names)
            if made is None:
                return {}
            rule = made
        elif not self._chooses_a_claim(default.kind, group.span):
            return {}
        needs = tuple(needed.text for needed in group.needs)
        text = f"together {', '.join(names)} {rule.text}" + (f" needs {', '.join(needs)}" if needs else "")
        rule = msgspec.structs.replace(
            rule, members=tuple(names), needs=needs, text=text, place=place(self.symbols.sources, group.span)
        )
        return dict.fromkeys(names, rule)

    def _composites(self) -> dict[str, Composite]:
        """The references that several fields hold, but those of the key."""
        held = self.symbols.composites.get(self.info.node.name.text, {})
        return {name: one for name, one in held.items() if one.parts[0] not in self.info.key}

    def _of_parts(self, group: ast.Together) -> ast.Together:
        held = self._composites()
        return replace(group, fields=names_of(held, group.fields), needs=names_of(held, group.needs))

    def _composite(
        self, name: str, held: Composite, line: ast.MergeField | None, default: ir.Rule
    ) -> dict[str, ir.Rule]:
        """The parts of a reference come from one claim that has them all, by the rule of its line, else by the default."""
        if held.parts[0] in self._grouped and line is None:
            return {}
        at = line.field if line is not None and line.field is not None else held.field.name
        if line is not None and line.null_wins:
            self.report.error(
                "FM0608",
                f"null cannot win here: {name} is held by several fields",
                line.span,
                help="leave null wins out",
            )
        parts = tuple(ast.Name(text=part, span=at.span) for part in held.parts)
        group = ast.Together(fields=parts, rule=line.rule if line is not None else None, needs=parts, span=at.span)
        made = self._together(group, default)
        before = f"together {', '.join(held.parts)} "
        return {
            part: msgspec.structs.replace(rule, text=rule.text.removeprefix(before).split(" needs ")[0])
            for part, rule in made.items()
        }

    def _group_rule(self, rule: ast.Rule, names: list[str]) -> ir.Rule | None:
        at = place(self.symbols.sources, rule.span)
        if rule.kind in ("prefer", "only"):
            return self._of_sources(rule, names, at)
        if not self._timed(rule, rule.kind, names):
            return None
        return ir.Rule(kind=rule.kind, order=self._everyone(), text=rule.kind, place=at)

    def _member(self, group: ast.Together, name: ast.Name) -> bool:
        if name.text not in self.info.fields:
            self.report.unknown("FM0202", f"field of {self.info.node.name.text} called", name, self.info.fields)
            return False
        if name.text in self.info.key:
            self.report.error(
                "FM0607",
                f"{name.text} is the key; all the claims of one row have the same",
                name.span,
                help="leave it out of the group",
            )
            return False
        other = self._grouped.get(name.text)
        if other is not None:
            self.report.error(
                "FM0607",
                f"{name.text} is in two groups" if other is not group else f"{name.text} is named twice",
                name.span,
                labels=[Label(other.span, "and here")] if other is not group else [],
                help="a field is chosen once; leave it out of one of them",
            )
            return False
        self._grouped[name.text] = group
        return True

    def _chooses_a_claim(self, kind: str, span: Span) -> bool:
        if kind in CLAIM_RULES:
            return True
        self.report.error(
            "FM0607",
            f"{kind} chooses a value, and fields that belong together come from one claim",
            span,
            help="choose the claim by prefer, only, newest or oldest",
        )
        return False

    # ------------------------------------------------------------------------------------------------------ parts

    def _null_can_win(self, name: str, line: ast.MergeField) -> bool:
        type_, optional = self.info.fields[name].type, self.info.fields[name].optional
        if line.rule.kind in CLAIM_RULES and optional and not isinstance(type_, ir.ListType):
            return True
        why = (
            f"{line.rule.kind} chooses among values"
            if line.rule.kind not in CLAIM_RULES
            else "a list is empty where nothing is said"
            if isinstance(type_, ir.ListType)
            else f"{name} is required, so that the row would never be complete"
        )
        self.report.error(
            "FM0608",
            f"null cannot win here: {why}",
            line.span,
            help="leave null wins out" if optional else "leave null wins out, or write ? behind the type of the field",
        )
        return False

    def _one_field(self, why: str, span: Span) -> None:
        self.report.error(
            "FM0608",
            f"null wins is said of one field, and {why}",
            span,
            help="leave null wins out here, or write it on the line of a field: left_on newest null wins",
        )

    def _everyone(self) -> tuple[int, ...]:
        return tuple(source.rank for source in self.sources)

    def _claiming(self, names: Iterable[str] | None) -> Iterable[ir.Map]:
        """The maps that claim one of the fields, or the entity at all."""
        wanted = None if names is None else set(names)
        for map_, claim in self.claims:
            if wanted is None or any(assignment.field in wanted for assignment in claim.assignments):
                yield map_

    def _has(self, source: ir.Source, names: Iterable[str]) -> bool:
        wanted = set(names)
        return any(
            map_.id == source.map
            and claim.number == source.claim
            and any(assignment.field in wanted for assignment in claim.assignments)
            for map_, claim in self.claims
        )


def _with_null(rule: ir.Rule) -> ir.Rule:
    return msgspec.structs.replace(rule, null_wins=True, text=f"{rule.text} null wins")


def _age(hours: int) -> str:
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"


_NO_LENGTH = "compares values, and a month has no length of its own"


def _has_duration(type_: ir.Type) -> bool:
    match type_:
        case ir.ListType(element=element):
            return _has_duration(element)
        case ir.RecordType(members=members):
            return any(_has_duration(part.type) for part in members)
        case _:
            return isinstance(type_, ir.DurationType)


def _unsuited(kind: str, type_: ir.Type) -> str:
    """Why a rule cannot choose among values of a type, "" if it can."""
    match kind:
        case "union":
            if not isinstance(type_, ir.ListType):
                return "joins lists"
            return _NO_LENGTH if _has_duration(type_) else ""
        case "longest":
            return "" if isinstance(type_, ir.TextType) else "compares the lengths of texts"
        case "min" | "max":
            return "" if isinstance(type_, _ORDERED | ir.MoneyType) else "needs values that have an order"
        case "agree" | "most common" if _has_duration(type_):
            return _NO_LENGTH
        case _:
            return ""
