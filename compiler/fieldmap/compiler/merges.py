"""Merge: whose claims are about the same thing, and which claim of a field is right."""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.places import place
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label


def lower_entity(info: EntityInfo, maps: list[ir.Map], symbols: Symbols, report: Report) -> ir.Entity:
    """The entity with its sources, in the order of the identity statement, and a rule for each field."""
    merge = symbols.merges.get(info.node.name.text)
    claims = [(map_, claim) for map_ in maps for claim in claims_of(map_) if claim.entity == info.node.name.text]
    return _MergeLowering(info, merge, claims, symbols, report).lower()


def claims_of(map_: ir.Map) -> list[ir.Claim]:
    """The claims of a map, its own first, then those of its `each` and `also` blocks in the order of their numbers."""

    def below(children: tuple[ir.Child, ...]) -> list[ir.Claim]:
        return [claim for child in children for claim in (child.claim, *below(child.children))]

    return ([map_.claim] if map_.claim is not None else []) + sorted(below(map_.children), key=lambda c: c.number)


class _MergeLowering:
    def __init__(
        self,
        info: EntityInfo,
        merge: ast.Merge | None,
        claims: list[tuple[ir.Map, ir.Claim]],
        symbols: Symbols,
        report: Report,
    ) -> None:
        self._info = info
        self._merge = merge
        self._claims = claims
        self._symbols = symbols
        self._report = report
        self._sources: tuple[ir.Source, ...] = ()

    def lower(self) -> ir.Entity:
        self._sources = self._ordered()
        rules = self._rules()
        node = self._info.node
        return ir.Entity(
            name=node.name.text,
            table=self._info.table,
            fields=tuple(self._info.fields.values()),
            key=self._info.key,
            sources=self._sources,
            rules=rules,
            place=place(self._symbols.sources, node.name.span),
            doc=node.doc.value if node.doc is not None else "",
        )

    # ---------------------------------------------------------------------------------------------- identity

    def _ordered(self) -> tuple[ir.Source, ...]:
        """The sources, ranked by the identity statement; each resource beyond the first must be accounted for."""
        resources = dict.fromkeys((map_.connector, map_.resource) for map_, _ in self._claims)
        said = self._same_sources()
        if len(resources) > 1:
            unsaid = [pair for pair in resources if not _covers(said, pair)]
            if unsaid:
                self._identity_unsaid(unsaid, list(resources))
        order = {pair: _rank(said, pair) for pair in resources}
        ranked = sorted(
            self._claims, key=lambda item: (order[(item[0].connector, item[0].resource)], item[0].id, item[1].number)
        )
        return tuple(
            ir.Source(
                map=map_.id,
                claim=claim.number,
                table=claim.table,
                connector=map_.connector,
                resource=map_.resource,
                rank=rank,
                partial=claim.partial,
            )
            for rank, (map_, claim) in enumerate(ranked)
        )

    def _same_sources(self) -> list[ast.SourceName]:
        if self._merge is None:
            return []
        if not self._claims and not any(self._report.broken(node.span) for node in self._symbols.maps):
            self._report.error(
                "FM0604",
                f"no map claims {self._info.node.name.text}",
                self._merge.entity.span,
                help="remove the merge, or add a map",
            )
        said: list[ast.SourceName] = []
        for same in self._merge.same:
            names = tuple(name.text for name in same.fields)
            if set(names) != set(self._info.key):
                self._report.error(
                    "FM0601",
                    f"{self._info.node.name.text} is told apart by {', '.join(self._info.key)}",
                    same.span,
                    help=f"write: same {_key_words(self._info.key)} of …",
                )
            if said and same.sources:
                self._report.error(
                    "FM0205",
                    "the numbering that sources share is said twice",
                    same.span,
                    help="name all its sources in one line",
                )
            said.extend(source for source in same.sources if self._known(source))
        return said

    def _known(self, source: ast.SourceName) -> bool:
        """Whether the source claims this entity, after a diagnostic if not."""
        if any(_names(source, (map_.connector, map_.resource)) for map_, _ in self._claims):
            return True
        name = source.connector.text + (f".{source.resource.text}" if source.resource is not None else "")
        known = sorted({map_.connector for map_, _ in self._claims})
        self._report.error(
            "FM0602",
            f"{name} has no map to {self._info.node.name.text}",
            source.span,
            help=f"these have: {', '.join(known)}" if known else "",
        )
        return False

    def _identity_unsaid(self, unsaid: list[tuple[str, str]], resources: list[tuple[str, str]]) -> None:
        names = ", ".join(f"{connector}.{resource}" for connector, resource in unsaid)
        node = self._info.node
        every = ", ".join(dict.fromkeys(connector for connector, _ in resources))
        declared = next((m for m in self._symbols.maps if (m.connector.text, m.resource.text) == unsaid[0]), None)
        self._report.error(
            "FM0601",
            f"{len(resources)} sources claim {node.name.text}, and nothing says whether their keys are one numbering: {names}",
            self._merge.entity.span if self._merge is not None else node.name.span,
            labels=[Label(declared.connector.span.to(declared.resource.span), "this source")]
            if declared is not None
            else [],
            help=f"if equal keys mean the same {node.name.text}, write in merge {node.name.text} {{ }}: same {_key_words(self._info.key)} of {every}",
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
            if not self._known(source):
                return None
            words.append(source.connector.text + (f".{source.resource.text}" if source.resource is not None else ""))
            order.extend(
                s.rank for s in self._sources if _names(source, (s.connector, s.resource)) and s.rank not in order
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


def _names(source: ast.SourceName, pair: tuple[str, str]) -> bool:
    return source.connector.text == pair[0] and (source.resource is None or source.resource.text == pair[1])


def _covers(said: list[ast.SourceName], pair: tuple[str, str]) -> bool:
    return any(_names(source, pair) for source in said)


def _rank(said: list[ast.SourceName], pair: tuple[str, str]) -> int:
    return next((rank for rank, source in enumerate(said) if _names(source, pair)), len(said))


def _key_words(key: tuple[str, ...]) -> str:
    return key[0] if len(key) == 1 else f"({', '.join(key)})"
