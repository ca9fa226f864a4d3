"""Conversions and fitting as Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from fieldmap.compiler import ir
from fieldmap.compiler.emit.python import Atom, Kind, literal, tuple_of
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
        case ir.MoneyType():
            return "money"
        case ir.ListType():
            return "list"
        case ir.ReferenceType():
            return kind_of(to.key)
        case ir.JsonType() | ir.ObjectType() | ir.UnknownType():
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
        case ir.TextType():
            return _checked(emitter, value, "str", '"a text"', kind, path)
        case ir.BoolType():
            return _checked(emitter, value, "bool", '"true or false"', kind, path)
        case ir.MoneyType():
            return _checked(emitter, value, "Money", '"an amount of money"', kind, path)
        case ir.ObjectType():
            return _checked(emitter, value, "dict", '"an object"', kind, path)
        case ir.DateType() | ir.DatetimeType() if value.kind == kind:
            return value
        case ir.ListType():
            element = _reader(emitter, to.element)
            return emitter.converted(value, f"fit_list({{}}, {element}, {path})", kind, element=kind_of(to.element))
        case _:
            return emitter.converted(value, read_call(emitter, to, "{}", path), kind)


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
        case ir.TextType():
            return f"read_text({value}, {path})"
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
        case ir.MoneyType():
            return f"read_as({value}, Money, 'an amount of money', {path})"
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
    return emitter.constants.name(f"frozenset({tuple_of([literal(value) for value in to.values])})")


# -------------------------------------------------------------------------------------------------- spelled out


def convert(emitter: Emitter, node: ir.Convert) -> Atom:
    value, path, how = emitter.emit(node.value), emitter.path(node), node.how
    to_date = isinstance(node.to, ir.DateType)
    kind = kind_of(node.to)
    match how:
        case ir.Patterns():
            tried = emitter.constants.name(tuple_of([literal(pattern) for pattern in how.patterns]))
            if to_date:
                return emitter.converted(value, f"pattern_date({{}}, {tried}, {path})", kind)
            return emitter.converted(value, f"pattern_datetime({{}}, {tried}, {_zone(how.zone)}, {path})", kind)
        case ir.Iso():
            if isinstance(node.to, ir.DatetimeType):
                return emitter.converted(value, f"read_datetime({{}}, {_zone(how.zone)}, {path})", kind)
            return implicit(emitter, value, node.to, path)
        case ir.AsWritten():
            return emitter.converted(value, f"date_as_written({{}}, {path})", kind)
        case ir.InZone():
            return emitter.converted(value, f"date_in_zone({{}}, {_zone(how.zone)}, {path})", kind)
        case ir.Epoch():
            if how.unit == "days":
                return emitter.converted(value, f"epoch_date({{}}, {path})", "date")
            return emitter.converted(value, f"epoch_datetime({{}}, {literal(how.unit)}, {path})", "datetime")
        case ir.OData():
            return emitter.converted(value, f"odata_{'date' if to_date else 'datetime'}({{}}, {path})", kind)
        case ir.NumberFormat():
            return _grouped(emitter, value, node.to, how, path)
        case ir.BoolWords():
            return emitter.converted(value, f"bool_words({{}}, {literal(how.yes)}, {literal(how.no)}, {path})", kind)
        case _:
            assert_never(how)


def _zone(zone: str | None) -> str:
    """Raises ValueError for a zone that does not exist."""
    return "None" if zone is None else literal(dates.zone(zone).key)


def _grouped(emitter: Emitter, value: Atom, to: ir.Type, how: ir.NumberFormat, path: str) -> Atom:
    call = f"read_grouped({{}}, {literal(how.point)}, {literal(how.group)}, {path})"
    if isinstance(to, ir.IntType):
        call = f"read_int({call}, {path})"
    elif isinstance(to, ir.FloatType):
        call = f"to_float({call}, {path})"
    return emitter.converted(value, call, kind_of(to))


# ------------------------------------------------------------------------------------------------------ fitting


def fit(emitter: Emitter, value: Atom, target: ir.Type, path: str, *, key: bool) -> Atom:
    """The value as the column of a field holds it."""
    if isinstance(target, ir.ReferenceType):
        return fit(emitter, value, target.key, path, key=True)
    if value.code == "None":
        return value
    if isinstance(target, ir.TextType) and value.kind == "text":
        return _fit_text(emitter, value, target, path, key)
    if isinstance(target, ir.EnumType) and value.values is not None and value.values <= set(target.values):
        return value
    if isinstance(target, ir.BoolType | ir.DateType | ir.DatetimeType) and value.kind == kind_of(target):
        return value
    if (
        isinstance(target, ir.ListType)
        and value.element == "text"
        and isinstance(target.element, ir.TextType)
        and not key
    ):
        return _fit_texts(emitter, value, target.element, path)
    return emitter.converted(value, fit_call(emitter, target, "{}", path, key=key), kind_of(target))


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
            _refuse_pattern(target)
            return f"fit_{'key_' if key else ''}text({value}, {target.max_length}, {path})"
        case ir.BoolType():
            return f"fit_bool({value}, {path})"
        case ir.IntType():
            return f"fit_int({value}, {path})"
        case ir.DecimalType():
            return _fit_number(emitter, target.precision, target.scale, "decimal", value, path)
        case ir.FloatType():
            return f"fit_float({value}, {path})"
        case ir.DateType():
            return f"fit_date({value}, {path})"
        case ir.DatetimeType():
            return f"fit_datetime({value}, {path})"
        case ir.EnumType():
            return f"fit_enum({value}, {_values(emitter, target)}, {path})"
        case ir.MoneyType():
            amount = _fit_number(emitter, target.precision, target.scale, "money", "value", "path")
            name = emitter.constants.name(f"lambda value, path: {amount}")
            currency = "None" if target.currency is None else literal(target.currency)
            return f"fit_money({value}, {currency}, {name}, {path})"
        case ir.ListType():
            element = emitter.constants.name(
                f"lambda value, path: {fit_call(emitter, target.element, 'value', 'path', key=key)}"
            )
            return f"fit_list({value}, {element}, {path})"
        case ir.ReferenceType():
            return fit_call(emitter, target.key, value, path, key=True)
        case ir.JsonType():
            return f"fit_json({value}, {path})"
        case ir.ObjectType() | ir.UnknownType():
            raise ValueError("a field has a type of its own")
        case _:
            assert_never(target)


def _fit_number(emitter: Emitter, precision: int | None, scale: int | None, word: str, value: str, path: str) -> str:
    if precision is None:
        return f"fit_number({value}, {path})"
    step = emitter.constants.name(f"Decimal('1E-{scale or 0}')")
    limit = emitter.constants.name(f"Decimal('1E{precision - (scale or 0)}')")
    return f"fit_decimal({value}, {step}, {limit}, {literal(f'{word}({precision}, {scale or 0})')}, {path})"


def _refuse_pattern(target: ir.TextType) -> None:
    if target.pattern is not None:
        raise ValueError("a text with a pattern cannot be compiled yet")
