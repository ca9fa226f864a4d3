"""Parses a part of a large project in a second process, where there is a second core: reading is most of what a first check costs.

It is only ever a head start. Whatever goes wrong in the other process, its files are parsed here as all others are.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

# Less than this is sooner parsed than handed over; the other process gets a little less than half, for its trees must be taken over.
LEAST_CHARACTERS = 150_000
SHARE = 0.45

File = tuple[str, str]


def parse_ahead(files: Sequence[File], parse: Callable[[str, str], Any], put: Callable[[str, Any], None]) -> None:
    """Parses files (name and text). parse: parses one here and keeps it, and gives what is to be kept; put: keeps what the other
    process made of one."""
    total = sum(len(text) for _, text in files)
    if total < LEAST_CHARACTERS or not _can_fork():
        return
    theirs: list[File] = []
    for name, text in files:
        if sum(len(one) for _, one in theirs) + len(text) <= total * SHARE:
            theirs.append((name, text))
    reading, writing = os.pipe()
    other = os.fork()
    if other == 0:  # pragma: no cover  (the other process)
        os.close(reading)
        _work(theirs, parse, writing)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as stream:
            own = {name for name, _ in theirs}
            for name, text in files:
                if name not in own:
                    parse(name, text)
            found = stream.read()
    finally:
        _, status = os.waitpid(other, 0)
    if status == 0:
        # From our own child, through a pipe of our own.
        for name, made in pickle.loads(found):  # noqa: S301
            put(name, made)


def _can_fork() -> bool:
    """Whether a copy of this process is safe to work on, and has a core to do so."""
    return sys.platform.startswith("linux") and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def _work(files: Sequence[File], parse: Callable[[str, str], Any], writing: int) -> None:  # pragma: no cover
    code = 1
    try:
        with os.fdopen(writing, "wb") as stream:
            pickle.dump([(name, parse(name, text)) for name, text in files], stream, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        # Whatever happened: nothing that the process was copied with may run to its end twice.
        os._exit(code)
