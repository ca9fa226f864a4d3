"""Systems of unit codes: UN/ECE Recommendation 20, UCUM, SAP's internal units, and the language's own names.

Each is a table in `tables/`, read when it is needed. A code has a unit of the language, or it is known by its name alone: a package, a
scale, a count of something that is counted in no other way. Such a code is never converted.
"""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import resources

from fieldmap.compiler import ir, units
from fieldmap.compiler.units import kinds, registry

OWN = "fieldmap"
STANDARD = ("unece", "ucum", "sap")

# How the clause of a code ends that no factor converts; the runtime tells such codes by it.
NO_SIZE = "which has no size of its own"


@dataclass(frozen=True)
class Code:
    """name: in the words of its system. unit: None where it has no exact size. also: the code in UN/ECE's system, where SAP gives it."""

    name: str
    unit: ir.Unit | None
    also: str = ""


@dataclass(frozen=True)
class System:
    """title: as a sentence names it."""

    name: str
    title: str
    codes: Mapping[str, Code] = field(default_factory=dict)


_TITLES = {
    "unece": "UN/ECE Recommendation 20",
    "ucum": "UCUM",
    "sap": "SAP",
    OWN: "Fieldmap",
}


def clause(code: Code) -> str:
    """What a code is: "litre, a volume"; "group, which has no size of its own"."""
    return f"{code.name}, {NO_SIZE if code.unit is None else units.describe(code.unit)}"


def rows(system: System, dimension: str) -> dict[str, tuple[str, str]]:
    """Factor and offset to the base unit of every code that measures this. A degree is also a step of its own size."""
    found = {}
    for code, item in system.codes.items():
        unit = item.unit
        if unit is None:
            continue
        if unit.dimension == dimension:
            found[code] = (unit.factor, unit.offset)
        elif unit.dimension == kinds.TEMPERATURE and dimension == kinds.DIFFERENCE:
            found[code] = (unit.factor, "0")
    return found


@functools.cache
def system(name: str) -> System:
    """The system of this name: one of STANDARD, or OWN."""
    if name == OWN:
        return System(OWN, "Fieldmap's own names", _own_names())
    if name == "ucum":
        from fieldmap.compiler.units import ucum

        return System(name, _TITLES[name], ucum.codes())
    return System(name, _TITLES[name], _table(name))


def table_text(name: str) -> str:
    """The file `tables/<name>.csv` without the comment lines at its head, which name source and revision."""
    folder = resources.files("fieldmap.compiler.units").joinpath("tables")
    lines = folder.joinpath(f"{name}.csv").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def _table(name: str) -> dict[str, Code]:
    found = {}
    for row in csv.DictReader(io.StringIO(table_text(name))):
        unit = _sized(row["unit"]) if row["unit"] else None
        found[row["code"]] = Code(row["name"], unit, row.get("iso") or "")
    return found


def _sized(text: str) -> ir.Unit:
    """`lb`, or `100 lb` where the language has no name for it; `1` alone is the plain number."""
    size, _, name = text.rpartition(" ")
    unit = units.PLAIN if name == "1" else units.parse(name)
    return units.scaled(text, Fraction(size), unit) if size else unit


# Of these the language's own names are put together where a unit has no name of its own, as in `kg/m^3`.
_ABOVE = (
    *(
        "kg",
        "g",
        "mg",
        "t",
        "lb",
        "oz",
        "N",
        "kN",
        "lbf",
        "kgf",
        "J",
        "kJ",
        "kWh",
        "Btu",
        "W",
        "kW",
        "hp",
        "L",
        "mL",
        "gal",
        "m",
        "mm",
        "cm",
    ),
    *("km", "in", "ft", "mi", "each", "bit", "byte", "B", "kB", "MB", "GB", "A", "C", "mol", "rad", "deg"),
)
_BELOW = (
    *(
        "m",
        "cm",
        "mm",
        "km",
        "in",
        "ft",
        "yd",
        "mi",
        "m^2",
        "cm^2",
        "mm^2",
        "in^2",
        "ft^2",
        "m^3",
        "cm^3",
        "dm^3",
        "mm^3",
        "in^3",
        "ft^3",
    ),
    *("L", "mL", "gal", "kg", "g", "t", "lb", "s", "min", "h", "d", "each", "mol"),
)


def _own_names() -> dict[str, Code]:
    found: dict[str, Code] = {}
    metric = [name for name in registry.names() if name in registry.METRIC]
    texts = [*registry.names(), *(prefix + name for name in metric for prefix in registry.prefixes())]
    texts += [f"{unit}^{power}" for unit in ("m", "cm", "mm", "dm", "km", "in", "ft", "yd", "mi") for power in (2, 3)]
    texts += [f"{above}/{below}" for above in _ABOVE for below in _BELOW]
    texts += [f"{above}*{below}" for above in ("N", "kN", "lbf", "kgf") for below in ("m", "cm", "mm", "ft", "in")]
    texts += [f"{above}/s^2" for above in ("m", "ft", "in")] + [
        f"1/{below}" for below in ("s", "min", "h", "d", "m", "cm")
    ]
    for text in texts:
        try:
            found.setdefault(text, Code(text, units.parse(text)))
        except units.UnknownUnitError:
            continue
    return found
