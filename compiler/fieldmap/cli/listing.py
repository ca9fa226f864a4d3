"""Commands that list rows which want a look: conflicts, incomplete, duplicates, dangling, stale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from fieldmap.cli import rows
from fieldmap.cli.console import Json, exiting
from fieldmap.cli.masking import Reveal, instead, keep_reveal, reasons
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.store.database import Connection

Entity = Annotated[str, typer.Argument(help="Only this entity, such as Worker.")]
Limit = Annotated[int | None, typer.Option(help="How many at the most; 20 in a table, all as JSON.", min=1)]


def register(app: typer.Typer) -> None:
    for command in (conflicts, incomplete, duplicates, dangling, stale):
        _register(app, command)


def _register(app: typer.Typer, command: Callable[..., None]) -> None:
    name = command.__name__
    app.command(epilog=f"Example: fieldmap {name} · fieldmap {name} Worker --limit 100 --json")(exiting(command))


def conflicts(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists fields on which the sources contradict each other, with what each says."""
    workspace = Workspace.here()
    hidden = instead(workspace, reveal=reveal)

    def found(bundle: Bundle, connection: Connection) -> list[dict[str, Any]]:
        keep_reveal(connection, f"conflicts {entity}".strip(), reveal=reveal)
        return rows.conflicts(bundle, connection, hidden)

    _list(
        workspace,
        entity,
        limit,
        found,
        rows.show_conflicts,
        ("There are no conflicts.", "conflict", "conflicts"),
        json=json,
    )


def incomplete(entity: Entity = "", limit: Limit = None, json: Json = False) -> None:
    """Lists rows held back: a required field stayed empty, a must is broken, or what they refer to does not exist."""
    _list(
        Workspace.here(),
        entity,
        limit,
        rows.incomplete,
        rows.show_incomplete,
        ("No rows are held back.", "row is held back", "rows are held back"),
        json=json,
    )


def duplicates(entity: Entity = "", limit: Limit = None, json: Json = False) -> None:
    """Lists keys that one source claims by several records."""
    _list(
        Workspace.here(),
        entity,
        limit,
        rows.duplicates,
        rows.show_duplicates,
        ("No source claims a key twice.", "key is claimed twice", "keys are claimed twice"),
        json=json,
    )


def dangling(entity: Entity = "", limit: Limit = None, json: Json = False) -> None:
    """Lists references that find no row."""
    _list(
        Workspace.here(),
        entity,
        limit,
        rows.dangling,
        rows.show_dangling,
        ("Every reference finds its row.", "reference finds no row", "references find no row"),
        json=json,
    )


def stale(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists claims that stand although a newer version of their record was rejected."""
    workspace = Workspace.here()
    told = reasons(workspace, reveal=reveal)

    def found(bundle: Bundle, connection: Connection) -> list[dict[str, Any]]:
        keep_reveal(connection, f"stale {entity}".strip(), reveal=reveal)
        return rows.stale(bundle, connection, told)

    _list(
        workspace,
        entity,
        limit,
        found,
        rows.show_stale,
        ("No claim is stale.", "claim is stale", "claims are stale"),
        json=json,
    )


def _list(
    workspace: Workspace,
    entity: str,
    limit: int | None,
    find: Callable[[Bundle, Connection], list[dict[str, Any]]],
    show: Callable[[list[dict[str, Any]]], None],
    words: tuple[str, str, str],
    *,
    json: bool,
) -> None:
    bundle = workspace.existing_bundle()
    names = [item.name for item in bundle.catalogue.entities]
    if entity and entity not in names:
        raise UsageError(f"There is no entity {entity}; there are: {', '.join(names)}")
    with workspace.loaded() as connection:
        found = [item for item in find(bundle, connection) if entity in ("", item["entity"])]
    rows.print_list(found, show, words, limit=limit, json=json)
