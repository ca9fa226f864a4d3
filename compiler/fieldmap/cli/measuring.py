"""The command that knows units: converts exactly, finds a unit, says what a unit or a code is."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

import typer

from fieldmap.cli.console import Json, exiting, out, print_json, table
from fieldmap.runtime.errors import FindingsError, UsageError

_FEW = 40
_DIGITS = 15


def register(app: typer.Typer) -> None:
    app.command(
        # A negative number is no option: fieldmap units -40 degF degC
        context_settings={"ignore_unknown_options": True},
        epilog="Example: fieldmap units 12 lb kg · fieldmap units lb · fieldmap units --search torque"
        " · fieldmap units --code LBR --system unece",
    )(exiting(units))


def units(
    words: Annotated[
        list[str] | None, typer.Argument(help="A unit; or a number, its unit and the unit wanted: 12 lb kg.")
    ] = None,
    search: Annotated[str, typer.Option(help="Find units by name, symbol, code, or what they measure.")] = "",
    code: Annotated[str, typer.Option(help="Say what a unit code means.")] = "",
    system: Annotated[str, typer.Option(help="The system of the code: unece, ucum or sap; all, if left out.")] = "",
    json: Json = False,
) -> None:
    """Converts between units exactly, finds units, says what a unit or its code is."""
    asked = [bool(words), bool(search), bool(code)]
    if sum(asked) != 1 or (system and not code):
        raise UsageError(
            "Say one thing: a conversion (fieldmap units 12 lb kg), a unit (fieldmap units lb), --search torque,"
            " or --code LBR --system unece"
        )
    if search:
        _search(search, json)
    elif code:
        _code(code, system, json)
    elif words is not None and len(words) == 1:
        _unit(words[0], json)
    elif words is not None and len(words) in (2, 3):
        if len(words) == 2 and words[0][:1].isdigit():
            raise UsageError("A conversion needs the unit that is wanted too, as in: fieldmap units 12 lb kg")
        amount, source, target = words if len(words) == 3 else ("1", *words)
        _convert(amount, source, target, json)
    else:
        raise UsageError("A conversion is a number, a unit and a unit, as in: fieldmap units 12 lb kg")


# ------------------------------------------------------------------------------------------------------- converting


def _convert(amount: str, source: str, target: str, json: bool) -> None:
    from fieldmap.compiler import units as known

    value = _number(amount)
    one, other = _parsed(source), _parsed(target)
    if one.dimension != other.dimension:
        raise FindingsError(
            f"{source} is {known.describe(one)} and {target} is {known.describe(other)}, so neither becomes the other;"
            f" {source} converts into {', '.join(_kin(one, source)[:6]) or 'no other unit that has a name'}"
        )
    factor, offset = known.conversion(one, other)
    result = value * Fraction(factor) + Fraction(offset)
    if json:
        print_json(
            {
                "amount": str(value),
                "from": source,
                "to": target,
                "result": _decimal(result)[0],
                "exact": str(result),
                "terminates": _decimal(result)[1],
                "factor": factor,
                "offset": offset,
                "measures": known.describe(one),
                "rounded_constant": _has_pi(factor),
            }
        )
        return
    console = out()
    shown, ends = _decimal(result)
    written, whole = _decimal(value)
    console.print(f"{written if whole else _short(value)} {source} {'=' if ends else '≈'} {shown} {target}")
    if not ends:
        console.print(f"  exactly   {_short(result)} {target}")
    console.print(
        f"  factor    1 {source} = {_factor(Fraction(factor))} {target}"
        if offset == "0"
        else _shifted(source, target, factor, offset)
    )
    console.print(f"  measures  {_measures(one)}")
    if _has_pi(factor):
        console.print("  π is in this factor, kept to fifty digits; every other factor is exact")


def _measures(unit: Any) -> str:
    from fieldmap.compiler import units as known

    return known.describe(unit).removeprefix("measured in ")


def _shifted(source: str, target: str, factor: str, offset: str) -> str:
    sign = "-" if Fraction(offset) < 0 else "+"
    return f"  rule      {target} = {source} × {_factor(Fraction(factor))} {sign} {_factor(abs(Fraction(offset)))}"


def _has_pi(factor: str) -> bool:
    """A definition has few digits; only what was made of π has forty."""
    value = Fraction(factor)
    return min(len(str(value.numerator)), len(str(value.denominator))) > 30


def _number(text: str) -> Fraction:
    try:
        if len(text) > 60 or ("e" in text.lower() and len(text.lower().partition("e")[2]) > 4):
            raise ValueError
        return Fraction(text.replace(",", "").replace("_", "")) if "," in text else Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text[:40]} is not a number; write it as in: fieldmap units 12.5 lb kg") from None


def _decimal(value: Fraction) -> tuple[str, bool]:
    """Decimal digits, and whether they are all of them."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1 and len(str(value.denominator)) <= 40:
        places = 0
        while (value * 10**places).denominator != 1:
            places += 1
        digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
        if len(digits) <= 40:
            whole, part = (digits[:-places], "." + digits[-places:]) if places else (digits, "")
            return ("-" if value < 0 else "") + whole + part, True
    return f"{float(value):.{_DIGITS}g}", False


