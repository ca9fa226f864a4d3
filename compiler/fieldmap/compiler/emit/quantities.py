"""Quantities and money as Python: out of texts, from one period to another, and by a rate of the day."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from fieldmap.compiler import ir
from fieldmap.compiler.emit.python import HOLE, Atom, filled, literal, number, tuple_of

if TYPE_CHECKING:
    from fieldmap.compiler.emit.expressions import Emitter


def measured(
    emitter: Emitter, node: ir.ReadQuantity | ir.ReadAnyQuantity | ir.ReadMoney | ir.PerPeriod | ir.Exchange
) -> Atom:
    path = emitter.path(node)
    value = emitter.emit(node.value)
    match node:
        case ir.ReadQuantity():
            return _quantity(emitter, node, value, path)
        case ir.ReadAnyQuantity():
            readings = tuple_of([f"({literal(one.unit.text)}, {_how(emitter, one)})" for one in node.readings])
            name = emitter.constants.name(readings)
            noted = _noted(emitter, any(one.bare is not None for one in node.readings))
            call = f"read_any_quantity({HOLE}, {name}, {_ends(node.readings[0])}, {path}{noted})"
            return emitter.converted(value, call, "quantity")
        case ir.ReadMoney():
            signs = ", ".join(f"{literal(sign)}: {literal(code)}" for sign, code in node.signs)
            bare = "None" if node.bare is None else literal(node.bare)
            name = emitter.constants.name(f"{{{signs}}}")
            return emitter.converted(
                value, f"read_money({HOLE}, {name}, {bare}, {path}{_noted(emitter, node.bare is not None)})", "money"
            )
        case ir.PerPeriod():
            factors = ", ".join(f"{literal(period)}: {number(factor)}" for period, factor in node.factors)
            name = emitter.constants.name(f"{{{factors}}}")
            return _with(
                emitter, value, node.period, f"per_period({HOLE}, {HOLE}, {literal(node.wanted)}, {name}, {path})"
            )
        case ir.Exchange():
            name = emitter.constants.name(_rates(emitter, node.rates))
            return _with(
                emitter, value, node.day, f"exchange({HOLE}, {HOLE}, {name}, {literal(node.currency)}, {path})"
            )


def _quantity(emitter: Emitter, node: ir.ReadQuantity, value: Atom, path: str) -> Atom:
    noted = _noted(emitter, node.bare is not None)
    call = f"read_quantity({HOLE}, {_how(emitter, node)}, {_ends(node)}, {path}{noted})"
    if node.ends == "both":
        return emitter.converted(value, call, "list", element="exact")
    return emitter.converted(value, call, "exact")


def _noted(emitter: Emitter, bare: bool) -> str:
    """The argument that gathers what was read in the unit of bare numbers."""
    return f", {emitter.noted}" if bare and emitter.noted else ""


def _ends(node: ir.ReadQuantity) -> str:
    return "None" if node.ends is None else literal(node.ends)


def _how(emitter: Emitter, node: ir.ReadQuantity) -> str:
    """The spellings, the unit and that of bare numbers, as arguments."""
    table = emitter.codes[node.spellings]
    if not isinstance(table, ir.Spellings):
        raise ValueError(f"{node.spellings} is no table of spellings")
    own = [tuple_of([literal(part) for part in entry]) for entry in table.own]
    foreign = [tuple_of([literal(part) for part in entry]) for entry in table.foreign]
    spellings = emitter.constants.name(f"Spellings({literal(table.needed)}, {tuple_of(own)}, {tuple_of(foreign)})")
    bare = "None" if node.bare is None else _unit(emitter, node.bare)
    return f"{spellings}, {_unit(emitter, node.unit)}, {bare}"


def _unit(emitter: Emitter, unit: ir.Unit) -> str:
    return emitter.constants.name(f"Bare(Fraction({unit.factor!r}), Fraction({unit.offset!r}))")


def _with(emitter: Emitter, value: Atom, other: ir.Expr, call: str) -> Atom:
    """A call of the value and of a second one, which is looked at only where the value is there."""
    value = emitter.owned(value)
    if not value.maybe:
        second = emitter.emit(other)
        emitter.body.line(f"{value.code} = {filled(call, value.code, second.code)}")
    else:
        with emitter.body.block(f"if {value.code} is not None:"):
            second = emitter.emit(other)
            emitter.body.line(f"{value.code} = {filled(call, value.code, second.code)}")
    return Atom(value.code, "money", value.maybe, True)


def _rates(emitter: Emitter, name: str) -> str:
    table = emitter.codes[name]
    if not isinstance(table, ir.Rates):
        raise ValueError(f"{name} is no rate table")
    pairs = [
        tuple_of([literal(source), literal(target), literal(" ".join(f"{rate.day} {rate.value}" for rate in rates))])
        for (source, target), rates in groupby(table.rates, key=lambda rate: (rate.source, rate.target))
    ]
    across = "None" if table.across is None else literal(table.across)
    return f"Rates({literal(name.partition(' ')[2])}, {table.valid}, {table.inverse}, {across}, {tuple_of(pairs)})"
