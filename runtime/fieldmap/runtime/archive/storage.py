"""The local file system as a Storage. Names are opened below an open folder, never through a symbolic link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from fieldmap.runtime.ports import Folder, Lock, LockedError, Segment

_LOCK = "lock"
_PLAIN = os.O_NOFOLLOW | os.O_CLOEXEC


class LocalStorage:
    def folders(self, root: Path) -> list[str]:
        try:
            with os.scandir(root) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def folder(self, root: Path, name: str, *, create: bool = False) -> Folder:
        if create:
            _make(root)
        above = os.open(root, os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=above)
                # Also where it was there: who made it may have been killed before it was durable.
                os.fsync(above)
            return LocalFolder(os.open(name, os.O_DIRECTORY | _PLAIN, dir_fd=above))
        finally:
            os.close(above)


def _make(folder: Path) -> None:
    """Makes the folder and what leads to it; each is durable in the one above it."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    above = os.open(folder.parent, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)


class LocalFolder:
    def __init__(self, descriptor: int) -> None:
        self._folder = descriptor

    def names(self) -> list[str]:
        return sorted(os.listdir(self._folder))

    def size(self, name: str) -> int:
        return os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_size

    def read(self, name: str, offset: int, size: int) -> bytes:
        descriptor = self._open(name, os.O_RDONLY)
        try:
            data = os.pread(descriptor, size, offset)
            if len(data) == size or not data:
                return data
            parts = [data]
            got = len(data)
            while got < size and (data := os.pread(descriptor, size - got, offset + got)):
                parts.append(data)
                got += len(data)
            return b"".join(parts)
        finally:
            os.close(descriptor)

    def create(self, name: str) -> Segment:
        return LocalSegment(self._open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL))

    def open(self, name: str) -> Segment:
        return LocalSegment(self._open(name, os.O_WRONLY | os.O_APPEND))

    def settle(self, name: str) -> int:
        descriptor = self._open(name, os.O_RDONLY)
        try:
            # The size first: what is appended while the disk is busy may or may not be part of it.
            size = os.fstat(descriptor).st_size
            try:
                os.fsync(descriptor)
            except OSError as error:
                # Where nothing can be written, nothing waits to be.
                if error.errno not in (errno.EROFS, errno.EINVAL):
                    raise
            return size
        finally:
            os.close(descriptor)

    def truncate(self, name: str, size: int) -> None:
        descriptor = self._open(name, os.O_WRONLY)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        os.fsync(self._folder)

    def lock(self, holder: str) -> Lock:
        import fcntl

        descriptor = self._open(_LOCK, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)
        except BlockingIOError:
            other = os.pread(descriptor, 200, 0).decode("utf-8", "replace")
            os.close(descriptor)
            raise LockedError(other or "another process") from None
        except OSError:
            os.close(descriptor)
            raise
        return LocalLock(descriptor, self._folder)

    def close(self) -> None:
        os.close(self._folder)

    def _open(self, name: str, flags: int) -> int:
        if "/" in name or name in ("", ".", ".."):
            raise OSError(errno.EINVAL, "not a plain file name", name)
        # Without O_NONBLOCK a pipe put in a segment's place would be waited for.
        descriptor = os.open(name, flags | os.O_NONBLOCK | _PLAIN, 0o640, dir_fd=self._folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file", name)
        return descriptor


class LocalSegment:
    def __init__(self, descriptor: int) -> None:
        self._file = descriptor

    def size(self) -> int:
        return os.fstat(self._file).st_size

    def append(self, data: bytes) -> None:
        written = os.write(self._file, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, f"only {written:,} of {len(data):,} bytes could be written")

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


class LocalLock:
    def __init__(self, descriptor: int, folder: int) -> None:
        self._file = descriptor
        self._folder = folder

    def held(self) -> bool:
        try:
            there = os.stat(_LOCK, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._file))

    def release(self) -> None:
        os.close(self._file)
