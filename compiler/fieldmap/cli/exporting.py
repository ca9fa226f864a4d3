"""Rows into files: CSV, JSON and Parquet. A file appears whole or not at all; memory does not grow with the rows."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from fieldmap.cli.asking import Chosen, Question
from fieldmap.runtime.errors import FieldmapError, UsageError
from fieldmap.runtime.store.database import Connection

FORMATS = ("table", "json", "csv", "parquet")
_BATCH = 5_000
# What a spreadsheet takes for a formula, or passes over before one.
_FORMULA = re.compile(r"[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
_NUMERIC = re.compile(r"numeric\((\d+), (\d+)\)")
# The digits that the larger decimal of Arrow holds.
_MOST_DIGITS = 76


@dataclass
class Written:
    """rows: how many lines. left_out: columns that are hidden. guarded: texts that got a sign before them."""

    rows: int = 0
    left_out: list[str] = field(default_factory=list)
    guarded: int = 0


def export(
    connection: Connection, question: Question, format: str, output: Path | None, *, provenance: bool, guarded: bool
) -> Written:
    """Writes what is asked for; to the standard output if no file is named. Columns that are hidden are left out. Raises UsageError."""
    if format == "table":
        format = (output.suffix.lower().removeprefix(".") if output is not None else "") or "csv"
        if format not in FORMATS[1:]:
            raise UsageError(f"The name {output} tells no format; say --format csv, json or parquet")
    written = Written(left_out=[] if provenance else question.hidden)
    if provenance:
        columns = [Chosen(name, type_, "", "", "") for name, type_ in question.value_columns]
    else:
        columns = [column for column in question.chosen if not column.hidden]
    rows = _rows(connection, question, columns, provenance=provenance, text=format == "csv")
    if format == "parquet":
        if output is None:
            raise UsageError("Parquet is written into a file; name it with --output rows.parquet")
        pyarrow = _pyarrow()
        with _file(output) as part:
            _write_parquet(pyarrow, part, columns, rows, written)
    elif output is None:
        _write_text(sys.stdout, format, columns, rows, written, guarded=guarded)
    else:
        with _file(output) as part, part.open("w", encoding="utf-8", newline="") as stream:
            _write_text(stream, format, columns, rows, written, guarded=guarded)
    return written


def _rows(
    connection: Connection, question: Question, columns: list[Chosen], *, provenance: bool, text: bool
) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if provenance:
            yield from map(question.told, cursor.stream(question.values()))
        else:
            yield from cursor.stream(question.rows(columns, text=text))


@contextlib.contextmanager
def _file(output: Path) -> Iterator[Path]:
    """A file beside the one named, which takes its place once it is complete; where that is no file, such as /dev/stdout, itself."""
    whole = output.resolve()
    part = whole.with_name(whole.name + ".part") if whole.is_file() or not output.exists() else output
    try:
        yield part
        if part is not output:
            os.replace(part, whole)
    except OSError as error:
        raise UsageError(f"{output} cannot be written ({error.strerror or error}); name another file") from None
    finally:
        if part is not output:
            part.unlink(missing_ok=True)


def _write_text(
    stream: IO[str],
    format: str,
    columns: list[Chosen],
    rows: Iterable[tuple[Any, ...]],
    written: Written,
    *,
    guarded: bool,
) -> None:
    if format == "json":
        _write_json(stream, columns, rows, written)
        return
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    texts = [guarded and _is_text(column.type) for column in columns]
    for row in rows:
        cells = [_guard(cell, written) if text else cell for cell, text in zip(row, texts, strict=True)]
        writer.writerow(["" if cell is None else cell for cell in cells])
        written.rows += 1


def _is_text(type_: str) -> bool:
    """Whether a column may hold what its source likes; numbers, dates and truths are written by PostgreSQL."""
    return type_.startswith(("text", "jsonb"))


def _guard(cell: Any, written: Written) -> Any:
    if not isinstance(cell, str) or not _FORMULA.match(cell):
        return cell
    written.guarded += 1
    return f"'{cell}"


def _write_json(stream: IO[str], columns: list[Chosen], rows: Iterable[tuple[Any, ...]], written: Written) -> None:
    encoder = msgspec.json.Encoder(decimal_format="number")
    stream.write("[")
    for row in rows:
        one = {
            column.name: msgspec.Raw(value.encode()) if column.is_json and value is not None else value
            for column, value in zip(columns, row, strict=True)
        }
        stream.write("\n " if not written.rows else ",\n ")
        stream.write(encoder.encode(one).decode())
        written.rows += 1
    stream.write("\n]\n")


# ------------------------------------------------------------------------------------------------------------- Parquet


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise FieldmapError(
            "Parquet needs the library pyarrow, which is not installed; install it with: pip install 'fieldmap[parquet]', or take --format csv"
        ) from None
    return pyarrow


def _write_parquet(
    pyarrow: Any, part: Path, columns: list[Chosen], rows: Iterable[tuple[Any, ...]], written: Written
) -> None:
    """Decimals stay decimals, with all their digits; what Arrow has no type for is a text. Units and descriptions stand in the metadata
    of the columns."""
    schema = pyarrow.schema(
        [
            pyarrow.field(
                column.name,
                _arrow(pyarrow, column.type),
                metadata={
                    name: text
                    for name, text in (("unit", column.unit), ("description", column.doc), ("postgresql", column.type))
                    if text
                },
            )
            for column in columns
        ]
    )
    with pyarrow.parquet.ParquetWriter(str(part), schema, compression="zstd") as writer:
        for batch in _batches(rows):
            arrays = [
                pyarrow.array([_fitting(row[n], column.type) for row in batch], type=schema.field(n).type)
                for n, column in enumerate(columns)
            ]
            writer.write_table(pyarrow.table(arrays, schema=schema))
            written.rows += len(batch)


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _arrow(pyarrow: Any, type_: str) -> Any:
    if type_.endswith("[]") and type_ != "jsonb[]":
        return pyarrow.list_(_arrow(pyarrow, type_.removesuffix("[]")))
    if (found := _NUMERIC.fullmatch(type_)) and int(found[1]) <= _MOST_DIGITS:
        digits, scale = int(found[1]), int(found[2])
        return pyarrow.decimal128(digits, scale) if digits <= 38 else pyarrow.decimal256(digits, scale)
    made = {
        "bigint": pyarrow.int64,
        "boolean": pyarrow.bool_,
        "double precision": pyarrow.float64,
        "date": pyarrow.date32,
    }.get(type_)
    if made is not None:
        return made()
    if type_ == "timestamptz":
        return pyarrow.timestamp("us", tz="UTC")
    return pyarrow.time64("us") if type_ == "time" else pyarrow.string()


def _fitting(value: Any, type_: str) -> Any:
    """A value as `_arrow` wants it."""
    if value is None:
        return None
    if isinstance(value, list):
        return [_fitting(item, type_.removesuffix("[]")) for item in value]
    found = _NUMERIC.fullmatch(type_)
    if type_ in ("bigint", "boolean", "double precision", "date", "timestamptz", "time"):
        return value
    if found and int(found[1]) <= _MOST_DIGITS:
        return value
    if isinstance(value, str):
        return value
    return format(value, "f") if type_.startswith("numeric") else str(value)
