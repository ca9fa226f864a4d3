"""UCUM: the atoms of `tables/ucum.csv`, its prefixes, and the grammar that puts them together (`kg.m/s2`, `[lb_av]/[in_i]2`).

An expression's size is reckoned from the atoms as UCUM defines them, down to its base units. Where the language has a better size of
the same thing (an arc of the circle, a mole, a bit) it is taken; where UCUM's number was measured or rounded there is none.
"""

from __future__ import annotations

import csv
import functools
import io
import re
from dataclasses import dataclass, replace
from fractions import Fraction

from fieldmap.compiler import ir, units
from fieldmap.compiler.units import kinds, systems

PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2, "m": -3, "u": -6,
    "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}
_BASES = {"m": "meter", "s": "second", "g": "kilogram", "rad": "radian", "K": "kelvin", "cd": "candela"}
# UCUM's atoms for which the language's own unit stands: the same thing, exactly.
_OURS = {
    "C": "A*s", "mol": "mol", "bit": "bit", "By": "byte", "Bd": "Bd", "deg": "deg", "'": "arcmin", "''": "arcsec", "gon": "grad",
    "circ": "turn", "m[Hg]": "meter_Hg", "m[H2O]": "meter_H2O", "[Btu_th]": "Btu_th", "AU": "au", "[pi]": "pi", "Cel": "degC",
    "[degF]": "degF", "[degRe]": "degRe", "g": "g",
}  # fmt: skip
_ROUNDED = frozenset(
    [
        "u",
        "pc",
        "[m_e]",
        "[m_p]",
        "[G]",
        "[eps_0]",
        "[mu_0]",
        "cal_[15]",
        "cal_[20]",
        "cal_m",
        "[Btu_39]",
        "[Btu_59]",
        "[Btu_60]",
        "[Btu_m]",
    ]
)
_COMPONENT = re.compile(
    r"(?P<annotation>\{[\x21-\x7a|~]*\})|(?P<number>10[*^](?:[+-]?\d+)?|\d+(?![\d*^]))|(?P<symbol>(?:\[[^\]\s]*\]|[^\[\](){}./\s\d+-])+(?:\[[^\]\s]*\])?)(?P<power>[+-]?\d+)?"
)


LONGEST, LARGEST_POWER = 100, 40


class NotUcumError(ValueError):
    """A text that UCUM's grammar does not read."""


@dataclass(frozen=True)
class _Size:
    factor: Fraction
    powers: dict[str, int]

    def times(self, other: _Size, sign: int) -> _Size:
        if not other.factor:
            raise NotUcumError("a zero is no unit")
        powers = dict(self.powers)
        for base, power in other.powers.items():
            powers[base] = powers.get(base, 0) + sign * power
        return _Size(self.factor * other.factor**sign, powers)

    def raised(self, power: int) -> _Size:
        return _Size(self.factor**power, {base: exponent * power for base, exponent in self.powers.items()})


_UNITY = _Size(Fraction(1), {})


@functools.cache
def atoms() -> dict[str, dict[str, str]]:
    """The rows of the table by code."""
    return {row["code"]: row for row in csv.DictReader(io.StringIO(systems.table_text("ucum")))}


def read(code: str) -> systems.Code | None:
    """What an expression of UCUM means; None if it is none."""
    if not 0 < len(code) <= LONGEST:
        return None
    try:
        name = " ".join(_names(code)) or code
        own = _OURS.get(code)
        if own is not None:
            return systems.Code(atoms()[code]["name"], replaced(units.parse(own), code))
        found = _Reader(code).read()
    except NotUcumError:
        return None
    if found is None:
        return systems.Code(name, None)
    kind = kinds.spelled(found.powers)
    if code == "K":
        kind = kinds.TEMPERATURE
    return systems.Code(name, ir.Unit(text=code, dimension=kind, factor=str(found.factor), offset="0"))


def replaced(unit: ir.Unit, text: str) -> ir.Unit:
    return ir.Unit(text=text, dimension=unit.dimension, factor=unit.factor, offset=unit.offset)


