"""What stands behind an amount of money: its period, the day's rate, and how one period becomes another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from fieldmap.compiler import ir, rates, types, units
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker

# How an author may write a period where its number is said: `using 2080 h per year`.
_PERIODS = {
    word: period
    for period, words in {
        "hour": "h hr hrs hour hours",
        "day": "d day days",
        "week": "week weeks",
        "month": "month months",
        "year": "year years a yr",
    }.items()
    for word in words.split()
}


def behind(
    checker: Checker,
    made: Typed,
    period: ast.Name | ast.DataPeriod | None,
    using: Sequence[ast.RateTable | ast.Hours],
    expected: ir.Type | None,
) -> Typed | None:
    """An amount with all that is said behind it, or None after a diagnostic. expected: the field's type, to which all of it leads."""
    target = expected if isinstance(expected, ir.MoneyType) else None
    paid = _paid(checker, made, period, [part for part in using if isinstance(part, ast.Hours)], target)
    if paid is None:
        return None
    tables = [part for part in using if isinstance(part, ast.RateTable)]
    if len(tables) > 1:
        checker.report.error("FM0334", "an amount is exchanged once", tables[1].span, help="name one rate table")
        return None
    return _exchanged(checker, paid, tables[0], target) if tables else paid


# ---------------------------------------------------------------------------------------------------------- periods


def _paid(
    checker: Checker,
    made: Typed,
    period: ast.Name | ast.DataPeriod | None,
    hours: Sequence[ast.Hours],
    target: ir.MoneyType | None,
) -> Typed | None:
    if period is None:
        if hours:
            checker.report.error(
                "FM0335",
                "nothing says per what this is paid",
                hours[0].span,
                help="say it before: in USD per hour using …",
            )
            return None
        return made
    if isinstance(period, ast.Name):
        name = types.lower_period(period, checker.report)
        if name is None:
            return None
        named = Typed(made.expr, _with(made.type, name), made.absence, made.span, made.origin)
        if not hours:
            return named
        source: ir.Expr = ir.TextConstant(value=name)
        possible: tuple[str, ...] = (name,)
    else:
        code = _code(checker, period)
        if code is None:
            return None
        source, possible = code
    return _converted(checker, made, source, possible, hours, period, target)


def _converted(
    checker: Checker,
    made: Typed,
    source: ir.Expr,
    possible: tuple[str, ...],
    hours: Sequence[ast.Hours],
    period: ast.Name | ast.DataPeriod,
    target: ir.MoneyType | None,
) -> Typed | None:
    wanted = target.period if target is not None else None
    if wanted is None:
        checker.report.error(
            "FM0335",
            "nothing says per what the field is paid",
            period.span,
            help="give the field its period: money(12, 2) per year",
        )
        return None
    factors = _factors(checker, hours, wanted)
    if factors is None:
        return None
    if isinstance(period, ast.Name) and period.text not in factors:
        checker.report.error(
            "FM0335",
            f"this does not say how much per {wanted} an amount per {period.text} is",
            hours[0].span,
            help="say how many of one period the other has, as in using 2080 h per year",
        )
        return None
    kept = tuple((name, str(factors[name])) for name in sorted(set(possible) & factors.keys()))
    expr = ir.PerPeriod(value=made.expr, period=source, wanted=wanted, factors=kept)
    return Typed(expr, _with(made.type, wanted), made.absence, made.span, made.origin)


def _with(type_: ir.Type, period: str) -> ir.Type:
    return msgspec.structs.replace(type_, period=period) if isinstance(type_, ir.MoneyType) else type_


