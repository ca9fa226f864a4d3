"""`as`, `in` and `via`: conversions that the author spells out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fieldmap.compiler import formats, ir, measures, money, quantities, types, units
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.compiler.units import systems
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit, Label
from fieldmap.runtime.values.checked import KINDS as CHECKED
from fieldmap.runtime.values.checked import canonical

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker

_TARGETS: dict[str, ir.Type] = {
    "date": ir.DateType(),
    "datetime": ir.DatetimeType(),
    "time": ir.TimeType(),
    "duration": ir.DurationType(),
    "decimal": ir.DecimalType(),
    "bool": ir.BoolType(),
    "int": ir.IntType(),
    "text": ir.TextType(),
    **{kind: ir.TextType(checked=kind) for kind in CHECKED},
}
# Types of sources that a conversion never makes.
_HELP = {
    "float": "a float field takes a number as it is",
    "number": "write as decimal, or as int",
    "numeric": "write as decimal",
    "double": "write as decimal",
    "integer": "write as int",
    "bigint": "write as int",
    "string": "write as text",
    "varchar": "write as text",
    "char": "write as text",
    "boolean": 'write as bool("Y", "N")',
    "timestamp": 'write as datetime("yyyy-MM-dd HH:mm") at "Europe/Berlin"',
    "json": "a field of type json takes what the source sends as it is",
}


def over_list(typed: Typed, body: Callable[[Typed], Typed | None]) -> Typed | None:
    """Applies a conversion to a value, or to each element of a list."""
    if not isinstance(typed.type, ir.ListType):
        return body(typed)
    item = body(Typed(ir.Item(), typed.type.element, Absence.NEVER, typed.span))
    if item is None:
        return None
    mapped = ir.Mapped(value=typed.expr, body=item.expr)
    return Typed(mapped, ir.ListType(element=item.type), typed.absence, item.span, typed.origin)


# ------------------------------------------------------------------------------------------------------------ as


def convert(checker: Checker, node: ast.Conversion, expected: ir.Type | None) -> Typed | None:
    value = checker.check(node.value)
    if value is None:
        return None
    if node.type.text in ("quantity", "money"):
        element = expected.element if isinstance(expected, ir.ListType) else expected
        reading = measures.lower_reading(checker, node, element)
        return reading and over_list(value, reading)
    target = _TARGETS.get(node.type.text)
    if target is None:
        _unknown(checker, node.type)
        return None
    if node.type.text == "phone" and (node.patterns or node.region is not None):
        return _phone(checker, node, value)
    if node.region is not None:
        checker.report.error(
            "FM0308",
            f"as {node.type.text} takes no path in brackets",
            node.region.span,
            help="only as phone($.country) takes what it needs from the data",
        )
        return None
    how = None if _misplaced(checker, node) else formats.how(formats.of_conversion(node), checker.report)
    if how is None:
        return None
    return over_list(value, lambda item: _converted(checker, node, item, target, how))


def _unknown(checker: Checker, name: ast.Name) -> None:
    """There is no such conversion: what is meant by the name."""
    lowered, edit = name.text.lower(), None
    if lowered in _TARGETS:
        help_, edit = f"write as {lowered}", Edit(name.span, lowered)
    elif lowered in _HELP:
        help_ = _HELP[lowered]
    elif _is_unit(name.text, checker):
        help_ = f"{name.text} is a unit: say in what the number came, in {name.text}; the field's own unit is reached by itself"
    else:
        checker.report.unknown("FM0212", "conversion", name, _TARGETS)
        return
    checker.report.error("FM0212", f"there is no conversion {name.text}", name.span, help=help_, edit=edit)


def _is_unit(name: str, checker: Checker) -> bool:
    if types.is_currency(name):
        return True
    try:
        units.parse(name, checker.report.units)
    except units.UnknownUnitError:
        return False
    return True


def _misplaced(checker: Checker, node: ast.Conversion) -> bool:
    """Whether something stands behind or in this conversion that only a quantity or money takes."""
    for part in (*node.readings, *([node.period] if node.period is not None else []), *node.using):
        checker.report.error(
            "FM0331",
            f"as {node.type.text} takes nothing of the kind",
            part.span,
            help="it belongs to as quantity or as money",
        )
        return True
    return False


def _converted(checker: Checker, node: ast.Conversion, value: Typed, target: ir.Type, how: ir.How) -> Typed | None:
    if not _readable(value.type, target, how):
        word = "a text or a whole number" if isinstance(how, ir.AsText) else "a text"
        help_text = "write text(…)" if isinstance(how, ir.AsText) else ""
        checker.report.error(
            "FM0304", f"as {node.type.text} reads {word}", node.value.span, note=value.words, help=help_text
        )
        return None
    if isinstance(how, ir.AsText) and isinstance(value.type, ir.TextType):
        return Typed(value.expr, ir.TextType(), value.absence, node.span, value.origin)
    if isinstance(how, ir.Iso) and not isinstance(target, ir.DateType | ir.DatetimeType):
        return Typed(ir.Implicit(value=value.expr, to=target), target, value.absence, node.span)
    return Typed(ir.Convert(value=value.expr, to=target, how=how), target, value.absence, node.span)


def _readable(given: ir.Type, target: ir.Type, how: ir.How) -> bool:
    if isinstance(given, ir.TextType | ir.UnknownType | ir.EnumType):
        return True
    match how:
        case ir.Epoch():
            return types.is_number(given)
        case ir.InZone():
            return isinstance(given, ir.DatetimeType)
        case ir.AsText():
            return isinstance(given, ir.IntType | ir.DecimalType) and types.unit_of(given) is None
        case ir.Iso():
            return isinstance(target, ir.IntType | ir.DecimalType) and types.is_number(given)
        case _:
            return False


def _phone(checker: Checker, node: ast.Conversion, value: Typed) -> Typed | None:
    """`as phone("DE")`, `as phone($.country)`"""
    region: ir.Expr
    if node.region is not None and not node.patterns and not node.words:
        named = checker.check(node.region)
        if named is None:
            return None
        if not isinstance(named.type, ir.TextType | ir.UnknownType):
            checker.report.error(
                "FM0304", "the country of a phone number is a text such as DE", named.span, note=named.words
            )
            return None
        region = named.expr
        if isinstance(named.type, ir.UnknownType):
            region = ir.Implicit(value=region, to=ir.TextType())
    elif len(node.patterns) == 1 and node.region is None and not node.words:
        code = canonical(node.patterns[0].value, "country")
        if code is None:
            checker.report.error(
                "FM0308",
                f"{node.patterns[0].value} is no country code of ISO 3166-1",
                node.patterns[0].span,
                help='write two letters, as in as phone("DE")',
            )
            return None
        region = ir.TextConstant(value=code)
    else:
        checker.report.error(
            "FM0308",
            "as phone takes one country, written or from the data",
            node.span,
            help='write as phone("DE") or as phone($.country)',
        )
        return None
    target = ir.TextType(checked="phone")

    def one(item: Typed) -> Typed | None:
        if not isinstance(item.type, ir.TextType | ir.UnknownType):
            checker.report.error("FM0304", "as phone reads a text", node.value.span, note=item.words)
            return None
        return Typed(ir.Phone(value=item.expr, region=region), target, item.absence, node.span)

    return over_list(value, one)


def local_time(checker: Checker, node: ast.LocalTime) -> Typed | None:
    """`datetime($.date, $.time) at "Europe/Berlin"`"""
    zone = formats.zone_of(node.zone, checker.report)
    day = _side(checker, node.date, ir.DateType(), 'date("dd.MM.yyyy")')
    clock = _side(checker, node.time, ir.TimeType(), 'time("HH:mm")')
    if zone is None or day is None or clock is None:
        return None
    choice = node.choice.text if node.choice is not None else ""
    expr = ir.LocalTime(date=day.expr, time=clock.expr, zone=zone, choice=choice)
    return Typed(expr, ir.DatetimeType(), day.absence | clock.absence, node.span)


def _side(checker: Checker, node: ast.Expr, target: ir.DateType | ir.TimeType, example: str) -> Typed | None:
    typed = checker.check(node, target)
    if typed is None:
        return None
    if isinstance(typed.type, ir.UnknownType):
        return Typed(ir.Implicit(value=typed.expr, to=target), target, typed.absence, typed.span)
    if type(typed.type) is type(target):
        return typed
    checker.report.error(
        "FM0304",
        f"datetime(…) takes a date and a time of day, and this is {types.describe(typed.type)}",
        typed.span,
        note=typed.words,
        help=f"say how it is written: … as {example}" if isinstance(typed.type, ir.TextType) else "",
    )
    return None


# ------------------------------------------------------------------------------------------------------------ in


def in_unit(checker: Checker, node: ast.InUnit, expected: ir.Type | None) -> Typed | None:
    value = checker.check(node.value)
    element = expected.element if isinstance(expected, ir.ListType) else expected
    return value and over_list(value, lambda item: _in_one(checker, node, item, element))


def _in_one(checker: Checker, node: ast.InUnit, value: Typed, expected: ir.Type | None) -> Typed | None:
    number = _amount(checker, value)
    if number is None:
        return None
    if node.named_by is not None or (node.unit is not None and types.is_currency(node.unit.text)):
        made = _money(checker, node, number)
        return made and money.behind(checker, made, node.period, node.using, expected)
    if node.unit is not None and _is_a_name(checker, node.unit):
        checker.report.error(
            "FM0211",
            f"there is no unit {node.unit.text}, and a value of that name is no unit as it stands",
            node.unit.span,
            help="a unit or currency that is a value stands in brackets",
            edit=Edit(node.unit.span, f"({node.unit.text})"),
        )
        return None
    if node.period is not None:
        checker.report.error("FM0306", "per follows a currency", node.period.span, help="a unit is one word: km/h")
        return None
    for part in (*node.using, *([node.assumed] if node.assumed is not None else [])):
        checker.report.error(
            "FM0331", "only money takes this", part.span, help="leave it out: units are converted exactly"
        )
        return None
    unit = types.lower_unit(node.unit, checker.report) if node.unit is not None else None
    if unit is None:
        return None
    labelled: ir.Type = (
        ir.IntType(unit=unit)
        if isinstance(number.type, ir.IntType)
        else ir.FloatType(unit=unit)
        if isinstance(number.type, ir.FloatType)
        else ir.DecimalType(unit=unit)
    )
    return Typed(number.expr, labelled, number.absence, node.span, number.origin)


def _is_a_name(checker: Checker, unit: ast.Name) -> bool:
    """Whether a let or parameter is named where a unit stands, and no unit is called so."""
    if unit.text not in checker.scope.names:
        return False
    try:
        units.parse(unit.text, checker.report.units)
    except units.UnknownUnitError:
        return True
    return False


def in_unit_of(checker: Checker, node: ast.InUnitOf) -> Typed | None:
    """`x in unit($.uom, unece)`: what it measures is said by the unit that it meets; until then its unit is open."""
    code = checker.check(node.code, ir.TextType())
    value = checker.check(node.value)
    system = _unit_system(checker, node)
    if code is None or value is None or system is None:
        return None
    if isinstance(code.type, ir.UnknownType):
        code = Typed(ir.Implicit(value=code.expr, to=ir.TextType()), ir.TextType(), code.absence, code.span)
    if not isinstance(code.type, ir.TextType | ir.EnumType):
        checker.report.error("FM0304", "a unit code is a text such as KGM", code.span, note=code.words)
        return None
    named = code.expr
    written = f"unit(…, {node.system.text})" if node.system is not None else "unit(…)"
    unit = ir.Unit(text=written, dimension=quantities.NAMED, factor="1", offset="0")

    def one(item: Typed) -> Typed | None:
        number = _amount(checker, item)
        if number is None:
            return None
        if isinstance(number.type, ir.FloatType):
            type_: ir.Type = ir.FloatType(unit=unit)
        else:
            type_ = ir.DecimalType(unit=unit)
        made = ir.ScaleByCode(value=number.expr, code=named, system=system)
        checker.report.unit_places[made] = node.span
        return Typed(made, type_, number.absence, node.span)

    return over_list(value, one)


def _unit_system(checker: Checker, node: ast.InUnitOf) -> str | None:
    if node.system is None:
        return systems.OWN
    name = node.system.text
    if name in systems.STANDARD or name in checker.report.unit_lists:
        return name
    if name in checker.scope.symbols.codes:
        checker.report.error(
            "FM0324",
            f"{name} is a code list, and its answers are no units",
            node.system.span,
            labels=[Label(checker.scope.symbols.codes[name].name.span, "declared here")],
            help=f'a list of unit codes is declared so: codes {name} units {{ "PC" -> each }}',
        )
        return None
    checker.report.unknown(
        "FM0324", "system of unit codes", node.system, [*systems.STANDARD, *checker.report.unit_lists]
    )
    return None


def _amount(checker: Checker, value: Typed) -> Typed | None:
    if isinstance(value.type, ir.UnknownType | ir.TextType):
        return Typed(
            ir.Implicit(value=value.expr, to=ir.DecimalType()),
            ir.DecimalType(),
            value.absence,
            value.span,
            value.origin,
        )
    if isinstance(value.type, ir.MoneyType) or types.unit_of(value.type) is not None:
        checker.report.error(
            "FM0306",
            "this has a unit already",
            value.span,
            note=value.words,
            help="it is converted by itself; leave the in out",
        )
        return None
    if not types.is_number(value.type):
        checker.report.error("FM0306", "only a number can be in a unit", value.span, note=value.words)
        return None
    return value


def _money(checker: Checker, node: ast.InUnit, amount: Typed) -> Typed | None:
    if isinstance(amount.type, ir.FloatType):
        checker.report.error(
            "FM0311",
            "money is never floating point",
            amount.span,
            note=amount.words,
            help="declare it as number or decimal",
        )
        return None
    if node.unit is not None:
        code = node.unit.text
        assumed = node.assumed.value if node.assumed is not None else None
        if assumed is not None:
            checker.scope.assumed.append(assumed)
        expr = ir.MakeMoney(amount=amount.expr, currency=ir.TextConstant(value=code), assumed=assumed)
        return Typed(expr, ir.MoneyType(currency=code), amount.absence, node.span)
    if node.assumed is not None:
        checker.report.error(
            "FM0331",
            "a currency that the data names is not assumed",
            node.assumed.span,
            help="leave assumed out, or name the currency: in USD assumed …",
        )
        return None
    named = checker.check(node.named_by) if node.named_by is not None else None
    if named is None:
        return None
    if isinstance(named.type, ir.UnknownType):
        named = Typed(ir.Implicit(value=named.expr, to=ir.TextType()), ir.TextType(), named.absence, named.span)
    if not isinstance(named.type, ir.TextType):
        listed = isinstance(named.type, ir.ListType)
        checker.report.error(
            "FM0304",
            "in is followed by a currency here, which is a text such as USD",
            named.span,
            note=named.words,
            help='whether a list holds a value is asked by a filter: count($.tags[?@ == "A"]) > 0' if listed else "",
        )
        return None
    expr = ir.MakeMoney(amount=amount.expr, currency=named.expr)
    return Typed(expr, ir.MoneyType(), amount.absence, node.span)


# ----------------------------------------------------------------------------------------------------------- via


def via(checker: Checker, node: ast.Via) -> Typed | None:
    value = checker.check(node.value)
    table = checker.scope.codes.get(node.codes.text)
    if not isinstance(table, ir.CodeTable):
        if node.codes.text not in checker.scope.symbols.codes:
            checker.report.unknown("FM0204", "code list", node.codes, checker.scope.symbols.codes)
        return None
    if value is None:
        return None
    return over_list(value, lambda item: _via_one(checker, node, item, table))


def _via_one(checker: Checker, node: ast.Via, value: Typed, table: ir.CodeTable) -> Typed | None:
    if isinstance(value.type, ir.UnknownType):
        to: ir.Type = ir.DecimalType() if table.numeric else ir.TextType()
        value = Typed(ir.Implicit(value=value.expr, to=to), to, value.absence, value.span)
    if table.numeric:
        if not isinstance(value.type, ir.IntType | ir.DecimalType) or value.type.unit is not None:
            checker.report.error(
                "FM0304",
                f"the codes of {table.name} are numbers",
                node.value.span,
                note=value.words,
                labels=[Label(checker.scope.symbols.codes[table.name].name.span, "this list")],
                help="write them in quotes if the source sends texts, or read the text as a number: … as decimal",
            )
            return None
        number = ir.Call(function="text", arguments=(value.expr,))
        value = Typed(number, ir.TextType(), value.absence, value.span, value.origin)
    if not isinstance(value.type, ir.TextType | ir.EnumType):
        checker.report.error(
            "FM0304",
            "a code list looks up a text",
            node.value.span,
            note=value.words,
            help="turn it into a text first: text(…)",
        )
        return None
    known = value.type.values if isinstance(value.type, ir.EnumType) and table.default is None else ()
    missing = [code for code in known if code not in table.entries]
    if missing:
        checker.report.error(
            "FM0362",
            f"{table.name} has no answer for {', '.join(missing)}",
            node.span,
            labels=[
                *([Label(value.origin, "the values are named here")] if value.origin else []),
                Label(checker.scope.symbols.codes[table.name].name.span, "this list"),
            ],
            help="add a line for it to the list, or else -> … for all others",
        )
        return None
    answers: list[str] = [*table.entries.values(), *([table.default] if table.default is not None else [])]
    declared = checker.scope.symbols.codes[node.codes.text]
    type_: ir.Type = ir.EnumType(values=tuple(dict.fromkeys(answers))) if table.enum else ir.TextType()
    return Typed(ir.Lookup(value=value.expr, codes=table.name), type_, value.absence, node.span, declared.name.span)
