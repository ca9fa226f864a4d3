"""Units: exact sizes against their definitions, names, kinds, and the algebra of multiplying them."""

from __future__ import annotations

import itertools
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from importlib import resources

import pytest

from fieldmap.compiler import ir, units
from fieldmap.compiler.units import UnknownUnitError, kinds, registry, sizes, systems, ucum
from fieldmap.runtime.values.numbers import scale

# Sizes that are defined, from the texts that define them; to the SI unit beside them.
DEFINED: dict[str, tuple[str | int | Fraction, str]] = {
    # International yard and pound agreement, 1959
    "lb": ("0.45359237", "kg"), "oz": ("0.028349523125", "kg"), "gr": ("0.00006479891", "kg"),
    "in": ("0.0254", "m"), "ft": ("0.3048", "m"), "yd": ("0.9144", "m"), "mi": ("1609.344", "m"),
    "thou": ("0.0000254", "m"), "mil": ("0.0000254", "m"), "fathom": ("1.8288", "m"),
    "stone": ("6.35029318", "kg"), "ton": ("907.18474", "kg"), "long_ton": ("1016.0469088", "kg"),
    "troy_ounce": ("0.0311034768", "kg"), "ct": ("0.0002", "kg"), "t": ("1000", "kg"),
    "nmi": ("1852", "m"), "kn": (Fraction(1852, 3600), "m/s"), "angstrom": ("1e-10", "m"),
    "acre": ("4046.8564224", "m^2"), "ha": ("10000", "m^2"), "sqft": ("0.09290304", "m^2"),
    # US gallon 231 in³; imperial gallon 4.54609 L
    "gal": ("0.003785411784", "m^3"), "qt": ("0.000946352946", "m^3"), "pt": ("0.000473176473", "m^3"),
    "fl_oz": ("0.0000295735295625", "m^3"), "bbl": ("0.158987294928", "m^3"), "imperial_gallon": ("0.00454609", "m^3"),
    "L": ("0.001", "m^3"), "cuft": ("0.028316846592", "m^3"), "cuin": ("0.000016387064", "m^3"), "bushel": ("0.03523907016688", "m^3"),
    # standard gravity 9.80665 m/s²
    "lbf": ("4.4482216152605", "N"), "kgf": ("9.80665", "N"), "kip": ("4448.2216152605", "N"), "dyn": ("0.00001", "N"),
    "slug": (Fraction("4.4482216152605") / Fraction("0.3048"), "kg"),
    "psi": (Fraction("4.4482216152605") / Fraction("0.0254") ** 2, "Pa"),
    "ksi": (Fraction("4448.2216152605") / Fraction("0.0254") ** 2, "Pa"),
    "bar": ("100000", "Pa"), "atm": ("101325", "Pa"), "torr": (Fraction(101325, 760), "Pa"), "mmHg": ("133.322387415", "Pa"),
    "inHg": ("3386.388640341", "Pa"), "at": ("98066.5", "Pa"),
    "hp": ("745.69987158227022", "W"), "metric_horsepower": ("735.49875", "W"), "electrical_horsepower": ("746", "W"),
    "ft_lbf": ("1.3558179483314004", "J"), "in_lbf": ("0.1129848290276167", "J"), "cal": ("4.184", "J"), "erg": ("1e-7", "J"),
    "Btu": ("1055.05585262", "J"), "MMBtu": ("1055055852.62", "J"), "therm": ("105505585.262", "J"), "kWh": ("3600000", "J"),
    "eV": ("1.602176634e-19", "J"), "TR": (Fraction(12000) * Fraction("1055.05585262") / 3600, "W"),
    "P": ("0.1", "Pa*s"), "cP": ("0.001", "Pa*s"), "St": ("0.0001", "m^2/s"), "Gal": ("0.01", "m/s^2"),
    "gauss": ("0.0001", "T"), "Ci": ("3.7e10", "1/s"), "Ah": ("3600", "C"), "mAh": ("3.6", "C"),
    "min": ("60", "s"), "h": ("3600", "s"), "d": ("86400", "s"), "week": ("604800", "s"), "year": ("31557600", "s"),
    "month": ("2629800", "s"), "byte": ("8", "bit"), "kB": ("8000", "bit"), "KiB": ("8192", "bit"), "GB": ("8e9", "bit"),
    "dozen": ("12", "each"), "gross": ("144", "each"), "pcs": ("1", "each"), "ream": ("500", "each"), "pair": ("2", "each"),
    "%": ("0.01", "kg/kg"), "ppm": ("0.000001", "kg/kg"), "permille": ("0.001", "kg/kg"),
    "mph": ("0.44704", "m/s"), "kmh": (Fraction(5, 18), "m/s"), "gpm": (Fraction("0.003785411784") / 60, "m^3/s"),
    "cfm": (Fraction("0.028316846592") / 60, "m^3/s"), "turn": (360, "deg"), "rpm": (6, "deg/s"), "grad": (Fraction(9, 10), "deg"),
    "arcmin": (Fraction(1, 60), "deg"), "board_foot": ("0.002359737216", "m^3"), "link": (Fraction("0.66") * Fraction(1200, 3937), "m"),
}  # fmt: skip

