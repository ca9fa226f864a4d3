"""`as`, `in` and `via`: conversions that the author spells out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from fieldmap.compiler import ir, types
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.runtime.values import dates
from fieldmap.runtime.values.patterns import compile_pattern, fault

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker

_TARGETS: dict[str, ir.Type] = {
    "date": ir.DateType(),
    "datetime": ir.DatetimeType(),
    "decimal": ir.DecimalType(),
    "bool": ir.BoolType(),
    "int": ir.IntType(),
}
_LATER = frozenset({"quantity", "time", "duration", "country", "phone", "text", "float", "uuid", "url", "email"})


def _over_list(typed: Typed, body: Callable[[Typed], Typed | None]) -> Typed | None:
    """Applies a conversion to a value, or to each element of a list."""
    if not isinstance(typed.type, ir.ListType):
        return body(typed)
    item = body(Typed(ir.Item(), typed.type.element, Absence.NEVER, typed.span))
    if item is None:
        return None
    mapped = ir.Mapped(value=typed.expr, body=item.expr)
    return Typed(mapped, ir.ListType(element=item.type), typed.absence, item.span, typed.origin)


# ------------------------------------------------------------------------------------------------------------ as


def convert(checker: Checker, node: ast.Conversion) -> Typed | None:
    value = checker.check(node.value)
    if value is None:
        return None
    target = _TARGETS.get(node.type.text)
    if target is None:
        if node.type.text in _LATER:
            help_text = {
                "text": "a number becomes a text by text(…)",
                "float": "a float field takes a number as it is",
            }.get(node.type.text, "keep it as a text")
            checker.report.error(
                "FM0112", f"as {node.type.text} is not part of this release yet", node.type.span, help=help_text
            )
        else:
            checker.report.unknown("FM0212", "conversion", node.type, _TARGETS)
        return None
    how = _how(checker, node)
    if how is None:
        return None
    return _over_list(value, lambda item: _converted(checker, node, item, target, how))


def _converted(checker: Checker, node: ast.Conversion, value: Typed, target: ir.Type, how: ir.How) -> Typed | None:
    numeric = isinstance(how, ir.Epoch)
    instant = isinstance(how, ir.InZone) and isinstance(value.type, ir.DatetimeType)
    readable = (
        isinstance(value.type, ir.TextType | ir.UnknownType | ir.EnumType)
        or (numeric and types.is_number(value.type))
        or instant
    )
    if isinstance(how, ir.Iso) and isinstance(target, ir.IntType | ir.DecimalType) and types.is_number(value.type):
        readable = True
    if not readable:
        checker.report.error("FM0304", f"as {node.type.text} reads a text", node.value.span, note=value.words)
        return None
    if isinstance(how, ir.Iso) and not isinstance(target, ir.DateType | ir.DatetimeType):
        return Typed(ir.Implicit(value=value.expr, to=target), target, value.absence, node.span)
    return Typed(ir.Convert(value=value.expr, to=target, how=how), target, value.absence, node.span)


def _how(checker: Checker, node: ast.Conversion) -> ir.How | None:
    words = " ".join(word.text for word in node.words)
    zone = _zone(checker, node)
    if node.zone is not None and zone is None:
        return None
    match node.type.text:
        case "date" | "datetime":
            return _time(checker, node, words, zone)
        case "decimal":
            return _number_format(checker, node)
        case "bool":
            if len(node.patterns) == 2 and not words and node.patterns[0].value != node.patterns[1].value:
                return ir.BoolWords(yes=node.patterns[0].value, no=node.patterns[1].value)
            checker.report.error("FM0308", 'say which texts mean true and false: as bool("Y", "N")', node.span)
            return None
        case _:
            if node.patterns or words:
                checker.report.error("FM0308", f"as {node.type.text} takes nothing in brackets", node.span)
                return None
            return ir.Iso()


def _time(checker: Checker, node: ast.Conversion, words: str, zone: str | None) -> ir.How | None:
    is_date = node.type.text == "date"
    if node.patterns and not words:
        return _patterns(checker, node, zone)
    if node.patterns:
        checker.report.error("FM0308", "either patterns or words in the brackets, not both", node.span)
        return None
    if not words:
        return ir.InZone(zone=zone) if is_date and zone else ir.Iso(zone=zone)
    if words == "odata":
        return ir.OData()
    if words == "as written" and is_date:
        return ir.AsWritten()
    unit = words.removeprefix("epoch ") if words.startswith("epoch ") else ""
    if unit in (("days",) if is_date else ("s", "ms", "us", "ns")):
        return ir.Epoch(unit=unit)
    known = '"dd.MM.yyyy", odata, as written, epoch days' if is_date else '"dd.MM.yyyy HH:mm", odata, epoch s, epoch ms'
    checker.report.error(
        "FM0308", f"as {node.type.text} does not know {words}", node.span, help=f"in the brackets stand: {known}"
    )
    return None


def _patterns(checker: Checker, node: ast.Conversion, zone: str | None) -> ir.How | None:
    kind: Literal["date", "datetime"] = "date" if node.type.text == "date" else "datetime"
    for pattern in node.patterns:
        problem = _pattern_problem(pattern.value, kind, with_zone=zone is not None)
        if problem:
            checker.report.error(
                "FM0308",
                f"the pattern {pattern.value} {problem}",
                pattern.span,
                help='a pattern is written as in "dd.MM.yyyy HH:mm"',
            )
            return None
    return ir.Patterns(patterns=tuple(pattern.value for pattern in node.patterns), zone=zone)


def _pattern_problem(pattern: str, kind: Literal["date", "datetime"], *, with_zone: bool) -> str:
    """Why a pattern cannot give a date or instant, as a clause about it; "" if it can."""
    problem = fault(pattern, kind)
    if problem is None and kind == "datetime" and not with_zone and "offset" not in compile_pattern(pattern).parts:
        return 'names no offset, so the time could be anywhere: add at "Europe/Berlin", or XXX to the pattern'
    return problem or ""


def _zone(checker: Checker, node: ast.Conversion) -> str | None:
    if node.zone is None:
        return None
    if node.words or (node.type.text == "date" and node.patterns):
        what = (
            "a date without a time is the same day everywhere"
            if node.type.text == "date"
            else "this counts from an instant already"
        )
        checker.report.error(
            "FM0308", f"at names the zone of a local time, and {what}", node.zone.span, help="leave the at out"
        )
        return None
    if node.type.text not in ("date", "datetime"):
        checker.report.error("FM0308", "at names the zone of a time", node.zone.span)
        return None
    try:
        dates.zone(node.zone.value)
    except ValueError:
        checker.report.error(
            "FM0308",
            f"there is no time zone {node.zone.value}",
            node.zone.span,
            help="zones are named as in Europe/Berlin",
        )
        return None
    return node.zone.value


def _number_format(checker: Checker, node: ast.Conversion) -> ir.How | None:
    if not node.patterns and not node.words:
        return ir.Iso()
    sample = node.patterns[0].value if len(node.patterns) == 1 and not node.words else ""
    if re.fullmatch(r"\d{1,3}[.,]\d{3}", sample):
        checker.report.error(
            "FM0308",
            f"{sample} could have a group of thousands or three decimals",
            node.span,
            help='show both marks: as decimal("1.234,56"), as decimal("1,234.56")',
        )
        return None
    match = re.fullmatch(r"\d{1,3}(?:([.,' \u00a0\u202f])\d{3})*([.,])\d+", sample)
    if match is None or match[1] == match[2]:
        checker.report.error("FM0308", 'show how a number is written: as decimal("1.234,56")', node.span)
        return None
    return ir.NumberFormat(point=match[2], group=match[1] or "")


# ------------------------------------------------------------------------------------------------------------ in


def in_unit(checker: Checker, node: ast.InUnit) -> Typed | None:
    value = checker.check(node.value)
    return value and _over_list(value, lambda item: _in_one(checker, node, item))


def _in_one(checker: Checker, node: ast.InUnit, value: Typed) -> Typed | None:
    number = _amount(checker, value)
    if number is None:
        return None
    if node.named_by is not None or (node.unit is not None and types.is_currency(node.unit.text)):
        return _money(checker, node, number)
    if node.period is not None:
        checker.report.error("FM0306", "per follows a currency", node.period.span, help="a unit is one word: km/h")
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
    period = node.period.text if node.period is not None else None
    if node.period is not None and period not in types.PERIODS:
        checker.report.error(
            "FM0303", f"money is paid per {', '.join(sorted(types.PERIODS))}, not per {period}", node.period.span
        )
        return None
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
        expr = ir.MakeMoney(amount=amount.expr, currency=ir.TextConstant(value=code))
        return Typed(expr, ir.MoneyType(currency=code, period=period), amount.absence, node.span)
    named = checker.check(node.named_by) if node.named_by is not None else None
    if named is None:
        return None
    if isinstance(named.type, ir.UnknownType):
        named = Typed(ir.Implicit(value=named.expr, to=ir.TextType()), ir.TextType(), named.absence, named.span)
    if not isinstance(named.type, ir.TextType):
        checker.report.error("FM0304", "a currency is a text such as USD", named.span, note=named.words)
        return None
    expr = ir.MakeMoney(amount=amount.expr, currency=named.expr)
    return Typed(expr, ir.MoneyType(period=period), amount.absence, node.span)


# ----------------------------------------------------------------------------------------------------------- via


def via(checker: Checker, node: ast.Via) -> Typed | None:
    value = checker.check(node.value)
    table = checker.scope.codes.get(node.codes.text)
    if table is None:
        if node.codes.text not in checker.scope.symbols.codes:
            checker.report.unknown("FM0204", "code list", node.codes, checker.scope.symbols.codes)
        return None
    if value is None:
        return None
    return _over_list(value, lambda item: _via_one(checker, node, item, table))


def _via_one(checker: Checker, node: ast.Via, value: Typed, table: ir.CodeTable) -> Typed | None:
    if isinstance(value.type, ir.UnknownType):
        value = Typed(ir.Implicit(value=value.expr, to=ir.TextType()), ir.TextType(), value.absence, value.span)
    if not isinstance(value.type, ir.TextType | ir.EnumType):
        checker.report.error(
            "FM0304",
            "a code list looks up a text",
            node.value.span,
            note=value.words,
            help="turn it into a text first: text(…)",
        )
        return None
    answers: list[str] = [*table.entries.values(), *([table.default] if table.default is not None else [])]
    declared = checker.scope.symbols.codes[node.codes.text]
    bare = any(isinstance(arm.value, ast.Bare) for arm in declared.arms)
    type_: ir.Type = ir.EnumType(values=tuple(dict.fromkeys(answers))) if bare else ir.TextType()
    return Typed(ir.Lookup(value=value.expr, codes=table.name), type_, value.absence, node.span, declared.name.span)
