"""The local folder of what outlives a process: each thing a file, replaced whole, durable before anyone acts on it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.ports import Clock

_LONGEST_WAIT: Final = 120.0  # seconds for another process to let go
_STEP: Final = 0.05


class LocalState:
    """folder: made when something is written, with rights for its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def locked(self, name: str, clock: Clock) -> Iterator[None]:
        """Raises SourceError if another holds the lock for two minutes, OSError."""
        import fcntl

        self._make()
        descriptor = os.open(self._path(name, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            ends = clock.monotonic() + _LONGEST_WAIT
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if clock.monotonic() >= ends:
                        raise SourceError(
                            f"Another process has held {name} for {_LONGEST_WAIT:g} seconds; wait until it ends, or stop it"
                        ) from None
                    clock.sleep(_STEP)
            yield
        finally:
            os.close(descriptor)

    def read(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        self._make()
        fresh = self._path(name, ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(fresh, self._path(name))
        above = os.open(self._folder, os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(above)
        finally:
            os.close(above)

    def _make(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, name: str, ending: str = "") -> Path:
        # A name may hold what no file name may, such as the colon of a host's port.
        plain = "".join(character if character.isalnum() or character in "._-" else "_" for character in name)[:80]
        return self._folder / f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}{ending}"
