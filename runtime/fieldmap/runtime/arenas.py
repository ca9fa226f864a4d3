"""How the C library keeps memory for a program with many threads."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

# Of glibc's malloc.h: M_ARENA_MAX and M_MMAP_THRESHOLD.
_ARENA_MAX: Final = -8
_MMAP_THRESHOLD: Final = -3
_PAGE: Final = 256 << 10  # bytes of what is given back at once


def share_memory() -> None:
    """Lets the threads that begin from now on take memory from one place, and give back at once what a page took. Each would have a place of
    its own, and keep in it what its largest page needed: with four resources at a time up to 40 MB. Does nothing where the C library is
    another."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _PAGE)
