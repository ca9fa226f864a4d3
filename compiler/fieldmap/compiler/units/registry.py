"""The units that have a name, as exact fractions: `tables/named.csv`, which `sizes.py` makes of pint and `definitions.txt`.

What pint knows only roughly is refused with its reason: a size that was measured, a year of the sky, a level on a logarithmic scale.
"""

from __future__ import annotations

import csv
import difflib
import functools
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib import resources

from fieldmap.compiler.units import kinds


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Units that take the prefixes of SI, by name and by symbol; all others do not, or `cfm` would be a centifermi.
METRIC = _words(
    "meter metre m gram g second s ampere A kelvin K mole mol candela cd liter litre l L newton N joule J watt W pascal Pa volt V"
    " ohm Ω coulomb C farad F siemens S henry H tesla T weber Wb lumen lm lux lx hertz Hz becquerel Bq gray Gy sievert Sv katal kat"
    " bit byte B octet electron_volt electronvolt eV bar calorie cal metric_ton tonne watt_hour Wh volt_ampere VA var"
    " volt_ampere_reactive ampere_hour Ah poise P stokes St radian rad steradian sr curie Ci tex gauss bps baud Bd dyne dyn newton_metre"
    " Nm parsec degree_Kelvin arcsecond arcsec molar M are barn b year a yr force_gram gf rem galileo Gal"
)
_SIGNS = str.maketrans({"μ": "µ", "Ω": "Ω", "Å": "Å"})


class UnknownUnitError(Exception):
    """No such unit. reason: why a unit that does exist is refused, "" if there is none."""

    def __init__(self, text: str, reason: str = "", *, guess: bool = False) -> None:
        super().__init__(text)
        self.reason = reason
        self._guess = guess

    @functools.cached_property
    def suggestions(self) -> list[str]:
        """Near-miss names: looked for only when somebody asks, since that takes milliseconds."""
        return near(str(self)) if self._guess else []


@dataclass(frozen=True)
class Named:
    """One named unit. name: in full, as pint spells it. powers: of base units. offset: of a temperature, to kelvin."""

    name: str
    powers: tuple[tuple[str, int], ...]
    factor: Fraction
    offset: Fraction = Fraction(0)
    temperature: str = ""


@dataclass(frozen=True)
class _Row:
    """A line of the table. size: None where a reason says why it is refused."""

    size: Named | None
    reason: str
    rounded: bool


@dataclass(frozen=True)
class _Table:
    names: dict[str, str]
    prefixes: dict[str, tuple[str, Fraction]]
    rows: dict[str, list[str]]


@functools.cache
def _table() -> _Table:
    """The table as text: the size of a unit is made a fraction when it is asked for."""
    text = resources.files("fieldmap.compiler.units").joinpath("tables", "named.csv").read_text(encoding="utf-8")
    known = _Table({}, {}, {})
    for row in csv.reader(line for line in text.splitlines() if not line.startswith("#")):
        if row[0] == "prefix":
            known.prefixes.update({name: (row[1], Fraction(row[3])) for name in row[2].split(" ")})
        else:
            known.rows[row[1]] = row
            known.names.update(dict.fromkeys(row[2].split(" "), row[1]))
    return known


@functools.cache
def _row(full: str) -> _Row:
    _, _, _, factor, offset, powers, temperature, rounded, reason = _table().rows[full]
    if reason:
        return _Row(None, reason, bool(rounded))
    pairs = (pair.rpartition(" ") for pair in powers.split("|") if pair)
    split = tuple((base, int(power)) for base, _, power in pairs)
    return _Row(Named(full, split, Fraction(factor), Fraction(offset), temperature), "", bool(rounded))


def names() -> dict[str, str]:
    """Every name, symbol and alias with the name in full, before prefixes."""
    return _table().names


@functools.cache
def prefixes() -> dict[str, str]:
    """Every prefix of SI and of IEC, short and long, with its name in full."""
    return {name: full for name, (full, _) in _table().prefixes.items()}


@functools.cache
def named(text: str) -> Named:
    """The unit of this one name. Raises UnknownUnitError."""
    text = text.translate(_SIGNS)
    if text.startswith("delta_") and text not in names():
        whole = named(text.removeprefix("delta_"))
        if whole.temperature == kinds.TEMPERATURE:
            return Named(text, whole.powers, whole.factor, temperature=kinds.DIFFERENCE)
    full, prefix = _resolved(text)
    if full is None:
        raise UnknownUnitError(text, guess=True)
    found = _row(full)
    if found.size is None:
        raise UnknownUnitError(text, found.reason)
    if not prefix:
        return found.size
    long, by = _table().prefixes[prefix]
    return replace(found.size, name=long + full, factor=found.size.factor * by)


def _resolved(text: str) -> tuple[str | None, str]:
    """The unit's name in full and its prefix."""
    known = names()
    if text in known:
        return known[text], ""
    for length in range(1, min(len(text), 7)):
        prefix, rest = text[:length], text[length:]
        if prefix in prefixes() and rest in METRIC and rest in known:
            return known[rest], prefix
    if len(text) > 3 and text.endswith("s") and text[:-1].lower() == text[:-1]:
        return _resolved(text[:-1])
    return None, ""


def is_rounded(full: str) -> bool:
    """Whether π is in the size of the unit of this full name: it is kept to fifty digits."""
    return full in _table().rows and _row(full).rounded


def near(text: str) -> list[str]:
    """At most three names that are spelled nearly so."""
    known = list(names())
    found = difflib.get_close_matches(text, known, n=3, cutoff=0.7)
    folded = [name for name in known if name.lower() == text.lower()]
    return list(dict.fromkeys([*folded, *found]))[:3]
