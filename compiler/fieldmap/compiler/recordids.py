"""`by id`: a reference that gives the `id` of another record, not the key of what that record claims."""

from __future__ import annotations

import msgspec

from fieldmap.compiler import ir, types
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols, map_id
from fieldmap.dsl import ast


def records_named(
    item: ast.Assignment, by_id: ast.ById, target: ir.Field, node: ast.Map, symbols: Symbols, report: Report
) -> tuple[ir.Field, str] | None:
    """The field as a text that holds a record's id, and the claim table of the records meant; None after a diagnostic."""
    type_ = target.type.element if isinstance(target.type, ir.ListType) else target.type
    if not isinstance(type_, ir.ReferenceType):
        report.error(
            "FM0628",
            f"{target.name} is {types.describe(target.type)}, and only a reference can be given by the id of a record",
            by_id.span,
            help="leave by id out",
        )
        return None
    if target.is_key:
        report.error(
            "FM0628",
            f"{target.name} is part of the key, and a key cannot wait for the record that an id names",
            by_id.span,
            help=f"assign the {type_.entity}'s own key",
        )
        return None
    claiming = [
        other
        for other in symbols.maps
        if other.connector.text == node.connector.text
        and other.entity is not None
        and other.entity.text == type_.entity
    ]
    chosen = _chosen(item, by_id, claiming, node, type_.entity, report)
    if chosen is None:
        return None
    held: ir.Type = ir.TextType()
    if isinstance(target.type, ir.ListType):
        held = ir.ListType(element=held)
    return msgspec.structs.replace(target, type=held), map_id(chosen)


def _chosen(
    item: ast.Assignment, by_id: ast.ById, claiming: list[ast.Map], node: ast.Map, entity: str, report: Report
) -> ast.Map | None:
    """The map of the resource whose ids are meant: the one named, else this map's own, else the only one."""
    wanted = by_id.resource.text if by_id.resource is not None else node.resource.text
    found = next((other for other in claiming if other.resource.text == wanted), None)
    if found is not None:
        return found
    resources = [other.resource.text for other in claiming]
    if by_id.resource is None and len(claiming) == 1:
        return claiming[0]
    if by_id.resource is not None:
        message = f"{node.connector.text}.{wanted} has no map to {entity}, so its ids name none"
    elif claiming:
        message = (
            f"{' and '.join(resources)} of {node.connector.text} claim {entity}, and nothing says whose ids these are"
        )
    else:
        message = f"no resource of {node.connector.text} claims {entity}, so no record has the id that {item.field.text} would give"
    report.error(
        "FM0629",
        message,
        by_id.span,
        help=f"write: by id of {resources[0]}" if resources else f"add a map {node.connector.text}.… to {entity}",
    )
    return None
