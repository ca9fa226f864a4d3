"""References: whose numbers each of them holds, so that it follows the identity of what it refers to."""

from __future__ import annotations

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of, root_of
from fieldmap.compiler.identity import IdentityLowering
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols, map_id
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.dsl.source import Span


def link(
    entities: list[ir.Entity],
    lowered: dict[str, IdentityLowering],
    maps: list[ir.Map],
    symbols: Symbols,
    report: Report,
) -> list[ir.Entity]:
    """The entities, each source knowing how its references are resolved."""
    by_name = {entity.name: entity for entity in entities}
    claims = {(map_.id, claim.number): (map_, claim) for map_ in maps for claim in claims_of(map_)}
    linking = _Linking(by_name, lowered, maps, symbols, report)
    return [
        msgspec.structs.replace(
            entity,
            sources=tuple(
                msgspec.structs.replace(
                    source, references=linking.references(entity, *claims[(source.map, source.claim)])
                )
                for source in entity.sources
            ),
        )
        for entity in entities
    ]


class _Linking:
    def __init__(
        self,
        entities: dict[str, ir.Entity],
        lowered: dict[str, IdentityLowering],
        maps: list[ir.Map],
        symbols: Symbols,
        report: Report,
    ) -> None:
        self._entities = entities
        self._lowered = lowered
        self._maps = {claim.table: (map_, claim) for map_ in maps for claim in claims_of(map_)}
        self._symbols = symbols
        self._report = report
        self._told: set[tuple[str, str]] = set()

    def references(self, entity: ir.Entity, map_: ir.Map, claim: ir.Claim) -> tuple[ir.Reference, ...]:
        fields = {field.name: field for field in entity.fields}
        found = (self._reference(fields[item.field], item, map_) for item in claim.assignments)
        return tuple(reference for reference in found if reference is not None)

    def _reference(self, field: ir.Field, item: ir.Assignment, map_: ir.Map) -> ir.Reference | None:
        type_ = field.type.element if isinstance(field.type, ir.ListType) else field.type
        if not isinstance(type_, ir.ReferenceType):
            return None
        root = root_of(type_)
        identity = self._entities[root].identity if root in self._entities else None
        own = map_
        if item.records:
            if item.records not in self._maps:
                return None
            own = self._maps[item.records][0]
        elif identity is None:
            return None
        numbering = ""
        if identity is not None:
            said = self._lowered[root].numbering((own.connector, own.resource))
            if said is None:
                self._unsaid(root, field.name, own)
                return None
            numbering = said
        return ir.Reference(
            field=field.name,
            entity=root,
            numbering=numbering,
            numberings=identity.numberings if identity is not None else (),
            records=item.records,
            records_key=self._entities[type_.entity].key[0] if item.records else "",
        )

    def _unsaid(self, entity: str, field: str, map_: ir.Map) -> None:
        if (entity, map_.id) in self._told:
            return
        self._told.add((entity, map_.id))
        node = next(item for item in self._symbols.maps if map_id(item) == map_.id)
        identity = self._entities[entity].identity
        merge = self._symbols.merges[entity]
        base = identity.base if identity is not None else ""
        self._report.error(
            "FM0630",
            f"{field} refers to {entity}, whose sources have numbers of their own, and nothing says which of them {map_.connector} uses",
            _assigned(node, field) or node.connector.span.to(node.resource.span),
            labels=[Label(merge.entity.span, f"the numberings of {entity} are said here")],
            help=f"if they are those of {base}, name {map_.connector} there too: same {self._entities[entity].key[0]} of {base}, {map_.connector}",
        )


def _assigned(node: ast.Map, field: str) -> Span | None:
    """Where a map, or an `each` block of it, assigns the field."""

    def within(items: tuple[ast.MapItem, ...]) -> Span | None:
        for item in items:
            if isinstance(item, ast.Assignment) and item.field.text == field:
                return item.span
            if isinstance(item, ast.Each | ast.Also) and (found := within(item.items)) is not None:
                return found
        return None

    return within(node.items)
