"""Expressions of UCUM (`kg.m/s2`, `umol/(min.L)`) that no table lists: read by their grammar, sized by their atoms.

The atoms come with the map, each with its size in base units. Codes are data from outside: their length, depth and powers are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

LONGEST, LARGEST_POWER, MOST_KEPT = 100, 40, 1_000
_TENS = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2, "m": -3, "u": -6,
    "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_TWOS = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}
_NOTE = r"(?:\{[\x21-\x7a|~]*\})"
_TOKEN = re.compile(
    rf"(?P<sign>[./()])|10[*^](?P<ten>[+-]?\d+)?{_NOTE}?|(?P<number>\d+)(?![*^\d]){_NOTE}?|(?P<note>{_NOTE})"
    rf"|(?P<symbol>(?:\[[^\]\s]*\]|[^\[\](){{}}./\s\d+-])+(?:\[[^\]\s]*\])?)(?P<power>[+-]?\d+)?{_NOTE}?"
)

Powers = dict[str, int]


class _NoUcum(ValueError):
    pass


@dataclass
class Ucum:
    """atoms: a line each, `symbol<TAB>takes<TAB>factor<TAB>meter:1 second:-2`; takes is "10" or "10 2" for the prefixes that it takes or
    empty; without factor it has no size. wanted: the base units of what is measured; size: of the field's unit, in them."""

    atoms: str
    wanted: Powers
    size: Fraction
    _atoms: dict[str, tuple[str, Fraction | None, Powers]] = field(default_factory=dict)
    _known: dict[str, Fraction | str | None] = field(default_factory=dict)

    def row(self, code: str) -> Fraction | str | None:
        """The factor to the field's unit; "dimension" or "size" for an expression of another dimension, or of no size; None for what
        is no expression of UCUM."""
        if code not in self._known:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[code] = self._row(code)
        return self._known[code]

    def _row(self, code: str) -> Fraction | str | None:
        if not 0 < len(code) <= LONGEST:
            return None
        if not self._atoms:
            self._atoms = dict(map(_atom, self.atoms.split("\n")))
        try:
            found = _Reader(code, self._atoms).read()
        except _NoUcum:
            return None
        if found is None:
            return "size"
        factor, powers = found
        same = {base: power for base, power in powers.items() if power} == self.wanted
        return factor / self.size if same else "dimension"


def _atom(line: str) -> tuple[str, tuple[str, Fraction | None, Powers]]:
    symbol, takes, factor, powers = line.split("\t")
    pairs = (one.split(":") for one in powers.split())
    return symbol, (takes, Fraction(factor) if factor else None, {base: int(power) for base, power in pairs})


_Size = tuple[Fraction, Powers]


class _Reader:
    """Reads one expression. None stands for what has no size."""

    def __init__(self, text: str, atoms: dict[str, tuple[str, Fraction | None, Powers]]) -> None:
        self._atoms = atoms
        self._tokens: list[re.Match[str]] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.end() == at:
                raise _NoUcum
            self._tokens.append(match)
            at = match.end()
        self._next = 0

    def read(self) -> _Size | None:
        found = self._term()
        if self._next != len(self._tokens):
            raise _NoUcum
        return found

    def _takes(self, signs: str) -> str:
        if self._next < len(self._tokens):
            sign = self._tokens[self._next]["sign"]
            if sign and sign in signs:
                self._next += 1
                return sign
        return ""

    def _term(self) -> _Size | None:
        total: _Size | None = (Fraction(1), {})
        sign = -1 if self._takes("/") else 1
        while True:
            part = self._part()
            total = None if total is None or part is None else _times(total, part, sign)
            following = self._takes("./")
            if not following:
                return total
            sign = 1 if following == "." else -1

    def _part(self) -> _Size | None:
        if self._takes("("):
            found = self._term()
            if not self._takes(")"):
                raise _NoUcum
            return found
        if self._next == len(self._tokens):
            raise _NoUcum
        match = self._tokens[self._next]
        self._next += 1
        if match["sign"]:
            raise _NoUcum
        if match["note"]:
            return Fraction(1), {}
        if match["symbol"]:
            power, found = _power(match["power"]), self._sized(match["symbol"])
            return found and _raised(found, power)
        if match["number"]:
            return Fraction(match["number"]), {}
        return Fraction(10) ** _power(match["ten"]), {}

    def _sized(self, symbol: str) -> _Size | None:
        atom = self._atoms.get(symbol)
        if atom is not None:
            return None if atom[1] is None else (atom[1], atom[2])
        for kind, base, prefixes in (("10", 10, _TENS), ("2", 2, _TWOS)):
            for prefix, power in prefixes.items():
                takes, factor, powers = self._atoms.get(symbol.removeprefix(prefix), ("", None, {}))
                if symbol.startswith(prefix) and kind in takes.split():
                    return None if factor is None else (factor * Fraction(base) ** power, powers)
        raise _NoUcum


def _power(text: str | None) -> int:
    power = int(text or 1)
    if abs(power) > LARGEST_POWER:
        raise _NoUcum
    return power


def _times(one: _Size, other: _Size, sign: int) -> _Size:
    if not other[0]:
        raise _NoUcum  # a zero is no unit
    powers = dict(one[1])
    for base, power in other[1].items():
        powers[base] = powers.get(base, 0) + sign * power
    return one[0] * other[0] ** sign, powers


def _raised(one: _Size, power: int) -> _Size:
    return one[0] ** power, {base: exponent * power for base, exponent in one[1].items()}
