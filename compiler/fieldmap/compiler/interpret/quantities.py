"""The reference meaning of quantities written as text: the published shapes as regular expressions, tried on the whole text.

What none of them matches is refused; which reason that gets is asked of the runtime, whose scanner tells it better. Shared with it
beside that is only what makes one spelling of all blanks, dashes and primes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.compiler import ir
from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.outcome import Failed, Quantity
from fieldmap.runtime.values.quantities import LONGEST, Bare, measured, normal
from fieldmap.runtime.values.spellings import Spellings

_INT = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
_OVER = r"[0-9]+/0*[1-9][0-9]*(?![0-9./]|,[0-9])"
_NUMBER = rf"(?:{_INT}(?: *- *| +){_OVER}|{_OVER}|{_INT}\.[0-9]+|(?<![^\W\d_])\.[0-9]+|{_INT}(?:\.(?!\.))?)(?!\.?[0-9])"
_WORD = r"(?:[^\W\d_]|[°%])++(?:\^?[23](?![^\W_]|['\"^]|\.[0-9]|/ *[0-9]))?(?:\.(?![0-9]))?"
_UNIT = rf"(?:['\"]|{_WORD}(?: *+(?:[-/*] *+)?{_WORD})*+)"
_MEASURE = rf"{_NUMBER}(?: *+(?:- *+)?{_UNIT})?"
_ONE = rf"[-+]?{_MEASURE}(?: *+(?:, *+)?{_MEASURE})*"
_HEDGES = {
    "near": "approx|approximate|approximately|appx|about|around|circa|ca|roughly|nearly|almost|est|estimated|nominal",
    "upper": "up to|upto|max|maximum|at most|under|below|less than|no more than|or less",
    "lower": "min|minimum|at least|over|above|more than|from|starting at|or more|and up",
}
_SIGNS = {"near": "[~≈≅±]", "upper": "< *=?|≤", "lower": "> *=?|≥"}
_TOLERANCE = re.compile(rf"(?P<left>{_ONE}?) *(?:±|\+ */ *-|\+ *-) *(?P<right>{_MEASURE})")
_PART = re.compile(rf"(?P<number>{_NUMBER})(?: *+(?:- *+)?(?P<unit>{_UNIT}))?")


def read(value: Any, node: ir.ReadQuantity, table: ir.Table) -> Any:
    """The quantity in the node's unit; a list of both ends where the node says so."""
    if not isinstance(table, ir.Spellings):
        raise TypeError(f"{node.spellings} is no table of spellings")
    found = _Reading(node, table).ends(value)
    if found is None:
        raise _refusal(value, node, table)
    chosen = {None: found[:1], "lower": found[:1], "upper": found[1:], "both": found}[node.ends]
    if None in chosen:
        raise Failed("FM2148", "the text leaves that end open")
    answers = [(end - Fraction(node.unit.offset)) / Fraction(node.unit.factor) for end in chosen if end is not None]
    return answers if node.ends == "both" else answers[0]


def read_any(value: Any, node: ir.ReadAnyQuantity, tables: Mapping[str, ir.Table]) -> Quantity:
    """The quantity in the one unit of the field in which the text can be read."""
    found: dict[str, Any] = {}
    reasons: list[Failed] = []
    for one in node.readings:
        try:
            found[one.unit.text] = read(value, one, tables[one.spellings])
        except Failed as failed:
            reasons.append(failed)
    if len(found) > 1:
        raise Failed("FM2150", f"{quote(value)} could be in {' or '.join(found)}")
    for unit, amount in found.items():
        return Quantity(amount, unit)
    raise ([failed for failed in reasons if failed.code != "FM2147"] or reasons)[0]


def _refusal(value: Any, node: ir.ReadQuantity, table: ir.Spellings) -> Failed:
    spellings = Spellings(table.needed, table.own, table.foreign)
    bare = Bare(Fraction(node.bare.factor), Fraction(node.bare.offset)) if node.bare is not None else None
    try:
        measured(value, spellings, bare, node.ends, "")
    except Failed as failed:
        return failed
    return Failed("FM2145", "this is none of the published shapes")