def _code(checker: Checker, node: ast.DataPeriod) -> tuple[ir.Expr, tuple[str, ...]] | None:
    """The expression that gives the period, and the periods that it may give."""
    looked_up = checker.check(ast.Via(value=node.code, codes=node.codes, span=node.span))
    if looked_up is None:
        return None
    table = checker.scope.codes[node.codes.text]
    answers = (
        [*table.entries.values(), *([table.default] if table.default is not None else [])]
        if isinstance(table, ir.CodeTable)
        else []
    )
    strange = [answer for answer in dict.fromkeys(answers) if answer not in types.PERIODS]
    if strange:
        checker.report.error(
            "FM0335",
            f"{node.codes.text} answers with {', '.join(strange)}, which is no period",
            node.codes.span,
            help=f"its answers are {', '.join(sorted(types.PERIODS))}",
        )
        return None
    return looked_up.expr, tuple(dict.fromkeys(answers))


def _factors(checker: Checker, hours: Sequence[ast.Hours], wanted: str) -> dict[str, Fraction] | None:
    """By what an amount per each period is multiplied to be one per `wanted`, as far as the author says it."""
    ratios: list[tuple[str, str, Fraction]] = []
    for part in hours:
        small = _PERIODS.get(part.count.unit.text) if part.count.unit is not None else None
        large = _PERIODS.get(part.period.text)
        count = Fraction(part.count.value)
        if small is None or large is None or small == large or count <= 0:
            checker.report.error(
                "FM0335",
                "this does not say how many of one period another has",
                part.span,
                help="write using 2080 h per year",
            )
            return None
        ratios.append((small, large, count))
    factors = {wanted: Fraction(1)}
    for _ in ratios:
        for small, large, count in ratios:
            if large in factors:
                factors.setdefault(small, factors[large] * count)
            if small in factors:
                factors.setdefault(large, factors[small] / count)
    return factors


def per_unit(expr: ir.Expr, found: str | None, wanted: str | None) -> ir.Expr | None:
    """A price per one unit as a price per another that measures the same (USD per lb as USD per kg); None for periods of pay."""
    if not found or not wanted or {found, wanted} & (types.PERIODS - {"each"}):
        return None
    one, other = units.parse(found), units.parse(wanted)
    if one.dimension != other.dimension:
        return None
    factor = Fraction(other.factor) / Fraction(one.factor)
    return ir.PerPeriod(value=expr, period=ir.TextConstant(value=found), wanted=wanted, factors=((found, str(factor)),))


# ------------------------------------------------------------------------------------------------------------ rates


def _exchanged(checker: Checker, made: Typed, node: ast.RateTable, target: ir.MoneyType | None) -> Typed | None:
    table = checker.scope.codes.get(rates.key(node.name.text))
    if not isinstance(table, ir.Rates):
        if node.name.text not in checker.scope.symbols.rates:
            checker.report.unknown("FM0332", "rate table", node.name, checker.scope.symbols.rates)
        return None
    if target is None or target.currency is None:
        checker.report.error(
            "FM0334",
            "nothing says in which currency the field is",
            node.span,
            help="give the field its currency: money(12, 2) in USD",
        )
        return None
    if node.day is None:
        checker.report.error(
            "FM0334", "rates change from day to day, and this names no day", node.span, help="add: on $.date"
        )
        return None
    day = checker.check(node.day, ir.DateType())
    if day is None:
        return None
    if isinstance(day.type, ir.UnknownType):
        day = replace(
            day, expr=ir.Implicit(value=day.expr, to=ir.DateType()), type=ir.DateType(), absence=Absence.MAYBE
        )
    if not isinstance(day.type, ir.DateType):
        checker.report.error(
            "FM0304",
            "the rate of a day is looked up, and this is no date",
            day.span,
            note=day.words,
            help='write it in brackets: on ($.day as date("MM/dd/yyyy"))',
        )
        return None
    expr = ir.Exchange(value=made.expr, day=day.expr, rates=table.name, currency=target.currency)
    period = made.type.period if isinstance(made.type, ir.MoneyType) else None
    return Typed(expr, ir.MoneyType(currency=target.currency, period=period), made.absence, made.span, made.origin)
