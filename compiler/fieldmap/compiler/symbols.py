"""Who is who: every declared name of a project, found once, and mistakes in declaring them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TypeVar

from fieldmap.compiler import composite
from fieldmap.compiler.composite import Composite
from fieldmap.compiler.report import Report
from fieldmap.compiler.sources import Loaded
from fieldmap.dsl import ast
from fieldmap.dsl.source import Source, Span

# PostgreSQL cuts longer names off silently; two that are cut to the same would share a table.
_LONGEST_NAME = 63

# What is added to an entity's name for its views in schema provenance.
_VIEWS = ("_claims", "_duplicates", "_dangling", "_stale", "_incomplete", "_warned", "_conflicts", "_history")
_ADDED = max(map(len, _VIEWS))

_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})

_Declared = TypeVar("_Declared", bound=ast.Node)


@dataclass
class Symbols:
    sources: dict[str, Source]
    entities: dict[str, ast.Entity] = field(default_factory=dict)
    connectors: dict[str, ast.Connector] = field(default_factory=dict)
    codes: dict[str, ast.Codes] = field(default_factory=dict)
    rates: dict[str, ast.Rates] = field(default_factory=dict)
    units: dict[str, ast.OwnUnit] = field(default_factory=dict)
    unit_codes: dict[str, ast.UnitCodes] = field(default_factory=dict)
    maps: list[ast.Map] = field(default_factory=list)
    merges: dict[str, ast.Merge] = field(default_factory=dict)
    examples: dict[str, ast.Example] = field(default_factory=dict)
    functions: dict[str, ast.Function] = field(default_factory=dict)
    tables: dict[str, ast.Table] = field(default_factory=dict)
    properties: dict[str, ast.Property] = field(default_factory=dict)
    # By entity and field: the references that several fields hold. The entities have these fields in their place.
    composites: dict[str, dict[str, Composite]] = field(default_factory=dict)

    def resource(
        self, connector: ast.Name, resource: ast.Name, report: Report
    ) -> tuple[ast.Connector, ast.Resource] | None:
        """The resource that `connector.resource` names, or None after a diagnostic."""
        found = self.connectors.get(connector.text)
        if found is None:
            report.unknown("FM0203", "connector", connector, self.connectors)
            return None
        for candidate in found.resources:
            if candidate.name.text == resource.text:
                return found, candidate
        report.unknown(
            "FM0203", f"resource of {connector.text} called", resource, [r.name.text for r in found.resources]
        )
        return None

    def entity(self, name: ast.Name, report: Report) -> ast.Entity | None:
        """The entity of that name, or None after a diagnostic."""
        found = self.entities.get(name.text)
        if found is None:
            report.unknown("FM0201", "entity", name, self.entities)
        return found


def collect(loaded: Loaded, report: Report) -> Symbols:
    """All declarations of the loaded files."""
    symbols = Symbols(loaded.sources)
    for tree in loaded.files.values():
        for item in tree.items:
            _declare(symbols, item, report)
    symbols.entities, symbols.composites = composite.expand(symbols.entities)
    for title, node in symbols.properties.items():
        held = symbols.composites.get(node.entity.text, {})
        conditions = tuple(composite.asked_of_parts(one, held) for one in node.conditions)
        symbols.properties[title] = replace(node, conditions=conditions)
    _check_names(symbols, report)
    return symbols


def _declare(symbols: Symbols, item: ast.Item, report: Report) -> None:
    match item:
        case ast.Entity():
            _once(symbols.entities, item.name.text, item, f"entity {item.name.text}", item.name, report)
        case ast.Connector():
            _once(symbols.connectors, item.name.text, item, f"connector {item.name.text}", item.name, report)
            _resources(item, report)
        case ast.Codes():
            _once(symbols.codes, item.name.text, item, f"code list {item.name.text}", item.name, report)
        case ast.Rates():
            _once(symbols.rates, item.name.text, item, f"rate table {item.name.text}", item.name, report)
        case ast.OwnUnit():
            _once(symbols.units, item.name.text, item, f"unit {item.name.text}", item.name, report)
        case ast.UnitCodes():
            what = f"list of unit codes {item.name.text}"
            _once(symbols.unit_codes, item.name.text, item, what, item.name, report)
        case ast.Merge():
            _once(symbols.merges, item.entity.text, item, f"the merge of {item.entity.text}", item.entity, report)
        case ast.Example():
            _once(symbols.examples, item.title.value, item, f'example "{item.title.value}"', item.title, report)
        case ast.Map():
            symbols.maps.append(item)
        case ast.Function():
            _once(symbols.functions, item.name.text, item, f"function {item.name.text}", item.name, report)
        case ast.Table():
            _once(symbols.tables, item.name.text, item, f"table {item.name.text}", item.name, report)
        case ast.Property():
            _once(symbols.properties, item.title.value, item, f'property "{item.title.value}"', item.title, report)
        case ast.Use():
            pass


def _once(table: dict[str, _Declared], key: str, item: _Declared, what: str, place: ast.Node, report: Report) -> None:
    if key in table:
        report.twice(what, place.span, _name_span(table[key]))
    else:
        table[key] = item


def _name_span(node: ast.Node) -> Span:
    match node:
        case (
            ast.Entity(name=name)
            | ast.Connector(name=name)
            | ast.Codes(name=name)
            | ast.Rates(name=name)
            | ast.Function(name=name)
            | ast.Table(name=name)
            | ast.OwnUnit(name=name)
            | ast.UnitCodes(name=name)
        ):
            return name.span
        case ast.Merge(entity=entity):
            return entity.span
        case ast.Example(title=title) | ast.Property(title=title):
            return title.span
        case _:
            return node.span


def _resources(connector: ast.Connector, report: Report) -> None:
    seen: dict[str, ast.Name] = {}
    for named in (connector.name, *(resource.name for resource in connector.resources)):
        if named.text != named.text.lower():
            report.error(
                "FM0213",
                f"{named.text} names folders and files, so it is written in small letters",
                named.span,
                help=f"write {named.text.lower()}",
            )
    for resource in connector.resources:
        first = seen.setdefault(resource.name.text, resource.name)
        if first is not resource.name:
            report.twice(f"resource {resource.name.text}", resource.name.span, first.span)


def snake(name: str) -> str:
    """`SpecialAssignment` → `special_assignment`: an entity's name as a table."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def map_id(node: ast.Map) -> str:
    """`workday_workers__worker`: what a map is called in the database and the bundle."""
    own = f"{node.connector.text}_{node.resource.text}"
    return f"{own}__{snake(node.entity.text)}" if node.entity is not None else own


