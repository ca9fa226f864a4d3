"""Commands that look: query, explain, dlq."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import typer
from psycopg import sql

from fieldmap.cli.console import Json, count, exiting, out, plural, print_json, safe, table
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import FindingsError, UsageError
from fieldmap.runtime.store.database import Connection


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap query Worker --limit 5 · fieldmap query Worker --key 21001")(exiting(query))
    app.command(epilog="Example: fieldmap explain Worker 21001 commute · fieldmap explain --identity Worker 21001")(
        exiting(explain)
    )
    app.command(epilog="Example: fieldmap dlq · fieldmap dlq --show 3 · fieldmap dlq --held")(exiting(dlq))


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


# ----------------------------------------------------------------------------------------------------------- dlq


def dlq(
    show: Annotated[int, typer.Option("--show", help="Show one dead letter with its raw record.")] = 0,
    held: Annotated[
        bool, typer.Option("--held", help="List held values instead: fields left out of claims, with the reason.")
    ] = False,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="List rows held back: a field stayed empty, or a must is broken.")
    ] = False,
    warnings: Annotated[
        bool, typer.Option("--warnings", help="List what warn says of loaded records, and elements that failed alone.")
    ] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="List fields on which sources contradict each other.")
    ] = False,
    warned: Annotated[
        bool, typer.Option("--warned", help="List rows on which a warn of their entity does not hold.")
    ] = False,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="List keys that one source claims by several records.")
    ] = False,
    stale: Annotated[
        bool,
        typer.Option("--stale", help="List claims that stand although a newer version of their record was rejected."),
    ] = False,
    dangling: Annotated[bool, typer.Option("--dangling", help="List references that find no row.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print personal and restricted values in full.")] = False,
    json: Json = False,
) -> None:
    """Lists what could not be read.

    Grouped by cause. A replay with a mended map takes it up again. The options list what else wants a look.
    """
    from fieldmap.cli import rows as rows_

    workspace = Workspace.here()
    with workspace.loaded() as connection:
        if show:
            _show_letter(workspace, connection, show, reveal=reveal, json=json)
            return
        if held:
            _show_held(workspace, connection, reveal=reveal, json=json)
            return
        if warnings:
            _show_warnings(connection, json=json)
            return
        if conflicts:
            rows_.show_conflicts(workspace.existing_bundle(), connection, _hidden(workspace, reveal=reveal), json=json)
            return
        if stale:
            rows_.show_stale(workspace.existing_bundle(), connection, _reasons(workspace, reveal=reveal), json=json)
            return
        for asked, show_rows in (
            (incomplete, rows_.show_incomplete),
            (warned, rows_.show_warned),
            (duplicates, rows_.show_duplicates),
            (dangling, rows_.show_dangling),
        ):
            if asked:
                show_rows(workspace.existing_bundle(), connection, json=json)
                return
        rows = connection.execute(
            "SELECT d.code, p.title, d.field, d.reason, coalesce(f.file || ':' || f.line, ''), count(*), min(d.since), min(d.id)"
            " FROM fieldmap.dead_letters d JOIN fieldmap.positions p USING (map)"
            " LEFT JOIN LATERAL (SELECT file, line FROM fieldmap.map_fields f WHERE f.map = d.map AND f.field = d.field LIMIT 1) f ON true"
            " GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 8"
        ).fetchall()
    told = _reasons(workspace, reveal=reveal)
    rows = [(code, title, field, told(code, title, field, why), *rest) for code, title, field, why, *rest in rows]
    if json:
        names = ("code", "map", "field", "reason", "where", "records", "since", "sample")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    if not rows:
        out().print("There are no dead letters.")
        return
    lines = [
        (
            f"{code} {f'{field}: ' if field else ''}{why}",
            where or title,
            count(number),
            since.date().isoformat(),
            f"fieldmap dlq --show {sample}",
        )
        for code, title, field, why, where, number, since, sample in rows
    ]
    table(["cause", "where", "records", "since", "sample"], lines, right=["records"])
    out().print("\nAfter a fix of the map: fieldmap replay      (reads the archive; asks the source nothing)")


def _reasons(workspace: Workspace, *, reveal: bool) -> Callable[[str, str, str, str], str]:
    """How a reason is told, by code, map, field and what it says: without its value where the field is personal or restricted."""
    if reveal:
        return lambda code, title, field, why: why
    from fieldmap.compiler import ir
    from fieldmap.compiler.explain.letters import sensitive, without_value

    tags = sensitive(ir.decode_project(workspace.existing_bundle().parts["ir.json"]))
    return lambda code, title, field, why: without_value(code, tags[title, field]) if (title, field) in tags else why


def _hidden(workspace: Workspace, *, reveal: bool) -> Callable[[str, str], str]:
    """What is shown instead of the values of a field of an entity that is personal or restricted, "" of any other."""
    if reveal:
        return lambda entity, field: ""
    from fieldmap.compiler import ir
    from fieldmap.compiler.explain.letters import hidden

    tags = hidden(ir.decode_project(workspace.existing_bundle().parts["ir.json"]))
    return lambda entity, field: tags.get((entity, field), "")


def _show_held(workspace: Workspace, connection: Connection, *, reveal: bool, json: bool) -> None:
    rows = connection.execute(
        "SELECT h.field, h.code, h.reason, p.title, count(*), (array_agg(h.record ORDER BY h.record))[1:3]"
        " FROM fieldmap.held h JOIN fieldmap.positions p USING (map) WHERE NOT h.invented GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1"
    ).fetchall()
    told = _reasons(workspace, reveal=reveal)
    rows = [(field, code, told(code, title, field, why), title, *rest) for field, code, why, title, *rest in rows]
    if json:
        print_json(
            [dict(zip(("field", "code", "reason", "map", "records", "samples"), row, strict=True)) for row in rows]
        )
    elif not rows:
        out().print("No values are held.")
    else:
        table(
            ["field", "why it was left out", "map", "records", "such as"],
            [(f, f"{c} {r}", m, count(n), ", ".join(s)) for f, c, r, m, n, s in rows],
            right=["records"],
        )


def _show_warnings(connection: Connection, *, json: bool) -> None:
    rows = connection.execute(
        "SELECT l.code, l.field, l.reason, l.lost, p.title, count(*),"
        " (array_agg(l.record || CASE WHEN l.element > 0 THEN ' element ' || l.element ELSE '' END ORDER BY l.record, l.element))[1:3]"
        " FROM fieldmap.listed l JOIN fieldmap.positions p USING (map) GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 3"
    ).fetchall()
    if json:
        names = ("code", "field", "reason", "left_out", "map", "records", "samples")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif not rows:
        out().print("There are no warnings.")
    else:
        table(
            ["what is to be seen", "then", "map", "records", "such as"],
            [
                (f"{c} {f'{f}: ' if f else ''}{r}", "left out" if lost else "loaded", m, count(n), ", ".join(s))
                for c, f, r, lost, m, n, s in rows
            ],
            right=["records"],
        )


def _show_letter(workspace: Workspace, connection: Connection, number: int, *, reveal: bool, json: bool) -> None:
    from fieldmap.cli.explained import show_letter
    from fieldmap.compiler import ir
    from fieldmap.compiler.explain.letters import letter

    project = ir.decode_project(workspace.existing_bundle().parts["ir.json"])
    found = letter(project, workspace.archive(), connection, number)
    if found is None:
        raise UsageError(f"There is no dead letter {number}; see: fieldmap dlq")
    if json:
        from dataclasses import asdict

        print_json(asdict(found if reveal else found.without_values()))
    else:
        show_letter(found, reveal=reveal)
