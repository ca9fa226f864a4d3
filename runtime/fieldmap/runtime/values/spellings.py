"""Which words name a unit: a table that the compiler puts into the bundle, asked for the words behind a number.

A symbol is read exactly as it stands (`mW` is not `MW`); in another case only where just one unit can be meant. What stands for two
units even so (`Mm`, with which shops mean millimetres) is refused.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from fieldmap.runtime.values.failures import quote


class Measured(NamedTuple):
    """A unit: base = value * factor + offset."""

    factor: Fraction
    offset: Fraction


class Spellings:
    """needed: what is measured, "a length". own: (factor, offset, words) of each unit, the words separated by `|`; words behind
    `||` count only exactly as they stand; a word of two units is refused. foreign: (what they measure, words) of other dimensions, for messages."""

    __slots__ = ("_exact", "_folded", "_foreign", "_twofold", "_unclear", "needed")

    def __init__(
        self, needed: str, own: tuple[tuple[str, str, str], ...], foreign: tuple[tuple[str, str], ...]
    ) -> None:
        self.needed = needed
        self._exact: dict[str, Measured] = {}
        self._folded: dict[str, Measured] = {}
        self._twofold: set[str] = set()
        self._unclear: set[str] = set()
        self._foreign: dict[str, str] = {}
        for factor, offset, words in own:
            self._add(Measured(Fraction(factor), Fraction(offset)), words)
        for kind, words in foreign:
            for word in words.split("|"):
                self._foreign.setdefault(word, kind)
                if len(word) > 1:
                    self._foreign.setdefault(word.lower(), kind)

    def _add(self, unit: Measured, words: str) -> None:
        common, _, strict = words.partition("||")
        for word in strict.split("|") if strict else ():
            self._set(word, unit)
        for word in common.split("|") if common else ():
            self._set(word, unit)
            folded = word.lower()
            if len(word) == 1 and word.isalpha():
                continue
            if self._folded.setdefault(folded, unit) != unit:
                self._twofold.add(folded)

    def _set(self, word: str, unit: Measured) -> None:
        if self._exact.setdefault(word, unit) != unit:
            self._unclear.add(word)

    def find(self, words: list[str]) -> Measured | tuple[str, str]:
        """The unit, or the code and reason of a failure."""
        key = " ".join(word for word in words if word not in ("-", "*"))
        key = key.replace(" per ", " / ").replace(" / ", "/")
        folded = key.lower()
        unit = self._exact.get(key)
        if unit is not None and key not in self._unclear:
            return unit
        if unit is not None or folded in self._twofold:
            return "FM2150", f"has {quote(key)}, which could be two units: capitals count here"
        if folded in self._folded:
            return self._folded[folded]
        kind = self._foreign.get(key) or (self._foreign.get(folded) if len(key) > 1 else None)
        if kind is not None:
            return "FM2147", f"is {kind}, and {self.needed} is needed"
        if any(self._known(words[:length]) for length in range(1, len(words))):
            return "FM2145", f"says more than its unit: {quote(key)}"
        return "FM2150", f"has {quote(key)}, which is no unit that is known here"

    def _known(self, words: list[str]) -> bool:
        key = " ".join(words)
        return key in self._exact or key.lower() in self._folded
