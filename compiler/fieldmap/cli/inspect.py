"""Commands that look: query, explain."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from psycopg import sql

from fieldmap.cli.console import Json, count, exiting, out, plural, print_json, safe, table
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import FindingsError, UsageError


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap query Worker --limit 5 · fieldmap query Worker --key 21001")(exiting(query))
    app.command(epilog="Example: fieldmap explain Worker 21001 commute · fieldmap explain --identity Worker 21001")(
        exiting(explain)
    )


def _entity(bundle: Bundle, name: str) -> EntityInfo:
    found = bundle.entity(name)
    if found is None:
        raise UsageError(
            f"There is no entity {name}; there are: {', '.join(item.name for item in bundle.catalogue.entities)}"
        )
    return found


def query(
    entity: Annotated[str, typer.Argument(help="The entity, such as Worker.")],
    limit: Annotated[int, typer.Option(help="How many rows at the most.", min=1)] = 20,
    fields: Annotated[str, typer.Option(help="Only these fields, separated by commas.")] = "",
    key: Annotated[str, typer.Option(help="Only the row of this key; parts of a key separated by commas.")] = "",
    json: Json = False,
) -> None:
    """Shows canonical rows, in the order of their key."""
    workspace = Workspace.here()
    bundle = workspace.existing_bundle()
    info = _entity(bundle, entity)
    table_info = next(item for item in bundle.catalogue.tables if (item.schema, item.name) == ("canonical", info.table))
    columns = [name for name, _ in table_info.columns]
    wanted = [name.strip() for name in fields.split(",") if name.strip()]
    for name in wanted:
        if name not in columns:
            raise UsageError(f"{entity} has no field {name}; it has: {', '.join(columns)}")
    chosen = [*info.key, *(name for name in wanted or columns if name not in info.key)]
    # JSON is shown as PostgreSQL writes it: read into Python, its numbers would lose digits.
    unread = {name for name, column in table_info.columns if column == "jsonb"}
    with workspace.loaded() as connection:
        picked = sql.SQL(", ").join(
            sql.SQL("{}::text" if name in unread else "{}").format(sql.Identifier(name)) for name in chosen
        )
        where = (
            sql.SQL(" AND ").join(
                sql.SQL("{}::text = {}").format(sql.Identifier(n), sql.Literal(v)) for n, v in _key_parts(info, key)
            )
            if key
            else sql.SQL("true")
        )
        order = sql.SQL(", ").join(sql.Identifier(name) for name in info.key)
        statement = sql.SQL("SELECT {} FROM canonical.{} WHERE {} ORDER BY {} LIMIT {}").format(
            picked, sql.Identifier(info.table), where, order, sql.Literal(limit)
        )
        rows = connection.execute(statement).fetchall()
        total = connection.execute(
            sql.SQL("SELECT count(*) FROM canonical.{}").format(sql.Identifier(info.table))
        ).fetchone()
    if key and not rows:
        raise FindingsError(f"No {entity} has the key {key}; see: fieldmap query {entity}")
    if json:
        print_json(
            [
                {
                    name: msgspec.Raw(value.encode()) if name in unread and value is not None else value
                    for name, value in zip(chosen, row, strict=True)
                }
                for row in rows
            ]
        )
        return
    _show_rows(info, chosen, rows)
    shown = plural(len(rows) if key else total[0] if total else 0, "row")
    out().print(
        f"\n{shown} of {entity}{f', {count(len(rows))} shown (--limit)' if total and total[0] > len(rows) and not key else ''}"
    )


def _show_rows(info: EntityInfo, chosen: list[str], rows: list[tuple[Any, ...]]) -> None:
    """As a table if the columns fit, else one block a row."""
    heads = [f"{name} ({info.units[name]})" if info.units.get(name) else name for name in chosen]
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(head), *(len(row[n]) for row in cells)]) for n, head in enumerate(heads)]
    if sum(min(width, 28) for width in widths) + 2 * len(widths) <= (out().width or 100):
        table(heads, cells)
        return
    for row in cells:
        out().print(" · ".join(row[chosen.index(name)] for name in info.key), style="bold")
        for head, cell, name in zip(heads, row, chosen, strict=True):
            if cell and name not in info.key:
                out().print(f"  {head:<28} {cell}")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    return safe(value)


def _key_parts(info: EntityInfo, key: str) -> list[tuple[str, str]]:
    parts = key.split(",") if len(info.key) > 1 else [key]
    if len(parts) != len(info.key):
        raise UsageError(
            f"The key of {info.name} has {len(info.key)} parts ({', '.join(info.key)}); write them separated by commas"
        )
    return list(zip(info.key, parts, strict=True))


# ------------------------------------------------------------------------------------------------------- explain


def explain(
    entity: Annotated[str, typer.Argument(help="The entity, such as Worker.")],
    key: Annotated[str, typer.Argument(help="The row's key; parts separated by commas.")],
    field: Annotated[str, typer.Argument(help="The field, such as commute.")] = "",
    identity: Annotated[
        bool, typer.Option("--identity", help="Instead of a value: which keys of which sources the row is made of.")
    ] = False,
    json: Json = False,
) -> int:
    """Explains one value, back to its bytes.

    The claim that won and its rule, every step from the value as received, and the claims that lost and why.
    The value is computed again from the archive; exit code 1 if it differs.
    """
    from dataclasses import asdict

    from fieldmap.cli.explained import show
    from fieldmap.compiler import ir
    from fieldmap.compiler.explain import explain as explain_value

    workspace = Workspace.here()
    bundle = workspace.existing_bundle()
    info = _entity(bundle, entity)
    if identity:
        _explain_identity(workspace, bundle, info, key, json=json)
        return 0
    if not field:
        raise UsageError(f"Name the field too, such as: fieldmap explain {entity} {key} {info.fields[0]}")
    if field not in info.fields:
        hint = "it is the key, by which the row is found" if field in info.key else f"it has: {', '.join(info.fields)}"
        raise UsageError(f"{entity} has no field {field} to explain; {hint}")
    project = ir.decode_project(bundle.parts["ir.json"])
    with workspace.loaded() as connection:
        explanation = explain_value(
            project, bundle, workspace.archive(), connection, info, [value for _, value in _key_parts(info, key)], field
        )
    if json:
        print_json(asdict(explanation))
    else:
        show(explanation)
    return 1 if explanation.differs else 0


def _explain_identity(workspace: Workspace, bundle: Bundle, info: EntityInfo, key: str, *, json: bool) -> None:
    from fieldmap.cli.whose import show, whose

    with workspace.loaded() as connection:
        found = whose(connection, bundle, info, key)
    if json:
        print_json(found)
    else:
        show(found)