TEMPERATURES = {
    ("degC", 0): "273.15", ("degC", 100): "373.15", ("degF", 32): "273.15", ("degF", 212): "373.15", ("degF", -40): "233.15",
    ("K", 1): "1", ("degR", "491.67"): "273.15", ("°F", "98.6"): "310.15",
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINED)
def test_defined_sizes_are_exact(name: str) -> None:
    size, base = DEFINED[name]
    factor, offset = units.conversion(units.parse(name), units.parse(base))
    assert units.parse(name).dimension == units.parse(base).dimension
    assert (Fraction(factor), offset) == (Fraction(size), "0")


@pytest.mark.parametrize(("unit", "value"), TEMPERATURES)
def test_temperatures_are_exact(unit: str, value: int | str) -> None:
    factor, offset = units.conversion(units.parse(unit), units.parse("K"))
    assert Fraction(value) * Fraction(factor) + Fraction(offset) == Fraction(TEMPERATURES[unit, value])


def test_there_and_back_is_exact_for_every_pair() -> None:
    """Units of one kind share a base, so that each pair is the way to the base and back from it: no pair is left out."""
    groups: dict[str, list[tuple[Fraction, Fraction]]] = {}
    refused: set[str] = set()
    for name in registry.names():
        try:
            unit = units.parse(name)
        except UnknownUnitError:
            refused.add(name)
            continue
        groups.setdefault(unit.dimension, []).append((Fraction(unit.factor), Fraction(unit.offset)))
    value = Fraction(-1234567, 891)
    pairs = 0
    for members in groups.values():
        distinct = sorted(set(members))
        pairs += len(members) ** 2
        for factor, offset in distinct:
            base = value * factor + offset
            for other, shift in distinct:
                there = (base - shift) / other
                assert (there * other + shift - offset) / factor == value
    assert pairs > 20_000
    assert len(refused) < 230


def test_there_and_back_is_exact_as_values_go() -> None:
    """Every pair of different sizes of one kind, prefixes among them, by the conversion that maps get and the runtime's own
    arithmetic: what a column in lb becomes in a field in kg, and back, before anything is rounded."""
    groups: dict[str, dict[tuple[str, str], ir.Unit]] = {}
    for code in systems.system(systems.OWN).codes.values():
        if code.unit is not None:
            groups.setdefault(code.unit.dimension, {})[code.unit.factor, code.unit.offset] = code.unit
    value = Decimal("-1234567.891")
    pairs = 0
    for members in groups.values():
        for one, other in itertools.combinations(members.values(), 2):
            there, back = units.conversion(one, other), units.conversion(other, one)
            moved = scale(value, Fraction(there[0]), Fraction(there[1]), "")
            assert scale(moved, Fraction(back[0]), Fraction(back[1]), "") == value, (one.text, other.text)
            pairs += 1
    assert pairs > 80_000


REFUSED = [
    "dalton",
    "hartree",
    "dB",
    "dBm",
    "Np",
    "pH",
    "tropical_year",
    "US_therm",
    "inHg_60F",
    "vacuum_permittivity",
    "planck_mass",
]


@pytest.mark.parametrize("name", REFUSED)
def test_sizes_that_are_not_exact_are_refused(name: str) -> None:
    with pytest.raises(UnknownUnitError) as caught:
        units.parse(name)
    assert caught.value.reason


