"""What a command may show of personal and restricted values: hidden unless `--reveal` asks for them, and then the asking is kept."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Annotated

import typer

from fieldmap.cli.workspace import Workspace
from fieldmap.compiler import ir
from fieldmap.compiler.explain.letters import blamed, sensitive, without_value
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.store.reconcile import prepare_own

Reveal = Annotated[
    bool,
    typer.Option("--reveal", help="Print personal and restricted values in full; who did is kept in the database."),
]


def project_of(workspace: Workspace) -> ir.Project:
    """The meaning of the bundle of the last run."""
    return ir.decode_project(workspace.existing_bundle().parts["ir.json"])


def tags_of(workspace: Workspace) -> dict[tuple[str, str], str]:
    """The fields that are personal or restricted, with that tag, by the title of the map that claims them and their name."""
    return sensitive(project_of(workspace))


def reasons(workspace: Workspace, *, reveal: bool) -> Callable[[str, str, str, str], str]:
    """How a reason is told, by code, map, field and what it says: without its value where the field is personal or restricted."""
    if reveal:
        return lambda code, title, field, why: why
    tags = tags_of(workspace)

    def told(code: str, title: str, field: str, why: str) -> str:
        # Of no field the path is not known.
        tag = tags.get((title, blamed(code, field, "?")))
        return without_value(code, tag) if tag else why

    return told


def private_of(workspace: Workspace, *, reveal: bool) -> Private:
    """What is hidden of values, keys and ids of records: nothing where they are to be revealed."""
    return Private() if reveal else Private.of(project_of(workspace))


def keep_reveal(connection: Connection, what: str, *, reveal: bool) -> None:
    """Before values are shown in full: keeps in the database who asked and for what."""
    if not reveal:
        return
    try:
        person = getpass.getuser()
    except (OSError, KeyError):
        person = "unknown"
    prepare_own(connection)
    connection.execute("INSERT INTO fieldmap.revealed (person, what) VALUES (%s, %s)", [person, what])
