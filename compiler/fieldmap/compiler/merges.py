"""Merge: which claim of a field is right. Whose claims are about the same thing is in identity.py."""

from __future__ import annotations

from collections.abc import Iterable

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.identity import IdentityLowering, named, referring_to, speaks_for
from fieldmap.compiler.places import place
from fieldmap.compiler.references import link
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast


def lower_entities(
    infos: Iterable[EntityInfo], maps: list[ir.Map], symbols: Symbols, report: Report
) -> list[ir.Entity]:
    """The entities with their sources, in the order of the identity lines, and a rule for each field."""
    identities: dict[str, IdentityLowering] = {}
    entities: list[ir.Entity] = []
    claimed: dict[str, list[tuple[ir.Map, ir.Claim]]] = {}
    for map_ in maps:
        for claim in claims_of(map_):
            claimed.setdefault(claim.entity, []).append((map_, claim))
    referring = referring_to(maps)
    for info in infos:
        name = info.node.name.text
        merge = symbols.merges.get(name)
        claims = claimed.get(name, [])
        identities[name] = IdentityLowering(info, merge, claims, referring.get(name, []), symbols, report)
        entities.append(_MergeLowering(info, merge, claims, identities[name], symbols, report).lower())
    return link(entities, identities, maps, symbols, report)


class _MergeLowering:
    def __init__(
        self,
        info: EntityInfo,
        merge: ast.Merge | None,
        claims: list[tuple[ir.Map, ir.Claim]],
        identity: IdentityLowering,
        symbols: Symbols,
        report: Report,
    ) -> None:
        self._info = info
        self._merge = merge
        self._claims = claims
        self._identity = identity
        self._symbols = symbols
        self._report = report
        self._sources: tuple[ir.Source, ...] = ()

    def lower(self) -> ir.Entity:
        self._sources = self._identity.sources()
        rules = self._rules()
        node = self._info.node
        return ir.Entity(
            name=node.name.text,
            table=self._info.table,
            fields=tuple(self._info.fields.values()),
            key=self._info.key,
            sources=self._sources,
            rules=rules,
            identity=self._identity.identity(self._sources),
            place=place(self._symbols.sources, node.name.span),
            doc=node.doc.value if node.doc is not None else "",
        )

    # ------------------------------------------------------------------------------------------------- rules

    def _rules(self) -> dict[str, ir.Rule]:
        everyone = tuple(source.rank for source in self._sources)
        implied = ir.Rule(
            kind="prefer",
            order=everyone,
            text="the only source"
            if len({s.map for s in self._sources}) < 2
            else "the order of the identity statement",
        )
        default = implied
        rules: dict[str, ir.Rule] = {}
        lines = self._merge.rules if self._merge is not None else ()
        seen: dict[str, ast.MergeField] = {}
        for line in lines:
            name = line.field.text if line.field is not None else "default"
            if name in seen:
                self._report.twice(f"the rule of {name}", line.span, seen[name].span)
                continue
            seen[name] = line
            rule = self._rule(line)
            if rule is None:
                continue
            if line.field is None:
                default = rule
            elif name not in self._info.fields:
                self._report.unknown(
                    "FM0202", f"field of {self._info.node.name.text} called", line.field, self._info.fields
                )
            elif name in self._info.key:
                self._report.error(
                    "FM0602",
                    f"{name} is the key; all the claims of one row have the same",
                    line.span,
                    help="leave the line out",
                )
            else:
                rules[name] = rule
        if len({(source.connector, source.resource) for source in self._sources}) > 1 and "default" not in seen:
            self._no_default(rules)
        return {name: rules.get(name, default) for name in self._info.fields if name not in self._info.key}

    def _no_default(self, rules: dict[str, ir.Rule]) -> None:
        uncovered = [name for name in self._info.fields if name not in rules and name not in self._info.key]
        contested = [name for name in uncovered if sum(self._claims_field(item, name) for item in self._claims) > 1]
        if contested and self._merge is not None:
            self._report.error(
                "FM0602",
                f"{', '.join(contested[:4])}{' …' if len(contested) > 4 else ''} can come from more than one source, and no rule chooses",
                self._merge.entity.span,
                help="add a line: default prefer …, naming the sources from the most trusted on",
            )

    def _claims_field(self, item: tuple[ir.Map, ir.Claim], name: str) -> bool:
        return any(assignment.field == name for assignment in item[1].assignments)

    def _rule(self, line: ast.MergeField) -> ir.Rule | None:
        rule = line.rule
        place_ = place(self._symbols.sources, line.span)
        everyone = tuple(source.rank for source in self._sources)
        if rule.kind in ("newest", "oldest"):
            return ir.Rule(kind=rule.kind, order=everyone, text=rule.kind, place=place_) if self._timed(line) else None
        order: list[int] = []
        words: list[str] = []
        for source in rule.sources:
            if not self._identity.known(source):
                return None
            words.append(named(source))
            order.extend(
                s.rank for s in self._sources if speaks_for(source, (s.connector, s.resource)) and s.rank not in order
            )
        text = f"{rule.kind} {', '.join(words)}" + (" then any" if rule.then_any else "")
        if rule.kind == "prefer":
            left_out = [source for source in self._sources if source.rank not in order and self._has(source, line)]
            if left_out and not rule.then_any:
                names = ", ".join(dict.fromkeys(source.connector for source in left_out))
                self._report.error(
                    "FM0602", f"this rule leaves {names} out", line.span, help="name it, or end the rule with: then any"
                )
                return None
            order.extend(source.rank for source in self._sources if source.rank not in order)
        return ir.Rule(kind=rule.kind, order=tuple(order), text=text, place=place_)

    def _has(self, source: ir.Source, line: ast.MergeField) -> bool:
        """Whether the source can claim the field at all; the default rule covers every field."""
        if line.field is None:
            return True
        return any(
            map_.id == source.map
            and claim.number == source.claim
            and self._claims_field((map_, claim), line.field.text)
            for map_, claim in self._claims
        )

    def _timed(self, line: ast.MergeField) -> bool:
        untimed = [
            map_
            for map_, claim in self._claims
            if map_.changed is None
            and not map_.changed_unknown
            and (line.field is None or self._claims_field((map_, claim), line.field.text))
        ]
        if not untimed:
            return True
        names = ", ".join(dict.fromkeys(f"{map_.connector}.{map_.resource}" for map_ in untimed))
        self._report.error(
            "FM0603",
            f"{line.rule.kind} goes by the time of the data, and {names} does not say it",
            line.rule.span,
            help="give the resource a line: changed $.lastModified, or changed unknown (it then counts as the oldest)",
        )
        return False
