"""Units: pint's knowledge as exact fractions, asked at compile time only.

What leaves this package (kind, factor and offset to the base unit) goes into the IR as texts of fractions, and generated code does plain
exact arithmetic. `parse` reads a token such as `kg/m^3`; the parts of it are looked up by `registry`, an ISO 4217 code in capitals is
always that currency, and a project's own units (`unit crate = 24 each`) are handed in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from fractions import Fraction

from fieldmap.compiler import ir
from fieldmap.compiler.units import kinds
from fieldmap.compiler.units.registry import Named, UnknownUnitError, named
from fieldmap.runtime.values.currencies import CURRENCIES

__all__ = [
    "PLAIN",
    "UnknownUnitError",
    "conversion",
    "currency",
    "describe",
    "difference",
    "is_pure_currency",
    "multiply",
    "parse",
    "parts",
    "scaled",
]

PLAIN = ir.Unit(text="1", dimension=kinds.DIMENSIONLESS, factor="1", offset="0")

_PART = re.compile(r"(^|[*/·])(1(?=/)|[^*/·^]+)(?:\^(-?[0-9]+))?")
_LARGEST_POWER = 12
_NONE: Mapping[str, ir.Unit] = {}


def parse(text: str, own: Mapping[str, ir.Unit] = _NONE) -> ir.Unit:
    """The unit that a token like `kg/m^3` names. own: the units that the project declares. Raises UnknownUnitError."""
    return _parsed(text) if not own else _compose(text, own)


@functools.cache
def _parsed(text: str) -> ir.Unit:
    return _compose(text, _NONE)


def _compose(text: str, own: Mapping[str, ir.Unit]) -> ir.Unit:
    found = parts(text)
    if len(found) == 1 and found[0][1] == 1:
        return _single(text, own)
    powers: dict[str, int] = {}
    factor = Fraction(1)
    for name, power in found:
        unit = _single(name, own)  # a degree within a compound is a difference of temperature: its offset is left out
        factor *= Fraction(unit.factor) ** power
        for base, exponent in kinds.powers(unit.dimension).items():
            powers[base] = powers.get(base, 0) + exponent * power
    return ir.Unit(text=text, dimension=kinds.spelled(powers), factor=str(factor), offset="0")


def parts(text: str) -> list[tuple[str, int]]:
    """`kg/m^3` as [("kg", 1), ("m", -3)]."""
    found: list[tuple[str, int]] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        sign, name, power = match[1], match[2], int(match[3] or 1)
        if sign and match.start() == 0:
            raise UnknownUnitError(text)
        if abs(power) > _LARGEST_POWER:
            raise UnknownUnitError(text, f"a power is at most {_LARGEST_POWER}")
        if name != "1":
            found.append((name, -power if sign == "/" else power))
    if end != len(text) or not found:
        raise UnknownUnitError(text)
    return found


def _single(name: str, own: Mapping[str, ir.Unit]) -> ir.Unit:
    if name in own:
        return own[name]
    if name in CURRENCIES:
        return currency(name)
    return _unit(name, named(name))


def _unit(text: str, found: Named) -> ir.Unit:
    kind = found.temperature or kinds.spelled(dict(found.powers))
    return ir.Unit(text=text, dimension=kind, factor=str(found.factor), offset=str(found.offset))


def currency(code: str) -> ir.Unit:
    """A currency as a unit: a kind of its own, which converts into no other."""
    return ir.Unit(text=code, dimension=code, factor="1", offset="0")


def is_pure_currency(unit: ir.Unit) -> bool:
    """Whether a unit is money alone, as what is left of `USD/h*h`."""
    return unit.dimension in CURRENCIES


def multiply(left: ir.Unit, right: ir.Unit, operator: str) -> ir.Unit:
    """The unit of `left * right` or `left / right`: what stands above and below alike cancels. dimension is "dimensionless" where
    nothing is left. Raises ValueError for a temperature on a scale with its own zero, of which there is no twice."""
    if left.offset != "0" or right.offset != "0":
        raise ValueError("a temperature cannot be multiplied")
    sign = 1 if operator == "*" else -1
    powers = kinds.powers(left.dimension)
    for base, power in kinds.powers(right.dimension).items():
        powers[base] = powers.get(base, 0) + sign * power
    factor = Fraction(left.factor) * Fraction(right.factor) ** sign
    text = _joined(left.text, right.text, sign)
    return ir.Unit(text=text or "1", dimension=kinds.spelled(powers), factor=str(factor), offset="0")


def _joined(left: str, right: str, sign: int) -> str:
    names: dict[str, int] = {}
    for text, direction in ((left, 1), (right, sign)):
        for name, power in parts(text) if text != "1" else []:
            names[name] = names.get(name, 0) + direction * power
    above = "*".join(_raised(name, power) for name, power in names.items() if power > 0)
    below = "".join(f"/{_raised(name, -power)}" for name, power in names.items() if power < 0)
    return (above or "1" if below else above) + below


def _raised(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"


def difference(unit: ir.Unit) -> ir.Unit:
    """The unit of the difference of two temperatures in this unit."""
    return ir.Unit(text=f"delta_{unit.text}", dimension=kinds.DIFFERENCE, factor=unit.factor, offset="0")


def scaled(text: str, amount: Fraction, of: ir.Unit) -> ir.Unit:
    """A unit called `text` that is `amount` times another."""
    return ir.Unit(text=text, dimension=of.dimension, factor=str(amount * Fraction(of.factor)), offset="0")


def describe(unit: ir.Unit) -> str:
    """What the unit measures, in words: "a length"; the base unit where there is no word."""
    money = [base for base in kinds.powers(unit.dimension) if base in CURRENCIES]
    if money and unit.dimension != money[0]:
        rest = {base: -power for base, power in kinds.powers(unit.dimension).items() if base not in CURRENCIES}
        return f"{money[0]} per {kinds.words(kinds.spelled(rest)).removeprefix('a ').removeprefix('an ')}"
    return f"money in {money[0]}" if money else kinds.words(unit.dimension)


def conversion(source: ir.Unit, target: ir.Unit) -> tuple[str, str]:
    """Factor and offset, texts of exact fractions, with target = source * factor + offset. Both must be of one dimension."""
    into = Fraction(target.factor)
    factor = Fraction(source.factor) / into
    offset = (Fraction(source.offset) - Fraction(target.offset)) / into
    return str(factor), str(offset)