class _Reading:
    def __init__(self, node: ir.ReadQuantity, table: ir.Spellings) -> None:
        self.node = node
        self.units: dict[str, tuple[Fraction, Fraction]] = {}
        self.twofold: set[str] = set()
        small: dict[str, set[tuple[Fraction, Fraction]]] = {}
        for factor, offset, words in table.own:
            unit = (Fraction(factor), Fraction(offset))
            common, _, _ = words.partition("||")
            exact = [word for word in words.replace("||", "|").split("|") if word]
            for word in filter(None, common.split("|")):
                if len(word) > 1 or not word.isalpha():
                    small.setdefault(word.lower(), set()).add(unit)
            self.twofold |= {word for word in exact if self.units.get(word, unit) != unit}
            self.units |= dict.fromkeys(exact, unit)
        self.small = {word: found.copy().pop() for word, found in small.items() if len(found) == 1}

    def ends(self, value: Any) -> tuple[Fraction | None, Fraction | None] | None:
        """Both ends in the base unit, None for one that is left open; None if the text is not read."""
        if isinstance(value, int | Decimal | Fraction) and not isinstance(value, bool):
            one = self._unit("", Fraction(value))
            return None if one is None else (one, one)
        if not isinstance(value, str) or len(value) > LONGEST:
            return None
        text = re.sub(r"[ ,;]+$", "", normal(value))
        one = self._one(text)
        if one is not None:
            return one, one
        return self._hedged(text) if self.node.ends is not None else None

    def _hedged(self, text: str) -> tuple[Fraction | None, Fraction | None] | None:
        for kind, words in _HEDGES.items():
            head = re.match(
                rf"(?:(?:{words.replace(' ', ' +')})(?![^\W\d_])(?:\.(?![0-9.]))? *|(?:{_SIGNS[kind]}) *)",
                text,
                re.IGNORECASE,
            )
            if head:
                rest = text[head.end() :]
                inner = (self._range(rest) if kind != "upper" else None) or self._alone(
                    (kind == "lower" and _plus(rest)) or rest
                )
                return self._open(inner, kind)
        found = self._range(text)
        if found is not None:
            return found
        for kind, words in _HEDGES.items():
            tail = re.search(rf"(?<!\w)(?:{words.replace(' ', ' +')})\.?\Z", text, re.IGNORECASE)
            rest = text[: tail.start()].rstrip(" -") if tail else ""
            if re.search(r"[^\W\d_]|[°%'\"]", rest):
                return self._open(self._alone(rest), kind)
        plus = _plus(text)
        return self._open(self._alone(plus), "lower") if plus else None

    def _alone(self, text: str) -> tuple[Fraction, Fraction] | None:
        one = self._one(text)
        return None if one is None else (one, one)

    @staticmethod
    def _open(found: tuple[Fraction, Fraction] | None, kind: str) -> tuple[Fraction | None, Fraction | None] | None:
        if found is None:
            return None
        # Both ends stand in a range, whatever word comes before it.
        whole = found[0] != found[1]
        return (None if kind == "upper" else found[0], None if kind == "lower" and not whole else found[1])

    def _range(self, text: str) -> tuple[Fraction, Fraction] | None:
        tolerance = _TOLERANCE.fullmatch(text)
        if tolerance:
            left = self._shared(tolerance["left"], tolerance["right"])
            unit = _PART.fullmatch(tolerance["right"])
            middle, around, zero = (
                self._one(left),
                self._one(tolerance["right"]),
                self._one("0" + (unit["unit"] or "" if unit else "")),
            )
            bare = unit is not None and not unit["unit"] and re.search(r"[^0-9.,/ +-]", left) is not None
            if middle is None or around is None or zero is None or bare:
                return None
            return middle - (around - zero), middle + (around - zero)
        for match in re.finditer(r"(?<![^\W\d_])(?:to|thru|through|until)(?![^\W\d_])|-|\.\.", text, re.IGNORECASE):
            left, right = text[: match.start()].strip(), text[match.end() :].strip()
            if not left or not right:
                continue
            lower, upper = self._one(self._shared(left, right)), self._one(right)
            if lower is not None and upper is not None:
                twofold = match[0] == "-" and lower == 0 and self._last(self._shared(left, right)) != self._last(right)
                return (lower, upper) if lower <= upper and not twofold else None
        return None

    def _last(self, text: str) -> tuple[Fraction, Fraction] | None:
        """The unit of the last number."""
        unit = re.search(rf"{_NUMBER} *-? *(?P<unit>{_UNIT})$", text)
        return self._named(unit["unit"]) if unit else self._bare()

    @staticmethod
    def _shared(left: str, right: str) -> str:
        """`17-22 in`: the lower end has the unit of the upper one if it has none."""
        unit = re.search(rf"{_NUMBER} *-? *(?P<unit>{_UNIT})$", right)
        return f"{left} {unit['unit']}" if unit and re.search(r"[0-9.]$", left) else left

    def _one(self, text: str) -> Fraction | None:
        """One quantity in the base unit."""
        if not re.fullmatch(_ONE, text):
            return None
        sign = -1 if text.startswith("-") else 1
        parts = [(match["number"], match["unit"]) for match in _PART.finditer(text.lstrip("+-"))]
        numbers = [_number(number) for number, _ in parts]
        if any(number is None for number in numbers):
            return None
        values = [number for number in numbers if number is not None]
        if len(parts) == 1:
            return self._unit(parts[0][1] or "", sign * values[0])
        return self._compound([unit or "" for _, unit in parts], values, sign)

    def _compound(self, words: list[str], values: list[Fraction], sign: int) -> Fraction | None:
        units = [self._named(word) for word in words[:-1]]
        units.append(self._named(words[-1]) if words[-1] else self._bare())
        total = Fraction(0)
        above: Fraction | None = None
        for index, (unit, value) in enumerate(zip(units, values, strict=True)):
            if unit is None or unit[1]:
                return None
            ratio = above / unit[0] if above is not None else None
            if ratio is not None and (ratio.denominator != 1 or ratio <= 1 or value >= ratio):
                return None
            if not words[index] and ratio not in (12, 14, 16, 60, 100):
                return None
            if index < len(values) - 1 and value.denominator != 1:
                return None
            total, above = total + value * unit[0], unit[0]
        return sign * total

    def _named(self, written: str) -> tuple[Fraction, Fraction] | None:
        words = re.sub(r"[-*]", " ", written.replace(".", " ").replace("^", ""))
        text = re.sub(r" *(?:/| per (?=.)) *", "/", " ".join(words.split()))
        return None if text in self.twofold else self.units.get(text) or self.small.get(text.lower())

    def _unit(self, written: str, value: Fraction) -> Fraction | None:
        unit = self._named(written) if written else self._bare()
        return None if unit is None else value * unit[0] + unit[1]

    def _bare(self) -> tuple[Fraction, Fraction] | None:
        bare = self.node.bare
        return None if bare is None else (Fraction(bare.factor), Fraction(bare.offset))


def _plus(text: str) -> str | None:
    """`10+ in` without its plus."""
    match = re.fullmatch(r"(?P<before>\+?[^+]*?[^+ ]) *\+(?P<after>(?! *-)[^+0-9]*)", text)
    return (match["before"] + match["after"]).rstrip() if match else None


def _number(text: str) -> Fraction | None:
    """A number, a fraction, or both; None for a fraction in which nothing is measured."""
    parts = re.fullmatch(r"(?:([0-9,]+)[ -]+)?([0-9]+)/([0-9]+)", text)
    if parts is None:
        return Fraction(text.replace(",", "").removesuffix("."))
    whole, above, below = parts[1] or "0", int(parts[2]), int(parts[3])
    usual = below in (2, 3, 4, 5, 6, 8, 10, 16, 32, 64, 100, 128) or (above == 1 and below <= 1000)
    if not usual or (parts[1] and above >= below):
        return None
    return Fraction(whole.replace(",", "")) + Fraction(above, below)
