"""Fixtures shared by all tests: a real PostgreSQL (embedded, one a worker), a database a test, the recorded payloads.

FIELDMAP_TEST_DATABASE_URL names another server to use.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import pytest
from psycopg import conninfo, sql

from fieldmap.runtime.store.database import Server, open_database


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that other users may pass: run as root, the embedded server runs as a user of its own, and another test run
    that starts meanwhile closes pytest's own folders to it."""
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(open_folder: Path) -> Iterator[Server]:
    """A server that lives as long as the test run."""
    with open_database(os.environ.get("FIELDMAP_TEST_DATABASE_URL", ""), open_folder / "pg") as running:
        yield running


@contextlib.contextmanager
def empty_database(server: Server, settings: LiteralString = "") -> Iterator[Server]:
    """A database for as long as the block lasts. settings: behind CREATE DATABASE."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}" + settings).format(sql.Identifier(name)))
    yield Server(conninfo.make_conninfo("", **{**conninfo.conninfo_to_dict(server.url), "dbname": name}))
    with server.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(server: Server) -> Iterator[Server]:
    """An empty database of its own, dropped afterwards."""
    with empty_database(server) as made:
        yield made


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The recorded payloads of real systems, which are not part of this repository."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the recorded payloads are not here (../shared/data beside the repository)")
    return folder


@pytest.fixture(autouse=True)
def usual_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables as wide as the command line makes them, whatever terminal the tests are run from."""
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that map for a loader are started before its first page, and waited for."""
    from fieldmap.runtime.load import loader
    from fieldmap.runtime.load.mapping import Processes

    monkeypatch.setattr(loader, "WIDENED", 0)
    begun = property(lambda self: [worker._ready.result() for worker in self._workers] != [])
    monkeypatch.setattr(Processes, "are_ready", begun)
