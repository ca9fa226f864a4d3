"""The ports are complete: nothing of the runtime reaches the world beside them, so the points of `points.py` are all there are.

In every run of `test_death.py` Python's own audit events are watched as well. Here the sources are read.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "runtime" / "fieldmap" / "runtime"
# What reaches a clock, chance, the network or the database; and the modules that are the ports.
_REACHES = re.compile(
    r"datetime\.now\(|\btime\.(time|monotonic|perf_counter|sleep)\(|\brandom\.\w+\(|\buuid[14]\(|urandom|\bsecrets\.token"
    r"|psycopg\.connect\(|httpx\.(Client|get|post|stream)\b|\bsocket\.(socket|create_connection|getaddrinfo)\("
    r"|\.(write_text|write_bytes|unlink|rename|replace_file)\(|\bos\.(write|replace|rename|unlink|remove|fsync)\("
)
# (bundle.py writes bundles for the compiler; a run reads them.)
# (acquire/addresses.py is a part of the transport; acquire/state.py is the port of what is remembered beside the archive, killed at each of its writes in
# tests/runtime/acquire/test_grants.py.)
# (acquire/tables.py reads the database of a source, read-only; its sweep is cut off between pages in tests/cli/test_tables.py.)
# (store/embedding.py starts and ends the embedded server, before and behind all that a run does.)
_PORTS = {
    "bundle.py",
    "ports.py",
    "acquire/addresses.py",
    "acquire/state.py",
    "acquire/tables.py",
    "acquire/transport.py",
    "archive/storage.py",
    "store/database.py",
    "store/embedding.py",
}
# The port of randomness by another name: calls of `ports.random`.
_CALLS_A_PORT = re.compile(r"ports\.random\.|ports\.clock\.")


def test_only_the_ports_reach_the_world() -> None:
    found = [
        f"{path.relative_to(RUNTIME)}:{number}: {line.strip()}"
        for path in sorted(RUNTIME.rglob("*.py"))
        if str(path.relative_to(RUNTIME)) not in _PORTS
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if _REACHES.search(_CALLS_A_PORT.sub("", line))
    ]
    assert found == []


def test_what_passes_the_ports_by_is_seen() -> None:
    script = """
import sys
from tests.faults.points import Points
points = Points()
points.watch()
path = sys.argv[1]
with points.around("archive.append", changes=True):
    open(path, "w").close()
assert points.strays == []
open(path).close()
assert points.strays == []
open(path, "a").close()
assert points.strays == [f"open {path} for writing"]
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "/dev/null"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
