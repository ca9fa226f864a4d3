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
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.errors import UsageError

Entity = Annotated[str, typer.Argument(help="Only this entity, such as Worker.")]
Limit = Annotated[
    int | None,
    typer.Option(help="How many at the most; 20 in a table, all as JSON.", parser=whole("--limit", least=1)),
]


_Maker = Callable[[Workspace, bool], rows.Kind]  # of the workspace, and whether values are shown in full


def _stale(workspace: Workspace, reveal: bool) -> rows.Kind:
    return rows.stale(reasons(workspace, reveal=reveal), private_of(workspace, reveal=reveal))


def _by(kind: Callable[[Private], rows.Kind]) -> _Maker:
    return lambda workspace, reveal: kind(private_of(workspace, reveal=reveal))


_LISTS: dict[str, tuple[str, _Maker]] = {
    "conflicts": (
        "Lists fields on which the sources contradict each other, with what each says.",
        _by(rows.conflicts),
    ),
    "incomplete": (
        "Lists rows held back: a required field stayed empty, a must is broken, or what they refer to does not exist.",
        _by(rows.incomplete),
    ),
    "duplicates": ("Lists keys that one source claims by several records.", _by(rows.duplicates)),
    "dangling": ("Lists references that find no row.", _by(rows.dangling)),
    "stale": ("Lists claims that stand although a newer version of their record was rejected.", _stale),
}


def register(app: typer.Typer) -> None:
    for name, (about, make) in _LISTS.items():
        example = f"Example: fieldmap {name} · fieldmap {name} Worker --limit 100 --json"
        app.command(name, help=about, epilog=example)(exiting(_command(name, make)))


def _command(name: str, make: _Maker) -> Callable[..., None]:
    def command(entity: Entity = "", limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
        workspace = Workspace.here()
        kind, bundle = make(workspace, reveal), workspace.existing_bundle()
        infos = [item for item in bundle.catalogue.entities if entity in ("", item.name)]
        if not infos and entity:
            names = ", ".join(item.name for item in bundle.catalogue.entities)
            raise UsageError(f"There is no entity {entity}; there are: {names}")
        with workspace.loaded() as connection:
            keep_reveal(connection, f"{name} {entity}".strip(), reveal=reveal)
            rows.print_list(connection, bundle, infos, kind, limit=limit, json=json)

    return command
