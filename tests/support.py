"""What tests of several layers need: projects from texts, pages from records."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fieldmap.compiler.project import Checked, check, compile_project
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.store.database import Database, Server
from fieldmap.runtime.store.reconcile import prepare


def examples(few: int) -> int:
    """How many examples a long test tries: as many as the run of every day has time for, FIELDMAP_EXAMPLES times as many where one has
    more."""
    return max(1, int(few * float(os.environ.get("FIELDMAP_EXAMPLES", "1"))))


def project(folder: Path, **files: str) -> Checked:
    """Checks a project of the given files (name without `.map` to text)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.map").write_text(text, "utf-8")
    return check(folder, sorted(folder.glob("*.map")))


def compiled(folder: Path, **files: str) -> Bundle:
    """The bundle of a project that must have no mistakes."""
    checked = project(folder, **files)
    assert checked.ok, [d.message for d in checked.diagnostics]
    return compile_project(checked)


FETCHED_AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class MemoryPage:
    """A page as the loader sees it, without an archive."""

    position: int
    body: bytes
    format: str = "json"
    url: str = "https://x/things"
    fetched_at: datetime = FETCHED_AT
    headers: Mapping[str, str] = field(default_factory=dict)
    digest: str | None = None
    parent: str = ""
    part: str = ""
    request: str = ""

    def content(self) -> bytes:
        return self.body


class Quiet:
    """Progress that nobody looks at. notes: what was said of interrupted and shortened sweeps."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def fetched(self, resource: str, pages: int) -> None: ...
    def applied(self, title: str, records: int) -> None: ...
    def stands(self, resource: str, state: str, through: str = "") -> None: ...
    def waits(self, resource: str, reason: str, seconds: float | None = None) -> None: ...
    def cut(self, resource: str, note: str) -> None:
        self.notes.append(note)


@dataclass
class Pages:
    """Makes pages with rising positions."""

    made: list[MemoryPage] = field(default_factory=list)

    def page(self, body: Any, format: str = "json") -> MemoryPage:
        """A page of the next position; the body is encoded unless it is bytes already."""
        data = body if isinstance(body, bytes) else msgspec.json.Encoder(decimal_format="number").encode(body)
        page = MemoryPage((1 << 40) + 1000 * (len(self.made) + 1), data, format)
        self.made.append(page)
        return page


def load(
    database: Database, bundle: Bundle, map_id: str, pages: list[MemoryPage], run: int = 0, *, detailed: bool = True
) -> Loader:
    """Loads pages by one map in a run of its own and finishes; the store must have been prepared."""
    if run == 0:
        with database.connect() as connection:
            row = connection.execute(
                "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id"
            ).fetchone()
            assert row is not None
            run = row[0]
    with Loader(database, bundle, bundle.map(map_id), run, detailed=detailed) as loader:
        loader.load(pages)
        loader.finish()
        return loader


def ready(database: Server, bundle: Bundle) -> Server:
    """The database with the bundle's tables."""
    prepare(database, bundle, replay=True)
    return database


def anew(database: Server, bundle: Bundle) -> Server:
    """The database with the bundle's tables and nothing in them, whatever there was before."""
    schemas = "claims, canonical, history, versions, waiting, provenance, fieldmap, identity"
    with database.connect() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schemas} CASCADE".encode())
    return ready(database, bundle)


def rows(database: Database, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """The result of a statement."""
    with database.connect() as connection:
        return connection.execute(statement.encode(), values or None).fetchall()
