"""Runs the tests of the store against other servers than the embedded one: `make test-postgres SERVERS="…"`.

SERVERS: folders with `initdb` and `pg_ctl` (each gets a fresh cluster on a socket), or URLs of servers that run; by default those that
Debian installs. Prints the version of each and what became of the tests. Exit code 1 if one of them failed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

TESTS = ("tests/store", "tests/identity")


def main(named: list[str]) -> int:
    servers = named or [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    if not servers:
        print(
            'No server is named, and none is in /usr/lib/postgresql: make test-postgres SERVERS="/opt/pg17/bin postgresql://…"'
        )
        return 2
    failed = 0
    for server in servers:
        with _running(server) as url:
            with psycopg.connect(url) as connection:
                version = connection.execute("SHOW server_version").fetchone()
            print(f"PostgreSQL {version[0] if version else '?'} ({server})", flush=True)
            command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *TESTS]
            failed += (
                subprocess.run(command, env={**os.environ, "FIELDMAP_TEST_DATABASE_URL": url}, check=False).returncode
                != 0
            )
    return 1 if failed else 0


@contextlib.contextmanager
def _running(server: str) -> Iterator[str]:
    """The URL of a server; one of a folder lives as long as the block."""
    if "://" in server:
        yield server
        return
    # As root the server runs as another user, since PostgreSQL refuses root.
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-pg-"))
    shutil.chown(folder, owner.pw_uid, owner.pw_gid)

    def tool(name: str, *arguments: str) -> None:
        subprocess.run(
            [str(Path(server) / name), "-D", str(folder / "data"), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=owner.pw_uid if os.getuid() == 0 else None,
            group=owner.pw_gid if os.getuid() == 0 else None,
            extra_groups=[] if os.getuid() == 0 else None,
            cwd="/",
        )

    try:
        tool("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        tool("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -h '' -c max_connections=60")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            tool("pg_ctl", "stop", "-m", "fast", "-w")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
