"""Run as a process of its own: kills a writer at each of its storage calls, in turn, and checks what is left each time.

For k = 1, 2, 3 … a child does the same work and dies by SIGKILL at its k-th call; an append dies before, in the middle of, or
after its write. The loop ends with the first child that comes to the end of its work. Prints how many were killed.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.runtime.archive.fakes import RESOURCE, memory_ports, received

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.archive.storage import LocalStorage
from fieldmap.runtime.ports import Ports

COUNT = 4
SEGMENT = 1200
_CHANGES = ("create", "open", "truncate", "sync", "lock", "append")


class Killing:
    """Stands before the storage, its folders and files; the k-th call that changes something is the last."""

    def __init__(self, inner: Any, death: Death) -> None:
        self._inner = inner
        self._death = death

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*args: Any, **named: Any) -> Any:
            if name in _CHANGES:
                self._death.comes(name, method, args)
            result = method(*args, **named)
            if name in _CHANGES:
                self._death.comes(name, None, args)
            return Killing(result, self._death) if name in ("folder", "create", "open") else result

        return call


class Death:
    def __init__(self, at: int) -> None:
        self._left = at

    def comes(self, name: str, method: Any, args: tuple[Any, ...]) -> None:
        self._left -= 1
        if name == "append" and method is not None and self._left == 1:
            method(args[0][: len(args[0]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def work(root: Path, ports: Ports, report: int) -> None:
    """Continues where the archive ends, and reports each page that was said to be durable."""
    archive = Archive(root, ports, segment_bytes=SEGMENT)
    with archive.writer(RESOURCE) as writer:
        done = sum(1 for _ in archive.read(RESOURCE, None))
        for number in range(done + 1, COUNT + 1):
            writer.append(received(number))
            os.write(report, b"%d\n" % number)


def in_child(root: Path, at: int) -> tuple[bool, int]:
    """Whether the child was killed, and the last page that it reported."""
    reading, report = os.pipe()
    child = os.fork()
    if child == 0:
        ports = replace(memory_ports(), storage=Killing(LocalStorage(), Death(at)))
        work(root, ports, report)
        os._exit(0)
    os.close(report)
    with os.fdopen(reading, "rb") as lines:
        reported = [int(line) for line in lines.read().split()]
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status), reported[-1] if reported else 0


def check(root: Path, reported: int) -> None:
    archive = Archive(root, replace(memory_ports(), storage=LocalStorage()), segment_bytes=SEGMENT)
    pages = [item.page for item in archive.read(RESOURCE, None)]
    assert pages == list(range(1, len(pages) + 1)), pages
    assert len(pages) >= reported, f"page {reported} was said to be durable, and the archive ends with {pages}"


def main(root: Path) -> None:
    killed = 0
    for at in range(1, 1000):
        place = root / str(at)
        again, reported = in_child(place, at)
        check(place, reported)
        killed += again
        # Killed once more during the recovery.
        _, more = in_child(place, 2 + at % 11)
        check(place, max(reported, more))
        _, last = in_child(place, 10**6)
        assert last in (0, COUNT)
        check(place, COUNT)
        verified = Archive(place, replace(memory_ports(), storage=LocalStorage())).verify(RESOURCE)
        assert verified.records == COUNT
        assert verified.torn is None
        if not again:
            print(killed)
            return


main(Path(sys.argv[1]))