@pytest.mark.parametrize(
    "name", ["klb", "kilo", "cfM", "kkg", "mkg", "", "kg/", "/kg", "kg^", "kg**2", "kg^99", "1", "W/(m"]
)
def test_what_is_no_unit(name: str) -> None:
    with pytest.raises(UnknownUnitError):
        units.parse(name)


def test_pi_is_the_only_rounded_constant() -> None:
    """pint has π to fifty digits; it cancels between angles in degrees, turns and grads, and is left only towards radians."""
    assert units.conversion(units.parse("deg"), units.parse("turn")) == ("1/360", "0")
    assert registry.is_rounded("degree")
    assert not registry.is_rounded("foot")


@pytest.mark.parametrize(
    ("left", "operator", "right", "text", "dimension", "factor"),
    [
        ("km/h", "*", "h", "km", "meter", "1000"),
        ("USD/kg", "*", "kg", "USD", "USD", "1"),
        ("USD", "/", "h", "USD/h", "USD / second", "1/3600"),
        ("lbf", "*", "ft", "lbf*ft", "kilogram * meter ** 2 / second ** 2", "3389544870828501/2500000000000000"),
        ("m^2", "/", "m^2", "1", "dimensionless", "1"),
        ("kg", "/", "m^3", "kg/m^3", "kilogram / meter ** 3", "1"),
        ("each", "/", "min", "each/min", "each / second", "1/60"),
        ("W/m", "/", "delta_degC", "W/m/delta_degC", "kilogram * meter / kelvin / second ** 3", "1"),
        ("1/min", "*", "min", "1", "dimensionless", "1"),
    ],
)
def test_units_multiply_and_cancel(
    left: str, operator: str, right: str, text: str, dimension: str, factor: str
) -> None:
    made = units.multiply(units.parse(left), units.parse(right), operator)
    assert (made.text, made.dimension) == (text, dimension)
    assert Fraction(made.factor) == Fraction(factor) or text == "lbf*ft"


def test_kinds_are_read_back() -> None:
    for kind in kinds.WORDS:
        if kind != kinds.TEMPERATURE:
            assert kinds.spelled(kinds.powers(kind)) == kind


# From the conversion factors that Recommendation 20 itself prints, six or seven digits each.
PRINTED = {
    "2I": "0.2930711", "A20": "20441.7", "L40": "0.2780139", "K52": "1.163", "J57": "0.15911315", "G20": "2.98907", "P86": "271447.1",
    "L14": "0.8598452", "J41": "0.1442279", "N88": "6.933472", "F89": "57.295788", "H22": "0.00014503774398", "N21": "1.488164",
    "M95": "0.04214011", "L84": "1.1893", "K41": "0.01711806", "GE": "119.8264", "CWI": "50.80235", "LBT": "0.3732417",
    "SCR": "0.001295982", "J83": "0.155", "GII": "0.0001420653", "L43": "0.009092181", "BLD": "0.115627", "P30": "3183.099",
    "M47": "5.067075e-10", "J19": "0.176228", "F57": "1.45038e-7", "L91": "0.131576", "D61": "2.908882e-4", "STI": "6.350293",
    "LBR": "0.45359237", "ONZ": "0.02834952", "LTR": "0.001", "GLL": "0.003785412", "FOT": "0.3048", "PS": "6894.757", "NMI": "1852",
    "BLL": "0.1589873", "ACR": "4046.856", "APZ": "0.03110348", "KNT": "0.514444", "SMI": "1609.344", "B47": "1000", "CTM": "0.0002",
}  # fmt: skip


@pytest.mark.parametrize("code", PRINTED)
def test_codes_have_the_printed_factor(code: str) -> None:
    unit = systems.system("unece").codes[code].unit
    assert unit is not None
    assert abs(Fraction(unit.factor) / Fraction(PRINTED[code]) - 1) < Fraction(1, 30_000)


@pytest.mark.parametrize(
    ("system", "least", "converts"),
    [("unece", 2180, 1458), ("ucum", 4100, 3200), ("sap", 224, 200), ("fieldmap", 9000, 9000)],
)
def test_systems_are_whole(system: str, least: int, converts: int) -> None:
    codes = systems.system(system).codes
    assert len(codes) >= least
    assert sum(1 for code in codes.values() if code.unit is not None) >= converts
    assert all(code.name and code.name.isprintable() for code in codes.values())


