"""The units that have a name: pint's, extended and corrected by `definitions.txt`, as exact fractions.

pint is asked for one name at a time and never sees a value of the data. What it knows only roughly is refused with its reason: a size
that was measured, a year of the sky, a level on a logarithmic scale.
"""

from __future__ import annotations

import difflib
import functools
import logging
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib import resources
from typing import Any

from fieldmap.compiler.units import kinds


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

# Units that take the prefixes of SI, by name and by symbol; all others do not, or `cfm` would be a centifermi.
METRIC = _words(
    "meter metre m gram g second s ampere A kelvin K mole mol candela cd liter litre l L newton N joule J watt W pascal Pa volt V"
    " ohm Ω coulomb C farad F siemens S henry H tesla T weber Wb lumen lm lux lx hertz Hz becquerel Bq gray Gy sievert Sv katal kat"
    " bit byte B octet electron_volt electronvolt eV bar calorie cal metric_ton tonne watt_hour Wh volt_ampere VA var"
    " volt_ampere_reactive ampere_hour Ah poise P stokes St radian rad steradian sr curie Ci tex gauss bps baud Bd dyne dyn newton_metre"
    " Nm parsec degree_Kelvin arcsecond arcsec molar M are barn b year a yr force_gram gf rem galileo Gal"
)
_ABSOLUTE = frozenset({"kelvin", "degree_Rankine"})
_SIGNS = str.maketrans({"μ": "µ", "Ω": "Ω", "Å": "Å"})


class UnknownUnitError(Exception):
    """No such unit. suggestions: near-miss names. reason: why a unit that does exist is refused, "" if there is none."""

    def __init__(self, text: str, suggestions: list[str], reason: str = "") -> None:
        super().__init__(text)
        self.suggestions = suggestions
        self.reason = reason


@dataclass(frozen=True)
class Named:
    """One named unit. name: in full, as pint spells it. powers: of base units. offset: of a temperature, to kelvin."""

    name: str
    powers: tuple[tuple[str, int], ...]
    factor: Fraction
    offset: Fraction = Fraction(0)
    temperature: str = ""


@functools.cache
def registry() -> Any:
    """pint's registry with our definitions. Imported here: it takes a quarter of a second, and many files name no unit."""
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
def names() -> dict[str, str]:
    """Every name, symbol and alias with the name in full, before prefixes."""
    return {str(name): unit.name for name, unit in registry()._units.items()}


@functools.cache
def prefixes() -> dict[str, str]:
    """Every prefix of SI and of IEC, short and long, with its name in full."""
    known = {str(name): prefix.name for name, prefix in registry()._prefixes.items() if name}
    return {name: full for name, full in known.items() if full not in ("semi", "sesqui", "demi")}


@functools.cache
def named(text: str) -> Named:
    """The unit of this one name. Raises UnknownUnitError."""
    text = text.translate(_SIGNS)
    if text in _ROUGH:
        raise UnknownUnitError(text, [], _ROUGH[text])
    if text.startswith("delta_") and text not in names():
        whole = named(text.removeprefix("delta_"))
        if whole.temperature == kinds.TEMPERATURE:
            return Named(text, whole.powers, whole.factor, temperature=kinds.DIFFERENCE)
    full, prefix = _resolved(text)
    if full is None:
        raise UnknownUnitError(text, near(text))
    reason = _refused(full)
    if reason:
        raise UnknownUnitError(text, [], reason)
    found = _measure(full)
    if not prefix:
        return found
    by = Fraction(registry()._prefixes[prefix].converter.scale)
    return replace(found, name=prefix + full, factor=found.factor * by)


def _resolved(text: str) -> tuple[str | None, str]:
    """The unit's name in full and its prefix's."""
    known = names()
    if text in known:
        return known[text], ""
    for length in range(1, min(len(text), 7)):
        prefix, rest = text[:length], text[length:]
        if prefix in prefixes() and rest in METRIC and rest in known:
            return known[rest], prefixes()[prefix]
    if len(text) > 3 and text.endswith("s") and text[:-1].lower() == text[:-1]:
        return _resolved(text[:-1])
    return None, ""


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
        reason = _refused(names().get(str(part), str(part))) if str(part) != full else ""
        if reason:
            return reason
    return ""


@functools.cache
def _measure(full: str) -> Named:
    made = registry()
    try:
        unit = made.UnitsContainer({full: 1})
        zero = made.Quantity(Fraction(0), unit).to_root_units()
        one = made.Quantity(Fraction(1), unit).to_root_units()
        offset = Fraction(zero.magnitude)
        factor = Fraction(one.magnitude) - offset
        exact = isinstance(one.magnitude, int | Fraction)
    except (TypeError, ValueError, ArithmeticError, AttributeError, KeyError):
        exact = False
    powers = {str(base): kinds.whole(Fraction(power)) for base, power in one._units.items()} if exact else {}
    if not exact or None in powers.values():
        raise UnknownUnitError(full, [], "its size cannot be written as a fraction")
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
def is_rounded(name: str) -> bool:
    """Whether π is in the size of the unit of this full name: pint has it to fifty digits."""
    unit = registry()._units.get(name)
    if unit is None or name in ("radian", "pi", "π"):
        return unit is not None and name != "radian"
    return any(is_rounded(names().get(str(part), str(part))) for part in unit.reference or ())


def near(text: str) -> list[str]:
    """At most three names that are spelled nearly so."""
    known = list(names())
    found = difflib.get_close_matches(text, known, n=3, cutoff=0.7)
    folded = [name for name in known if name.lower() == text.lower()]
    return list(dict.fromkeys([*folded, *found]))[:3]
