"""Conversions and fitting as Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_never

from fieldmap.compiler import ir
from fieldmap.compiler.emit.python import HOLE, Atom, Kind, literal, tuple_of
from fieldmap.runtime.values import dates

if TYPE_CHECKING:
    from fieldmap.compiler.emit.expressions import Emitter


def kind_of(to: ir.Type) -> Kind:
    """What a value of this type is known to be once it was read as such."""
    match to:
        case ir.TextType() | ir.EnumType():
            return "text"
        case ir.BoolType():
            return "bool"
        case ir.IntType() | ir.DecimalType():
            return "exact"
        case ir.FloatType():
            return "float"
        case ir.DateType():
            return "date"
        case ir.DatetimeType():
            return "datetime"
        case ir.TimeType():
            return "time"
        case ir.DurationType():
            return "duration"
        case ir.MoneyType():
            return "money"
        case ir.QuantityType():
            return "quantity"
        case ir.ListType():
            return "list"
        case ir.ReferenceType():
            return kind_of(to.key)
        case ir.JsonType() | ir.ObjectType() | ir.RecordType() | ir.UnknownType():
            return ""
        case _:
            assert_never(to)


def implicit(emitter: Emitter, value: Atom, to: ir.Type, path: str) -> Atom:
    """The lossless conversion of a value; `path` as source."""
    kind = kind_of(to)
    match to:
        case ir.ReferenceType():
            return implicit(emitter, value, to.key, path)
        case ir.JsonType() | ir.UnknownType():
            return value
        case ir.TextType(checked=None):
            return _checked(emitter, value, "str", '"a text"', kind, path)
        case ir.BoolType():
            return _checked(emitter, value, "bool", '"true or false"', kind, path)
        case ir.MoneyType():
            return _checked(emitter, value, "Money", '"an amount of money"', kind, path)
        case ir.QuantityType():
            return _checked(emitter, value, "Quantity", '"a quantity"', kind, path)
        case ir.ObjectType():
            return _checked(emitter, value, "dict", '"an object"', kind, path)
        case ir.DateType() | ir.DatetimeType() | ir.TimeType() | ir.DurationType() if value.kind == kind:
            return value
        case ir.ListType():
            element = _reader(emitter, to.element)
            return emitter.converted(value, f"fit_list({HOLE}, {element}, {path})", kind, element=kind_of(to.element))
        case ir.RecordType():
            return emitter.converted(value, read_call(emitter, to, HOLE, path), kind, maybe=True)
        case _:
            return emitter.converted(value, read_call(emitter, to, HOLE, path), kind)


def _checked(emitter: Emitter, value: Atom, python: str, needed: str, kind: Kind, path: str) -> Atom:
    """A value that must be of one Python type already."""
    if value.kind == kind and kind:
        return value
    value = emitter.owned(value) if value.kind else value  # a constant of another kind: Python warns of 'x' is True
    present = f"{value.code} is not None and " if value.maybe else ""
    with emitter.body.block(f"if {present}type({value.code}) is not {python}:"):
        emitter.body.line(f"raise wrong({value.code}, {needed}, {path})")
    return Atom(value.code, kind, value.maybe, value.own)


def read_call(emitter: Emitter, to: ir.Type, value: str, path: str) -> str:
    """The call that reads one value as a type."""
    match to:
        case ir.TextType(checked=str() as kind):
            return f"read_checked({value}, {literal(kind)}, {path})"
        case ir.TextType():
            return f"read_text({value}, {path})"
        case ir.TimeType():
            return f"read_time({value}, {path})"
        case ir.DurationType():
            return f"read_duration({value}, {path})"
        case ir.BoolType():
            return f"read_bool({value}, {path})"
        case ir.IntType():
            return f"read_int({value}, {path})"
        case ir.DecimalType():
            return f"read_decimal({value}, {path})"
        case ir.FloatType():
            return f"read_float({value}, {path})"
        case ir.DateType():
            return f"read_date({value}, {path})"
        case ir.DatetimeType():
            return f"read_datetime({value}, None, {path})"
        case ir.EnumType():
            return f"read_enum({value}, {_values(emitter, to)}, {path})"
        case ir.ReferenceType():
            return read_call(emitter, to.key, value, path)
        case ir.ListType():
            return f"fit_list({value}, {_reader(emitter, to.element)}, {path})"
        case ir.RecordType():
            readers = [f"{literal(part.name)}: {_reader(emitter, part.type)}" for part in to.members]
            name = emitter.constants.name(f"{{{', '.join(readers)}}}")
            required = names_of(emitter, [part.name for part in to.members if not part.optional])
            return f"read_record({value}, {name}, {required}, {path})"
        case ir.MoneyType():
            return f"read_as({value}, Money, 'an amount of money', {path})"
        case ir.QuantityType():
            return f"read_as({value}, Quantity, 'a quantity', {path})"
        case ir.ObjectType():
            return f"read_as({value}, dict, 'an object', {path})"
        case ir.JsonType() | ir.UnknownType():
            return value
        case _:
            assert_never(to)


def _reader(emitter: Emitter, to: ir.Type) -> str:
    """The name of a function of a value and a path that reads the value as a type."""
    return emitter.constants.name(f"lambda value, path: {read_call(emitter, to, 'value', 'path')}")


def _values(emitter: Emitter, to: ir.EnumType) -> str:
    return names_of(emitter, to.values)


def names_of(emitter: Emitter, names: Iterable[str]) -> str:
    """The name of a constant that holds a set of texts."""
    return emitter.constants.name(f"frozenset({tuple_of([literal(name) for name in names])})")


# -------------------------------------------------------------------------------------------------- spelled out


def convert(emitter: Emitter, node: ir.Convert) -> Atom:
    return by_format(emitter, emitter.emit(node.value), node.to, node.how, emitter.path(node))


def by_format(emitter: Emitter, value: Atom, to: ir.Type, how: ir.How, path: str) -> Atom:
    """A value read as the author says; of a list, each element. `path` as source."""
    if isinstance(how, ir.Iso) and not isinstance(to, ir.DatetimeType):
        return implicit(emitter, value, to, path)
    if isinstance(to, ir.ListType):
        element = emitter.constants.name(f"lambda value, path: {_element_call(emitter, to.element, how)}")
        return emitter.converted(value, f"fit_list({HOLE}, {element}, {path})", "list", element=kind_of(to.element))
    return emitter.converted(value, format_call(emitter, HOLE, to, how, path), kind_of(to))


def _element_call(emitter: Emitter, to: ir.Type, how: ir.How) -> str:
    if isinstance(to, ir.ListType):
        element = emitter.constants.name(f"lambda value, path: {_element_call(emitter, to.element, how)}")
        return f"fit_list(value, {element}, path)"
    return format_call(emitter, "value", to, how, "path")


def format_call(emitter: Emitter, value: str, to: ir.Type, how: ir.How, path: str) -> str:
    """The call that reads one value, which is not absent, as the author says."""
    word = "date" if isinstance(to, ir.DateType) else "time" if isinstance(to, ir.TimeType) else "datetime"
    match how:
        case ir.Patterns():
            tried = emitter.constants.name(tuple_of([literal(pattern) for pattern in how.patterns]))
            more = {
                "date": f"{how.since}, ",
                "time": "",
                "datetime": f"{how.since}, {_zone(how.zone)}, {literal(how.choice)}, ",
            }[word]
            return f"pattern_{word}({value}, {tried}, {more}{path})"
        case ir.Iso():
            if isinstance(to, ir.DatetimeType):
                return f"read_datetime({value}, {_zone(how.zone)}, {path}, {literal(how.choice)})"
            return read_call(emitter, to, value, path)
        case ir.AsWritten():
            return f"{word}_as_written({value}, {path})"
        case ir.InZone():
            return f"{word}_in_zone({value}, {_zone(how.zone)}, {path})"
        case ir.Epoch():
            return _epoch_call(value, word, how, path)
        case ir.OData():
            return f"odata_{word}({value}, {path})"
        case ir.NumberFormat():
            return _grouped_call(value, to, how, path)
        case ir.BoolWords():
            return f"bool_words({value}, {literal(how.yes)}, {literal(how.no)}, {path})"
        case ir.AsText():
            return f"as_text({value}, {path})"
        case ir.CountryBy():
            return f"read_country({value}, {literal(how.by)}, {path})"
        case ir.Base64():
            return f"read_unscaled({value}, {how.scale}, {path})"
        case _:
            assert_never(how)


def _epoch_call(value: str, word: str, how: ir.Epoch, path: str) -> str:
    if word == "time":
        return f"epoch_time({value}, {literal(how.unit)}, {path})"
    if how.unit == "days":
        return f"epoch_date({value}, {how.any_year}, {path})"
    if how.zone is None:
        return f"epoch_datetime({value}, {literal(how.unit)}, {how.any_year}, {path})"
    where = f"{_zone(how.zone)}, {literal(how.choice)}"
    return f"epoch_local({value}, {literal(how.unit)}, {how.any_year}, {where}, {path})"


def local_time(emitter: Emitter, node: ir.LocalTime) -> str:
    """The call that joins a date and a time; HOLE stands for each of the two."""
    return f"join({HOLE}, {HOLE}, {_zone(node.zone)}, {literal(node.choice)}, {emitter.path(node)})"


def _zone(zone: str | None) -> str:
    """Raises ValueError for a zone that does not exist."""
    return "None" if zone is None else literal(dates.zone(zone).key)


def _grouped_call(value: str, to: ir.Type, how: ir.NumberFormat, path: str) -> str:
    marks = f"{literal(how.point)}, {literal(how.group)}, {how.pairs}, {literal(how.minus)}"
    call = f"read_grouped({value}, {marks}, {path})"
    if isinstance(to, ir.IntType):
        return f"read_int({call}, {path})"
    if isinstance(to, ir.FloatType):
        return f"to_float({call}, {path})"
    return call


# ------------------------------------------------------------------------------------------------------ fitting


def fit(emitter: Emitter, value: Atom, target: ir.Type, path: str, *, key: bool) -> Atom:
    """The value as the column of a field holds it."""
    if isinstance(target, ir.ReferenceType):
        return fit(emitter, value, target.key, path, key=True)
    if value.code == "None":
        return value
    if isinstance(target, ir.TextType) and value.kind == "text" and _unchecked(target):
        return _fit_text(emitter, value, target, path, key)
    if isinstance(target, ir.EnumType) and value.values is not None and value.values <= set(target.values):
        return value
    if isinstance(target, ir.BoolType | ir.DateType | ir.DatetimeType | ir.TimeType) and value.kind == kind_of(target):
        return value
    if (
        isinstance(target, ir.ListType)
        and value.element == "text"
        and isinstance(target.element, ir.TextType)
        and _unchecked(target.element)
        and not key
    ):
        return _fit_texts(emitter, value, target.element, path)
    return emitter.converted(value, fit_call(emitter, target, HOLE, path, key=key), kind_of(target))


def _fit_text(emitter: Emitter, value: Atom, target: ir.TextType, path: str, key: bool) -> Atom:
    """A text is checked in line; only one that looks odd is looked at closely. It stays as it is, or fails."""
    tests = [f"not {value.code}.isprintable()"]
    length = min([bound for bound in (target.max_length, 500 if key else None) if bound is not None], default=None)
    if length is not None:
        tests.append(f"len({value.code}) > {length}")
    odd = " or ".join(tests)
    if value.maybe:
        odd = f"{value.code} is not None and {f'({odd})' if len(tests) > 1 else odd}"
    with emitter.body.block(f"if {odd}:"):
        emitter.body.line(fit_call(emitter, target, value.code, path, key=key))
    return value


def _fit_texts(emitter: Emitter, value: Atom, element: ir.TextType, path: str) -> Atom:
    item = emitter.new()

    def loop() -> None:
        with emitter.body.block(f"for {item} in {value.code}:"):
            _fit_text(emitter, Atom(item, "text", maybe=False), element, path, False)

    if value.maybe:
        with emitter.body.block(f"if {value.code} is not None:"):
            loop()
    else:
        loop()
    return value


def fit_call(emitter: Emitter, target: ir.Type, value: str, path: str, *, key: bool) -> str:
    """The call that fits one value to a type."""
    match target:
        case ir.TextType():
            call = f"fit_{'key_' if key else ''}text({value}, {target.max_length}, {path})"
            if target.pattern is not None:
                call = f"matching({call}, {literal(target.pattern)}, {path})"
            return call if target.checked is None else f"read_checked({call}, {literal(target.checked)}, {path})"
        case ir.BoolType():
            return f"fit_bool({value}, {path})"
        case ir.IntType():
            return f"fit_int({value}, {path})"
        case ir.DecimalType():
            return _fit_number(emitter, target, "decimal", value, path)
        case ir.FloatType():
            return f"fit_float({value}, {path})"
        case ir.DateType():
            return f"fit_date({value}, {path})"
        case ir.DatetimeType():
            return f"fit_datetime({value}, {path})"
        case ir.TimeType():
            return f"fit_time({value}, {path})"
        case ir.DurationType():
            return f"fit_duration({value}, {path})"
        case ir.EnumType():
            return f"fit_enum({value}, {_values(emitter, target)}, {path})"
        case ir.MoneyType():
            amount = _fit_number(emitter, target, "money", "value", "path")
            name = emitter.constants.name(f"lambda value, path: {amount}")
            currency = "None" if target.currency is None else literal(target.currency)
            return f"fit_money({value}, {currency}, {name}, {path})"
        case ir.QuantityType():
            amount = _fit_number(emitter, target, "quantity", "value", "path")
            name = emitter.constants.name(f"lambda value, path: {amount}")
            units = emitter.constants.name(f"frozenset({tuple_of([literal(unit.text) for unit in target.units])})")
            return f"fit_quantity({value}, {units}, {name}, {path})"
        case ir.ListType():
            element = emitter.constants.name(
                f"lambda value, path: {fit_call(emitter, target.element, 'value', 'path', key=key)}"
            )
            return f"fit_list({value}, {element}, {path})"
        case ir.RecordType():
            fitters = [
                f"{literal(part.name)}: lambda value, path: {fit_call(emitter, part.type, 'value', 'path', key=False)}"
                for part in target.members
            ]
            fitting = emitter.constants.name("{" + ", ".join(fitters) + "}")
            return f"fit_record({value}, {fitting}, {path})"
        case ir.ReferenceType():
            return fit_call(emitter, target.key, value, path, key=True)
        case ir.JsonType():
            return f"fit_json({value}, {path})"
        case ir.ObjectType() | ir.UnknownType():
            raise ValueError("a field has a type of its own")
        case _:
            assert_never(target)


def _fit_number(
    emitter: Emitter, target: ir.DecimalType | ir.MoneyType | ir.QuantityType, word: str, value: str, path: str
) -> str:
    if target.precision is None:
        return f"fit_number({value}, {path})"
    scale = target.scale or 0
    step = emitter.constants.name(f"Decimal('1E-{scale}')")
    limit = emitter.constants.name(f"Decimal('1E{target.precision - scale}')")
    even = ", True" if target.rounding == "half even" else ""
    return f"fit_decimal({value}, {step}, {limit}, {literal(f'{word}({target.precision}, {scale})')}, {path}{even})"


def _unchecked(target: ir.TextType) -> bool:
    return target.pattern is None and target.checked is None
