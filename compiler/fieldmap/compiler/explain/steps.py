"""The steps of a computation in words."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.compiler import interpret, ir, types
from fieldmap.runtime.values.outcome import Duration


def words(step: interpret.Step, target: ir.Type) -> tuple[str, str]:
    """The value after a step, and how it came about."""
    unit = types.unit_of(target)
    match step.kind:
        case "scale":
            source, _, wanted = step.text.partition(" to ")
            moved = "" if Fraction(step.offset or "0") == 0 else f", then + {exact(step.offset)}"
            return (
                f"{interpret.shown(step.after)} {wanted}",
                f"{interpret.shown(step.before)} {source} × {exact(step.factor)} {wanted}/{source}{moved}, exactly",
            )
        case "fit":
            shown = f"{interpret.shown(step.after)}{f' {unit.text}' if unit is not None else ''}"
            return shown, _fit_words(step, target)
        case "convert" | "implicit":
            how = f" written {step.text}" if step.kind == "convert" else ""
            return interpret.shown(step.after), f"{interpret.shown(step.before)} read as a {_kind(step.after)}{how}"
        case "call":
            return interpret.shown(step.after), f"{step.text}(…)"
        case "quantity":
            return (
                f"{interpret.shown(step.after)} {step.text}".rstrip(),
                f"{interpret.shown(step.before)} read as a quantity",
            )
        case "period":
            source, _, wanted = step.text.partition(" to ")
            return (
                f"{interpret.shown(step.after)} per {wanted}",
                f"{interpret.shown(step.before)} per {source} × {exact(step.factor)}",
            )
        case "exchange":
            return interpret.shown(step.after), f"{interpret.shown(step.before)} {step.text}"
        case "money":
            how = f"its currency is assumed: {step.assumed}" if step.assumed else "an amount with its currency"
            return interpret.shown(step.after), how
        case "position":
            return interpret.shown(step.after), f"the place of {step.text} in its list, counted from 1"
        case "lookup":
            return interpret.shown(step.after), f"{interpret.shown(step.before)} via {step.text}"
        case "sentinel":
            return "absent", f"{interpret.shown(step.before)} stands for absent"
        case "failed":
            return "absent", step.text
        case _:
            return interpret.shown(step.after), step.text


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | Decimal() | Fraction() | float():
            return "number"
        case datetime():
            return "time"
        case date():
            return "date"
        case time():
            return "time of day"
        case Duration():
            return "duration"
        case list():
            return "list"
        case _:
            return "text"


def _fit_words(step: interpret.Step, target: ir.Type) -> str:
    before, after = step.before, step.after
    if isinstance(target, ir.DecimalType) and _number(before) != _number(after):
        return f"rounded to {target.scale} decimal{'' if target.scale == 1 else 's'}, {_half(target)}, from {interpret.shown(before)}"
    return f"as {types.describe(target, article=False)}"


def _half(target: ir.DecimalType) -> str:
    return "half to the even digit" if target.rounding == "half even" else "half away from zero"


def _number(value: Any) -> Any:
    return Fraction(value) if isinstance(value, int | Decimal | Fraction) else value


def exact(text: str) -> str:
    """A fraction as a decimal if it ends, else as a fraction."""
    fraction = Fraction(text)
    rest = fraction.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return str(fraction)
    digits = 0
    while (fraction * 10**digits).denominator != 1:
        digits += 1
    return format(Decimal((fraction * 10**digits).numerator).scaleb(-digits), "f")