def _factor(value: Fraction) -> str:
    shown, ends = _decimal(value)
    return shown if ends else f"{shown}… ({_short(value)})"


def _short(value: Fraction) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"a fraction of {len(text)} digits"


# --------------------------------------------------------------------------------------------------------- looking


def _parsed(text: str) -> Any:
    from fieldmap.compiler import units as known

    try:
        return known.parse(text)
    except known.UnknownUnitError as error:
        if error.reason:
            raise FindingsError(f"{text} cannot be converted exactly: {error.reason}") from None
        near = (
            f"; did you mean {' or '.join(error.suggestions)}?"
            if error.suggestions
            else "; fieldmap units --search finds one"
        )
        raise UsageError(f"There is no unit {text[:40]}{near}") from None


_COHERENT = (
    "kg",
    "m",
    "s",
    "N",
    "J",
    "W",
    "Pa",
    "V",
    "ohm",
    "F",
    "H",
    "C",
    "Wb",
    "T",
    "lm",
    "lx",
    "A",
    "cd",
    "mol",
    "each",
    "bit",
    "rad",
)


# An energy is of the same kind; these are what a torque is given in.
_TORQUES = frozenset(["newton_metre", "foot_pound_force", "inch_pound_force", "inch_ounce_force"])

# What is converted into most, in the order in which it is offered.
_PLAIN = (
    "kg g mg t lb oz ton m cm mm km in ft yd mi nmi m^2 cm^2 ha ft^2 acre m^3 L mL gal ft^3 s min h d N kN lbf kgf Pa kPa MPa bar psi atm"
    " J kJ kWh N*m lbf*ft Btu W kW hp m/s km/h mph kn kg/m^3 g/cm^3 lb/ft^3 K degC degF delta_K delta_degC delta_degF each dozen gross"
    " % ppm deg rad turn bit byte kB MB GB A mA V mol"
)


def _base(unit: Any) -> str:
    """The SI unit of the kind, by its symbol where it has one: N rather than kg*m/s^2."""
    from fieldmap.compiler import units as known
    from fieldmap.compiler.units import kinds

    for symbol in _COHERENT:
        if known.parse(symbol).dimension == unit.dimension:
            return symbol
    if unit.dimension in (kinds.TEMPERATURE, kinds.DIFFERENCE):
        return "K"
    if unit.dimension == kinds.DIMENSIONLESS:
        return "1"
    symbols = {
        "kilogram": "kg",
        "meter": "m",
        "second": "s",
        "ampere": "A",
        "kelvin": "K",
        "candela": "cd",
        "mole": "mol",
        "radian": "rad",
    }
    powers = kinds.powers(unit.dimension)
    above = "*".join(_raised(symbols.get(base, base), power) for base, power in powers.items() if power > 0) or "1"
    return above + "".join(
        f"/{_raised(symbols.get(base, base), -power)}" for base, power in powers.items() if power < 0
    )


def _raised(symbol: str, power: int) -> str:
    return symbol if power == 1 else f"{symbol}^{power}"


def _size(unit: Any, text: str) -> str:
    base = _base(unit)
    if unit.offset != "0":
        return f"K = {text} × {_factor(Fraction(unit.factor))} + {_factor(Fraction(unit.offset))}"
    return f"1 {text} = {_factor(Fraction(unit.factor))} {base}"


