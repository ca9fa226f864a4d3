"""Commands that list rows which want a look: conflicts, incomplete, duplicates, dangling, stale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from fieldmap.cli import rows
from fieldmap.cli.console import Json, exiting
from fieldmap.cli.masking import Reveal, keep_reveal, private_of, reasons
from fieldmap.cli.numbers import whole
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.errors import UsageError

Entity = Annotated[str, typer.Argument(help="Only this entity, such as Worker.")]
Limit = Annotated[
    int | None,
    typer.Option(help="How many at the most; 20 in a table, all as JSON.", parser=whole("--limit", least=1)),
]


def register(app: typer.Typer) -> None:
    for command in (conflicts, incomplete, duplicates, dangling, stale):
        _register(app, command)


def _register(app: typer.Typer, command: Callable[..., None]) -> None:
    name = command.__name__
    app.command(epilog=f"Example: fieldmap {name} · fieldmap {name} Worker --limit 100 --json")(exiting(command))


def conflicts(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists fields on which the sources contradict each other, with what each says."""
    workspace = Workspace.here()
    kind = rows.conflicts(private_of(workspace, reveal=reveal))
    _list(workspace, entity, limit, kind, reveal="conflicts" if reveal else "", json=json)


def incomplete(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists rows held back: a required field stayed empty, a must is broken, or what they refer to does not exist."""
    workspace = Workspace.here()
    kind = rows.incomplete(private_of(workspace, reveal=reveal))
    _list(workspace, entity, limit, kind, reveal="incomplete" if reveal else "", json=json)


def duplicates(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists keys that one source claims by several records."""
    workspace = Workspace.here()
    kind = rows.duplicates(private_of(workspace, reveal=reveal))
    _list(workspace, entity, limit, kind, reveal="duplicates" if reveal else "", json=json)


def dangling(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists references that find no row."""
    workspace = Workspace.here()
    kind = rows.dangling(private_of(workspace, reveal=reveal))
    _list(workspace, entity, limit, kind, reveal="dangling" if reveal else "", json=json)


def stale(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists claims that stand although a newer version of their record was rejected."""
    workspace = Workspace.here()
    kind = rows.stale(reasons(workspace, reveal=reveal), private_of(workspace, reveal=reveal))
    _list(workspace, entity, limit, kind, reveal="stale" if reveal else "", json=json)


def _list(workspace: Workspace, entity: str, limit: int | None, kind: rows.Kind, *, json: bool, reveal: str) -> None:
    """reveal: what is kept of it that values are shown in full, "" where they are not."""
    bundle = workspace.existing_bundle()
    infos = [item for item in bundle.catalogue.entities if entity in ("", item.name)]
    if not infos and entity:
        names = ", ".join(item.name for item in bundle.catalogue.entities)
        raise UsageError(f"There is no entity {entity}; there are: {names}")
    with workspace.loaded() as connection:
        keep_reveal(connection, f"{reveal} {entity}".strip(), reveal=bool(reveal))
        rows.print_list(connection, bundle, infos, kind, limit=limit, json=json)
