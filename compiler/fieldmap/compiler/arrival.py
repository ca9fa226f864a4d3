"""Shows what would depend on the order of arrival: two orders of the same claims, and the two rows that they would end in."""

from __future__ import annotations

from typing import assert_never

from fieldmap.compiler import ir


def two_orders(name: str, field: ir.Field | None, kind: str, untimed: ir.Map, other: ir.Map | None) -> tuple[str, ...]:
    """A small table: one claim of a source without data time, one of another source (or a second record of the same), in both
    orders. Without a time the later arrival counts as the newer one."""
    one, two = _samples(field.type if field is not None else ir.TextType())
    first = f"{untimed.connector}.{untimed.resource} says {one}"
    second = (
        f"{other.connector}.{other.resource} says {two}"
        if other is not None
        else f"another record of {untimed.connector}.{untimed.resource} says {two}"
    )
    heads = ("arrives first", "arrives second")
    width = max(map(len, (first, second, *heads)))
    # `newest` would take the last to come; so would every other rule that asks how old a claim is. `oldest` takes the first.
    after = (two, one) if kind != "oldest" else (one, two)
    head = f"{heads[0].ljust(width)}   {heads[1].ljust(width)}   {name or 'the field'} would be"
    return (
        head,
        f"{first.ljust(width)}   {second.ljust(width)}   {after[0]}",
        f"{second.ljust(width)}   {first.ljust(width)}   {after[1]}",
    )


def _samples(type_: ir.Type) -> tuple[str, str]:
    """Two values of a type as an author writes them."""
    match type_:
        case ir.IntType(unit=unit) | ir.DecimalType(unit=unit) | ir.FloatType(unit=unit):
            behind = f" {unit.text}" if unit is not None else ""
            return f"1{behind}", f"2{behind}"
        case ir.MoneyType(currency=currency):
            return f"100 {currency or 'EUR'}", f"200 {currency or 'EUR'}"
        case ir.QuantityType(units=units):
            return f"1 {units[0].text}", f"2 {units[1].text}"
        case ir.BoolType():
            return "true", "false"
        case ir.DateType():
            return "2026-01-01", "2026-02-01"
        case ir.DatetimeType():
            return "2026-01-01T08:00:00Z", "2026-02-01T08:00:00Z"
        case ir.TimeType():
            return "08:00", "17:00"
        case ir.DurationType():
            return "PT8H", "PT40H"
        case ir.EnumType(values=values) if len(values) > 1:
            return values[0], values[1]
        case ir.ListType(element=element):
            one, two = _samples(element)
            return f"[{one}]", f"[{two}]"
        case ir.RecordType(members=members):
            parts = [(part.name, _samples(part.type)) for part in members]
            one, two = (", ".join(f"{name}: {both[n]}" for name, both in parts) for n in (0, 1))
            return f"{{ {one} }}", f"{{ {two} }}"
        case ir.ReferenceType(key=key):
            return _samples(key)
        case ir.TextType() | ir.EnumType() | ir.JsonType() | ir.ObjectType() | ir.UnknownType():
            return '"A"', '"B"'
        case _:
            assert_never(type_)