def _named() -> dict[str, list[str]]:
    """Every unit by its name in full, with all that it is called; shortest first."""
    from fieldmap.compiler.units import registry

    found: dict[str, list[str]] = {}
    for name, full in registry.names().items():
        found.setdefault(full, []).append(name)
    return {full: sorted(set(names), key=lambda name: (len(name), name)) for full, names in found.items()}


def _kin(unit: Any, text: str) -> list[str]:
    """Other units of the same kind, the plainest first."""
    from fieldmap.compiler import units as known

    plain = [name for name in _PLAIN.split() if known.parse(name).dimension == unit.dimension]
    found = []
    for names in _named().values():
        shortest = next((name for name in names if name.isascii()), names[0])
        try:
            other = known.parse(shortest)
        except known.UnknownUnitError:
            continue
        if other.dimension == unit.dimension and not {*names} & {*plain}:
            found.append((len(shortest), shortest))
    return [name for name in [*plain, *(name for _, name in sorted(found))] if name not in (text, "kilogram")]


def _codes_of(unit: Any) -> list[tuple[str, str]]:
    """The codes of the standard systems for a unit of this very size."""
    from fieldmap.compiler.units import systems

    found = []
    for name in systems.STANDARD:
        for code, item in systems.system(name).codes.items():
            same = item.unit is not None and (item.unit.dimension, item.unit.factor, item.unit.offset)
            if same == (unit.dimension, unit.factor, unit.offset):
                found.append((name, code))
    return found


def _unit(text: str, json: bool) -> None:
    from fieldmap.compiler import units as known
    from fieldmap.compiler.units import registry

    unit = _parsed(text)
    full = registry.names().get(text, "")
    also = [name for name in _named().get(full, []) if name != text]
    codes = _codes_of(unit)
    kin = [name for name in _kin(unit, text) if name not in also]
    if json:
        print_json(
            {
                "unit": text,
                "name": full or text,
                "also": also,
                "measures": known.describe(unit),
                "factor": unit.factor,
                "offset": unit.offset,
                "base": _base(unit),
                "codes": [{"system": system, "code": code} for system, code in codes],
                "converts_into": kin,
            }
        )
        return
    console = out()
    name = full.replace("_", " ")
    console.print(f"{text} is {f'the {name}, ' if name and name != text else ''}{known.describe(unit)}")
    console.print(f"  size      {_size(unit, text)}")
    if also:
        console.print(f"  also      {', '.join(also)}", soft_wrap=True)
    for system in dict.fromkeys(system for system, _ in codes):
        listed = [code for owner, code in codes if owner == system]
        console.print(f"  {system:9} {', '.join(listed[:8])}{' …' if len(listed) > 8 else ''}")
    if kin:
        console.print(f"  converts into {', '.join(kin[:24])}{' …' if len(kin) > 24 else ''}", soft_wrap=True)


# ------------------------------------------------------------------------------------------------------- searching


def _search(text: str, json: bool) -> None:
    from fieldmap.compiler import units as known

    wanted = text.lower().strip()
    rows: list[tuple[int, str, str, list[str], str, str]] = []
    for full, names in _named().items():
        shortest = next((name for name in names if name.isascii()), names[0])
        try:
            unit = known.parse(shortest)
        except known.UnknownUnitError:
            continue
        measures = known.describe(unit)
        rank = _rank(wanted, [full, *names], measures)
        if rank is not None:
            rows.append((rank, shortest, full.replace("_", " "), names, measures, _size(unit, shortest)))
    rows.sort(key=lambda row: (row[0], len(row[1]), row[1]))
    codes = _found_codes(text)
    if json:
        print_json(
            {
                "units": [
                    {"unit": short, "name": full, "also": names, "measures": measures, "size": size}
                    for _, short, full, names, measures, size in rows
                ],
                "codes": [
                    {"system": system, "code": code, "name": name, "unit": unit} for system, code, name, unit in codes
                ],
            }
        )
        return
    if not rows and not codes:
        raise FindingsError(
            f"No unit and no code is called {text[:40]}, or measures it; try a word such as pressure, torque or inch"
        )
    if rows:
        table(
            ("Unit", "Name", "Measures", "Size"),
            [(short, full, measures, size) for _, short, full, _, measures, size in rows[:_FEW]],
        )
        if len(rows) > _FEW:
            out().print(f"{len(rows) - _FEW} more; a longer word finds fewer")
    if codes:
        if rows:
            out().print("")
        table(("System", "Code", "Name", "Unit"), codes[:_FEW])
        if len(codes) > _FEW:
            out().print(f"{len(codes) - _FEW} more codes; --json lists all")


