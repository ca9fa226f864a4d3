"""The command that explains one value: `fieldmap explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from fieldmap.cli.console import Json, exiting, print_json
from fieldmap.cli.masking import Reveal, keep_reveal, private_of
from fieldmap.cli.naming import entity_of, key_parts
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import UsageError


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap explain Worker 21001 commute · fieldmap explain --identity Worker 21001")(
        exiting(explain)
    )


def explain(
    entity: Annotated[str, typer.Argument(help="The entity, such as Worker.")],
    key: Annotated[str, typer.Argument(help="The row's key; parts separated by commas.")],
    field: Annotated[str, typer.Argument(help="The field, such as commute.")] = "",
    identity: Annotated[
        bool, typer.Option("--identity", help="Instead of a value: which keys of which sources the row is made of.")
    ] = False,
    reveal: Reveal = False,
    json: Json = False,
) -> int:
    """Explains one value, back to its bytes.

    The claim that won and its rule, every step from the value as received, and the claims that lost and why.
    The value is computed again from the archive; exit code 1 if it differs. Personal and restricted values are hidden unless revealed.
    """
    from dataclasses import asdict

    from fieldmap.cli.explained import show
    from fieldmap.compiler import ir
    from fieldmap.compiler.explain import explain as explain_value

    workspace = Workspace.here()
    bundle = workspace.existing_bundle()
    info = entity_of(bundle, entity)
    if identity:
        _explain_identity(workspace, bundle, info, key, reveal=reveal, json=json)
        return 0
    if not info.fields:
        raise UsageError(
            f"{entity} has no field besides its key; see: fieldmap query {entity} --key {key} --provenance"
        )
    if not field:
        raise UsageError(f"Name the field too, such as: fieldmap explain {entity} {key} {info.fields[0]}")
    if field not in info.fields:
        hint = "it is the key, by which the row is found" if field in info.key else f"it has: {', '.join(info.fields)}"
        raise UsageError(f"{entity} has no field {field} to explain; {hint}")
    project = ir.decode_project(bundle.parts["ir.json"])
    parts = [value for _, value in key_parts(info, key)]
    with workspace.loaded() as connection:
        keep_reveal(connection, f"explain {entity} {key} {field}", reveal=reveal)
        explanation = explain_value(project, bundle, workspace.archive(), connection, info, parts, field, reveal=reveal)
    if json:
        print_json(asdict(explanation))
    else:
        show(explanation)
    return 1 if explanation.differs else 0


def _explain_identity(
    workspace: Workspace, bundle: Bundle, info: EntityInfo, key: str, *, reveal: bool, json: bool
) -> None:
    from fieldmap.cli.identity import hide
    from fieldmap.cli.whose import hide_keys, show, whose

    with workspace.loaded() as connection:
        keep_reveal(connection, f"explain --identity {info.name} {key}", reveal=reveal)
        found = whose(connection, bundle, info, key)
    private = private_of(workspace, reveal=reveal)
    hide(bundle, info.name, (*found["members"], *found["ambiguous"], *found["refused"]), private)
    hide_keys(found, private, key)
    if json:
        print_json(found)
    else:
        show(found)
