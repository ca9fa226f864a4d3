"""Runs syncs and replays in children that it forks, each with a signal to itself at a point: `python -m tests.faults.death`.

It has everything imported and no connection, file or thread of its own, so that a child starts within milliseconds and takes nothing
over. Each line on its input is a job as JSON; it answers with the child's process id, and once that has ended with how.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.faults.points import Points, WatchedServer, watched_ports
from tests.support import Quiet

import fieldmap.runtime.acquire.fetching
import fieldmap.runtime.acquire.files
import fieldmap.runtime.acquire.transport  # noqa: F401  (imported before the fork, not after each)
from fieldmap.runtime import bundle as bundles
from fieldmap.runtime import run as running
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.ports import Clock, Randomness
from fieldmap.runtime.store.database import Server

DEADLINE = 90.0


@dataclass
class Standing:
    """A clock whose time of day stands still, so that runs one after the other have the same upper bound of time."""

    inner: Clock
    at: datetime

    def now(self) -> datetime:
        self.inner.now()
        return self.at

    def monotonic(self) -> float:
        return self.inner.monotonic()

    def sleep(self, seconds: float) -> None:
        self.inner.sleep(seconds)


@dataclass
class Seeded:
    """Chance that is the same in each run with this seed."""

    inner: Randomness
    dice: random.Random

    def between(self, low: float, high: float) -> float:
        self.inner.between(low, high)
        return self.dice.uniform(low, high)

    def hex(self, length: int) -> str:
        self.inner.hex(length)
        return f"{self.dice.getrandbits(4 * length):0{length}x}"


def small_batches(records: int = 3) -> None:
    """So that death can fall between batches of a handful of records."""
    intake.BATCH_RECORDS = records
    intake.BATCH_BYTES = 100 * records


def work(job: dict[str, Any], bundle: Bundle) -> None:
    points = Points(tuple(job["at"]) if job["at"] else None, job["signal"])
    small_batches(job["records"])
    ports = watched_ports(points, Path(job["state"]))
    if job["now"]:
        ports = replace(ports, clock=Standing(ports.clock, datetime.fromisoformat(job["now"])))
    if job["seed"]:
        ports = replace(ports, random=Seeded(ports.random, random.Random(job["seed"])))  # noqa: S311
    archive = Archive(Path(job["archive"]), ports, segment_bytes=job.get("segment_bytes", 1500))
    points.watch()
    run = running.Run(bundle, archive, WatchedServer(Server(job["url"]), points), ports, job["environ"], Quiet())
    report = run.replay([]) if job["command"] == "replay" else run.sync([])
    ports.http.close()
    strays = list(points.strays)
    Path(job["out"]).write_text(
        json.dumps({"points": [asdict(point) for point in points.passed], "failed": report.failed, "strays": strays}),
        "utf-8",
    )


def child(job: dict[str, Any], bundle: Bundle) -> None:
    try:
        work(job, bundle)
    except BaseException:  # noqa: BLE001  (told to the parent; the child ends here)
        Path(job["out"]).write_text(json.dumps({"error": traceback.format_exc()}), "utf-8")
        os._exit(1)
    os._exit(0)


def waited(pid: int) -> int:
    """How the child ended: its exit code, or the negative number of the signal. One that hangs is killed by SIGALRM's number."""
    ends = time.monotonic() + DEADLINE
    while time.monotonic() < ends:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -signal.SIGALRM


def main() -> None:
    read: dict[str, Bundle] = {}
    gc.freeze()
    for line in sys.stdin:
        job = json.loads(line)
        bundle = read.setdefault(job["bundle"], bundles.read(Path(job["bundle"])))
        pid = os.fork()
        if pid == 0:
            child(job, bundle)
        print(pid, flush=True)
        print(waited(pid), flush=True)


if __name__ == "__main__":
    main()
