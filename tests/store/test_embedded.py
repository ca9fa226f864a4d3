"""The embedded PostgreSQL: it ends with the last command that uses it, and no copy of its folder works on the original."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.runtime.errors import DatabaseError
from fieldmap.runtime.store.database import open_database

KILLED = """
import os, signal, sys
from pathlib import Path
from fieldmap.runtime.store.database import open_database
with open_database("", Path(sys.argv[1])) as server:
    with server.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-embedded-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_P8_the_server_of_a_command_that_was_killed_ends_with_the_next_and_a_copy_of_it_is_refused(home: Path) -> None:
    kept, copy = home / "kept", home / "copy"
    assert subprocess.run([sys.executable, "-c", KILLED, kept], check=False, timeout=60).returncode < 0
    assert (kept / "postmaster.pid").exists()
    assert len(json.loads((kept / ".handle_pids.json").read_text("utf-8"))) == 1
    subprocess.run(["cp", "-a", kept, copy], check=True)
    told = rf"{copy} was copied or moved while its PostgreSQL ran in {kept} .*\(fieldmap status\)"
    with pytest.raises(DatabaseError, match=told), open_database("", copy):
        pass
    with open_database("", kept) as server:
        assert rows(server, "SELECT one FROM kept") == [(1,)]
    assert not (kept / "postmaster.pid").exists()
    # Copied while none runs, it is a database of its own.
    shutil.rmtree(copy)
    subprocess.run(["cp", "-a", kept, copy], check=True)
    with open_database("", copy) as server:
        assert rows(server, "SELECT one FROM kept") == [(1,)]
        assert str(copy) in rows(server, "SHOW data_directory")[0][0]


def test_a_folder_in_which_no_server_starts_is_told_in_a_sentence(home: Path) -> None:
    broken = home / "broken"
    broken.mkdir()
    (broken / "PG_VERSION").write_text("18\n", "utf-8")
    with (
        pytest.raises(DatabaseError, match=r"The embedded PostgreSQL in .*broken did not start"),
        open_database("", broken),
    ):
        pass
