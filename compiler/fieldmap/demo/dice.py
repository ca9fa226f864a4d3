"""Choices that look random and are the same on every machine, in every Python version and in any order of asking."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

_T = TypeVar("_T")


class Dice:
    """Dice of one subject, such as a worker's number. What is rolled depends on the subject and on what it is for."""

    def __init__(self, *subject: str | int) -> None:
        self._subject = "/".join(str(part) for part in subject)

    def number(self, low: int, high: int, purpose: str) -> int:
        """A whole number from low to high, both included."""
        digest = blake2b(f"{self._subject}:{purpose}".encode(), digest_size=8).digest()
        return low + int.from_bytes(digest, "big") % (high - low + 1)

    def pick(self, options: Sequence[_T], purpose: str) -> _T:
        return options[self.number(0, len(options) - 1, purpose)]

    def chance(self, percent: int, purpose: str) -> bool:
        return self.number(1, 100, purpose) <= percent