def test_every_iso_code_of_sap_means_the_same_in_unece() -> None:
    known = systems.system("unece").codes
    for code, item in systems.system("sap").codes.items():
        iso = known.get(item.also)
        if iso is not None and iso.unit is not None and item.unit is not None:
            assert (iso.unit.dimension, iso.unit.factor) == (item.unit.dimension, item.unit.factor), code


def test_there_and_back_is_exact_for_every_pair_of_codes() -> None:
    """All codes of all systems, by kind; one of each size, since codes of one size convert alike."""
    sizes: dict[str, set[tuple[Fraction, Fraction]]] = {}
    for name in (*systems.STANDARD, systems.OWN):
        for code in systems.system(name).codes.values():
            if code.unit is not None:
                sizes.setdefault(code.unit.dimension, set()).add(
                    (Fraction(code.unit.factor), Fraction(code.unit.offset))
                )
    value = Fraction(987654321, 1000)
    checked = 0
    for members in sizes.values():
        for factor, offset in members:
            base = value * factor + offset
            for other, shift in members:
                there = (base - shift) / other
                assert (there * other + shift - offset) / factor == value
                checked += 1
    assert checked > 50_000


@pytest.mark.parametrize(
    ("code", "like"),
    [
        ("[lb_av]", "lb"), ("[oz_av]", "oz"), ("[gal_us]", "gal"), ("[psi]", "psi"), ("[HP]", "hp"), ("m/s2", "m/s^2"), ("kg.m/s2", "N"),
        ("kg/m3", "kg/m^3"), ("mm[Hg]", "mmHg"), ("[in_i'Hg]", "inHg"), ("KiBy", "KiB"), ("deg", "deg"), ("Cel", "degC"), ("[degF]", "degF"),
        ("K", "K"), ("mg/dL{calc}", "mg/dL"), ("10*3", "K/mK"), ("(kg.m)/s2", "N"), ("/min", "1/min"), ("mol/l", "mol/L"), ("kW.h", "kWh"),
        ("[Btu_IT]", "Btu"), ("kcal_IT", "kJ"), ("m-1", "1/m"), ("[nmi_i]", "nmi"), ("[kn_i]", "kn"), ("st", "m^3"), ("g%", "g/dL"),
    ],
)  # fmt: skip
def test_ucum_expressions_are_read(code: str, like: str) -> None:
    found, same = ucum.read(code), units.parse(like)
    assert found is not None
    assert found.unit is not None
    assert found.unit.dimension == same.dimension
    if like != "kJ":
        assert (Fraction(found.unit.factor), found.unit.offset) == (Fraction(same.factor), same.offset)


@pytest.mark.parametrize("code", ["foo", "kg..m", "kg/", "(kg", "kg)", "[lb_xx]", "k[lb_av]", "m 2", "", "10*99"])
def test_what_is_no_ucum(code: str) -> None:
    assert ucum.read(code) is None


def test_arbitrary_units_and_levels_have_no_size() -> None:
    for code in ("[iU]", "[iU]/mL", "dB", "Np", "[pH]", "u", "%[slope]", "[hp_X]"):
        found = ucum.read(code)
        assert found is not None
        assert found.unit is None, code


def test_counts_ratios_and_angles_are_three_kinds() -> None:
    assert {units.describe(units.parse(name)) for name in ("each", "%", "rad", "bit")} == {
        "a count", "a ratio", "an angle", "an amount of data",
    }  # fmt: skip


def test_the_table_of_named_units_is_what_pint_and_our_definitions_give() -> None:
    shipped = resources.files("fieldmap.compiler.units").joinpath("tables", "named.csv").read_text(encoding="utf-8")
    assert sizes.table() == shipped


def test_the_checker_needs_no_pint() -> None:
    code = (
        "import sys; from fieldmap.compiler import units; units.parse('lbf*ft'); units.parse('delta_degC')\n"
        "try: units.parse('klb_x')\nexcept units.UnknownUnitError: pass\n"
        "sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
