"""A part of a large project is parsed in another process: to the same trees, and to none where it cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, sys
from pathlib import Path
from fieldmap.compiler import ahead
from fieldmap.compiler.project import check
from tests.bench.checking import write_project
import msgspec

folder = Path(sys.argv[1])
paths = write_project(folder)
paths[30].write_text(paths[30].read_text() + "entity {\\n")
forks, fork = [], os.fork
def counted():
    forks.append(1)
    return fork()
os.fork = counted
beside = check(folder, paths)
assert forks == [1], forks
if sys.argv[2] == "killed":
    ahead._work = lambda files, parse, writing: os.kill(os.getpid(), 9)
else:
    ahead.LEAST_CHARACTERS = 10**9
alone = check(folder, paths)
assert len(forks) == (2 if sys.argv[2] == "killed" else 1), forks
assert beside.diagnostics == alone.diagnostics and beside.diagnostics
assert msgspec.json.encode(beside.project) == msgspec.json.encode(alone.project)
assert len(beside.project.entities) > 190
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux alone")
@pytest.mark.parametrize("other", ["alone", "killed"])
def test_what_is_parsed_beside_is_what_is_parsed_here(tmp_path: Path, other: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "large"), other]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
