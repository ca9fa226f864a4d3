"""Runs the statements of a step of the bundle."""

from __future__ import annotations

from fieldmap.runtime.store.database import Connection


def run_script(connection: Connection, script: str, values: dict[str, object]) -> None:
    """Runs the statements of a step. They are split at line ends, which no statement of the emitter has within it."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement.encode(), values or None)
