"""Retries all dead letters with death before the k-th statement to the database, or after a COMMIT.

    python -m tests.store.retry_driver BUNDLE ARCHIVE DATABASE_URL K

K counts from 1; 0 never dies and prints how many points there were.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import Quiet

from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Connection, Server


@dataclass
class Deadly:
    """A server to whose statements death comes at one point."""

    server: Server
    kill_at: int
    passed: int = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(self) -> Connection:
        connection = self.server.connect()
        execute = connection.execute

        def counted(query: Any, *arguments: Any, **options: Any) -> Any:
            self.point()
            result = execute(query, *arguments, **options)
            if query == "COMMIT":
                self.point()
            return result

        connection.execute = counted  # type: ignore[method-assign]
        return connection


def main() -> None:
    bundle, archive, url, kill_at = sys.argv[1:]
    ports, server = Ports.real(), Deadly(Server(url), int(kill_at))
    run = Run(bundles.read(Path(bundle)), Archive(Path(archive), ports), server, ports, {}, Quiet())
    report = run.retry(None)
    if report.failed:
        raise SystemExit(str(report.failed))
    print(server.passed)


main()