def _rank(wanted: str, names: list[str], measures: str) -> int | None:
    lowered = [name.lower().replace("_", " ") for name in names]
    if wanted in lowered:
        return 0
    if any(name.startswith(wanted) for name in lowered) and len(wanted) > 1:
        return 1
    if wanted == "torque" and any(name in _TORQUES for name in names):
        return 1  # an energy is of the same kind, but is not what is looked for
    if wanted in measures.removeprefix("a ").removeprefix("an ").split():
        return 2
    if len(wanted) > 2 and any(wanted in name for name in lowered):
        return 3
    return None


def _found_codes(text: str) -> list[tuple[str, str, str, str]]:
    from fieldmap.compiler.units import systems

    found = []
    for name in systems.STANDARD:
        for code, item in systems.system(name).codes.items():
            exact = code == text
            if exact or (len(text) > 2 and text.lower() in item.name.lower()):
                unit = item.unit.text if item.unit is not None else "(no size of its own)"
                found.append((0 if exact else 1, len(item.name), name, code, item.name, unit))
    return [(system, code, said, unit) for _, _, system, code, said, unit in sorted(found)]


# ----------------------------------------------------------------------------------------------------------- codes


def _code(code: str, system: str, json: bool) -> None:
    from fieldmap.compiler.units import systems, ucum

    if system and system not in systems.STANDARD:
        raise UsageError(f"There is no system {system[:40]}; there are {', '.join(systems.STANDARD)}")
    found = []
    for name in [system] if system else systems.STANDARD:
        item = systems.system(name).codes.get(code) or (ucum.read(code) if name == "ucum" else None)
        if item is not None:
            found.append((name, item))
    if not found:
        where = systems.system(system).title if system else "any of the systems"
        folded = [
            c
            for name in ([system] if system else systems.STANDARD)
            for c in systems.system(name).codes
            if c.lower() == code.lower()
        ]
        near = (
            f"; codes are told apart by case: {', '.join(folded[:4])}"
            if folded
            else "; fieldmap units --search finds codes by name"
        )
        raise FindingsError(f'"{code[:40]}" is no unit code of {where}{near}')
    if json:
        print_json([_as_json(name, code, item) for name, item in found])
        return
    console = out()
    for name, item in found:
        console.print(f"{code} of {systems.system(name).title}: {item.name}")
        if item.unit is None:
            console.print("  converts  never: it has no size of its own")
            continue
        console.print(f"  measures  {_measures(item.unit)}")
        console.print(f"  unit      {item.unit.text}" if name != "ucum" else f"  unit      {_own_name(item.unit)}")
        console.print(f"  size      {_size(item.unit, code)}")
        if item.also:
            console.print(f"  ISO code  {item.also}")


def _own_name(unit: Any) -> str:
    """The language's own unit of the same size, if it has one."""
    from fieldmap.compiler.units import systems

    same = [
        code
        for code, item in systems.system(systems.OWN).codes.items()
        if item.unit is not None
        and (item.unit.dimension, item.unit.factor, item.unit.offset) == (unit.dimension, unit.factor, unit.offset)
    ]
    return min(same, key=lambda code: (len(code), code), default="none of this size has a name of its own")


def _as_json(system: str, code: str, item: Any) -> dict[str, Any]:
    from fieldmap.compiler import units as known

    found: dict[str, Any] = {"system": system, "code": code, "name": item.name, "converts": item.unit is not None}
    if item.unit is not None:
        found |= {
            "measures": known.describe(item.unit),
            "unit": _own_name(item.unit) if system == "ucum" else item.unit.text,
            "factor": item.unit.factor,
            "offset": item.unit.offset,
            "base": _base(item.unit),
        }
    if item.also:
        found["iso"] = item.also
    return found
