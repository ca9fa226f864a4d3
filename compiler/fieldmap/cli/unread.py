"""Resources that no map reads yet: how `fieldmap fetch` shows their records."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fieldmap.cli.workspace import Workspace
from fieldmap.compiler import ir
from fieldmap.runtime.archive import Archived
from fieldmap.runtime.values.outcome import Failed


def reading(workspace: Workspace, resource: str) -> ir.Map:
    """How the records of a resource are found, as a map that claims nothing."""
    from fieldmap.compiler.parents import lower_parent

    context = workspace.check().context
    connector_name, _, name = resource.partition(".")
    connector = context.symbols.connectors[connector_name]
    node = next(one for one in connector.resources if one.name.text == name)
    return lower_parent(connector, node, context.symbols, context.codes)


def records(map_: ir.Map, page: Archived) -> list[Any]:
    """The records of a page, each as received, or a Failed that says why there is none."""
    from fieldmap.compiler import interpret
    from fieldmap.compiler.readings import reading_of
    from fieldmap.runtime.values.decode import bodies

    found: list[Any] = []
    for _, body in bodies(page.content(), page.format, reading_of(map_)):
        if isinstance(body, Failed):
            found.append(body)
            continue
        try:
            found += [value for _, value in interpret.places(map_, body)]
        except Failed as failed:
            found.append(failed)
    return found


def kinds(record: Any) -> list[tuple[str, str]]:
    """The members of a record with the kind of each, and no value: nobody said which are personal."""
    if isinstance(record, Failed):
        return [("", f"({record.code})")]
    members = record.items() if isinstance(record, dict) else [("", record)]
    return [(str(name), _kind(value)) for name, value in members]


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float() | Decimal():
            return "a number"
        case str():
            return "a text"
        case dict():
            return "an object: " + (", ".join(map(str, value)) or "empty")
        case list():
            return "a list, empty" if not value else f"a list of {len(value):,}, the first {_kind(value[0])}"
    return "something that cannot be read"
