"""A table that is too large to stand in a transform: a file of the bundle, read when a record first needs it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Data:
    """part: the file's name in the bundle. source: gives its bytes; the bundle sets it when it loads the transform."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.source: Callable[[str], bytes] | None = None
        self._entries: dict[str, str] | None = None

    def get(self, key: str, default: str | None = None) -> str | None:
        if self._entries is None:
            if self.source is None:
                raise LookupError(f"nothing gives the content of {self.part}")
            self._entries = msgspec.json.decode(self.source(self.part), type=dict[str, str])
        return self._entries.get(key, default)
