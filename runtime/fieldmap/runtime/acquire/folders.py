"""A folder of this machine as a shelf. No link is followed, whatever it leads to, and nothing outside is opened."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fieldmap.runtime.acquire.shelves import ChangedError, Found, Pattern
from fieldmap.runtime.ports import Clock

# Within so many seconds a second change may leave the same times behind.
_COARSE: Final = 2.0
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class LocalFolder:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self.shown = str(folder)

    def files(self, pattern: Pattern) -> Iterator[Found]:
        yield from self._walk((), pattern)

    def _walk(self, folders: tuple[str, ...], pattern: Pattern) -> Iterator[Found]:
        below = []
        with os.scandir(self._folder.joinpath(*folders)) as items:
            for item in items:
                name = "/".join((*folders, item.name))
                if item.is_symlink():
                    # A link to a folder is one that files could have been expected in.
                    if pattern.fits(name) or (os.path.isdir(item.path) and pattern.leads_into((*folders, item.name))):
                        yield Found(name, 0, 0.0, "", link=True)
                elif item.is_dir():
                    if pattern.leads_into((*folders, item.name)):
                        below.append(item.name)
                elif item.is_file() and (pattern.fits(name) or pattern.marks(name)):
                    # A file that is gone by now is one that was not found.
                    with contextlib.suppress(FileNotFoundError):
                        yield self._found(name, item.stat(follow_symlinks=False))
        for name in sorted(below):
            yield from self._walk((*folders, name), pattern)

    @contextlib.contextmanager
    def open(self, found: Found) -> Iterator[_Open]:
        path = self._folder / found.name
        try:
            number = os.open(path, _FLAGS)
        except FileNotFoundError:
            raise ChangedError from None
        with open(number, "rb"):
            status = os.fstat(number)
            # A folder on the way may have become a link since.
            inside = path.resolve().is_relative_to(self._folder.resolve())
            if not stat.S_ISREG(status.st_mode) or not inside or _identity(status) != found.version:
                raise ChangedError
            yield _Open(number, path, found.version)

    def url(self, name: str) -> str:
        return f"file:{quote(name, errors='surrogateescape')}"

    def _found(self, name: str, status: os.stat_result) -> Found:
        fresh = self._clock.now().timestamp() - status.st_ctime < _COARSE
        return Found(name, status.st_size, status.st_mtime, _identity(status), fresh)


class _Open:
    def __init__(self, number: int, path: Path, identity: str) -> None:
        self._number = number
        self._path = path
        self._identity = identity

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0 and (part := os.read(self._number, min(size, 1 << 24))):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def changed(self) -> bool:
        try:
            there = self._path.stat(follow_symlinks=False)
        except OSError:
            return True
        return _identity(os.fstat(self._number)) != self._identity or _identity(there) != self._identity


def _identity(status: os.stat_result) -> str:
    """Another one for each change, but for two within one tick of the file system's clock."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
