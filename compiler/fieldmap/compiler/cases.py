"""`case`: which arms can be reached, what their keys may be, and the one type of their values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fieldmap.compiler import ir, operators, types
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.dsl.source import Span

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker

# So many arms are a list of codes.
MOST_ARMS = 200


def case(checker: Checker, node: ast.Case, expected: ir.Type | None) -> Typed | None:
    value = checker.check(node.value)
    if isinstance(expected, ir.EnumType) and _is_code_list(node):
        _ask_for_codes(checker, node)
        return None
    if value is None:
        return None
    value = _read(checker, value, node)
    if value is None or not _reachable(checker, node, value):
        return None
    arms = [arm for arm in node.arms if arm.keys]
    keys = [_keys(checker, arm, value) for arm in arms]
    values = _values(checker, node, expected)
    if values is None or any(one is None for one in keys):
        return None
    answers, type_, absence = values
    made = tuple(
        ir.CaseArm(keys=key or (), value=answers[index])
        for index, key in ((node.arms.index(arm), key) for arm, key in zip(arms, keys, strict=True))
    )
    otherwise = next((answers[index] for index, arm in enumerate(node.arms) if not arm.keys), None)
    expr = ir.Case(value=value.expr, arms=made, otherwise=otherwise)
    return Typed(expr, type_, value.absence | absence, node.span)


def _is_code_list(node: ast.Case) -> bool:
    """Whether it does nothing but to say which text stands for which value."""
    texts = all(isinstance(key, ast.Text) for arm in node.arms for key in arm.keys)
    return texts and len(node.arms) > 1 and all(isinstance(arm.value, ast.Bare) for arm in node.arms)


def _ask_for_codes(checker: Checker, node: ast.Case) -> None:
    arms = [
        f"{', '.join(_shown(key) for key in arm.keys) or 'else'} -> {arm.value.name}"
        for arm in node.arms
        if isinstance(arm.value, ast.Bare)
    ]
    checker.report.error(
        "FM0361",
        "codes that stand for values of an enum are a list of codes",
        node.span,
        help=f"declare it once, and use it with via: codes my_codes {{ {'; '.join(arms[:3])}{'; …' if len(arms) > 3 else ''} }}",
    )


def _shown(key: ast.Expr) -> str:
    match key:
        case ast.Text(value=value):
            return f'"{value}"'
        case ast.Number(value=number):
            return format(number, "f")
        case ast.Bool(value=flag):
            return "true" if flag else "false"
        case ast.Bare(name=name):
            return name
        case _:
            return "this"


def _read(checker: Checker, value: Typed, node: ast.Case) -> Typed | None:
    """The value as its arms compare it: what no shape types is read as the first arm is written."""
    type_ = value.type
    if isinstance(type_, ir.UnknownType):
        first = next((key for arm in node.arms for key in arm.keys), None)
        to: ir.Type = ir.TextType()
        if isinstance(first, ast.Number):
            to = ir.DecimalType()
        elif isinstance(first, ast.Bool):
            to = ir.BoolType()
        return Typed(ir.Implicit(value=value.expr, to=to), to, value.absence, value.span, value.origin)
    if isinstance(type_, ir.TextType | ir.EnumType | ir.BoolType | ir.IntType | ir.DecimalType):
        return value
    checker.report.error(
        "FM0313",
        "a case compares a text, a number, a bool or a value of an enum",
        node.value.span,
        note=value.words,
        help="compare other values by if … then … else …",
    )
    return None


def _reachable(checker: Checker, node: ast.Case, value: Typed) -> bool:
    """Whether every arm can be reached, and every known value has one."""
    seen: dict[tuple[str, object], ast.Expr] = {}
    fine, default = True, next((arm for arm in node.arms if not arm.keys), None)
    for number, arm in enumerate(node.arms):
        if default is not None and number > node.arms.index(default):
            _unreachable(checker, arm, default.span, "this arm takes all that comes so far")
            return False
        for key in arm.keys:
            same = _identity(key)
            if same in seen:
                checker.report.error(
                    "FM0360",
                    f"{_shown(key)} has an arm already",
                    key.span,
                    labels=[Label(seen[same].span, "the first, which is taken")],
                    help="leave it out of one of the two",
                )
                fine = False
            seen.setdefault(same, key)
    if len(node.arms) > MOST_ARMS:
        checker.report.error(
            "FM0361",
            f"a case has at most {MOST_ARMS} arms, and this one {len(node.arms)}",
            node.span,
            help="declare codes, and use via",
        )
        return False
    known = _known(value.type)
    if known and default is not None and known <= seen.keys():
        _unreachable(checker, default, node.value.span, "all that this can be has an arm")
        return False
    missing = sorted(str(value) for kind, value in known - seen.keys()) if default is None else []
    if missing and fine:
        checker.report.error(
            "FM0362",
            f"no arm says what {', '.join(missing)} gives",
            node.span,
            labels=[Label(value.origin, "its values are named here")] if value.origin else [],
            help="add an arm for it, or else -> … for all others",
        )
        return False
    return fine


def _unreachable(checker: Checker, arm: ast.CaseArm, span: Span, why: str) -> None:
    labels = [Label(span, why)]
    checker.report.error("FM0360", "this arm can never be reached", arm.span, labels=labels, help="take it out")


def _identity(key: ast.Expr) -> tuple[str, object]:
    match key:
        case ast.Text(value=text) | ast.Bare(name=text):
            return "text", text
        case ast.Number(value=number):
            return "number", number
        case ast.Bool(value=flag):
            return "bool", "true" if flag else "false"
        case _:
            return "", id(key)


def _known(type_: ir.Type) -> set[tuple[str, object]]:
    """All values that there are, where that is known."""
    if isinstance(type_, ir.EnumType):
        return {("text", value) for value in type_.values}
    return {("bool", "true"), ("bool", "false")} if isinstance(type_, ir.BoolType) else set()


def _as_written(key: ast.Expr, type_: ir.Type) -> str:
    """How the key would be written to fit."""
    if isinstance(type_, ir.TextType) and isinstance(key, ast.Bare | ast.Number):
        return f'a text stands in quotes: "{key.name if isinstance(key, ast.Bare) else _shown(key)}"'
    if types.is_number(type_) and isinstance(key, ast.Text) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", key.value):
        return f"a number stands without quotes: {key.value}"
    return "write a value of that type, or leave the arm out"


def _keys(checker: Checker, arm: ast.CaseArm, value: Typed) -> tuple[ir.Constant, ...] | None:
    made: list[ir.Constant] = []
    for key in arm.keys:
        constant = _key(key, value.type)
        if constant is None:
            known = value.type.values if isinstance(value.type, ir.EnumType) else ()
            if isinstance(key, ast.Bare) and known:
                checker.report.unknown("FM0208", "value", ast.Name(text=key.name, span=key.span), known)
                return None
            checker.report.error(
                "FM0313",
                f"{_shown(key)} is not {types.describe(value.type)}, so this arm never fits",
                key.span,
                labels=[Label(value.span, types.describe(value.type, article=False))],
                help=_as_written(key, value.type),
            )
            return None
        made.append(constant)
    return tuple(made)


def _key(key: ast.Expr, type_: ir.Type) -> ir.Constant | None:
    match key, type_:
        case ast.Text(value=text), ir.TextType():
            return ir.TextConstant(value=text)
        case ast.Bare(name=name), ir.EnumType(values=values) if name in values:
            return ir.TextConstant(value=name)
        case ast.Text(value=text), ir.EnumType(values=values) if text in values:
            return ir.TextConstant(value=text)
        case ast.Number(value=number, unit=None), ir.IntType(unit=None) | ir.DecimalType(unit=None):
            return ir.NumberConstant(value=format(number, "f"))
        case ast.Bool(value=flag), ir.BoolType():
            return ir.BoolConstant(value=flag)
        case _:
            return None


def _values(
    checker: Checker, node: ast.Case, expected: ir.Type | None
) -> tuple[list[ir.Expr], ir.Type, Absence] | None:
    """The values of the arms as one type, in their order."""
    typed = [checker.check(arm.value, expected) for arm in node.arms]
    values = [one for one in typed if one is not None]
    if len(values) < len(typed):
        return None
    absence = Absence.NEVER
    for one in values:
        absence = absence | one.absence
    base = next((one for one in values if not isinstance(one.expr, ir.AbsentConstant | ir.Implicit)), values[0])
    start = values.index(base)
    exprs = [one.expr for one in values]
    for index, one in enumerate(values):
        if index == start:
            continue
        united = operators.unite(checker, base, one, one.span)
        if united is None:
            return None
        exprs[start], exprs[index] = united[0], united[1]
        base = Typed(united[0], united[2], base.absence, base.span, base.origin)
    return exprs, base.type, absence
