"""Recorded responses that a user hands over, archived as if they had been fetched. A file is checked whole, then taken whole."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NoReturn
from urllib.parse import quote

from fieldmap.runtime.acquire.files import MOST_BYTES, bodies_of
from fieldmap.runtime.acquire.sweeps import new_sweep
from fieldmap.runtime.archive import Archived, Received, Writer
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import Format
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.values.decode import BOM, bodies
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import PLAIN, Reading

_SUFFIXES: Final[dict[str, Format | Literal["har"]]] = {
    ".json": "json",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
    ".csv": "csv",
    ".xml": "xml",
    ".xlsx": "excel",
    ".har": "har",
}


@dataclass(frozen=True, slots=True)
class Imported:
    """pages: what was archived. skipped: how many entries of a recording were not, by the reason."""

    pages: list[Archived]
    skipped: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pages)

    def __iter__(self) -> Iterator[Archived]:
        return iter(self.pages)


def import_file(
    path: Path,
    resource: str,
    *,
    format: Format | Literal["har"] | None,
    writer: Writer,
    ports: Ports,
    reading: Reading = PLAIN,
    usual: Format | None = None,
) -> Imported:
    """Archives a JSON, JSON lines, CSV, XML, Excel or HAR file; format: None to go by the file's name. reading: how the resource
    says that its files are read. usual: the resource's format, for a name that tells none.

    Raises UsageError, with line and column, if the file is not what it should be; then nothing of it was archived.
    """
    named = path.with_suffix("") if reading.packed else path
    chosen = format or _SUFFIXES.get(named.suffix.lower()) or usual
    if chosen is None or chosen not in (*_SUFFIXES.values(), "fixed"):
        raise UsageError(
            f"The name of {path} does not tell its format; name it: --as json, ndjson, csv, fixed, xml, excel or har"
        )
    try:
        if chosen == "har":
            from fieldmap.runtime.acquire.har import recorded

            received, skipped = recorded(path, resource, new_sweep(ports), ports)
            if not received:
                raise UsageError(f"{path} has no response with a JSON body; record the requests to the source's API")
            return Imported([writer.append(item) for item in received], skipped)
        _check(path, chosen, reading)
        return Imported([writer.append(item) for item in _received(path, resource, chosen, reading.packed, ports)])
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    except SourceError as error:
        raise UsageError(str(error)) from None


def _received(path: Path, resource: str, format: Format, packed: str, ports: Ports) -> Iterator[Received]:
    sweep = new_sweep(ports)
    for page, body in enumerate(bodies_of(path, format, packed), 1):
        yield Received(
            resource=resource,
            url=f"file:{quote(path.name, errors='surrogateescape')}",
            fetched_at=ports.clock.now(),
            status=None,
            headers={},
            body=body,
            format=format,
            request=hashlib.sha256(b"IMPORT %d " % page + body).hexdigest(),
            sweep=sweep,
            page=page,
        )


# ------------------------------------------------------------------------------------------------------------ checking


def _check(path: Path, format: Format, reading: Reading) -> None:
    if reading.packed:
        check_size(path)
        _check_bodies(path, format, reading)
        return
    match format:
        case "json":
            check_size(path)
            check_json(path.read_bytes(), path)
        case "ndjson":
            _check_lines(path)
        case "csv":
            check_size(path)
            if reading == PLAIN:
                _check_csv(path)
            else:
                _check_bodies(path, format, reading)
        case "xml" | "excel" | "fixed":
            check_size(path)
            _check_bodies(path, format, reading)


def check_size(path: Path) -> None:
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(f"{path} is longer than {MOST_BYTES >> 20} MiB; split it")


def check_json(content: bytes, path: Path, line: int = 1) -> object:
    """The decoded JSON text. line: where it begins in the file. Raises UsageError."""
    try:
        return json.loads(content.removeprefix(BOM).decode(), parse_constant=_constant, parse_int=str, parse_float=str)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        at = (line + before.count(b"\n"), error.start - before.rfind(b"\n"))
        _refuse(path, *at, "this is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(path, line + error.lineno - 1, error.colno, error.msg[:1].lower() + error.msg[1:])
    except (RecursionError, ValueError) as error:
        _refuse(path, line, 1, "it is nested too deeply" if isinstance(error, RecursionError) else str(error))


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _check_lines(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip() and (number > 1 or line.removeprefix(BOM).strip()):
                check_json(line.rstrip(b"\r\n"), path, number)


def _check_csv(path: Path) -> None:
    _check_utf8(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            width = len(next(rows, []))
            if not width:
                _refuse(path, 1, 1, "there is no header row")
            for row in rows:
                if row and len(row) != width:
                    _refuse(path, rows.line_num, 1, f"this row has {len(row)} cells, and the header names {width}")
        except csv.Error as error:
            _refuse(path, rows.line_num, 1, str(error))


def _check_bodies(path: Path, format: Format, reading: Reading) -> None:
    """Whether the file reads as the loader will read it."""
    content = path.read_bytes()
    for start, body in bodies(content, format, reading):
        if isinstance(body, Failed):
            line = start if format == "excel" else 1 if reading.packed else content.count(b"\n", 0, start) + 1
            _refuse(path, max(line, 1), 1, body.reason)


def _check_utf8(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                _refuse(path, number, error.start + 1, "this is not UTF-8")


def _refuse(path: Path, line: int, column: int, reason: str) -> NoReturn:
    clean = re.sub(r"[\x00-\x1f\x7f]", "�", reason)[:200]
    raise UsageError(f"{path}:{line}:{column}: {clean}; nothing was imported, correct the file and import it again")
