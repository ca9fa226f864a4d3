"""What happened to one value, step by step, for `explain`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from fieldmap.compiler import ir
from fieldmap.compiler.functions.arithmetic import plain_digits
from fieldmap.compiler.interpret.paths import Keys
from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.numbers import number_sample
from fieldmap.runtime.values.outcome import Duration, Failed, Money, Quantity

Kind = Literal[
    "read",
    "sentinel",
    "implicit",
    "convert",
    "scale",
    "arithmetic",
    "quantity",
    "period",
    "exchange",
    "money",
    "lookup",
    "template",
    "call",
    "fit",
    "failed",
    "position",
]


@dataclass(frozen=True)
class Step:
    """One step. text: how, in the author's words (the path of a read, `MM/dd/yyyy`, `mi to km`).

    root: of a read, what its keys begin at, "@page". keys: of a read, the names and indexes from the record to the value, none if it is missing.
    before: what went in, of a read the JSON value as received. factor, offset: of a scale, texts of fractions. assumed: why the currency of money is taken for granted.
    """

    kind: Kind
    text: str
    before: Any
    after: Any
    keys: Keys = ()
    root: str = "$"
    factor: str = ""
    offset: str = ""
    assumed: str = ""


@dataclass
class Trace:
    """The steps that led to one field, in order, and its end: a value (None if absent) or a failure."""

    steps: list[Step] = field(default_factory=list)
    value: Any = None
    failure: Failed | None = None


def how_text(how: ir.How) -> str:
    """A conversion as an author would say it."""
    match how:
        case ir.Patterns():
            return ", ".join(how.patterns) + _at(how)
        case ir.Iso():
            return "ISO 8601" + _at(how)
        case ir.AsWritten():
            return "as written"
        case ir.InZone():
            return f"at {how.zone}"
        case ir.Epoch():
            return f"epoch {how.unit}" + _at(how)
        case ir.OData():
            return "odata"
        case ir.NumberFormat():
            return number_sample(how.point, how.group, how.pairs, how.minus)
        case ir.BoolWords():
            return f'"{how.yes}" is true, "{how.no}" is false'
        case ir.AsText():
            return "as a text"
        case ir.CountryBy():
            return f"by {how.by}"
        case ir.Base64():
            return f"in base64 with {how.scale} decimals"


def _at(how: ir.Patterns | ir.Iso | ir.Epoch) -> str:
    return f" at {how.zone}{f' {how.choice}' if how.choice else ''}" if how.zone else ""


def type_text(to: ir.Type) -> str:
    """The kind of a type in one word."""
    match to:
        case ir.ListType():
            return f"list of {type_text(to.element)}"
        case ir.ReferenceType():
            return type_text(to.key)
        case ir.TextType(checked=str() as kind):
            return kind
        case _:
            return type(to).__name__.removesuffix("Type").lower()


def shown(value: Any) -> str:
    """A value as a person reads it: texts in quotes, numbers plain, lists in brackets."""
    match value:
        case None:
            return "absent"
        case bool() | str() | float():
            return quote(value)
        case int() | Decimal() | Fraction():
            try:
                return plain_digits(Fraction(value))
            except Failed:
                return f"{value}"
        case Money():
            return f"{shown(value.amount)} {value.currency}"
        case Quantity():
            return f"{shown(value.amount)} {value.unit}"
        case date() | time():
            return value.isoformat()
        case Duration():
            return value.iso()
        case list():
            return f"[{', '.join(map(shown, value))}]"
        case dict():
            return "{" + ", ".join(f"{quote(name)}: {shown(item)}" for name, item in value.items()) + "}"
        case _:
            return quote(value)
