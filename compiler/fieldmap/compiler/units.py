"""Units: pint's knowledge as exact fractions, asked at compile time only.

pint never sees a value of the data. What it gives here (kind, factor and offset to the base unit) goes into the IR as texts of
fractions, and generated code does plain exact arithmetic.
"""

from __future__ import annotations

import difflib
import functools
from fractions import Fraction
from typing import Any

from fieldmap.compiler import ir

# Units that count things; pint has no such dimension.
_COUNTS = ("each = [count] = ea",)

_WORDS = {
    "meter": "a length",
    "kilogram": "a mass",
    "second": "a time",
    "meter ** 2": "an area",
    "meter ** 3": "a volume",
    "meter / second": "a speed",
    "bit": "an amount of data",
    "radian": "an angle",
    "each": "a count",
    "dimensionless": "a ratio",
    "kilogram * meter / second ** 2": "a force",
    "kilogram * meter ** 2 / second ** 2": "an energy or torque",
    "kilogram / meter / second ** 2": "a pressure",
    "kilogram / meter ** 3": "a density",
    "temperature": "a temperature",
    "temperature difference": "a temperature difference",
    "ampere": "an electric current",
}


class UnknownUnitError(Exception):
    """No such unit; `suggestions` are near-miss names."""

    def __init__(self, text: str, suggestions: list[str]) -> None:
        super().__init__(text)
        self.suggestions = suggestions


@functools.cache
def _registry() -> Any:
    # Imported here: pint takes half a second, and many files name no unit.
    import pint

    # pint's own annotation of non_int_type knows floats only.
    make: Any = pint.UnitRegistry
    registry = make(non_int_type=Fraction, cache_folder=None)
    for line in _COUNTS:
        registry.define(line)
    return registry


@functools.cache
def parse(text: str) -> ir.Unit:
    """The unit that a token like `kg/m^3` names. Raises UnknownUnitError."""
    import pint

    registry = _registry()
    try:
        unit = registry.parse_units(text.replace("·", "*").replace("^", "**"))
        zero = registry.Quantity(Fraction(0), unit).to_base_units()
        one = registry.Quantity(Fraction(1), unit).to_base_units()
    except (pint.errors.PintError, TypeError, ValueError, AttributeError, KeyError, SyntaxError, ArithmeticError):
        raise UnknownUnitError(text, _near(text)) from None
    offset = Fraction(zero.magnitude)
    factor = Fraction(one.magnitude) - offset
    return ir.Unit(text=text, dimension=_kind(unit, zero.units, offset), factor=str(factor), offset=str(offset))


def _kind(unit: Any, base: Any, offset: Fraction) -> str:
    """What must agree for two units to be convertible.

    The base units rather than pint's dimension: for pint a radian, a bit and a percent are all without dimension. A
    temperature (degC, kelvin) and a difference of temperatures (delta_degC) are two kinds.
    """
    if dict(base._units) == {"kelvin": 1}:
        return "temperature" if offset or dict(unit._units) == {"kelvin": 1} else "temperature difference"
    powers = sorted(base._units.items())
    if not powers:
        return "dimensionless"
    above = " * ".join(_power(name, power) for name, power in powers if power > 0) or "1"
    below = "".join(f" / {_power(name, -power)}" for name, power in powers if power < 0)
    return above + below


def _power(name: str, power: Any) -> str:
    return name if power == 1 else f"{name} ** {power}"


def _near(text: str) -> list[str]:
    names = [str(name) for name in _registry()._units]
    return difflib.get_close_matches(text, names, n=3, cutoff=0.7)


def describe(unit: ir.Unit) -> str:
    """What the unit measures, in words: "a length"; the base unit where there is no word."""
    return _WORDS.get(unit.dimension, f"measured in {unit.dimension}")


def conversion(source: ir.Unit, target: ir.Unit) -> tuple[str, str]:
    """Factor and offset, texts of exact fractions, with target = source * factor + offset. Both must be of one dimension."""
    into = Fraction(target.factor)
    factor = Fraction(source.factor) / into
    offset = (Fraction(source.offset) - Fraction(target.offset)) / into
    return str(factor), str(offset)
