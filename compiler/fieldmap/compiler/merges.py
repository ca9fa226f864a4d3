"""Merge: which claim of a field is right. Whose claims are about the same thing is in identity.py."""

from __future__ import annotations

from collections.abc import Iterable

from fieldmap.compiler import history, ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.conditions import lower_conditions
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.identity import IdentityLowering, referring_to
from fieldmap.compiler.places import place
from fieldmap.compiler.references import link
from fieldmap.compiler.report import Report
from fieldmap.compiler.rules import RuleLowering
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
    linked = link(entities, identities, maps, symbols, report)
    history.check(linked, maps, symbols, report)
    return linked


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
        rules = RuleLowering(
            self._info, self._merge, self._claims, self._sources, self._identity.known, self._symbols, self._report
        ).lower()
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
            conditions=lower_conditions(self._info, self._symbols, self._report),
            unique=self._unique(),
            history=bool(node.history),
            composites=tuple(
                ir.Composite(name=name, entity=held.target, fields=held.parts, must_exist=held.must_exist)
                for name, held in self._symbols.composites.get(node.name.text, {}).items()
            ),
        )

    def _unique(self) -> bool:
        if self._merge is None:
            return False
        lines = self._merge.duplicates
        for line in lines[1:]:
            self._report.twice("what becomes of duplicates", line.span, lines[0].span)
        return bool(lines)