def _names(code: str) -> list[str]:
    """An expression in words: "kilo gram", "pound per inch squared"."""
    said: list[str] = []
    for part in re.split(r"([./])", re.sub(r"\{[^}]*\}", "", code)):
        if part == "/":
            said.append("per")
        elif part.startswith(("10*", "10^")):
            said.append(part)
        elif part not in (".", "", "1"):
            match = re.fullmatch(r"(.*?)([+-]?\d+)?", part)
            symbol, power = (match[1], match[2]) if match and match[1] in _known() else (part, None)
            said.append(_known().get(symbol, symbol))
            said.extend({"2": ["squared"], "3": ["cubed"], None: []}.get(power, [f"to the power {power}"]))
    return said


@functools.cache
def _known() -> dict[str, str]:
    """Every atom, and every metric atom with each prefix, with its name."""
    words = {
        "Y": "yotta", "Z": "zetta", "E": "exa", "P": "peta", "T": "tera", "G": "giga", "M": "mega", "k": "kilo", "h": "hecto", "da": "deka",
        "d": "deci", "c": "centi", "m": "milli", "u": "micro", "n": "nano", "p": "pico", "f": "femto", "a": "atto", "z": "zepto",
        "y": "yocto", "Ki": "kibi", "Mi": "mebi", "Gi": "gibi", "Ti": "tebi",
    }  # fmt: skip
    found = {code: row["name"] for code, row in atoms().items()}
    for code, row in atoms().items():
        if row["metric"]:
            for prefix in PREFIXES if row["class"] != "infotech" else [*PREFIXES, *BINARY]:
                found.setdefault(prefix + code, words[prefix] + (" " if " " in row["name"] else "") + row["name"])
    return found