def _check_names(symbols: Symbols, report: Report) -> None:
    tables: dict[str, ast.Name] = {}
    for entity in symbols.entities.values():
        table = snake(entity.name.text)
        _claim_name(tables, table, entity.name, report, most=_LONGEST_NAME - _ADDED)
        columns: dict[str, ast.Name] = {}
        for field_ in entity.fields:
            _claim_name(columns, field_.name.text, field_.name, report)
            if isinstance(field_.type, ast.MoneyType) and field_.type.currency is None:
                _claim_name(columns, f"{field_.name.text}_currency", field_.name, report)
            if isinstance(field_.type, ast.QuantityType):
                _claim_name(columns, f"{field_.name.text}_unit", field_.name, report)
    _check_views(symbols, tables, report)
    maps: dict[str, ast.Name] = {}
    for item in symbols.maps:
        name = map_id(item)
        if name in maps:
            report.error(
                "FM0503",
                f"{item.connector.text}.{item.resource.text} is mapped to {item.entity.text if item.entity else 'each'} twice",
                item.connector.span.to(item.resource.span),
                help="make one map of the two",
            )
        maps.setdefault(name, item.connector)
        if len(name) > _LONGEST_NAME - 12:
            report.error(
                "FM0213",
                f"the names of connector, resource and entity together have {len(name)} letters, and {_LONGEST_NAME - 12} fit into the name of a table",
                item.connector.span.to(item.resource.span),
                note=name,
                help=f"shorten the name of {_longest(item)}",
            )


def _longest(item: ast.Map) -> str:
    """Of the parts of a map's name the longest, which gives most when it is shortened."""
    parts = {
        f"the connector {item.connector.text}": item.connector.text,
        f"the resource {item.resource.text}": item.resource.text,
    }
    if item.entity is not None:
        parts[f"the entity {item.entity.text}"] = snake(item.entity.text)
    return max(parts, key=lambda part: len(parts[part]))


def _claim_name(
    taken: dict[str, ast.Name], name: str, place: ast.Name, report: Report, *, most: int = _LONGEST_NAME
) -> None:
    first = taken.setdefault(name, place)
    if first is not place and first.text != place.text:
        report.error(
            "FM0213",
            f"{place.text} and {first.text} would have the same name {name} in the database",
            place.span,
            help="rename one of the two",
        )
    if len(name) > most:
        report.error(
            "FM0213",
            f"{name} is {len(name)} characters long; PostgreSQL keeps {_LONGEST_NAME}",
            place.span,
            help="shorten it",
        )
    if name in _SYSTEM_COLUMNS:
        report.error("FM0213", f"{name} is a name that PostgreSQL keeps for itself", place.span, help="choose another")
    if name.startswith("_"):
        report.error(
            "FM0213",
            f"{name} begins with an underscore, as the store's own columns do",
            place.span,
            help="begin it with a letter",
        )


def _check_views(symbols: Symbols, tables: dict[str, ast.Name], report: Report) -> None:
    """The views of an entity must not be called like another entity's: `Line` and `LineDangling`."""
    for entity in symbols.entities.values():
        for added in _VIEWS:
            other = tables.get(snake(entity.name.text) + added)
            if other is not None:
                report.error(
                    "FM0213",
                    f"{other.text} has the name of a view of {entity.name.text}",
                    other.span,
                    help="rename one of the two",
                )
