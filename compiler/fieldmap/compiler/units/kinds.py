"""What a unit measures: the powers of base units behind it, and the words for them.

A kind is a text such as "kilogram * meter / second ** 2". Two units convert into each other when their kinds are equal. Base units
rather than pint's dimensions, since for pint a radian, a bit, a percent and a piece are all without dimension; here they differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

TEMPERATURE = "temperature"
DIFFERENCE = "temperature difference"
DIMENSIONLESS = "dimensionless"

WORDS = {
    "meter": "a length",
    "kilogram": "a mass",
    "second": "a time",
    "ampere": "an electric current",
    "candela": "a luminous intensity",
    "mole": "an amount of substance",
    "bit": "an amount of data",
    "radian": "an angle",
    "radian ** 2": "a solid angle",
    "each": "a count",
    DIMENSIONLESS: "a ratio",
    TEMPERATURE: "a temperature",
    DIFFERENCE: "a temperature difference",
    "meter ** 2": "an area",
    "meter ** 3": "a volume",
    "meter ** 4": "a second moment of area",
    "1 / meter": "a wavenumber",
    "meter / second": "a speed",
    "meter / second ** 2": "an acceleration",
    "radian / second": "a speed of rotation",
    "radian / second ** 2": "an angular acceleration",
    "1 / second": "a frequency",
    "each / second": "a count per time",
    "meter ** 3 / second": "a volume flow",
    "kilogram / second": "a mass flow",
    "meter ** 2 / second": "a kinematic viscosity",
    "kilogram / meter / second": "a dynamic viscosity",
    "kilogram * meter / second": "a momentum",
    "kilogram * meter ** 2": "a moment of inertia",
    "kilogram * meter / second ** 2": "a force",
    "kilogram / second ** 2": "a force per length",
    "kilogram * meter ** 2 / second ** 2": "an energy or torque",
    "kilogram * meter ** 2 / second ** 3": "a power",
    "kilogram / meter / second ** 2": "a pressure",
    "kilogram / meter ** 3": "a density",
    "kilogram / meter ** 2": "a mass per area",
    "kilogram / meter": "a mass per length",
    "meter ** 3 / kilogram": "a specific volume",
    "meter ** 2 / second ** 2": "an energy per mass",
    "kilogram / second ** 3": "a power per area",
    "kilogram * meter ** 2 / ampere / second ** 3": "an electric voltage",
    "kilogram * meter ** 2 / ampere ** 2 / second ** 3": "an electric resistance",
    "ampere ** 2 * second ** 3 / kilogram / meter ** 2": "an electric conductance",
    "ampere ** 2 * second ** 4 / kilogram / meter ** 2": "an electric capacitance",
    "kilogram * meter ** 2 / ampere ** 2 / second ** 2": "an electric inductance",
    "ampere * second": "an electric charge",
    "kilogram * meter ** 2 / ampere / second ** 2": "a magnetic flux",
    "kilogram / ampere / second ** 2": "a magnetic flux density",
    "ampere / meter": "a magnetic field strength",
    "candela * radian ** 2": "a luminous flux",
    "candela * radian ** 2 / meter ** 2": "an illuminance",
    "candela / meter ** 2": "a luminance",
    "mole / meter ** 3": "a concentration",
    "mole / second": "a catalytic activity",
    "kilogram / mole": "a molar mass",
    "bit / second": "a data rate",
    "kilogram * meter ** 2 / kelvin / second ** 2": "a heat capacity",
    "kilogram * meter / kelvin / second ** 3": "a thermal conductivity",
    "kilogram / kelvin / second ** 3": "a heat transfer coefficient",
    "meter ** 2 / kelvin / second ** 2": "a specific heat",
    "kilogram / each": "a mass per piece",
}

Powers = Mapping[str, int]


def powers(kind: str) -> dict[str, int]:
    """The base units of a kind with their powers; a temperature, and a difference of temperatures, is a kelvin."""
    if kind in (TEMPERATURE, DIFFERENCE):
        return {"kelvin": 1}
    found: dict[str, int] = {}
    sign = 1
    for word in "" if kind == DIMENSIONLESS else kind.replace(" ** ", "^").split(" "):
        if word in ("*", "/"):
            sign = 1 if word == "*" else -1
        elif word != "1":
            name, _, power = word.partition("^")
            found[name] = found.get(name, 0) + sign * int(power or 1)
    return found


def spelled(found: Mapping[str, int]) -> str:
    """The kind of these base units; where only a kelvin is left, it is a difference."""
    kept = sorted((name, power) for name, power in found.items() if power)
    if not kept:
        return DIMENSIONLESS
    if kept == [("kelvin", 1)]:
        return DIFFERENCE
    above = " * ".join(_power(name, power) for name, power in kept if power > 0) or "1"
    return above + "".join(f" / {_power(name, -power)}" for name, power in kept if power < 0)


def _power(name: str, power: int) -> str:
    return name if power == 1 else f"{name} ** {power}"


def whole(power: Fraction) -> int | None:
    """A power as an int; None for the half powers of the Gaussian system."""
    return power.numerator if power.denominator == 1 else None


def words(kind: str) -> str:
    """What is measured: "a length"; the base units where there is no word."""
    return WORDS.get(kind, f"measured in {kind.replace(' ** ', '^')}")