class _Reader:
    """Reads one expression. A part without a size (an arbitrary unit, a level) leaves the whole without one: None."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> _Size | None:
        found = self._term()
        if self._at != len(self._text):
            raise NotUcumError(self._text)
        return found

    def _term(self) -> _Size | None:
        total: _Size | None = _UNITY
        sign = 1
        if self._text.startswith("/", self._at):
            self._at += 1
            sign = -1
        while True:
            part = self._component()
            total = None if total is None or part is None else total.times(part, sign)
            following = self._text[self._at : self._at + 1]
            if following not in (".", "/"):
                return total
            sign = 1 if following == "." else -1
            self._at += 1

    def _component(self) -> _Size | None:
        if self._text.startswith("(", self._at):
            self._at += 1
            found = self._term()
            if not self._text.startswith(")", self._at):
                raise NotUcumError(self._text)
            self._at += 1
            return found
        match = _COMPONENT.match(self._text, self._at)
        if match is None:
            raise NotUcumError(self._text)
        self._at = match.end()
        if match["annotation"]:
            return _UNITY
        if match["number"]:
            return self._annotated(_Size(_number(match["number"]), {}))
        if abs(int(match["power"] or 1)) > LARGEST_POWER:
            raise NotUcumError(self._text)
        found = _atom(match["symbol"])
        return self._annotated(found.raised(int(match["power"])) if found is not None and match["power"] else found)

    def _annotated(self, found: _Size | None) -> _Size | None:
        match = re.compile(r"\{[\x21-\x7a|~]*\}").match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return found


def _number(text: str) -> Fraction:
    if text[:3] in ("10*", "10^"):
        power = int(text[3:] or 1)
        if abs(power) > LARGEST_POWER:
            raise NotUcumError(text)
        return Fraction(10) ** power
    return Fraction(text)


@functools.cache
def _atom(symbol: str) -> _Size | None:
    """The size of an atom with or without a prefix; None if it has none. Raises NotUcumError."""
    if symbol in atoms():
        return _defined(symbol)
    for prefix, power in PREFIXES.items():
        rest = symbol[len(prefix) :]
        if symbol.startswith(prefix) and rest in atoms() and atoms()[rest]["metric"]:
            found = _defined(rest)
            return found and replace(found, factor=found.factor * Fraction(10) ** power)
    for prefix, power in BINARY.items():
        rest = symbol[len(prefix) :]
        if symbol.startswith(prefix) and rest in atoms() and atoms()[rest]["class"] == "infotech":
            found = _defined(rest)
            return found and replace(found, factor=found.factor * 2**power)
    raise NotUcumError(symbol)


def _defined(symbol: str) -> _Size | None:
    row = atoms()[symbol]
    if symbol in _OURS:
        unit = units.parse(_OURS[symbol])
        return _Size(Fraction(unit.factor), kinds.powers(unit.dimension))
    if symbol in _BASES:
        return _Size(Fraction(1), {_BASES[symbol]: 1})
    arbitrary = row["class"] in ("chemical", "clinical") and row["unit"] == "1"
    if arbitrary or symbol in _ROUNDED or not row["unit"]:
        return None
    found = _Reader(row["unit"]).read()
    return found and replace(found, factor=found.factor * Fraction(row["value"]))


@functools.cache
def sizes() -> dict[str, str]:
    """Each atom with the prefixes that it takes and its size, as `fieldmap.runtime.values.ucum` reads them."""
    found = {}
    for code, row in atoms().items():
        size = _defined(code)
        takes = "" if not row["metric"] else "10 2" if row["class"] == "infotech" else "10"
        powers = " ".join(f"{base}:{power}" for base, power in sorted(size.powers.items())) if size is not None else ""
        found[code] = f"{takes}\t{size.factor if size is not None else ''}\t{powers}"
    return found


# What is often put together: the counterpart of what people write in laboratories, on labels and on drawings.
_ABOVE = (
    *(
        "1",
        "kg",
        "g",
        "mg",
        "ug",
        "ng",
        "pg",
        "t",
        "[lb_av]",
        "[oz_av]",
        "mol",
        "mmol",
        "umol",
        "nmol",
        "pmol",
        "N",
        "kN",
        "[lbf_av]",
    ),
    *(
        "J",
        "kJ",
        "kcal",
        "kW.h",
        "W",
        "kW",
        "m",
        "cm",
        "mm",
        "km",
        "[in_i]",
        "[ft_i]",
        "[mi_i]",
        "L",
        "dL",
        "mL",
        "uL",
        "l",
        "dl",
        "ml",
    ),
    *("[gal_us]", "By", "bit", "A", "mA", "C", "rad", "deg", "10*3", "10*6", "10*9", "10*12"),
)
_BELOW = (
    *(
        "m",
        "cm",
        "mm",
        "m2",
        "cm2",
        "mm2",
        "m3",
        "cm3",
        "mm3",
        "dm3",
        "[in_i]",
        "[ft_i]",
        "[in_i]2",
        "[ft_i]2",
        "[in_i]3",
        "[ft_i]3",
    ),
    *(
        "L",
        "dL",
        "mL",
        "uL",
        "l",
        "dl",
        "ml",
        "[gal_us]",
        "kg",
        "g",
        "mg",
        "[lb_av]",
        "s",
        "min",
        "h",
        "d",
        "wk",
        "mo",
        "a",
        "s2",
        "mol",
    ),
)


def codes() -> dict[str, systems.Code]:
    """Every atom, with every prefix that it takes, and what is often put together; `read` reads any other expression."""
    texts = list(_known())
    lengths = ("m", "cm", "mm", "dm", "km", "um", "[in_i]", "[ft_i]", "[yd_i]", "[mi_i]")
    texts += [f"{length}{power}" for length in lengths for power in (2, 3)]
    texts += [f"{above}/{below}" for above in _ABOVE for below in _BELOW] + [f"/{below}" for below in _BELOW]
    texts += [
        "kg.m/s2",
        "kg.m2/s2",
        "kg.m2/s3",
        "kg/(m.s2)",
        "N.m",
        "kN.m",
        "N.cm",
        "N.mm",
        "[lbf_av].[ft_i]",
        "[lbf_av].[in_i]",
    ]
    texts += [
        "Pa.s",
        "mPa.s",
        "kW.h",
        "MW.h",
        "W.h",
        "V.A",
        "A.h",
        "mA.h",
        "J/(kg.K)",
        "W/(m.K)",
        "W/(m2.K)",
        "m3/(kg.s2)",
    ]
    found = {}
    for text in dict.fromkeys(texts):
        code = read(text)
        if code is not None:
            found[text] = code
    return found
