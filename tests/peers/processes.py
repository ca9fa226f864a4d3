"""A server in a process of its own, on a free port of this machine."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_SECONDS = 30


@contextlib.contextmanager
def started(
    command: Sequence[str], port: int, log: Path, *, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Runs the command until the block ends; begins it once something listens at the port."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=cwd, env=environ)
    try:
        _wait(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def node(package: str, script: str) -> list[str]:
    """The beginning of a command that runs a script of a package; skips where it is not installed."""
    found, path = shutil.which("node"), HERE / "node_modules" / package / script
    if found is None or not path.is_file():
        pytest.skip(f"{package} is not installed (or no node): make test-peers")
    return [found, str(path)]


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.1)
    pytest.fail(f"The server did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")
