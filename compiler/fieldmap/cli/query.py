"""The command that shows rows: of now or of an earlier time, on the screen or into a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import psycopg
import typer

from fieldmap.cli.asking import Chosen, Question, instant
from fieldmap.cli.console import Json, count, err, exiting, out, plural, print_json_list, safe, say, table
from fieldmap.cli.exporting import FORMATS, export
from fieldmap.cli.masking import Reveal, keep_reveal
from fieldmap.cli.naming import entity_of, key_parts
from fieldmap.cli.numbers import whole
from fieldmap.cli.rows import key_words, parts, streamed
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.bundle import EntityInfo
from fieldmap.runtime.errors import FindingsError, UsageError
from fieldmap.runtime.moments import moment
from fieldmap.runtime.store.database import Connection

_LIMIT = 20


Entity = Annotated[str, typer.Argument(help="The entity, such as Worker.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        help="Only rows for which this holds, written as after `must` in an entity; may be said several times."
    ),
]
Key = Annotated[str, typer.Option(help="Only the row of this key; parts of a key separated by commas.")]
Fields = Annotated[str, typer.Option(help="Only these fields, separated by commas.")]
Limit = Annotated[
    int | None,
    typer.Option(
        help=f"How many rows at the most; {_LIMIT} on the screen, all in a file.",
        parser=whole("--limit", least=1),
    ),
]
AsOf = Annotated[
    str,
    typer.Option(help="Rows as they were at the end of this day (UTC) or at this time, by the time of the sources."),
]
KnownAt = Annotated[str, typer.Option(help="By what was known at the end of this day (UTC) or at this time.")]
Provenance = Annotated[
    bool, typer.Option("--provenance", help="A line for each value, with its source, rule and archive place.")
]
Format = Annotated[str, typer.Option(help="table, json, csv or parquet.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write into this file, which is replaced whole, instead of showing."),
]
Unguarded = Annotated[
    bool,
    typer.Option(
        "--unguarded",
        help="In CSV: texts exactly as they are, also those that a spreadsheet would run as formulas.",
    ),
]


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Example: fieldmap query Worker --where 'status == active and hired_on >= 2026-01-01' ·"
        " fieldmap query Worker --as-of 2026-03-01 · fieldmap query Worker --format csv --output workers.csv"
    )(exiting(query))


def query(
    entity: Entity,
    where: Where = None,
    key: Key = "",
    fields: Fields = "",
    limit: Limit = None,
    as_of: AsOf = "",
    known_at: KnownAt = "",
    provenance: Provenance = False,
    format: Format = "table",
    output: Output = None,
    reveal: Reveal = False,
    unguarded: Unguarded = False,
    json: Json = False,
) -> None:
    """Shows canonical rows, in the order of their key.

    Conditions name fields and compare them: == != < > <= >=, and or not, is absent, in [a, b]; dates as 2026-01-31, texts in quotes,
    amounts with their unit (12 km, 500 EUR).
    """
    format = _format("json" if json else format, output)
    workspace = Workspace.here()
    bundle = workspace.existing_bundle()
    info = entity_of(bundle, entity)
    question = Question.of(
        bundle,
        info,
        wanted=[name.strip() for name in fields.split(",") if name.strip()],
        where=where or [],
        key=key_parts(info, key) if key else [],
        true_at=instant(as_of, "--as-of") if as_of else None,
        known_at=instant(known_at, "--known-at") if known_at else None,
        limit=limit if limit is not None or output is not None or format == "csv" else _LIMIT,
        reveal=reveal,
    )
    with workspace.loaded() as connection:
        asked = (
            [f"--key {key}"] * bool(key)
            + [f"--where {one}" for one in where or []]
            + [f"--fields {fields}"] * bool(fields)
        )
        keep_reveal(connection, " ".join(["query", info.name, *asked]), reveal=reveal)
        try:
            if output is not None or format == "csv":
                _write(connection, question, format, output, provenance=provenance, guarded=not unguarded)
            elif provenance:
                _show_values(connection, question, json=format == "json")
            else:
                _show(connection, question, json=format == "json")
        except (psycopg.errors.InvalidTextRepresentation, psycopg.errors.DatetimeFieldOverflow):
            raise _none(question, key) from None


def _format(format: str, output: Path | None) -> str:
    if format not in FORMATS:
        raise UsageError(f"There is no format {format}; there are: {', '.join(FORMATS)}")
    if format == "parquet" and output is None:
        raise UsageError("Parquet is for programs and not for a screen; name a file with --output rows.parquet")
    return format


def _none(question: Question, key: str) -> FindingsError:
    name = question.info.name
    return FindingsError(f"No {name} has the key {key}{question.when}; see: fieldmap query {name}")


def _show(connection: Connection, question: Question, *, json: bool) -> None:
    chosen = question.chosen
    rows: Iterable[tuple[Any, ...]] = map(question.masked, streamed(connection, question.rows()))
    if question.key:
        rows = list(rows)
        if not rows:
            raise _none(question, ",".join(value for _, value in question.key))
    if json:
        number = print_json_list(
            dict(zip([c.name for c in chosen], _as_json(chosen, row), strict=True)) for row in rows
        )
        total = _total(connection, question, number)
        if total > number:
            say(err(), f"{count(number)} of {plural(total, 'row')} (--limit)")
        return
    number = 0
    for part in parts(rows):
        _show_rows(question.info, chosen, part)
        number += len(part)
    if not number:
        _show_rows(question.info, chosen, [])
    total = _total(connection, question, number)
    out().print(
        f"\n{plural(total, 'row')} of {question.info.name}{question.when}"
        f"{f', {count(number)} shown (--limit)' if total > number else ''}"
    )
    if not total and question.known_at is not None:
        _say_since(connection, question)
    hidden = question.hidden
    if hidden and number:
        say(out(), f"{', '.join(hidden)}: personal or restricted; --reveal shows {'them' if len(hidden) > 1 else 'it'}")


def _total(connection: Connection, question: Question, shown: int) -> int:
    """How many rows there are; counted only where more than those shown may be there."""
    if question.limit is None or shown < question.limit:
        return shown
    row = connection.execute(question.number()).fetchone()
    return row[0] if row is not None else 0


def _say_since(connection: Connection, question: Question) -> None:
    found = connection.execute(question.since()).fetchone()
    if found is not None and found[0] is not None:
        out().print(f"This database knows of {question.info.name} since {moment(found[0])}.")


def _as_json(chosen: list[Chosen], row: tuple[Any, ...]) -> Iterator[Any]:
    for column, value in zip(chosen, row, strict=True):
        yield msgspec.Raw(value.encode()) if value is not None and column.is_json and not column.hidden else value


def _show_values(connection: Connection, question: Question, *, json: bool) -> None:
    names = [name for name, _ in question.value_columns]
    rows = map(question.told, streamed(connection, question.values()))
    if json:
        print_json_list(dict(zip(names, row, strict=True)) for row in rows)
        return
    heads = ["key", "field", "value", "source", "rule", "archive"]
    number = 0
    for part in parts(rows):
        table(heads, [_value_row(question.info, dict(zip(names, row, strict=True))) for row in part])
        number += len(part)
    if not number:
        table(heads, [])
    out().print(f"\n{plural(number, 'value')} of {question.info.name}{question.when}")


def _value_row(info: EntityInfo, one: dict[str, Any]) -> tuple[str, ...]:
    source = f"{one['source']} {one['record']}" if one["source"] else "a version that was replaced since"
    unit = info.units.get(one["field"])
    return (
        key_words(one["key"]),
        f"{one['field']} ({unit})" if unit else one["field"],
        _cell(one["value"]),
        _cell(source),
        one["rule"] or "",
        # Of the resource, which stands before it.
        (one["archive"] or "").rpartition(" ")[2],
    )


def _write(
    connection: Connection, question: Question, format: str, output: Path | None, *, provenance: bool, guarded: bool
) -> None:
    written = export(connection, question, format, output, provenance=provenance, guarded=guarded)
    told = err()
    if output is not None:
        what = "value" if provenance else "row"
        say(told, f"{plural(written.rows, what)} of {question.info.name}{question.when} in {output}")
    if written.left_out:
        say(told, f"left out, being personal or restricted: {', '.join(written.left_out)}; --reveal writes them")
    if written.guarded:
        say(
            told,
            f"{plural(written.guarded, 'text')} that a spreadsheet would take for a formula"
            f" {'begins' if written.guarded == 1 else 'begin'} with ' now; --unguarded leaves texts as they are",
        )


def _show_rows(info: EntityInfo, chosen: list[Chosen], rows: list[tuple[Any, ...]]) -> None:
    """As a table if the columns fit, else one block a row."""
    names = [column.name for column in chosen]
    heads = [f"{name} ({info.units[name]})" if info.units.get(name) else name for name in names]
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(head), *(len(row[n]) for row in cells)]) for n, head in enumerate(heads)]
    if sum(min(width, 28) for width in widths) + 2 * len(widths) <= (out().width or 100):
        table(heads, cells)
        return
    for row in cells:
        out().print(" · ".join(row[names.index(name)] for name in info.key), style="bold")
        for head, cell, name in zip(heads, row, names, strict=True):
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
