"""Makes the table of named units, `tables/named.csv`: pint's units, extended and corrected by `definitions.txt`, as exact fractions.

    python -m fieldmap.compiler.units.sizes > compiler/fieldmap/compiler/units/tables/named.csv

pint is needed here alone: not by the checker, and never for a value of the data. A test makes the table anew and compares.
"""

from __future__ import annotations

import csv
import functools
import io
import logging
import sys
from fractions import Fraction
from importlib import resources
from typing import Any

from fieldmap.compiler.units import kinds
from fieldmap.compiler.units.registry import Named, UnknownUnitError

_HEAD = """\
# Named units, made by units/sizes.py of pint's definitions and definitions.txt; not edited by hand.
# prefix, name in full, all names, size
# unit, name in full, all names, factor and offset to the base units, base units, kind of temperature, whether π is in it, why it is refused
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Constants whose values were measured (CODATA and handbooks), and what pint builds on them has no exact size.
_MEASURED = _words(
    "newtonian_constant_of_gravitation rydberg_constant electron_g_factor atomic_mass_constant electron_mass proton_mass"
    " neutron_mass x_unit_Cu x_unit_Mo angstrom_star lattice_spacing_of_Si water_density_4C water_density_60F"
    " mercury_density_0C mercury_density_32F mercury_density_60F"
)
_ROUGH = {
    **dict.fromkeys(
        _words("sidereal_year tropical_year sidereal_day sidereal_month tropical_month synodic_month"),
        "its length is an observation of the sky, and pint rounds it",
    ),
    **dict.fromkeys(
        _words(
            "US_therm boiler_horsepower cooling_tower_ton roentgen mean_international_volt mean_international_ohm"
            " mean_international_ampere US_international_volt US_international_ohm US_international_ampere"
            " fifteen_degree_calorie"
        ),
        "it has no exact definition that all agree on",
    ),
    "parsec": "its size is an irrational number of metres",
    "pH": "a pH is a logarithm, not a unit",
}
_LOGARITHMIC = "it is a level on a logarithmic scale, which no factor converts"
_MEASURED_REASON = "its size was measured, so it is not known exactly"

_ABSOLUTE = frozenset({"kelvin", "degree_Rankine"})


@functools.cache
def registry() -> Any:
    """pint's registry with our definitions. Imported here: it takes a quarter of a second."""
    import pint

    logging.getLogger("pint").setLevel(logging.ERROR)  # it tells of each unit that we define anew
    make: Any = pint.UnitRegistry  # its annotation of non_int_type knows floats only
    made = make(non_int_type=Fraction, cache_folder=None)
    made.load_definitions(own_definitions())
    made._build_cache()  # or it would go on with the sizes of what we define anew
    return made


def own_definitions() -> list[str]:
    """The lines of `definitions.txt`."""
    text = resources.files("fieldmap.compiler.units").joinpath("definitions.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@functools.cache
def _names() -> dict[str, str]:
    """Every name, symbol and alias with the name in full, before prefixes."""
    return {str(name): unit.name for name, unit in registry()._units.items()}


@functools.cache
def _prefixes() -> dict[str, str]:
    """Every prefix of SI and of IEC, short and long, with its name in full."""
    known = {str(name): prefix.name for name, prefix in registry()._prefixes.items() if name}
    return {name: full for name, full in known.items() if full not in ("semi", "sesqui", "demi")}


@functools.cache
def _refused(full: str) -> str:
    """Why the size of this unit is not exact; "" if it is."""
    unit = registry()._units.get(full)
    if unit is None:
        return ""
    if unit.name in _MEASURED:
        return _MEASURED_REASON
    if unit.name in _ROUGH:
        return _ROUGH[unit.name]
    if unit.converter is not None and unit.converter.is_logarithmic:
        return _LOGARITHMIC
    for part in unit.reference or ():
        reason = _refused(_names().get(str(part), str(part))) if str(part) != full else ""
        if reason:
            return reason
    return ""


@functools.cache
def _measure(full: str) -> Named:
    made = registry()
    unfit = UnknownUnitError(full, "its size cannot be written as a fraction")
    try:
        unit = made.UnitsContainer({full: 1})
        zero = made.Quantity(Fraction(0), unit).to_root_units()
        one = made.Quantity(Fraction(1), unit).to_root_units()
        offset = Fraction(zero.magnitude)
        factor = Fraction(one.magnitude) - offset
    except (TypeError, ValueError, ArithmeticError, AttributeError, KeyError):
        raise unfit from None
    powers = {str(base): kinds.whole(Fraction(power)) for base, power in one._units.items()}
    if not isinstance(one.magnitude, int | Fraction) or None in powers.values():
        raise unfit
    scaled, kept = _in_kilograms(factor, {base: power for base, power in powers.items() if power})
    temperature = ""
    if kept == {"kelvin": 1}:
        is_difference = full.startswith("delta_") or not (offset or full in _ABSOLUTE)
        temperature = kinds.DIFFERENCE if is_difference else kinds.TEMPERATURE
    return Named(full, tuple(sorted(kept.items())), scaled, offset, temperature)


def _in_kilograms(factor: Fraction, powers: dict[str, int]) -> tuple[Fraction, dict[str, int]]:
    """pint's root of mass is the gram; ours is the kilogram, as in SI."""
    kept = dict(powers)
    power = kept.pop("gram", 0)
    if power:
        kept["kilogram"] = power
    return factor / Fraction(1000) ** power, kept


@functools.cache
def _is_rounded(name: str) -> bool:
    """Whether π is in the size of the unit of this full name: pint has it to fifty digits."""
    unit = registry()._units.get(name)
    if unit is None or name in ("radian", "pi", "π"):
        return unit is not None and name != "radian"
    return any(_is_rounded(_names().get(str(part), str(part))) for part in unit.reference or ())


def table() -> str:
    """The text of `tables/named.csv`: the same on every machine."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    called: dict[str, list[str]] = {}
    for name, full in _prefixes().items():
        called.setdefault(full, []).append(name)
    for full, names in sorted(called.items()):
        scale = Fraction(registry()._prefixes[full].converter.scale)
        writer.writerow(["prefix", full, " ".join(sorted(names)), scale])
    called = {}
    for name, full in _names().items():
        called.setdefault(full, []).append(name)
    # Some names are known only by why they are refused.
    for name in sorted({*_ROUGH} - {*_names()}):
        called[name] = [name]
    for full, names in sorted(called.items()):
        writer.writerow(["unit", full, " ".join(sorted(names)), *_columns(full)])
    return _HEAD + out.getvalue()


def _columns(full: str) -> list[str]:
    rounded = "yes" if _is_rounded(full) else ""
    try:
        reason = _ROUGH.get(full) or _refused(full)
        if reason:
            raise UnknownUnitError(full, reason)
        found = _measure(full)
    except UnknownUnitError as error:
        return ["", "", "", "", rounded, error.reason]
    powers = "|".join(f"{base} {power}" for base, power in found.powers)
    return [str(found.factor), str(found.offset), powers, found.temperature, rounded, ""]


if __name__ == "__main__":
    sys.stdout.write(table())
